//! A sandbox in use: requests to its guest, and what they end with.

use crate::engine::TICK;
use crate::error::{Error, Limit, TimeIsUp, TracebackFrame, guest_error};
use crate::host::{self, Exports, StoreData};
use crate::output::StreamHandle;
use crate::value::{self, Value};
use ciborium::Value as Cbor;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wasmtime::{Linker, Store, Trap, UpdateDeadline};
use wasmtime_wasi::{I32Exit, p1, runtime};

/// Of the guest's own stack, what native recursion may use. With it the machine's stack lasts as well.
const STACK_BUDGET: i32 = 7 << 19;
/// Ticks of the engine's clock between two looks at the time.
const TICKS: u64 = 1;

/// Python in a box: a module `__main__` whose globals live from one use to the next.
///
/// After an exception or an exit it can go on; after a limit it has ended.
pub struct Sandbox {
    store: Store<StoreData>,
    timeout: Option<Duration>,
    fuel: Option<u64>,
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
    /// Makes an instance of the guest, which nothing has been asked yet. `files` is removed with the sandbox.
    pub(crate) async fn start(
        data: StoreData,
        timeout: Option<Duration>,
        fuel: Option<u64>,
        files: Option<TempDir>,
    ) -> Result<Sandbox, Error> {
        let guest = data.guest.clone();
        let mut linker: Linker<StoreData> = Linker::new(&guest.engine);
        let linked = p1::add_to_linker_async(&mut linker, |data: &mut StoreData| &mut data.wasi)
            .and_then(|()| host::add_to_linker(&mut linker));
        linked.map_err(guest_error)?;
        let mut store = Store::new(&guest.engine, data);
        store.limiter(|data| data);
        if guest.fueled {
            store.set_fuel(u64::MAX).map_err(guest_error)?;
        }
        store.set_epoch_deadline(TICKS);
        store.epoch_deadline_callback(|context| match context.data().deadline {
            Some((end, limit)) if Instant::now() >= end => Err(wasmtime::Error::from(TimeIsUp(limit))),
            _ => Ok(UpdateDeadline::Yield(TICKS)),
        });
        let mut sandbox = Sandbox { store, timeout, fuel, ended: false, _files: files };
        let instantiated = sandbox.instantiate(&linker).await;
        instantiated.map_err(|error| sandbox.failure(error))?;
        Ok(sandbox)
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
        self.store.data().streams[index].as_ref().map(StreamHandle::take).unwrap_or_default()
    }

    /// What stops the program from another thread.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.store.data().interrupted.clone())
    }

    /// Bytes of memory that the guest has now, and of code that was compiled for it.
    pub fn memory_bytes(&mut self) -> (u64, u64) {
        let memory = self.store.data().exports.as_ref().map(|e| e.memory);
        (memory.map_or(0, |m| m.data_size(&self.store) as u64), self.store.data().code.stats().bytes as u64)
    }

    async fn instantiate(&mut self, linker: &Linker<StoreData>) -> wasmtime::Result<()> {
        let store = &mut self.store;
        let guest = store.data().guest.clone();
        let instance = linker.instantiate_async(&mut *store, &guest.module).await?;
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
        let data = self.store.data_mut();
        data.interrupted.store(false, Ordering::Relaxed);
        data.deadline = self.timeout.map(|limit| (Instant::now() + limit, limit));
        if let Some(fuel) = self.fuel {
            self.store.set_fuel(fuel).map_err(guest_error)?;
        }
        let Some(limit) = self.timeout else { return self.request(request).await };
        // Where the program computes, the engine's clock ends it; where it waits, this.
        match tokio::time::timeout(limit + 4 * TICK, self.request(request)).await {
            Ok(result) => result,
            Err(_) => {
                self.ended = true;
                Err(Error::Limit(Limit::Time(limit)))
            }
        }
    }

    pub(crate) async fn request(&mut self, request: Cbor) -> Result<Value, Error> {
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
        frames: Vec<TracebackFrame>,
    }
    match error.deserialized::<Described>() {
        Ok(Described { class, message, .. }) if class == "RequestError" => Error::Value(message),
        Ok(Described { class, message, traceback, frames }) => Error::Exception { class, message, traceback, frames },
        Err(error) => Error::Guest(error.into()),
    }
}
