//! The log of `--jit-log`: what was compiled, refused, built again and dropped, a line each.

use std::cell::{Cell, RefCell};
use std::fmt::Arguments;
use std::fs::File;
use std::io::Write;

#[derive(Default)]
pub struct Log {
    file: RefCell<Option<File>>,
    /// Whether it shows the IR of what is compiled.
    ir: bool,
    /// Whether units keep their text, for the log or for an explanation.
    keeps_text: Cell<bool>,
}

impl Log {
    /// One to a file; without it nothing is written.
    pub fn new(file: Option<File>) -> Self {
        let ir = std::env::var_os("PSYCORE_JIT_LOG_IR").is_some();
        Log { file: RefCell::new(file), ir, keeps_text: Cell::new(false) }
    }

    /// Says whether an explanation will want the text of units.
    pub fn set_explains(&self, explains: bool) {
        self.keeps_text.set(self.file.borrow().is_some() || explains);
    }

    pub fn keeps_text(&self) -> bool {
        self.keeps_text.get()
    }

    pub fn shows_ir(&self) -> bool {
        self.ir
    }

    pub fn write(&self, line: Arguments<'_>) {
        if let Some(file) = &mut *self.file.borrow_mut() {
            // A log that can't be written is no reason to stop the program.
            let _ = writeln!(file, "{line}");
        }
    }
}
