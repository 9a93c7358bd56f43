//! The program `keyward`: the server and the command line.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request is some hundred small allocations on whichever thread is free: with the system's allocator, a
/// tenth more of each request, and memory that doesn't come back after a burst.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    keyward::cli::run()
}
