//! Random IR through all passes and lowerings; `psycore_ir_tests::ir_random` describes it.
//!
//! `PSYCORE_FUZZ_SEED` sets the first seed, `PSYCORE_FUZZ_SECONDS` how long to go on (by default a fixed number
//! of programs).

use psycore_ir_tests::ir_random::check;
use psycore_tests::lowerings::lowerings;
use psycore_tests::process::LIMIT;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The seed being checked.
static SEED: AtomicU64 = AtomicU64::new(0);

/// Ends the test when one program runs for long: all are generated to end soon.
fn watch() {
    std::thread::spawn(|| {
        loop {
            let before = SEED.load(Ordering::Relaxed);
            std::thread::sleep(LIMIT);
            if SEED.load(Ordering::Relaxed) == before {
                eprintln!("seed {before} does not come to an end");
                std::process::exit(1);
            }
        }
    });
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_ir_means_the_same_everywhere() {
    let first = number("PSYCORE_FUZZ_SEED").unwrap_or(1);
    let time = number("PSYCORE_FUZZ_SECONDS").map(Duration::from_secs);
    let start = Instant::now();
    let mut seed = first;
    watch();
    loop {
        SEED.store(seed, Ordering::Relaxed);
        if let Err(e) = check(seed, &lowerings) {
            panic!("{e}");
        }
        seed += 1;
        match time {
            Some(t) if start.elapsed() >= t => break,
            None if seed - first >= 800 => break,
            _ => {}
        }
    }
    println!("{} programs", seed - first);
}
