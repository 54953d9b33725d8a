//! The registry's rules through `decide`: by table, one file per theme, and as properties of random histories.

mod changes;
mod due;
mod holds;
mod import;
mod machine;
mod names;
mod resolutions;
mod units;
mod world;
