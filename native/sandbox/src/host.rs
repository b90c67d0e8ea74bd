//! What a sandbox's store holds, and the functions that the guest imports.

use crate::engine::Inner;
use crate::error::{Error, Limit};
use crate::link::GuestCode;
use crate::output::StreamHandle;
use crate::value::{self, Arguments, Value};
use anyhow::Context;
use ciborium::Value as Cbor;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wasmtime::{Caller, Linker, Memory, ResourceLimiter, TypedFunc};
use wasmtime_wasi::p1::WasiP1Ctx;

/// A call of a function that may wait.
type HostCall = Pin<Box<dyn Future<Output = anyhow::Result<Value>> + Send>>;

/// A function that Python code can call.
pub(crate) struct HostFunction {
    pub name: String,
    pub call: Box<dyn Fn(Arguments) -> HostCall + Send + Sync>,
}

/// The exports of the guest that its host uses.
#[derive(Clone)]
pub(crate) struct Exports {
    pub memory: Memory,
    pub alloc: TypedFunc<u32, u32>,
    pub free: TypedFunc<(u32, u32), ()>,
    pub request: TypedFunc<(u32, u32), u64>,
}

/// The state of one sandbox.
pub(crate) struct StoreData {
    pub wasi: WasiP1Ctx,
    pub code: GuestCode,
    pub functions: Arc<[HostFunction]>,
    pub guest: Arc<Inner>,
    pub exports: Option<Exports>,
    pub memory_limit: u64,
    /// It wanted more memory than it may have.
    pub out_of_memory: bool,
    pub interrupted: Arc<AtomicBool>,
    /// When the use that is going on must have ended.
    pub deadline: Option<(Instant, Duration)>,
    /// `sys.stdout` and `sys.stderr` where they are not the host's own.
    pub streams: [Option<StreamHandle>; 2],
}

impl StoreData {
    /// The limit that was hit, if one was.
    pub fn limit_hit(&self) -> Option<Limit> {
        if self.out_of_memory {
            return Some(Limit::Memory(self.memory_limit));
        }
        self.streams.iter().flatten().find_map(StreamHandle::exceeded).map(Limit::Output)
    }
}

impl ResourceLimiter for StoreData {
    fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired as u64 + self.code.stats().bytes as u64 <= self.memory_limit && maximum.is_none_or(|m| desired <= m);
        self.out_of_memory |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // As many as there are functions of the guest, and places for compiled ones.
        const MOST: usize = 1 << 20;
        Ok(desired <= MOST && maximum.is_none_or(|m| desired <= m))
    }

    fn instances(&self) -> usize {
        usize::MAX
    }
}

/// The functions of the module `psycore`.
pub(crate) fn add_to_linker(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    GuestCode::add_to_linker(linker, |data: &mut StoreData| &mut data.code)?;
    linker.func_wrap("psycore", "poll", |caller: Caller<'_, StoreData>| {
        i32::from(caller.data().interrupted.swap(false, Ordering::Relaxed))
    })?;
    // The functions of a sandbox are there as long as it is.
    linker.func_wrap("psycore", "release", |_: Caller<'_, StoreData>, _: u32| ())?;
    linker.func_wrap("psycore", "library", |mut caller: Caller<'_, StoreData>, at: u32, len: u32| {
        let guest = caller.data().guest.clone();
        let memory = caller.data().exports.as_ref().map(|exports| exports.memory);
        let written = guest
            .library
            .bytes()
            .filter(|bytes| bytes.len() == len as usize)
            .zip(memory)
            .is_some_and(|(bytes, memory)| memory.write(&mut caller, at as usize, bytes).is_ok());
        if written { 0 } else { -1 }
    })?;
    linker.func_wrap_async("psycore", "call", |mut caller: Caller<'_, StoreData>, (at, len): (u32, u32)| {
        Box::new(async move {
            let exports = caller.data().exports.clone().ok_or_else(|| wasmtime::Error::msg("no exports yet"))?;
            let request = read(&exports.memory, &caller, at, len)?;
            let functions = caller.data().functions.clone();
            let answer = value::encode(&answer(&functions, &request).await);
            let block = exports.alloc.call_async(&mut caller, answer.len() as u32).await?;
            if block == 0 {
                return Ok(0);
            }
            exports.memory.write(&mut caller, block as usize, &answer)?;
            Ok(u64::from(block) << 32 | answer.len() as u64)
        })
    })?;
    Ok(())
}

/// Bytes of the guest's memory.
pub(crate) fn read(memory: &Memory, store: impl wasmtime::AsContext, at: u32, len: u32) -> wasmtime::Result<Vec<u8>> {
    let data = memory.data(&store);
    let range = at as usize..at as usize + len as usize;
    data.get(range).map(<[u8]>::to_vec).ok_or_else(|| wasmtime::Error::msg("an address outside the guest's memory"))
}

/// Calls a function and puts its result, or an exception for Python, into an answer.
async fn answer(functions: &[HostFunction], request: &[u8]) -> Cbor {
    let failed = |class: &str, message: String| value::map([("error", Cbor::Array(vec![class.into(), message.into()]))]);
    let (function, arguments) = match parse(functions, request) {
        Ok(parsed) => parsed,
        Err(error) => return failed("RuntimeError", format!("{error:#}")),
    };
    match (function.call)(arguments).await {
        Ok(value) => value::map([("value", value.0)]),
        Err(error) => match error.downcast_ref::<Error>() {
            // Arguments that are not what the function wants.
            Some(Error::Value(text)) => failed("TypeError", format!("{}(): {text}", function.name)),
            // An exception of Python's by its name.
            Some(Error::Exception { class, message, .. }) => failed(class, message.clone()),
            _ => failed("RuntimeError", format!("{error:#}")),
        },
    }
}

fn parse<'a>(functions: &'a [HostFunction], request: &[u8]) -> anyhow::Result<(&'a HostFunction, Arguments)> {
    let parts = value::decode(request)?.into_array().ok().context("no call")?;
    let [Cbor::Integer(number), Cbor::Array(positional), Cbor::Map(named)] =
        <[Cbor; 3]>::try_from(parts).ok().context("no call")?
    else {
        anyhow::bail!("no call");
    };
    let function = usize::try_from(i128::from(number)).ok().and_then(|n| functions.get(n)).context("no such function")?;
    let name = |key: Cbor| key.into_text().unwrap_or_default();
    let arguments = Arguments {
        positional: positional.into_iter().map(Value).collect(),
        named: named.into_iter().map(|(key, value)| (name(key), Value(value))).collect(),
    };
    Ok((function, arguments))
}
