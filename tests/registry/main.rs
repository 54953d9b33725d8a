//! The registry's rules through `decide`: by table, one file per theme, and as properties of random histories.

mod changes;
mod names;
mod units;
mod world;
