//! What the command line itself says, on stdout and on stderr.

use std::io::Write;
use std::process::ExitCode;

/// Prints to stdout. `print!` would panic where the reader has gone away.
pub fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Prints a line to stderr; where that fails there is nobody left to tell.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
