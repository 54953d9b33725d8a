//! The program `zhengming`: hands its arguments to the library and exits with the code it gets back.

use std::process::ExitCode;

/// sled copies a node at every insertion: an import takes a third less CPU than with the C library's allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What the allocator does where `_RJEM_MALLOC_CONF` says nothing else.
///
/// It asks for pages of 2 MiB, if the system leaves the choice to programs: a look-up among millions of names waits for its
/// lines and for the translation of their addresses, and on some machines the second is most of it (benches/README.md, "Pages
/// of 2 MiB"; `update::LargePages` says when). It keeps what is freed for what comes next: given back, it would
/// break the large pages that it lay in.
#[expect(unsafe_code, reason = "jemalloc reads this symbol, a pointer to a text that ends in NUL, before main")]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static MALLOC_CONF: &[u8; 29] = b"thp:always,dirty_decay_ms:-1\0";

fn main() -> ExitCode {
    zhengming::cli::run(std::env::args_os())
}
