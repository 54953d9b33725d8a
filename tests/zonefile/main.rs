//! Master files against independent readers: BIND's `named-checkzone`, Knot's `kzonecheck` and the `domain` crate.

mod bad_zones;
mod corners;
mod files;
mod generate;
mod generator;
mod oracles;
mod shipped;
mod types;
