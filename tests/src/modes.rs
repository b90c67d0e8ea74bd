//! The `psycore` executable under test and the ways to run it: with the JIT off, which is the reference, and with each
//! JIT mode whose behaviour must not be distinguishable from it.

use crate::process::{self, Outcome};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// One way to run a program: command-line options and environment variables in front of it.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    pub name: &'static str,
    pub options: &'static [&'static str],
    pub environment: &'static [(&'static str, &'static str)],
}

/// The interpreter alone.
pub const OFF: Mode = Mode { name: "off", options: &["--jit=off"], environment: &[] };

/// Everything is compiled on its first chance: the mode that meets the most code.
pub const EAGER: Mode = Mode { name: "eager", options: &["--jit=auto", "--jit-threshold=1"], environment: &[] };

/// Compiled after a few rounds, so that types have been seen and loops are entered in their middle.
pub const WARM: Mode = Mode { name: "warm", options: &["--jit=auto", "--jit-threshold=5"], environment: &[] };

/// Compiled in the middle of most loops of the test programs.
pub const HOT: Mode = Mode { name: "hot", options: &["--jit=auto", "--jit-threshold=200"], environment: &[] };

/// The same units in the IR's interpreter: tells a wrong lowering from a wrong specialization.
pub const EAGER_IR: Mode = Mode {
    name: "eager, interpreted IR",
    options: &["--jit=auto", "--jit-threshold=1"],
    environment: &[("PSYCORE_LOWERING", "interp")],
};

/// All modes that are compared with [`OFF`].
pub const JIT_MODES: &[Mode] = &[
    Mode { name: "auto", options: &["--jit=auto"], environment: &[] },
    Mode { name: "full", options: &["--jit=full"], environment: &[] },
    HOT,
    EAGER,
    EAGER_IR,
];

/// The path of the executable under test, or what to do to get one.
pub fn executable() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("PSYCORE_BIN") {
        let path = PathBuf::from(path);
        return if path.is_file() { Ok(path) } else { Err(format!("PSYCORE_BIN: there is no file {}", path.display())) };
    }
    let me = std::env::current_exe().map_err(|error| error.to_string())?;
    // target/PROFILE/deps/this-test -> target/PROFILE/psycore
    let beside = me.ancestors().nth(2).map(|directory| directory.join(format!("psycore{}", std::env::consts::EXE_SUFFIX)));
    match beside {
        Some(path) if path.is_file() => Ok(path),
        _ => {
            Err("the psycore executable is not built: run `./x test`, `cargo build --release -p psycore`, or set PSYCORE_BIN"
                .into())
        }
    }
}

impl Mode {
    /// The command that runs `program` in this mode; hashes of strings are fixed, so that sets print in one order.
    pub fn command(&self, executable: &Path, program: &Path) -> Command {
        let mut command = Command::new(executable);
        command.args(self.options).arg(program);
        command.env("PYTHONHASHSEED", "0").env("PSYCORE_JIT_STRICT", "1").env_remove("PSYCORE_LOWERING");
        command.envs(self.environment.iter().copied());
        if let Some(directory) = program.parent() {
            command.current_dir(directory);
        }
        command
    }

    /// Runs `program`; a command that can't even be started is an outcome, too.
    pub fn run(&self, executable: &Path, program: &Path, limit: Duration) -> Outcome {
        process::run(&mut self.command(executable, program), limit).unwrap_or_else(|error| Outcome {
            end: format!("did not start: {error}"),
            stdout: String::new(),
            stderr: String::new(),
        })
    }

    /// The command as one would type it.
    pub fn line(&self, executable: &Path, program: &Path) -> String {
        let variables = self.environment.iter().map(|(name, value)| format!("{name}={value} "));
        let mut line: String = variables.collect();
        line.push_str("PYTHONHASHSEED=0 ");
        line.push_str(&executable.display().to_string());
        for option in self.options {
            line.push(' ');
            line.push_str(option);
        }
        format!("{line} {}", program.display())
    }
}
