//! Runs Python that is not trusted: in a WebAssembly instance, with limits, and with what the host gives it and nothing else.
//!
//! ```no_run
//! use psycore_sandbox::{MIB, Sandbox};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), psycore_sandbox::Error> {
//! let mut sandbox = Sandbox::builder().memory(256 * MIB).timeout(Duration::from_secs(5)).build()?;
//! sandbox.run("def area(w, h): return w * h")?;
//! let area: f64 = sandbox.call("area", (3, 1.5))?.to()?;
//! assert_eq!(area, 4.5);
//! # Ok(())
//! # }
//! ```
//!
//! The guest is `psycore.wasm`, the same that browsers run (`docs/guest-abi.md`). What it promises is in `docs/security.md`.

mod engine;
mod error;
mod host;
pub mod link;
mod output;
mod value;

pub use engine::Engine;
pub use error::{Error, Frame, Limit};
pub use output::Output;
pub use value::{Arguments, Value};

use anyhow::Context;
use ciborium::Value as Cbor;
use host::{Exports, HostFunction, State};
use output::Sink;
use psycore_abi::tag::HOST_FUNCTION;
use serde::Serialize;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wasmtime::{Linker, Store, Trap, UpdateDeadline};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{Deterministic, FsPerms, HostMonotonicClock, HostWallClock, I32Exit, WasiCtxBuilder, p1, runtime};

/// 2^20 bytes.
pub const MIB: u64 = 1 << 20;

/// Of the guest's own stack, what native recursion may use. With it the machine's stack lasts as well.
const STACK_BUDGET: i32 = 7 << 19;
/// Ticks of the engine's clock between two looks at the time.
const TICKS: u64 = 1;

/// What a sandbox may have. Made by [`Sandbox::builder`].
#[must_use]
pub struct Builder {
    engine: Option<Engine>,
    memory: u64,
    timeout: Option<Duration>,
    fuel: Option<u64>,
    stdin: Input,
    streams: [Output; 2],
    files: Vec<(PathBuf, Vec<u8>)>,
    directories: Vec<(PathBuf, String, FsPerms)>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    functions: Vec<HostFunction>,
    seed: Option<u64>,
    jit: Jit,
    threshold: Option<u32>,
    synchronous: bool,
}

/// What the guest compiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jit {
    /// Nothing.
    Off,
    /// What is hot.
    #[default]
    Auto,
    /// Everything, at its first use.
    Full,
}

enum Input {
    Bytes(Vec<u8>),
    Inherit,
}

impl Builder {
    /// Uses this engine instead of the one that the whole process shares.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Bytes of memory at most, the interpreter's own 30 MB and compiled code among them. 512 MiB unless said.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// How long each use may take by the clock, functions of the host included.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Units of fuel that each use may burn, about one per instruction of the guest. Where it runs out does not
    /// depend on the machine, but all code is slower.
    pub fn fuel(mut self, units: u64) -> Self {
        self.fuel = Some(units);
        self
    }

