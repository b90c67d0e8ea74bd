//! The Python programs of `tests/programs/` and the regressions of `tests/differential/corpus/`, with their expected
//! outputs. A program's `NAME.out` is what CPython 3.11 prints on stdout; where RustPython, which follows a newer
//! Python, rightly prints something else, a first line `# expect: rustpython` says that the file holds that. A first line
//! `# needs: threads` (or `processes`, or `signals`) says what the program wants that there is not inside WebAssembly.
//! `hosts/programs.mjs` reads these lines as well.

use std::path::{Path, PathBuf};

/// One program and where its expected output is.
#[derive(Clone, Debug)]
pub struct TestProgram {
    pub path: PathBuf,
    pub expected: PathBuf,
    /// The expected output is psycore's own with the JIT off, not CPython's.
    pub from_rustpython: bool,
    /// It can't run inside WebAssembly.
    pub native_only: bool,
}

impl TestProgram {
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The directory of this crate's test data: `programs`, `differential/corpus`.
pub fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// All `*.py` of a directory, in order of their names, less those that `PSYCORE_ONLY` leaves out.
pub fn in_directory(name: &str) -> Vec<TestProgram> {
    let only = std::env::var("PSYCORE_ONLY").ok();
    let wanted = |program: &TestProgram| only.as_deref().is_none_or(|names| names.split(',').any(|name| name == program.name()));
    let mut programs: Vec<TestProgram> = files(&directory(name)).into_iter().map(read).filter(wanted).collect();
    programs.sort_by(|a, b| a.path.cmp(&b.path));
    programs
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let paths = entries.map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", directory.display())).path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "py")).collect()
}

fn read(path: PathBuf) -> TestProgram {
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let header = |wanted: &str| text.lines().take_while(|line| line.starts_with("# ")).any(|line| line.starts_with(wanted));
    TestProgram {
        expected: path.with_extension("out"),
        from_rustpython: header("# expect: rustpython"),
        native_only: header("# needs: "),
        path,
    }
}
