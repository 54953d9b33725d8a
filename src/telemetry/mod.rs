//! Logging set-up, and one struct of typed metric handles per owner.

pub mod writer;

pub use writer::Writer;