    /// What `sys.stdin` reads. Nothing unless said.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Input::Bytes(bytes.into());
        self
    }

    /// Lets `sys.stdin` be the host's.
    pub fn inherit_stdin(mut self) -> Self {
        self.stdin = Input::Inherit;
        self
    }

    /// Where `sys.stdout` goes.
    pub fn stdout(mut self, output: Output) -> Self {
        self.streams[0] = output;
        self
    }

    /// Where `sys.stderr` goes.
    pub fn stderr(mut self, output: Output) -> Self {
        self.streams[1] = output;
        self
    }

    /// A file that the program can read, in its current directory.
    pub fn file(mut self, name: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.into(), bytes.into()));
        self
    }

    /// A directory of the host's that the program sees as `guest`, an absolute path.
    pub fn directory(mut self, host: impl Into<PathBuf>, guest: impl Into<String>, writable: bool) -> Self {
        let permissions = if writable { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        self.directories.push((host.into(), guest.into(), permissions));
        self
    }

    /// A variable of `os.environ`. There are none but these.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// `sys.argv`, the program's name first.
    pub fn arguments<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// A function of the host's as a global of the program's. What it fails with is an exception there:
    /// [`Error::Exception`] by its class, a [`Error::Value`] as `TypeError`, all else as `RuntimeError`.
    pub fn host_fn(
        self,
        name: impl Into<String>,
        function: impl Fn(Arguments) -> anyhow::Result<Value> + Send + Sync + 'static,
    ) -> Self {
        let function = Arc::new(function);
        self.host_fn_async(name, move |arguments| std::future::ready(function(arguments)))
    }

    /// The same for a function that waits. The program waits for it, the thread does not if the sandbox is used asynchronously.
    pub fn host_fn_async<F>(mut self, name: impl Into<String>, function: impl Fn(Arguments) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<Value>> + Send + 'static,
    {
        self.functions.push(HostFunction { name: name.into(), call: Box::new(move |arguments| Box::pin(function(arguments))) });
        self
    }

    /// Makes each run the same: clocks that only count how often they are asked, and random numbers from a seed.
    pub fn deterministic(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// What is compiled. The guest is there with [`Jit::Auto`], and starts anew for the others.
    pub fn jit(mut self, jit: Jit) -> Self {
        self.jit = jit;
        self
    }

    /// Calls or iterations after which code is hot. With a threshold the guest starts anew, too.
    pub fn threshold(mut self, count: u32) -> Self {
        self.threshold = Some(count);
        self
    }

    /// Lets the program wait for its code. Otherwise it goes on meanwhile, unless the sandbox is deterministic or has a limit
    /// on fuel, and when it gets its code is another matter in each run.
    pub fn synchronous(mut self) -> Self {
        self.synchronous = true;
        self
    }

    /// Makes the sandbox.
    ///
    /// # Errors
    /// There is no guest, or what it was to be given is not there.
    pub fn build(self) -> Result<Sandbox, Error> {
        runtime::in_tokio(self.build_async())
    }

    /// The same where there is an executor of tokio's.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub async fn build_async(self) -> Result<Sandbox, Error> {
        let engine = match &self.engine {
            Some(engine) => engine.clone(),
            None => Engine::shared(self.fuel.is_some())?,
        };
        if self.fuel.is_some() && !engine.0.fueled {
            return Err(Error::Guest(anyhow::anyhow!("this engine's code does not count fuel")));
        }
        self.start(engine).await
    }

    /// Files, streams and all that, as WASI.
    fn wasi(&mut self) -> anyhow::Result<(p1::WasiP1Ctx, [Option<Sink>; 2], Option<TempDir>)> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&self.environment);
        match std::mem::replace(&mut self.stdin, Input::Bytes(Vec::new())) {
            Input::Inherit => {
                wasi.inherit_stdin();
            }
            Input::Bytes(bytes) => {
                wasi.stdin(MemoryInputPipe::new(bytes));
            }
        }
        let mut sinks = [None, None];
        for (index, output) in std::mem::take(&mut self.streams).into_iter().enumerate() {
            let sink = match output {
                Output::Discard => Sink::new(usize::MAX, Some(Box::new(std::io::sink()))),
                Output::Collect(limit) => Sink::new(limit, None),
                Output::Writer(writer) => Sink::new(usize::MAX, Some(writer)),
                Output::Inherit if index == 0 => {
                    wasi.inherit_stdout();
                    continue;
                }
                Output::Inherit => {
                    wasi.inherit_stderr();
                    continue;
                }
            };
            sinks[index] = Some(sink.clone());
            if index == 0 {
                wasi.stdout(sink)
            } else {
                wasi.stderr(sink)
            };
        }
        let files = match self.files.is_empty() {
            true => None,
            false => Some(self.write_files()?),
        };
        if let Some(directory) = &files {
            self.directories.insert(0, (directory.path().to_owned(), "/".into(), FsPerms::ReadOnly));
        }
        for (host, guest, permissions) in &self.directories {
            let opened = wasi.preopened_dir(host, guest, *permissions);
            opened.map_err(plain).with_context(|| format!("can't open {}", host.display()))?;
        }
        if let Some(seed) = self.seed {
            wasi.wall_clock(Counter::default()).monotonic_clock(Counter::default());
            wasi.secure_random(random(seed)).insecure_random(random(seed)).insecure_random_seed(seed.into());
        }
        Ok((wasi.build_p1(), sinks, files))
    }

    fn write_files(&self) -> anyhow::Result<TempDir> {
        let directory = TempDir::with_prefix("psycore-")?;
        for (name, bytes) in &self.files {
            let plain = name.components().all(|c| matches!(c, std::path::Component::Normal(_)));
            anyhow::ensure!(
                plain && name.file_name().is_some(),
                "{} is not the name of a file below the current directory",
                name.display()
            );
            let path = directory.path().join(name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, bytes).with_context(|| format!("can't write {}", path.display()))?;
        }
        Ok(directory)
    }

    async fn start(mut self, engine: Engine) -> Result<Sandbox, Error> {
        let (wasi, sinks, files) = self.wasi().map_err(Error::Guest)?;
        let inner = &engine.0;
        let mut linker: Linker<State> = Linker::new(&inner.engine);
        let linked = p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi)
            .and_then(|()| host::add_to_linker(&mut linker));
        linked.map_err(guest_error)?;
        let interrupted = Arc::new(AtomicBool::new(false));
        let mut code = link::GuestCode::default();
        if self.seed.is_none() && !inner.fueled && !self.synchronous {
            code.compile_aside();
        }
        let state = State {
            wasi,
            code,
            functions: self.functions.into(),
            guest: inner.clone(),
            exports: None,
            memory_limit: self.memory,
            out_of_memory: false,
            interrupted: interrupted.clone(),
            deadline: None,
            sinks,
        };
        let mut store = Store::new(&inner.engine, state);
        store.limiter(|state| state);
        if inner.fueled {
            store.set_fuel(u64::MAX).map_err(guest_error)?;
        }
        store.set_epoch_deadline(TICKS);
        store.epoch_deadline_callback(|context| match context.data().deadline {
            Some((end, limit)) if Instant::now() >= end => Err(wasmtime::Error::from(TimeIsUp(limit))),
            _ => Ok(UpdateDeadline::Yield(TICKS)),
        });
        let mut sandbox = Sandbox { store, timeout: self.timeout, fuel: self.fuel, interrupted, ended: false, _files: files };
        sandbox.instantiate(&engine, &linker).await?;
        let names: Vec<Cbor> = self.arguments.into_iter().map(Cbor::Text).collect();
        let jit = match self.jit {
            Jit::Off => "off",
            Jit::Auto => "auto",
            Jit::Full => "full",
        };
        let threshold = self.threshold.map_or(Cbor::Null, Cbor::from);
        // Where files and the usual directory are.
        let paths = Cbor::Array(vec!["/".into()]);
        let create = [
            ("do", "create".into()),
            ("argv", Cbor::Array(names)),
            ("paths", paths),
            ("jit", jit.into()),
            ("threshold", threshold),
        ];
        sandbox.request(value::map(create)).await?;
        let globals = sandbox.store.data().functions.iter().enumerate().map(|(number, function)| {
            let parts = vec![Cbor::from(number as u64), function.name.as_str().into()];
            (Cbor::from(function.name.as_str()), Cbor::Tag(HOST_FUNCTION, Box::new(Cbor::Array(parts))))
        });
        let globals: Vec<_> = globals.collect();
        if !globals.is_empty() {
            sandbox.request(value::map([("do", "set".into()), ("globals", Cbor::Map(globals))])).await?;
        }
        Ok(sandbox)
    }
}

