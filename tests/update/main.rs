//! The one writer, with a real journal and a real store in a temporary directory, and a clock that tests set.

mod changes;
mod faults;
mod reload;
mod restart;
mod schedule;
mod world;
