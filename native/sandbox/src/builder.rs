//! What a sandbox is made with, and how one is made of it.

use crate::MIB;
use crate::deterministic::{CountingClock, random};
use crate::engine::Engine;
use crate::error::{Error, plain};
use crate::host::{HostFunction, StoreData};
use crate::link::GuestCode;
use crate::output::{Output, StreamHandle};
use crate::sandbox::Sandbox;
use crate::value::{self, Arguments, Value};
use anyhow::Context;
use ciborium::Value as Cbor;
use psycore_abi::tag::HOST_FUNCTION;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, p1, runtime};

impl Sandbox {
    /// A sandbox with 512 MiB of memory, no other limits, no files and no output.
    pub fn builder() -> Builder {
        Builder {
            engine: None,
            memory: 512 * MIB,
            timeout: None,
            fuel: None,
            stdin: StdinSource::Bytes(Vec::new()),
            streams: [Output::Discard, Output::Discard],
            files: Vec::new(),
            directories: Vec::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            functions: Vec::new(),
            seed: None,
            jit: JitMode::default(),
            threshold: None,
            synchronous: false,
        }
    }
}

/// What a sandbox may have. Made by [`Sandbox::builder`].
#[must_use]
pub struct Builder {
    engine: Option<Engine>,
    memory: u64,
    timeout: Option<Duration>,
    fuel: Option<u64>,
    stdin: StdinSource,
    streams: [Output; 2],
    files: Vec<(PathBuf, Vec<u8>)>,
    directories: Vec<(PathBuf, String, FsPerms)>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    functions: Vec<HostFunction>,
    seed: Option<u64>,
    jit: JitMode,
    threshold: Option<u32>,
    synchronous: bool,
}

/// What the guest compiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JitMode {
    /// Nothing.
    Off,
    /// What is hot.
    #[default]
    Auto,
    /// Everything, at its first use.
    Full,
}

/// What `sys.stdin` reads.
enum StdinSource {
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
        self.stdin = StdinSource::Bytes(bytes.into());
        self
    }

    /// Lets `sys.stdin` be the host's.
    pub fn inherit_stdin(mut self) -> Self {
        self.stdin = StdinSource::Inherit;
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

    /// What is compiled. The guest is there with [`JitMode::Auto`], and starts anew for the others.
    pub fn jit(mut self, jit: JitMode) -> Self {
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
    fn wasi(&mut self) -> anyhow::Result<(p1::WasiP1Ctx, [Option<StreamHandle>; 2], Option<TempDir>)> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&self.environment);
        match std::mem::replace(&mut self.stdin, StdinSource::Bytes(Vec::new())) {
            StdinSource::Inherit => {
                wasi.inherit_stdin();
            }
            StdinSource::Bytes(bytes) => {
                wasi.stdin(MemoryInputPipe::new(bytes));
            }
        }
        let mut streams = [None, None];
        for (index, output) in std::mem::take(&mut self.streams).into_iter().enumerate() {
            let stream = match output {
                Output::Discard => StreamHandle::new(usize::MAX, Some(Box::new(std::io::sink()))),
                Output::Collect(limit) => StreamHandle::new(limit, None),
                Output::Writer(writer) => StreamHandle::new(usize::MAX, Some(writer)),
                Output::Inherit if index == 0 => {
                    wasi.inherit_stdout();
                    continue;
                }
                Output::Inherit => {
                    wasi.inherit_stderr();
                    continue;
                }
            };
            streams[index] = Some(stream.clone());
            if index == 0 {
                wasi.stdout(stream)
            } else {
                wasi.stderr(stream)
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
            wasi.wall_clock(CountingClock::default()).monotonic_clock(CountingClock::default());
            wasi.secure_random(random(seed)).insecure_random(random(seed)).insecure_random_seed(seed.into());
        }
        Ok((wasi.build_p1(), streams, files))
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
        let (wasi, streams, files) = self.wasi().map_err(Error::Guest)?;
        let mut code = GuestCode::default();
        if self.seed.is_none() && !engine.0.fueled && !self.synchronous {
            code.compile_aside();
        }
        let create = self.create_request();
        let functions: Arc<[HostFunction]> = self.functions.into();
        let globals = functions.iter().enumerate().map(|(number, function)| {
            let parts = vec![Cbor::from(number as u64), function.name.as_str().into()];
            (Cbor::from(function.name.as_str()), Cbor::Tag(HOST_FUNCTION, Box::new(Cbor::Array(parts))))
        });
        let globals: Vec<_> = globals.collect();
        let data = StoreData {
            wasi,
            code,
            functions,
            guest: engine.0.clone(),
            exports: None,
            memory_limit: self.memory,
            out_of_memory: false,
            interrupted: Arc::default(),
            deadline: None,
            streams,
        };
        let mut sandbox = Sandbox::start(data, self.timeout, self.fuel, files).await?;
        sandbox.request(create).await?;
        if !globals.is_empty() {
            sandbox.request(value::map([("do", "set".into()), ("globals", Cbor::Map(globals))])).await?;
        }
        Ok(sandbox)
    }

    /// What the guest is asked first.
    fn create_request(&self) -> Cbor {
        let arguments = self.arguments.iter().map(|argument| argument.as_str().into()).collect();
        let jit = match self.jit {
            JitMode::Off => "off",
            JitMode::Auto => "auto",
            JitMode::Full => "full",
        };
        value::map([
            ("do", "create".into()),
            ("argv", Cbor::Array(arguments)),
            // Where files and the usual directory are.
            ("paths", Cbor::Array(vec!["/".into()])),
            ("jit", jit.into()),
            ("threshold", self.threshold.map_or(Cbor::Null, Cbor::from)),
        ])
    }
}
