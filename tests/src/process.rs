//! Runs a command to its end or to a time limit and keeps what it printed. It does not judge the outcome.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a test gives a process: only one that hangs takes so long, on a busy machine too.
pub const LIMIT: Duration = Duration::from_secs(600);

/// What one run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code in words: "exit status: 1", "signal: 11 (SIGSEGV)", or that the time was up.
    pub end: String,
    pub stdout: String,
    pub stderr: String,
}

/// How [`Outcome::end`] begins for a process that was ended because its time was up.
const STILL_RUNNING: &str = "still running after";

impl Outcome {
    /// Whether the process was ended because its time was up.
    pub fn timed_out(&self) -> bool {
        self.end.starts_with(STILL_RUNNING)
    }

    /// The exit code, of a process that no signal ended.
    pub fn code(&self) -> Option<i32> {
        self.end.strip_prefix("exit status: ")?.parse().ok()
    }
}

/// Runs `command` with an empty stdin for at most `limit`. Bytes that are not UTF-8 are replaced.
pub fn run(command: &mut Command, limit: Duration) -> io::Result<Outcome> {
    // Files instead of pipes: nobody has to read while the process runs, and a killed one can't leave a reader hanging.
    let mut stdout = tempfile()?;
    let mut stderr = tempfile()?;
    let mut child = command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).spawn()?;
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    let end = loop {
        if let Some(status) = child.try_wait()? {
            break status.to_string();
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            break format!("{STILL_RUNNING} {} s", limit.as_secs());
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    };
    Ok(Outcome { end, stdout: contents(&mut stdout)?, stderr: contents(&mut stderr)? })
}

fn contents(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A file without a name, gone as soon as it is closed.
fn tempfile() -> io::Result<File> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("psycore-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Outcome {
        run(Command::new("sh").args(["-c", script]), limit).expect("sh runs")
    }

    #[test]
    fn keeps_both_streams_and_the_exit_code() {
        let outcome = shell("echo out; echo err >&2; exit 3", Duration::from_secs(20));
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(outcome.end, "exit status: 3");
    }

    #[test]
    fn ends_what_takes_too_long() {
        let outcome = shell("echo begun; exec sleep 60", Duration::from_millis(300));
        assert_eq!(outcome.stdout, "begun\n");
        assert!(outcome.timed_out(), "{}", outcome.end);
    }

    #[test]
    fn names_the_signal_of_a_crash() {
        assert!(shell("kill -SEGV $$", Duration::from_secs(20)).end.contains("SIGSEGV"));
    }
}
