//! The command line byte for byte. rustpython-vm 0.6.0 panics where an argument is not UTF-8
//! (it fills `sys.orig_argv` from `std::env::args`), so the process then starts itself again with
//! arguments that are, and hands the exact ones over in an environment variable.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Hexadecimal arguments with commas between them; gone before any Python code runs.
const VARIABLE: &str = "PSYCORE_EXACT_ARGUMENTS";

/// All arguments, the program's name first. The error is a sentence for the user.
pub fn read() -> Result<Vec<OsString>, String> {
    let arguments: Vec<OsString> = env::args_os().collect();
    if let Some(exact) = env::var_os(VARIABLE) {
        // SAFETY: this is the start of `main`, no other thread exists that could read the
        // environment. Held by the test `an_argument_that_is_not_utf8_is_escaped`.
        unsafe { env::remove_var(VARIABLE) };
        // Only believed where it fits: a program may have inherited it from somewhere.
        if let Some(exact) = decode(&exact)
            && exact.iter().map(lossy).eq(arguments.iter().map(lossy))
        {
            return Ok(exact);
        }
    }
    if arguments.iter().all(|argument| argument.to_str().is_some()) {
        return Ok(arguments);
    }
    let mut again = Command::new(env::current_exe().map_err(|error| error.to_string())?);
    let mut texts = arguments.iter().map(lossy);
    if let Some(name) = texts.next() {
        again.arg0(name);
    }
    let error = again.args(texts).env(VARIABLE, encode(&arguments)).exec();
    Err(format!("an argument is not UTF-8, and starting again without it failed: {error}"))
}

fn lossy(argument: &OsString) -> String {
    argument.to_string_lossy().into_owned()
}

fn encode(arguments: &[OsString]) -> String {
    let mut text = String::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        for byte in argument.as_bytes() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

fn decode(text: &OsStr) -> Option<Vec<OsString>> {
    let argument = |hex: &str| {
        let bytes = (0..hex.len()).step_by(2);
        let bytes = bytes.map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
        Some(OsString::from_vec(bytes.collect::<Option<_>>()?))
    };
    text.to_str()?.split(',').map(argument).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive() {
        let arguments = [b"a\xff,".as_slice(), b"", "ä".as_bytes()].map(|bytes| OsStr::from_bytes(bytes).to_owned());
        assert_eq!(decode(encode(&arguments).as_ref()).as_deref(), Some(arguments.as_slice()));
        assert_eq!(decode("6".as_ref()), None);
        assert_eq!(decode("zz".as_ref()), None);
    }
}