/// The time of a use is up.
#[derive(Debug)]
struct TimeIsUp(Duration);

impl std::fmt::Display for TimeIsUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Limit::Time(self.0).fmt(f)
    }
}

impl std::error::Error for TimeIsUp {}

/// A clock that goes on by a microsecond whenever somebody looks.
#[derive(Default)]
struct Counter(AtomicU64);

impl Counter {
    fn nanoseconds(&self) -> u64 {
        1000 * self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl HostMonotonicClock for Counter {
    fn resolution(&self) -> u64 {
        1000
    }

    fn now(&self) -> u64 {
        self.nanoseconds()
    }
}

impl HostWallClock for Counter {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    /// Since the beginning of 2000.
    fn now(&self) -> Duration {
        Duration::from_secs(946_684_800) + Duration::from_nanos(self.nanoseconds())
    }
}

/// A stream of random numbers (splitmix64) that begins anew after a megabyte.
fn random(seed: u64) -> Deterministic {
    let mut state = seed;
    let next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    Deterministic::new(std::iter::repeat_with(next).take(MIB as usize / 8).flat_map(u64::to_le_bytes).collect())
}

/// An error of wasmtime's, whose type is its own.
fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn guest_error(error: wasmtime::Error) -> Error {
    Error::Guest(plain(error))
}

/// Python in a box: a module `__main__` whose globals live from one use to the next.
///
/// After an exception or an exit it can go on; after a limit it has ended.
pub struct Sandbox {
    store: Store<State>,
    timeout: Option<Duration>,
    fuel: Option<u64>,
    interrupted: Arc<AtomicBool>,
    ended: bool,
    /// Removed with the sandbox.
    _files: Option<TempDir>,
}

/// Stops what a sandbox runs, from any thread.
#[derive(Clone, Debug)]
pub struct Interrupter(Arc<AtomicBool>);

impl Interrupter {
    /// Raises `KeyboardInterrupt` in loops and in compiled code. A program may catch it; a limit of time can't be caught.
    pub fn interrupt(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Sandbox {
    /// A sandbox with 512 MiB of memory, no other limits, no files and no output.
    pub fn builder() -> Builder {
        Builder {
            engine: None,
            memory: 512 * MIB,
            timeout: None,
            fuel: None,
            stdin: Input::Bytes(Vec::new()),
            streams: [Output::Discard, Output::Discard],
            files: Vec::new(),
            directories: Vec::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            functions: Vec::new(),
            seed: None,
            jit: Jit::default(),
            threshold: None,
            synchronous: false,
        }
    }

    /// Runs statements. The value is that of the last one, if it is an expression.
    ///
    /// # Errors
    /// The program's exception or exit, or a limit.
    pub fn run(&mut self, code: &str) -> Result<Value, Error> {
        runtime::in_tokio(self.run_async(code))
    }

    /// The same where there is an executor of tokio's; it gets its turn every few milliseconds.
    ///
    /// # Errors
    /// As [`Sandbox::run`].
    pub async fn run_async(&mut self, code: &str) -> Result<Value, Error> {
        self.run_file_async(code, "<sandbox>").await
    }

    /// Runs statements that tracebacks call `file`.
    ///
    /// # Errors
    /// As [`Sandbox::run`].
    pub fn run_file(&mut self, code: &str, file: &str) -> Result<Value, Error> {
        runtime::in_tokio(self.run_file_async(code, file))
    }

    /// As [`Sandbox::run_file`] and [`Sandbox::run_async`].
    ///
    /// # Errors
    /// As [`Sandbox::run`].
    pub async fn run_file_async(&mut self, code: &str, file: &str) -> Result<Value, Error> {
        self.limited(value::map([("do", "run".into()), ("code", code.into()), ("file", file.into())])).await
    }

    /// Calls a global with arguments: a tuple, a list, or `()` for none.
    ///
    /// # Errors
    /// As [`Sandbox::run`]; also if the arguments are no sequence.
    pub fn call(&mut self, name: &str, arguments: impl Serialize) -> Result<Value, Error> {
        let request = call_request(name, arguments)?;
        runtime::in_tokio(self.limited(request))
    }

    /// The same where there is an executor of tokio's.
    ///
    /// # Errors
    /// As [`Sandbox::call`].
    pub async fn call_async(&mut self, name: &str, arguments: impl Serialize) -> Result<Value, Error> {
        let request = call_request(name, arguments)?;
        self.limited(request).await
    }

    /// Sets a global.
    ///
    /// # Errors
    /// The value can't be written.
    pub fn set(&mut self, name: &str, value: impl Serialize) -> Result<(), Error> {
        let globals = Cbor::Map(vec![(name.into(), Value::new(value)?.0)]);
        runtime::in_tokio(self.limited(value::map([("do", "set".into()), ("globals", globals)]))).map(drop)
    }

    /// The value of a global.
    ///
    /// # Errors
    /// A `NameError` if there is none.
    pub fn get(&mut self, name: &str) -> Result<Value, Error> {
        runtime::in_tokio(self.limited(value::map([("do", "get".into()), ("name", name.into())])))
    }

    /// What was written to `sys.stdout` since the last time, if it is collected.
    pub fn stdout(&mut self) -> Vec<u8> {
        self.collected(0)
    }

    /// What was written to `sys.stderr` since the last time, if it is collected.
    pub fn stderr(&mut self) -> Vec<u8> {
        self.collected(1)
    }

    fn collected(&mut self, index: usize) -> Vec<u8> {
        self.store.data().sinks[index].as_ref().map(Sink::take).unwrap_or_default()
    }

    /// What stops the program from another thread.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.interrupted.clone())
    }

    /// Bytes of memory that the guest has now, and of code that was compiled for it.
    pub fn memory_bytes(&mut self) -> (u64, u64) {
        let memory = self.store.data().exports.as_ref().map(|e| e.memory);
        (memory.map_or(0, |m| m.data_size(&self.store) as u64), self.store.data().code.stats().bytes as u64)
    }

    async fn instantiate(&mut self, engine: &Engine, linker: &Linker<State>) -> Result<(), Error> {
        let result = self.try_instantiate(engine, linker).await;
        result.map_err(|error| self.failure(error))
    }

    async fn try_instantiate(&mut self, engine: &Engine, linker: &Linker<State>) -> wasmtime::Result<()> {
        let store = &mut self.store;
        let instance = linker.instantiate_async(&mut *store, &engine.0.module).await?;
        // A guest with a VM inside has begun already.
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
            initialize.call_async(&mut *store, ()).await?;
        }
        let abi = instance.get_typed_func::<(), u32>(&mut *store, "psycore_abi")?.call_async(&mut *store, ()).await?;
        if abi != psycore_abi::VERSION {
            return Err(wasmtime::Error::msg(format!("the guest has interface {abi}, this host knows {}", psycore_abi::VERSION)));
        }
        if let Some(stack) = instance.get_global(&mut *store, "__stack_pointer")
            && let Some(top) = stack.get(&mut *store).i32()
        {
            stack.set(&mut *store, top.min(STACK_BUDGET).into())?;
        }
        let memory =
            instance.get_memory(&mut *store, "memory").ok_or_else(|| wasmtime::Error::msg("the guest exports no memory"))?;
        let exports = Exports {
            memory,
            alloc: instance.get_typed_func(&mut *store, "psycore_alloc")?,
            free: instance.get_typed_func(&mut *store, "psycore_free")?,
            request: instance.get_typed_func(&mut *store, "psycore_request")?,
        };
        store.data_mut().exports = Some(exports);
        Ok(())
    }

    /// A request within the limits.
    async fn limited(&mut self, request: Cbor) -> Result<Value, Error> {
        if self.ended {
            return Err(Error::Ended);
        }
        self.interrupted.store(false, Ordering::Relaxed);
        self.store.data_mut().deadline = self.timeout.map(|limit| (Instant::now() + limit, limit));
        if let Some(fuel) = self.fuel {
            self.store.set_fuel(fuel).map_err(guest_error)?;
        }
        let Some(limit) = self.timeout else { return self.request(request).await };
        // Where the program computes, the engine's clock ends it; where it waits, this.
        match tokio::time::timeout(limit + 4 * engine::TICK, self.request(request)).await {
            Ok(result) => result,
            Err(_) => {
                self.ended = true;
                Err(Error::Limit(Limit::Time(limit)))
            }
        }
    }

    async fn request(&mut self, request: Cbor) -> Result<Value, Error> {
        let answer = match self.exchange(&value::encode(&request)).await {
            Ok(answer) => answer,
            Err(error) => {
                self.ended = true;
                return Err(self.failure(error));
            }
        };
        let answer = value::decode(&answer).map_err(Error::Guest)?;
        match answer.into_map().ok().and_then(|mut entries| entries.pop()) {
            Some((Cbor::Text(key), value)) if key == "value" => Ok(Value(value)),
            Some((Cbor::Text(key), code)) if key == "exit" => Err(Error::Exit(code.deserialized().unwrap_or(1))),
            Some((Cbor::Text(key), error)) if key == "error" => Err(exception(&error)),
            _ => Err(Error::Guest(anyhow::anyhow!("an answer that makes no sense"))),
        }
    }

    /// Hands bytes to the guest and takes its answer.
    async fn exchange(&mut self, request: &[u8]) -> wasmtime::Result<Vec<u8>> {
        let store = &mut self.store;
        let Some(exports) = store.data().exports.clone() else { return Err(wasmtime::Error::msg("the guest has not begun")) };
        let _use = store.data().guest.begin_use();
        let len = request.len() as u32;
        let block = exports.alloc.call_async(&mut *store, len).await?;
        if block == 0 {
            return Err(wasmtime::Error::msg("the guest has no memory left"));
        }
        exports.memory.write(&mut *store, block as usize, request)?;
        let answer = exports.request.call_async(&mut *store, (block, len)).await?;
        exports.free.call_async(&mut *store, (block, len)).await?;
        let (at, len) = ((answer >> 32) as u32, answer as u32);
        let bytes = host::read(&exports.memory, &*store, at, len)?;
        exports.free.call_async(&mut *store, (at, len)).await?;
        Ok(bytes)
    }

    /// What a trap was about.
    fn failure(&self, error: wasmtime::Error) -> Error {
        if let Some(TimeIsUp(limit)) = error.downcast_ref() {
            return Error::Limit(Limit::Time(*limit));
        }
        if let (Some(Trap::OutOfFuel), Some(fuel)) = (error.downcast_ref(), self.fuel) {
            return Error::Limit(Limit::Fuel(fuel));
        }
        if let Some(I32Exit(code)) = error.downcast_ref() {
            return Error::Exit(*code as u32);
        }
        match self.store.data().limit_hit() {
            Some(limit) => Error::Limit(limit),
            None => guest_error(error),
        }
    }
}

fn call_request(name: &str, arguments: impl Serialize) -> Result<Cbor, Error> {
    let arguments = match Value::new(arguments)?.0 {
        Cbor::Null => Cbor::Array(Vec::new()),
        array @ Cbor::Array(_) => array,
        _ => return Err(Error::Value("arguments are given as a tuple or a list".into())),
    };
    Ok(value::map([("do", "call".into()), ("function", name.into()), ("args", arguments)]))
}

/// What the guest says of an exception.
fn exception(error: &Cbor) -> Error {
    #[derive(serde::Deserialize)]
    struct Described {
        class: String,
        message: String,
        traceback: String,
        frames: Vec<Frame>,
    }
    match error.deserialized::<Described>() {
        Ok(Described { class, message, .. }) if class == "RequestError" => Error::Value(message),
        Ok(Described { class, message, traceback, frames }) => Error::Exception { class, message, traceback, frames },
        Err(error) => Error::Guest(error.into()),
    }
}
