//! The binary `gatehouse`. Everything is in the library, so that tests can start it too.

use std::process::ExitCode;

/// A request allocates some thirty times. glibc's allocator takes a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::main()
}
