//! Properties that hold for all inputs, shown against naive models.

#[path = "../common/respond.rs"]
mod dns;

mod fast;
mod lookup;
mod packets;
mod signatures;
mod signed;
