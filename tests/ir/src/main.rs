//! Runs filetests or random IR on the lowerings of the machine that this is built for.
//!
//! ```text
//! psycore-ir-tests filetests DIRECTORY        PSYCORE_ONLY: only files whose names contain one of these
//! psycore-ir-tests random FIRST COUNT         programs made from so many seeds
//! psycore-ir-tests time FILE                  how long the runs of a file take
//! ```

#![expect(clippy::print_stdout, reason = "it is a program")]

use psycore_ir_tests::{filetest, ir_random};
use psycore_jit::ir::interp::InterpLowering;
use psycore_jit::lower::Lowering;
use std::path::Path;
use std::process::ExitCode;

fn lowerings() -> Vec<Box<dyn Lowering>> {
    let reference: Box<dyn Lowering> = Box::new(InterpLowering::new());
    #[cfg(target_arch = "wasm32")]
    {
        use psycore_wasm::link::HostLinker;
        use psycore_wasm::lower::{WasmLowering, WasmOptions};
        thread_local! {
            // The same ones for all tests: places in tables are used again, but don't become fewer.
            static LOWERINGS: [shared::SharedLowering; 2] = [false, true].map(|unstructured| {
                let options = WasmOptions { unstructured, ..WasmOptions::default() };
                shared::SharedLowering::new(WasmLowering::new(options, Box::new(HostLinker)))
            });
        }
        let wasm = LOWERINGS.with(|all| all.clone().map(|l| Box::new(l) as Box<dyn Lowering>));
        return [reference].into_iter().chain(wasm).collect();
    }
    #[cfg(not(target_arch = "wasm32"))]
    vec![reference]
}

#[cfg(target_arch = "wasm32")]
mod shared {
    use psycore_jit::ir::Unit;
    use psycore_jit::lower::{CodeHandle, LowerEnv, LowerError, Lowered, Lowering};
    use psycore_jit::runtime_context::RuntimeContext;
    use psycore_wasm::lower::WasmLowering;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A lowering that several tests use one after the other.
    #[derive(Clone)]
    pub struct SharedLowering(Rc<RefCell<WasmLowering>>);

    impl SharedLowering {
        pub fn new(lowering: WasmLowering) -> Self {
            SharedLowering(Rc::new(RefCell::new(lowering)))
        }
    }

    impl Lowering for SharedLowering {
        fn name(&self) -> &'static str {
            self.0.borrow().name()
        }

        fn lower(&mut self, unit: &Unit, env: &LowerEnv<'_>, listing: bool) -> Result<Lowered, LowerError> {
            self.0.borrow_mut().lower(unit, env, listing)
        }

        unsafe fn enter(&self, handle: CodeHandle, func: usize, ctx: *mut RuntimeContext, args: *mut u64) -> i32 {
            // SAFETY: the caller's promise.
            unsafe { self.0.borrow().enter(handle, func, ctx, args) }
        }

        fn free(&mut self, handle: CodeHandle) {
            self.0.borrow_mut().free(handle);
        }
    }
}

fn filetests(directory: &str) -> Result<usize, Vec<String>> {
    let only = std::env::var("PSYCORE_ONLY").unwrap_or_default();
    let entries = std::fs::read_dir(directory).map_err(|e| vec![format!("{directory}: {e}")])?;
    let mut files: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|p: &std::path::PathBuf| p.extension().is_some_and(|x| x == "ir"));
    files.sort();
    let wanted = |p: &Path| only.is_empty() || only.split(',').any(|o| p.to_string_lossy().contains(o));
    files.retain(|p| wanted(p));
    let failed: Vec<String> = files.iter().filter_map(|f| filetest::check_file(f, &lowerings).err()).collect();
    if failed.is_empty() { Ok(files.len()) } else { Err(failed) }
}

fn random(first: u64, count: u64) -> Result<usize, Vec<String>> {
    for seed in first..first + count {
        ir_random::check(seed, &lowerings).map_err(|e| vec![e])?;
    }
    Ok(count as usize)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["filetests", directory] => filetests(directory),
        ["random", first, count] => match (first.parse(), count.parse()) {
            (Ok(first), Ok(count)) => random(first, count),
            _ => Err(vec!["two numbers, please".into()]),
        },
        ["time", file] => filetest::time_file(Path::new(file), &lowerings).map_err(|e| vec![e]).map(|times| {
            print!("{times}");
            1
        }),
        _ => Err(vec!["usage: psycore-ir-tests filetests DIRECTORY | random FIRST COUNT | time FILE".into()]),
    };
    match outcome {
        Ok(0) => {
            eprintln!("nothing to do");
            ExitCode::FAILURE
        }
        Ok(count) => {
            println!("{count} passed");
            ExitCode::SUCCESS
        }
        Err(failed) => {
            failed.iter().for_each(|f| eprintln!("{f}\n"));
            eprintln!("{} failed", failed.len());
            ExitCode::FAILURE
        }
    }
}
