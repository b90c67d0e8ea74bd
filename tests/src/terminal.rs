//! A pseudo-terminal with a process in it: types keys, waits for what appears. It does not interpret escape sequences;
//! [`Terminal::expect`] looks at the plain text between them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::process::LIMIT;

pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// Everything that appeared so far, escape sequences removed.
    pub text: String,
    /// Bytes that may be the beginning of a sequence or of a character.
    pending: Vec<u8>,
    /// Where the next expectation starts to look.
    seen: usize,
}

impl Terminal {
    /// Starts `command` with a new terminal as its controlling one and its standard streams.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let (master, slave) = open()?;
        command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
        command.env("TERM", "xterm");
        // SAFETY: between fork and exec only setsid and ioctl are called, both async-signal-safe; descriptor 0 is the
        // terminal by then. Held by every test of `tests/repl.rs`: Ctrl-C works only on a controlling terminal.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() == -1 || libc::ioctl(0, libc::TIOCSCTTY, 0) == -1 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn()?;
        // The command keeps copies of the slave; without it gone the master would never see the end.
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());

        let keyboard = File::from(master);
        let mut output = keyboard.try_clone()?;
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Linux reports the end of a terminal as an error.
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, keyboard, screen, text: String::new(), pending: Vec::new(), seen: 0 })
    }

    /// Presses keys.
    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Types a line.
    pub fn line(&mut self, line: &str) {
        self.keys(line);
        self.keys("\r");
    }

    /// Waits until `text` appears after what was expected before.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let start = Instant::now();
        loop {
            if let Some(at) = self.text[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            match self.screen.recv_timeout(LIMIT.saturating_sub(start.elapsed())) {
                Ok(bytes) => self.show(&bytes),
                Err(RecvTimeoutError::Timeout) => panic!("{text:?} did not appear in {LIMIT:?}; on the screen:\n{}", self.text),
                Err(RecvTimeoutError::Disconnected) => panic!("{text:?} did not appear before the end:\n{}", self.text),
            }
        }
    }

    /// Waits for the process to end and for the rest of its output.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                // To the end of the terminal, which the process's was.
                while let Ok(bytes) = self.screen.recv_timeout(LIMIT.saturating_sub(start.elapsed())) {
                    self.show(&bytes);
                }
                return status;
            }
            match self.screen.recv_timeout(Duration::from_millis(20)) {
                Ok(bytes) => self.show(&bytes),
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(Duration::from_millis(20)),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        panic!("the process did not end; on the screen:\n{}", self.text);
    }

    fn show(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        while let Some(length) = unit_length(&self.pending) {
            let unit: Vec<u8> = self.pending.drain(..length).collect();
            if unit[0] != 0x1b && unit[0] != b'\r' {
                self.text.push_str(&String::from_utf8_lossy(&unit));
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing is lost if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The length of the escape sequence or the character at the front; `None` while it is incomplete.
fn unit_length(bytes: &[u8]) -> Option<usize> {
    match *bytes.first()? {
        0x1b => match *bytes.get(1)? {
            b'[' => bytes[2..].iter().position(|byte| (0x40..=0x7e).contains(byte)).map(|at| at + 3),
            _ => Some(2),
        },
        first => {
            let length = match first {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            (bytes.len() >= length).then_some(length)
        }
    }
}

/// A new pseudo-terminal: the side of the keyboard and screen, and the side of the process.
fn open() -> io::Result<(OwnedFd, OwnedFd)> {
    let (mut master, mut slave) = (-1, -1);
    let size = libc::winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the two descriptors are valid places to write to, null is allowed for the name and the modes, and `size`
    // outlives the call. On success both descriptors are open and owned by nobody else.
    let (master, slave) = unsafe {
        if libc::openpty(&mut master, &mut slave, std::ptr::null_mut(), std::ptr::null(), &size) == -1 {
            return Err(io::Error::last_os_error());
        }
        (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    };
    for descriptor in [&master, &slave] {
        // SAFETY: the descriptor is open. Without this flag every process that another test starts would keep the
        // terminal open.
        if unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok((master, slave))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_text_without_escape_sequences() {
        let mut terminal =
            Terminal::start(Command::new("sh").args(["-c", r"printf '\033[1mbold\033[0m pläin'; read x; echo got $x"]))
                .expect("a terminal can be opened");
        terminal.expect("bold pläin");
        terminal.line("7");
        terminal.expect("got 7");
        assert!(terminal.end().success());
    }
}
