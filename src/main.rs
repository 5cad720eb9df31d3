//! Parse arguments, call the verb, return its exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    scn::cli::main()
}
