//! The program `keyward`: the server and the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    keyward::cli::run()
}
