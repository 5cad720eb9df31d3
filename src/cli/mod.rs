//! Arguments, one file per verb, rendering of diagnostics, exit codes. Nothing else prints or exits.
/// Runs the verb that the arguments name.
pub fn main() -> std::process::ExitCode {
    unimplemented!()
}
