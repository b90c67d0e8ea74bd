//! Makes `psycore.wasm` from the compiled guest: gives it the standard library, runs what every instance would run first,
//! and writes a module whose memory begins as it is then. An instance of it is ready at once.

mod library;

use anyhow::{Context, Result, anyhow, bail};
use std::future::Future;
use std::path::Path;
use wasmtime::{Caller, Config, Engine, Extern, Instance, Linker, Module, OptLevel, Store, Val};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::{WasiCtxBuilder, runtime};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

/// The guest's function that takes the library and starts the VM; the module that is written has it no more.
const PREPARE: &str = "psycore_prepare";
/// Of the guest's own stack there is enough, of the machine's there must be.
const STACK_BYTES: usize = 4 << 20;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [from, to] = &arguments[..] else { bail!("usage: psycore-pack GUEST.wasm PSYCORE.wasm") };
    let guest = std::fs::read(from).with_context(|| format!("can't read {}", Path::new(from).display()))?;
    let packed = runtime::in_tokio(prepared(&guest)).map_err(|e| anyhow!("the guest can't be started: {e:#}"))?;
    // Nobody may find half a file.
    let partial = Path::new(to).with_extension("partial");
    std::fs::write(&partial, packed).with_context(|| format!("can't write {}", partial.display()))?;
    std::fs::rename(&partial, to).with_context(|| format!("can't write {}", Path::new(to).display()))
}

/// The module with its VM started.
async fn prepared(guest: &[u8]) -> wasmtime::Result<Vec<u8>> {
    let mut wizer = Wizer::new();
    wizer.init_func(PREPARE);
    let (context, instrumented) = wizer.instrument(guest)?;
    let mut config = Config::new();
    // Run once: compiled quickly rather than well.
    config.cranelift_opt_level(OptLevel::None).max_wasm_stack(STACK_BYTES).async_stack_size(2 * STACK_BYTES);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, &instrumented)?;
    let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
    p1::add_to_linker_async(&mut linker, |wasi| wasi)?;
    // Code is compiled later, and there is no host yet.
    linker.func_wrap("psycore", "reserve", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32| -1i32)?;
    linker.func_wrap("psycore", "link", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32, _: i32, _: i32| -1i32)?;
    linker.func_wrap("psycore", "unlink", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32| {})?;
    linker.func_wrap("psycore", "call", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32| 0i64)?;
    linker.func_wrap("psycore", "poll", |_: Caller<'_, WasiP1Ctx>| 0i32)?;
    // Nothing of this machine gets into the file.
    let wasi = WasiCtxBuilder::new().inherit_stderr().build_p1();
    let mut store = Store::new(&engine, wasi);
    let instance = linker.instantiate_async(&mut store, &module).await?;
    instance.get_typed_func::<(), ()>(&mut store, "_initialize")?.call_async(&mut store, ()).await?;
    let library = library::library();
    let alloc = instance.get_typed_func::<u32, u32>(&mut store, "psycore_alloc")?;
    let block = alloc.call_async(&mut store, library.len() as u32).await?;
    let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| wasmtime::Error::msg("the guest has no memory"))?;
    memory.write(&mut store, block as usize, &library)?;
    let prepare = instance.get_typed_func::<(u32, u32), ()>(&mut store, PREPARE)?;
    prepare.call_async(&mut store, (block, library.len() as u32)).await?;
    wizer.snapshot(&context, &mut State { store: &mut store, instance }).await
}

/// The instance after it was prepared.
struct State<'a> {
    store: &'a mut Store<WasiP1Ctx>,
    instance: Instance,
}

impl InstanceState for State<'_> {
    fn global_get(&mut self, name: &str, _: ValType) -> impl Future<Output = SnapshotVal> + Send {
        let value = match self.instance.get_export(&mut *self.store, name) {
            Some(Extern::Global(global)) => global.get(&mut *self.store),
            _ => unreachable!("the instrumented module exports its globals"),
        };
        std::future::ready(match value {
            Val::I32(x) => SnapshotVal::I32(x),
            Val::I64(x) => SnapshotVal::I64(x),
            Val::F32(x) => SnapshotVal::F32(x),
            Val::F64(x) => SnapshotVal::F64(x),
            Val::V128(x) => SnapshotVal::V128(x.as_u128()),
            _ => unreachable!("mutable globals of references are refused before"),
        })
    }

    fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) -> impl Future<Output = ()> + Send {
        match self.instance.get_export(&mut *self.store, name) {
            Some(Extern::Memory(memory)) => contents(memory.data(&*self.store)),
            _ => unreachable!("the instrumented module exports its memories"),
        }
        std::future::ready(())
    }
}
