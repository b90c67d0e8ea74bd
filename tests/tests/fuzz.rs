//! Compares random programs in JIT modes with --jit=off. A failure prints its seed and where the reduced program is.
//! `PSYCORE_FUZZ_SECONDS` says for how long (0 switches it off), `PSYCORE_FUZZ_SEED` where to start: a number, or
//! `random`. Without them the suite takes the same programs each time, so that it fails for what was changed and not
//! for what the dice or the clock say; whoever changes the specializer runs it long, and from random seeds.

use psycore_tests::fuzz::{Fuzzer, Tally};
use psycore_tests::{modes, parallel};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Enough to see whether a defect is common, few enough to wait for their reduction.
const MOST_FAILURES: usize = 3;
/// How many programs are compared where no time is given.
const PROGRAMS: u64 = 150;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

#[test]
fn random_programs_are_the_same_in_every_mode() {
    let executable = modes::executable().unwrap_or_else(|problem| panic!("{problem}"));
    let time = number("PSYCORE_FUZZ_SECONDS").map(Duration::from_secs);
    let first = if std::env::var("PSYCORE_FUZZ_SEED").is_ok_and(|seed| seed == "random") {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs() % 1_000_000 * 1_000)
    } else {
        number("PSYCORE_FUZZ_SEED").unwrap_or(1)
    };
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    let fuzzer = Fuzzer::new(executable, directory).unwrap_or_else(|error| panic!("no directory for programs: {error}"));

    let start = Instant::now();
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let total = Mutex::new(Tally::default());
    let workers: Vec<usize> = (0..std::thread::available_parallelism().map_or(1, |cores| cores.get())).collect();
    parallel::map(&workers, |_| {
        while failures.lock().unwrap().len() < MOST_FAILURES {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if time.map_or(index >= PROGRAMS, |time| start.elapsed() >= time) {
                break;
            }
            match fuzzer.run(first + index) {
                Ok(tally) => {
                    let mut total = total.lock().unwrap();
                    total.programs += tally.programs;
                    total.finished += tally.finished;
                    total.raised += tally.raised;
                    total.too_slow += tally.too_slow;
                }
                Err(failure) => failures.lock().unwrap().push(fuzzer.report(&failure)),
            }
        }
    });

    let total = total.into_inner().unwrap();
    println!(
        "{} programs from seed {first}: {} runs finished, {} raised, {} programs too slow",
        total.programs, total.finished, total.raised, total.too_slow
    );
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Programs that mostly raise at once would pass without testing anything.
    assert!(total.too_slow * 4 <= total.programs.max(8), "the generator decays: {total:?}");
    assert!(total.finished * 2 >= total.raised, "the generator decays: {total:?}");
}
