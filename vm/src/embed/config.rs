//! What can be chosen before a [`Vm`](crate::Vm) starts: Python's own settings, where the
//! standard streams go, and the JIT's. Nothing here acts; [`Vm::new`](crate::Vm::new) reads it.

use std::io::{Read, Write};

use psycore_jit::lower::Lowering;
use rustpython_vm::Settings;
use rustpython_vm::frozen::{FrozenLib, FrozenModule};

use super::limits::Limits;
use crate::jit::config::JitConfig;

/// The configuration of one [`Vm`](crate::Vm).
///
/// [`VmConfig::new`] is meant for embedding: no signal handlers are installed and no
/// environment variable is read. [`VmConfig::from_settings`] takes over what a command line
/// has worked out.
pub struct VmConfig {
    /// Python's settings (`sys.flags`, `sys.argv`, hash seed, ...), as rustpython-vm has them.
    pub settings: Settings,
    pub stdin: Input,
    pub stdout: Output,
    pub stderr: Output,
    pub jit: JitConfig,
    pub limits: Limits,
    pub library: Library,
    /// The backend that the JIT compiles with; without one everything is interpreted.
    pub lowering: Option<Box<dyn Lowering>>,
    /// Asked now and then whether `KeyboardInterrupt` is to be raised, for hosts that can't do it from another thread.
    /// Loops and hot calls look, if there is a JIT, so without a lowering nobody asks.
    pub interrupted: Option<fn() -> bool>,
}

/// The Python part of the standard library, as code.
#[derive(Clone, Copy)]
pub struct Library {
    pub modules: &'static FrozenLib,
    /// More of it, with code that need not be there before `_imp` is asked for it.
    pub later: &'static [(&'static str, FrozenModule)],
    /// Where `sys` says that it is.
    pub directory: &'static str,
}

/// All of it. Guests have a smaller one, which they are given.
impl Default for Library {
    #[cfg(not(target_family = "wasm"))]
    fn default() -> Self {
        Library { modules: rustpython_pylib::FROZEN_STDLIB, later: &[], directory: rustpython_pylib::LIB_PATH }
    }

    #[cfg(target_family = "wasm")]
    fn default() -> Self {
        // No modules.
        Library { modules: FrozenLib::from_ref(&[0; 4]), later: &[], directory: "" }
    }
}

/// Where Python's `sys.stdin` reads from.
#[derive(Default)]
pub enum Input {
    /// The process's own standard input.
    #[default]
    Inherit,
    /// Always at its end.
    Empty,
    Reader(Box<dyn Read + Send>),
}

/// Where Python's `sys.stdout` or `sys.stderr` writes to.
#[derive(Default)]
pub enum Output {
    /// The process's own stream.
    #[default]
    Inherit,
    Discard,
    /// Written to line by line.
    Writer(Box<dyn Write + Send>),
}

impl VmConfig {
    #[must_use]
    pub fn new() -> Self {
        let mut settings = Settings::default();
        settings.install_signal_handlers = false;
        settings.import_site = false;
        settings.write_bytecode = false;
        Self::from_settings(settings)
    }

    #[must_use]
    pub fn from_settings(settings: Settings) -> Self {
        Self {
            settings,
            stdin: Input::default(),
            stdout: Output::default(),
            stderr: Output::default(),
            jit: JitConfig::default(),
            limits: Limits::default(),
            library: Library::default(),
            lowering: None,
            interrupted: None,
        }
    }

    /// Sets `sys.argv`, the program's name first.
    #[must_use]
    pub fn arguments<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.settings.argv = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// Adds directories (or zip files) that `import` searches before its own.
    #[must_use]
    pub fn paths<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.settings.path_list.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Chooses the standard library.
    #[must_use]
    pub fn library(mut self, library: Library) -> Self {
        self.library = library;
        self
    }

    /// Chooses the backend that the JIT compiles with.
    #[must_use]
    pub fn lowering(mut self, lowering: Box<dyn Lowering>) -> Self {
        self.lowering = Some(lowering);
        self
    }

    /// Says whom to ask whether the program is to stop.
    #[must_use]
    pub fn interrupted_by(mut self, ask: fn() -> bool) -> Self {
        self.interrupted = Some(ask);
        self
    }

    #[must_use]
    pub fn stdin(mut self, stdin: Input) -> Self {
        self.stdin = stdin;
        self
    }

    #[must_use]
    pub fn stdout(mut self, stdout: Output) -> Self {
        self.stdout = stdout;
        self
    }

    #[must_use]
    pub fn stderr(mut self, stderr: Output) -> Self {
        self.stderr = stderr;
        self
    }

    #[must_use]
    pub fn jit(mut self, jit: JitConfig) -> Self {
        self.jit = jit;
        self
    }

    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

impl Default for VmConfig {
    fn default() -> Self {
        Self::new()
    }
}
