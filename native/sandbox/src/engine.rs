//! The compiled guest, which any number of sandboxes share.

use crate::error::{Error, plain};
use anyhow::{Context, bail};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use wasmtime::{Config, Module};

/// How exact time limits are, and how long a sandbox that is waited for asynchronously keeps its thread.
pub(crate) const TICK: Duration = Duration::from_millis(5);
/// Of the machine's stack, for the guest and what it has compiled. Its own stack is smaller still
/// (`STACK_BUDGET`), so that recursion ends there, with an exception.
const WASM_STACK_BYTES: usize = 14 << 20;
/// The same and what the host's functions need.
const STACK_BYTES: usize = WASM_STACK_BYTES + (1 << 20);

/// The guest, compiled for this machine.
///
/// Compiling takes seconds, so the result is kept on disk, in the directory that `PSYCORE_CACHE` names, or
/// `psycore` in the user's cache directory. Whoever can write there decides what sandboxes run.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub engine: wasmtime::Engine,
    pub module: Module,
    pub fueled: bool,
    clock: Arc<EpochClock>,
    pub library: LibraryFile,
}

/// Lets the engine's epochs pass while sandboxes are in use.
#[derive(Default)]
struct EpochClock {
    state: Mutex<EpochClockState>,
    changed: Condvar,
}

#[derive(Default)]
struct EpochClockState {
    uses: usize,
    has_thread: bool,
    /// There is no engine any more.
    ended: bool,
}

impl EpochClock {
    fn change(&self, change: impl FnOnce(&mut EpochClockState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    /// Runs the clock until the engine ends.
    fn run(&self, engine: &wasmtime::Engine) {
        loop {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let idle = |state: &mut EpochClockState| state.uses == 0 && !state.ended;
            let state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            if state.ended {
                return;
            }
            drop(state);
            engine.increment_epoch();
            std::thread::sleep(TICK);
        }
    }
}

/// A use of a sandbox, during which the clock runs.
pub(crate) struct ClockUse(Arc<EpochClock>);

impl Drop for ClockUse {
    fn drop(&mut self) {
        self.0.change(|state| state.uses -= 1);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.clock.change(|state| state.ended = true);
    }
}

/// The part of the standard library that is not in the guest: `psycore-library.wasm`, beside it. Read when it is first wanted.
pub(crate) struct LibraryFile {
    path: PathBuf,
    bytes: OnceLock<Vec<u8>>,
}

impl LibraryFile {
    /// None while it can't be read.
    pub fn bytes(&self) -> Option<&[u8]> {
        if self.bytes.get().is_none() {
            let bytes = std::fs::read(&self.path).ok()?;
            // Another sandbox may have been quicker.
            let _ = self.bytes.set(bytes);
        }
        self.bytes.get().map(Vec::as_slice)
    }
}

impl Inner {
    /// Lets the clock run until the use ends.
    pub fn begin_use(&self) -> ClockUse {
        let clock = &self.clock;
        clock.change(|state| {
            state.uses += 1;
            if !std::mem::replace(&mut state.has_thread, true) {
                let (clock, engine) = (clock.clone(), self.engine.clone());
                // Without the thread nothing would be stopped; there is no way to go on.
                std::thread::Builder::new()
                    .name("sandbox clock".into())
                    .spawn(move || clock.run(&engine))
                    .expect("the system gives a thread");
            }
        });
        ClockUse(clock.clone())
    }
}

impl Engine {
    /// The guest in a file, `psycore.wasm`, with `psycore-library.wasm` beside it. `fueled` sandboxes can be limited by fuel; they run slower.
    ///
    /// # Errors
    /// The file can't be read, or is no guest.
    pub fn from_file(path: impl AsRef<Path>, fueled: bool) -> Result<Engine, Error> {
        load(path.as_ref(), fueled, cache_directory().as_deref(), || ()).map_err(Error::Guest)
    }

    /// The guest that this machine has: `PSYCORE_WASM` names it, else it is beside the program. Loaded once.
    ///
    /// # Errors
    /// There is none.
    pub fn shared(fueled: bool) -> Result<Engine, Error> {
        Engine::shared_with(fueled, || ())
    }

    /// The same for those who say why it takes long: `before_compiling` is called unless the compiled guest is there already.
    ///
    /// # Errors
    /// As [`Engine::shared`].
    pub fn shared_with(fueled: bool, before_compiling: impl FnOnce()) -> Result<Engine, Error> {
        static ENGINES: Mutex<[Option<Engine>; 2]> = Mutex::new([None, None]);
        let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
        let place = &mut engines[usize::from(fueled)];
        if let Some(engine) = place {
            return Ok(engine.clone());
        }
        let loaded = find().and_then(|path| load(&path, fueled, cache_directory().as_deref(), before_compiling));
        let engine = loaded.map_err(Error::Guest)?;
        Ok(place.insert(engine).clone())
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("fueled", &self.0.fueled).finish()
    }
}

fn find() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("PSYCORE_WASM") {
        return Ok(path.into());
    }
    let beside = std::env::current_exe()?.with_file_name("psycore.wasm");
    if !beside.exists() {
        bail!("there is no {}; PSYCORE_WASM can name another place", beside.display());
    }
    Ok(beside)
}

fn config(fueled: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(fueled)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(STACK_BYTES)
        .wasm_branch_hinting(true)
        // Its memory is mapped, not copied, though there is room in it for the rest of the library.
        .memory_guaranteed_dense_image_size(128 << 20)
        .wasm_backtrace_max_frames(None);
    config
}

/// Compiles the guest, or takes what was compiled before from the directory `cache`.
fn load(path: &Path, fueled: bool, cache: Option<&Path>, before_compiling: impl FnOnce()) -> anyhow::Result<Engine> {
    let engine = wasmtime::Engine::new(&config(fueled)).map_err(plain)?;
    let metadata = path.metadata().with_context(|| format!("can't read {}", path.display()))?;
    let made = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut key = std::hash::DefaultHasher::new();
    (path, metadata.len(), made, fueled).hash(&mut key);
    engine.precompile_compatibility_hash().hash(&mut key);
    let cached = cache.map(|d| d.join(format!("psycore-{:016x}.cwasm", key.finish())));
    let module = match cached.as_deref().and_then(|path| cached_module(&engine, path)) {
        Some(module) => module,
        None => {
            let bytes = std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
            before_compiling();
            let module =
                Module::new(&engine, &bytes).map_err(plain).with_context(|| format!("{} can't be compiled", path.display()))?;
            // Without the file it takes long again, and that is all.
            let kept = cached.as_deref().and_then(|path| keep(&module, path).ok().and_then(|()| cached_module(&engine, path)));
            kept.unwrap_or(module)
        }
    };
    let library = LibraryFile { path: path.with_file_name("psycore-library.wasm"), bytes: OnceLock::new() };
    Ok(Engine(Arc::new(Inner { engine, module, fueled, clock: Arc::default(), library })))
}

fn cache_directory() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    variable("PSYCORE_CACHE").or_else(|| {
        let base = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))?;
        Some(base.join("psycore"))
    })
}

