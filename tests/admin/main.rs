//! The admin API over a real socket, with the real writer, journal and store behind it.

mod bulk;
mod codes;
mod flows;
mod pages;
mod roles;
mod server;
mod writes;
