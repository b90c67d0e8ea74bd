//! A directory of a test's own, and `psycore` run in it as a person would: with no settings from outside, and with that
//! directory as its home.

use crate::modes::executable;
use crate::process::Outcome;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Removed at the end.
pub struct Directory(PathBuf);

impl Directory {
    #[expect(clippy::new_without_default, reason = "it makes something on disk")]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("psycore-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().canonicalize().expect("there is a temporary directory").join(name);
        std::fs::create_dir_all(&path).expect("a directory can be made");
        Self(path)
    }

    /// With files, by their names and contents.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let directory = Self::new();
        for (name, contents) in files {
            directory.write(name, contents.as_bytes());
        }
        directory
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it, as text.
    pub fn name(&self, file: &str) -> String {
        self.0.join(file).to_string_lossy().into_owned()
    }

    pub fn write(&self, name: &str, contents: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory can be made");
        std::fs::write(path, contents).expect("a file can be written");
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.0.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `psycore` with these arguments.
    pub fn psycore(&self, arguments: &[&str]) -> Launch {
        let mut command = Command::new(executable().expect("psycore is built"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("PYTHON") || name.starts_with("PSYCORE_JIT") || name == "PSYCORE_LOWERING" {
                command.env_remove(&*name);
            }
        }
        command.args(arguments).current_dir(&self.0).env("HOME", &self.0).env("NO_COLOR", "1");
        command.env_remove("XDG_STATE_HOME").env_remove("RUST_BACKTRACE");
        Launch { command, stdin: String::new() }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What stays behind in the temporary directory hurts nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A command line that is about to run.
pub struct Launch {
    pub command: Command,
    stdin: String,
}

impl Launch {
    pub fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn start(&mut self) -> Child {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().expect("psycore starts")
    }

    pub fn end(mut self) -> Outcome {
        let mut child = self.start();
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // A program need not read its input.
        let _ = stdin.write_all(self.stdin.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("psycore ends");
        Outcome {
            end: output.status.to_string(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The output of a run that must succeed quietly.
    #[track_caller]
    pub fn output(self) -> String {
        let outcome = self.end();
        assert_eq!((outcome.code(), outcome.stderr.as_str()), (Some(0), ""), "stdout: {}", outcome.stdout);
        outcome.stdout
    }

    /// The complaint of a run that must fail with this code.
    #[track_caller]
    pub fn failure(self, code: i32) -> String {
        let outcome = self.end();
        assert_eq!(outcome.code(), Some(code), "stdout: {}\nstderr: {}", outcome.stdout, outcome.stderr);
        outcome.stderr
    }
}