fn cached_module(engine: &wasmtime::Engine, path: &Path) -> Option<Module> {
    // SAFETY: the file was written by `keep`, in a directory of the user's. wasmtime refuses files of other versions.
    unsafe { Module::deserialize_file(engine, path) }.ok()
}

/// Writes compiled code such that nobody finds half a file.
fn keep(module: &Module, path: &Path) -> anyhow::Result<()> {
    let directory = path.parent().context("no directory")?;
    std::fs::create_dir_all(directory)?;
    let partial = directory.join(format!("{}.{}", std::process::id(), "partial"));
    std::fs::write(&partial, module.serialize().map_err(plain)?)?;
    std::fs::rename(&partial, path)?;
    forget(directory);
    Ok(())
}

/// How long compiled guests are kept that nobody reads. Each has 70 MB, and each version of the guest leaves one.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Removes the compiled guests in a directory that nobody has read for long.
fn forget(directory: &Path) {
    for file in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = file.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with("psycore-") && name.ends_with(".cwasm"));
        let unread = || {
            file.metadata()
                .and_then(|m| Ok(m.accessed()?.max(m.modified()?).elapsed().unwrap_or_default()))
                .is_ok_and(|age| age > KEPT)
        };
        if ours && unread() {
            // Who uses it has it open.
            let _ = std::fs::remove_file(file.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, FileTimes};
    use std::time::SystemTime;

    #[test]
    fn a_guest_is_compiled_once() {
        let directory = tempfile::TempDir::new().unwrap();
        let (guest, cache) = (directory.path().join("guest.wasm"), directory.path().join("cache"));
        std::fs::write(&guest, b"\0asm\x01\0\0\0").unwrap();
        let compiles = |fueled| {
            let mut compiles = false;
            load(&guest, fueled, Some(&cache), || compiles = true).unwrap();
            compiles
        };
        assert_eq!([compiles(false), compiles(false), compiles(true), compiles(true)], [true, false, true, false]);
    }

    #[test]
    fn guests_that_nobody_reads_are_removed() {
        let directory = std::env::temp_dir().join(format!("psycore-forget-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let long_ago = SystemTime::now() - 2 * KEPT;
        let now = SystemTime::now();
        for (name, read) in [("psycore-old.cwasm", long_ago), ("psycore-used.cwasm", now), ("other-old.cwasm", long_ago)] {
            let file = File::create(directory.join(name)).unwrap();
            file.set_times(FileTimes::new().set_modified(long_ago).set_accessed(read)).unwrap();
        }
        forget(&directory);
        let mut left: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().file_name()).collect();
        left.sort();
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(left, ["other-old.cwasm", "psycore-used.cwasm"]);
    }
}
