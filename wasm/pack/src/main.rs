//! Makes `psycore.wasm` from the compiled guest: gives it the standard library, runs what every instance would run first,
//! and writes a module whose memory begins as it is then. An instance of it is ready at once. Most of the library is written
//! beside it, to `psycore-library.wasm`, for hosts to give to those that want it.

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
    let library = library::library();
    let later = LaterFile { file: library::file(&library.later), bytes: library.later.len() };
    let packed = runtime::in_tokio(prepared(&guest, &library.at_once, &later))
        .map_err(|e| anyhow!("the guest can't be started: {e:#}"))?;
    write(&Path::new(to).with_file_name("psycore-library.wasm"), &later.file)?;
    write(Path::new(to), &packed)
}

/// Writes a file such that nobody finds half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes).with_context(|| format!("can't write {}", partial.display()))?;
    std::fs::rename(&partial, path).with_context(|| format!("can't write {}", path.display()))
}

/// The file with the rest of the library, and how many bytes at its end that is.
struct LaterFile {
    file: Vec<u8>,
    bytes: usize,
}

/// The module with its VM started.
async fn prepared(guest: &[u8], library: &[u8], later: &LaterFile) -> wasmtime::Result<Vec<u8>> {
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
    linker.func_wrap("psycore", "begin", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32| -1i32)?;
    linker.func_wrap("psycore", "ready", |_: Caller<'_, WasiP1Ctx>| 0i32)?;
    linker.func_wrap("psycore", "link_begun", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32| -1i32)?;
    linker.func_wrap("psycore", "unlink", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32| {})?;
    linker.func_wrap("psycore", "call", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32| 0i64)?;
    linker.func_wrap("psycore", "release", |_: Caller<'_, WasiP1Ctx>, _: u32| ())?;
    linker.func_wrap("psycore", "poll", |_: Caller<'_, WasiP1Ctx>| 0i32)?;
    linker.func_wrap("psycore", "library", |_: Caller<'_, WasiP1Ctx>, _: i32, _: i32| -1i32)?;
    // Nothing of this machine gets into the file.
    let wasi = WasiCtxBuilder::new().inherit_stderr().build_p1();
    let mut store = Store::new(&engine, wasi);
    let instance = linker.instantiate_async(&mut store, &module).await?;
    instance.get_typed_func::<(), ()>(&mut store, "_initialize")?.call_async(&mut store, ()).await?;
    let alloc = instance.get_typed_func::<u32, u32>(&mut store, "psycore_alloc")?;
    let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| wasmtime::Error::msg("the guest has no memory"))?;
    let mut blocks = [0; 2];
    for (block, bytes) in blocks.iter_mut().zip([library, &later.file]) {
        *block = alloc.call_async(&mut store, bytes.len() as u32).await?;
        memory.write(&mut store, *block as usize, bytes)?;
    }
    let prepare = instance.get_typed_func::<(u32, u32, u32, u32, u32), ()>(&mut store, PREPARE)?;
    let skipped = later.file.len() - later.bytes;
    let sizes = [library.len(), later.file.len(), skipped].map(|n| n as u32);
    prepare.call_async(&mut store, (blocks[0], sizes[0], blocks[1], sizes[1], sizes[2])).await?;
    wizer.snapshot(&context, &mut PreparedInstance { store: &mut store, instance }).await
}

/// The instance after it was prepared.
struct PreparedInstance<'a> {
    store: &'a mut Store<WasiP1Ctx>,
    instance: Instance,
}

impl InstanceState for PreparedInstance<'_> {
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
