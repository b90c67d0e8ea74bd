//! Runs guest programs in wasmtime, with the host functions by which they link what they generate.

use psycore_sandbox::link::{GuestCode, LinkLimits, LinkStats};
use std::path::{Path, PathBuf};
use wasmtime::{Config, Engine, Linker, Module, Store};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtxBuilder, runtime};

/// What a guest program did.
pub struct Run {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
    pub linked: LinkStats,
}

struct Data {
    wasi: WasiP1Ctx,
    code: GuestCode,
}

/// The program that runs filetests and random IR as a guest. Only `./x test` builds it and says where it is.
pub fn ir_guest() -> Option<PathBuf> {
    let path = std::env::var_os("PSYCORE_IR_GUEST");
    if path.is_none() {
        eprintln!("skipped: PSYCORE_IR_GUEST is not set; `./x test` builds that guest");
    }
    path.map(PathBuf::from)
}

/// A guest program, compiled.
pub struct IrGuest {
    engine: Engine,
    module: Module,
}

impl IrGuest {
    /// Compiles a program, or loads what it was compiled to before.
    pub fn new(path: &Path) -> Result<IrGuest, String> {
        let failed = |e: wasmtime::Error| format!("{}: {e:?}", path.display());
        let mut config = Config::new();
        config.max_wasm_stack(8 << 20).async_stack_size(12 << 20);
        let engine = Engine::new(&config).map_err(failed)?;
        Ok(IrGuest { module: Module::from_file(&engine, path).map_err(failed)?, engine })
    }

    /// Runs it with arguments. It sees `directory` as `/`.
    pub fn run(
        &self,
        directory: &Path,
        args: &[&str],
        limits: LinkLimits,
        watch: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<Run, String> {
        let failed = |e: wasmtime::Error| format!("{e:?}");
        let (stdout, stderr) = (MemoryOutputPipe::new(16 << 20), MemoryOutputPipe::new(16 << 20));
        let mut wasi = WasiCtxBuilder::new();
        wasi.arg("guest").args(args).inherit_env().stdout(stdout.clone()).stderr(stderr.clone());
        wasi.preopened_dir(directory, "/", FsPerms::ReadOnly).map_err(failed)?;
        let mut code = GuestCode::new(limits);
        code.watch(watch);
        let mut store = Store::new(&self.engine, Data { wasi: wasi.build_p1(), code });
        let mut linker = Linker::new(&self.engine);
        p1::add_to_linker_async(&mut linker, |data: &mut Data| &mut data.wasi).map_err(failed)?;
        GuestCode::add_to_linker(&mut linker, |data: &mut Data| &mut data.code).map_err(failed)?;
        let run = async {
            let instance = linker.instantiate_async(&mut store, &self.module).await?;
            instance.get_typed_func::<(), ()>(&mut store, "_start")?.call_async(&mut store, ()).await
        };
        let exit = match runtime::in_tokio(run) {
            Ok(()) => 0,
            Err(e) => match e.downcast_ref::<I32Exit>() {
                Some(I32Exit(code)) => *code,
                None => return Err(format!("{e:?}\n{}", String::from_utf8_lossy(&stderr.contents()))),
            },
        };
        let text = |pipe: &MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
        Ok(Run { exit, stdout: text(&stdout), stderr: text(&stderr), linked: store.data().code.stats() })
    }
}
