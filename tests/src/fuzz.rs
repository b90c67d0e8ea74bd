//! The oracle for generated programs: a program must do in a JIT mode what it does with the JIT off. A program that
//! fails is narrowed down to one case and then reduced line by line, and is saved where a person can run it.

use crate::modes::{EAGER, EAGER_IR, Mode, OFF, WARM};
use crate::process::{LIMIT, Outcome};
use crate::{diff, generate, reduce};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Cases per program: starting a process costs as much as several of them.
pub const CASES: usize = 10;

/// What the interpreter may take. Programs that multiply a number with itself in nested loops have no bound that a
/// generator could see; they say nothing about the JIT.
const REFERENCE_LIMIT: Duration = Duration::from_secs(15);
/// What a failure may cost on top of being found.
const REDUCTION_TIME: Duration = Duration::from_secs(60);

/// A difference that was found.
pub struct FuzzFailure {
    pub seed: u64,
    pub mode: Mode,
    /// The reduced program.
    pub program: PathBuf,
    pub difference: String,
}

/// How many programs were compared, how many generated functions ran to their end in them and how many were left by an
/// exception, and how many programs were given up because they are slow without a JIT too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub programs: usize,
    pub finished: usize,
    pub raised: usize,
    pub too_slow: usize,
}

pub struct Fuzzer {
    executable: PathBuf,
    /// Where programs are written; those that fail stay there.
    directory: PathBuf,
}

impl Fuzzer {
    pub fn new(executable: PathBuf, directory: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self { executable, directory })
    }

    /// Runs the program of a seed with the JIT off and in the modes that the seed selects.
    pub fn run(&self, seed: u64) -> Result<Tally, Box<FuzzFailure>> {
        let path = self.directory.join(format!("seed_{seed}.py"));
        write(&path, &generate::program(seed, CASES));
        let reference = OFF.run(&self.executable, &path, REFERENCE_LIMIT);
        if reference.timed_out() {
            let _ = std::fs::remove_file(&path);
            return Ok(Tally { programs: 1, too_slow: 1, ..Tally::default() });
        }
        // The program catches everything: an exception at its top means that the generator wrote nonsense.
        if reference.end != "exit status: 0" {
            let difference = format!(" with --jit=off: {}\n{}", reference.end, reference.stderr);
            return Err(Box::new(FuzzFailure { seed, mode: OFF, program: path, difference }));
        }
        let second = if seed.is_multiple_of(2) { EAGER_IR } else { WARM };
        for mode in [EAGER, second] {
            let outcome = mode.run(&self.executable, &path, LIMIT);
            if let Some(difference) = diff::outcomes(&reference, &outcome) {
                let (program, difference) = self.narrow(seed, &mode, &path).unwrap_or((path, difference));
                return Err(Box::new(FuzzFailure { seed, mode, program, difference }));
            }
        }
        let _ = std::fs::remove_file(&path);
        Ok(tally(&reference))
    }

    /// Finds one case that still fails alone and takes away from it all lines that are not needed.
    fn narrow(&self, seed: u64, mode: &Mode, whole: &Path) -> Option<(PathBuf, String)> {
        let start = Instant::now();
        let path = self.directory.join(format!("seed_{seed}_reduced.py"));
        let fails = |text: &str| {
            if start.elapsed() > REDUCTION_TIME {
                return None;
            }
            write(&path, text);
            let reference = OFF.run(&self.executable, &path, Duration::from_secs(10));
            // Nor may a reduction make a program that is broken in itself, or one that fails in another way.
            if reference.end != "exit status: 0" {
                return None;
            }
            diff::outcomes(&reference, &mode.run(&self.executable, &path, Duration::from_secs(20)))
        };
        let alone = (0..CASES).map(|index| generate::single_case(seed, index)).find(|text| fails(text).is_some());
        let text = match alone {
            Some(text) => text,
            None => std::fs::read_to_string(whole).ok()?,
        };
        let reduced = reduce::lines(&text, |text| fails(text).is_some());
        write(&path, &reduced);
        let reference = OFF.run(&self.executable, &path, LIMIT);
        Some((path.clone(), diff::outcomes(&reference, &mode.run(&self.executable, &path, LIMIT))?))
    }

    /// What to print about a failure: everything that is needed to look at it again.
    pub fn report(&self, failure: &FuzzFailure) -> String {
        let FuzzFailure { seed, mode, program, difference } = failure;
        format!(
            "seed {seed} differs in mode {}:\n $ {}\n $ {}\n{difference}\n\
             PSYCORE_FUZZ_SEED={seed} starts from it again. When it is fixed, the program belongs into tests/differential/corpus/,\n\
             under a name that says what was wrong.\n",
            mode.name,
            OFF.line(&self.executable, program),
            mode.line(&self.executable, program),
        )
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn tally(outcome: &Outcome) -> Tally {
    let mut tally = Tally { programs: 1, ..Tally::default() };
    for line in outcome.stdout.lines().filter(|line| line.starts_with('f') || line.starts_with("module")) {
        if line.split(' ').take(3).any(|word| word == "ok") {
            tally.finished += 1;
        } else {
            tally.raised += 1;
        }
    }
    tally
}
