//! Links the modules that a guest generates: the host's side of `psycore_wasm::link`.
//!
//! A guest imports `reserve`, `link`, `begin`, `ready`, `link_begun` and `unlink` from the module `psycore`. It exports its memory and, as
//! `__indirect_function_table`, its table. Generated modules import that memory, the table of compiled functions which is
//! kept here, and functions of the guest by their places in its table.
//!
//! wasmtime frees an instance only with its store. Places in tables can be used again, memory can't: so a store has limits
//! on what is ever linked, after which the guest is refused, and goes on interpreting.

use psycore_abi::{Slot, TableKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use wasmtime::{Caller, Engine, Extern, Instance, Linker, Module, Ref, RefType, Table, TableType};

/// Modules that are begun and not linked, at most: more than a guest ever has.
const MAX_BEGUN: usize = 32;
/// Code generators recurse.
const COMPILER_STACK_BYTES: usize = 8 << 20;

/// What is linked at most, in the whole life of a store.
#[derive(Clone, Copy, Debug)]
pub struct LinkLimits {
    /// Modules.
    pub modules: u32,
    /// Bytes of WebAssembly, all modules together.
    pub bytes: usize,
    /// Bytes of one module.
    pub module_bytes: usize,
    /// Places in both tables.
    pub slots: u32,
}

impl Default for LinkLimits {
    fn default() -> Self {
        LinkLimits { modules: 4000, bytes: 32 << 20, module_bytes: 4 << 20, slots: 16_384 }
    }
}

/// What has been linked.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkStats {
    pub modules: u32,
    pub bytes: usize,
    pub slots: u32,
    /// Modules that were refused.
    pub refused: u32,
    /// How long the guest has waited for its modules.
    pub time: Duration,
}

/// The modules of one store. It is part of the store's data.
#[derive(Default)]
pub struct GuestCode {
    limits: LinkLimits,
    stats: LinkStats,
    /// The table of compiled functions, once there are any.
    code: Option<Table>,
    /// Is given each module before it is compiled.
    watch: Option<Box<dyn FnMut(&[u8]) + Send>>,
    /// Whether modules may be compiled on another thread.
    aside: bool,
    compiler: Option<ModuleCompiler>,
}

/// A thread that compiles modules, in their order, while the guest goes on. It ends with its owner, after the module at
/// hand.
struct ModuleCompiler {
    jobs: Sender<Vec<u8>>,
    modules: Receiver<wasmtime::Result<Module>>,
    /// Modules that were compiled, linked or not.
    compiled: Arc<AtomicUsize>,
    /// Modules that were linked.
    linked: usize,
    /// Modules not yet linked.
    begun: usize,
}

impl ModuleCompiler {
    /// None if the system gives no thread.
    fn start(engine: Engine) -> Option<ModuleCompiler> {
        let (jobs, todo) = channel::<Vec<u8>>();
        let (done, modules) = channel();
        let compiled = Arc::new(AtomicUsize::new(0));
        let counter = compiled.clone();
        let work = move || {
            for bytes in todo {
                let module = Module::new(&engine, bytes);
                counter.fetch_add(1, Ordering::Release);
                if done.send(module).is_err() {
                    // Nobody wants the others.
                    return;
                }
            }
        };
        std::thread::Builder::new().name("sandbox compiler".into()).stack_size(COMPILER_STACK_BYTES).spawn(work).ok()?;
        Some(ModuleCompiler { jobs, modules, compiled, linked: 0, begun: 0 })
    }

    fn begin(&mut self, bytes: Vec<u8>) -> bool {
        let begun = self.begun < MAX_BEGUN && self.jobs.send(bytes).is_ok();
        self.begun += usize::from(begun);
        begun
    }

    fn ready(&self) -> usize {
        self.compiled.load(Ordering::Acquire) - self.linked
    }

    /// The first of the modules begun; waits for it.
    fn next(&mut self) -> Result<Module, LinkRefusal> {
        if self.begun == 0 {
            return Err(LinkRefusal::Guest);
        }
        self.begun -= 1;
        // If the thread has died of this module, so have the others.
        let module = self.modules.recv().map_err(|_| LinkRefusal::Invalid)?;
        self.linked += 1;
        module.map_err(|_| LinkRefusal::Invalid)
    }
}

/// Why a module is refused, as the guest is told.
enum LinkRefusal {
    Full = -1,
    Invalid = -2,
    /// The guest does not export what it must, or names places that are not there.
    Guest = -3,
}

impl GuestCode {
    /// For a new store.
    pub fn new(limits: LinkLimits) -> Self {
        GuestCode { limits, ..GuestCode::default() }
    }

    /// Lets modules be compiled on another thread while the guest goes on, if this machine runs several at a time. When the guest
    /// gets its code then depends on how fast that is, and so does the fuel that it uses.
    pub fn compile_aside(&mut self) {
        self.aside = std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
    }

    /// What has been linked so far, and begun.
    pub fn stats(&self) -> LinkStats {
        self.stats
    }

    /// Lets a function see each module before it is compiled.
    pub fn watch(&mut self, f: impl FnMut(&[u8]) + Send + 'static) {
        self.watch = Some(Box::new(f));
    }

    /// What the guest is told, after it has waited since `start`.
    fn answer(&mut self, start: Instant, result: Result<(), LinkRefusal>) -> i32 {
        self.stats.time += start.elapsed();
        match result {
            Ok(()) => 0,
            Err(refusal) => {
                self.stats.refused += 1;
                refusal as i32
            }
        }
    }

    /// Adds the functions of the module `psycore` to a linker. `get` finds this among the store's data.
    ///
    /// # Errors
    /// The linker has functions of these names.
    pub fn add_to_linker<T: Send + 'static>(
        linker: &mut Linker<T>,
        get: impl Fn(&mut T) -> &mut GuestCode + Copy + Send + Sync + 'static,
    ) -> wasmtime::Result<()> {
        linker.func_wrap("psycore", "reserve", move |caller: Caller<'_, T>, kind: i32, count: i32| {
            reserve(caller, get, kind, count).unwrap_or(-1)
        })?;
        // Only in stores without asynchronous functions may instances be made synchronously.
        linker.func_wrap_async(
            "psycore",
            "link",
            move |mut caller: Caller<'_, T>, (bytes, len, slots, count): (i32, i32, i32, i32)| {
                Box::new(async move {
                    let start = Instant::now();
                    let linked = match take(&mut caller, get, bytes, len) {
                        Ok(code) => match Module::new(caller.engine(), code) {
                            Ok(module) => link(&mut caller, get, &module, slots, count).await,
                            Err(_) => Err(LinkRefusal::Invalid),
                        },
                        Err(refusal) => Err(refusal),
                    };
                    get(caller.data_mut()).answer(start, linked)
                })
            },
        )?;
        linker.func_wrap("psycore", "begin", move |mut caller: Caller<'_, T>, bytes: i32, len: i32| {
            if !get(caller.data_mut()).aside {
                return LinkRefusal::Full as i32;
            }
            if len == 0 {
                return 0;
            }
            let start = Instant::now();
            let engine = caller.engine().clone();
            let begun = take(&mut caller, get, bytes, len).and_then(|code| {
                let compiler = &mut get(caller.data_mut()).compiler;
                if compiler.is_none() {
                    *compiler = ModuleCompiler::start(engine);
                }
                let begun = compiler.as_mut().is_some_and(|compiler| compiler.begin(code));
                if begun { Ok(()) } else { Err(LinkRefusal::Full) }
            });
            get(caller.data_mut()).answer(start, begun)
        })?;
        linker.func_wrap("psycore", "ready", move |mut caller: Caller<'_, T>| {
            get(caller.data_mut()).compiler.as_ref().map_or(0, ModuleCompiler::ready) as i32
        })?;
        linker.func_wrap_async("psycore", "link_begun", move |mut caller: Caller<'_, T>, (slots, count): (i32, i32)| {
            Box::new(async move {
                let start = Instant::now();
                let compiler = &mut get(caller.data_mut()).compiler;
                let linked = match compiler.as_mut().ok_or(LinkRefusal::Guest).and_then(ModuleCompiler::next) {
                    Ok(module) => link(&mut caller, get, &module, slots, count).await,
                    Err(refusal) => Err(refusal),
                };
                get(caller.data_mut()).answer(start, linked)
            })
        })?;
        linker.func_wrap("psycore", "unlink", move |mut caller: Caller<'_, T>, slots: i32, count: i32| {
            for slot in read_slots(&mut caller, slots as u32 as usize, count as u32 as usize).unwrap_or_default() {
                // A place that is not there is empty already.
                let _ = put(&mut caller, get, slot, None);
            }
        })?;
        Ok(())
    }
}

fn entries<T>(caller: &mut Caller<'_, T>) -> Option<Table> {
    caller.get_export("__indirect_function_table")?.into_table()
}

fn code_table<T>(caller: &mut Caller<'_, T>, get: impl Fn(&mut T) -> &mut GuestCode) -> Option<Table> {
    if let Some(table) = get(caller.data_mut()).code {
        return Some(table);
    }
    let table = Table::new(&mut *caller, TableType::new(RefType::FUNCREF, 1, None), Ref::Func(None)).ok()?;
    get(caller.data_mut()).code = Some(table);
    Some(table)
}

fn table<T>(caller: &mut Caller<'_, T>, get: impl Fn(&mut T) -> &mut GuestCode, kind: TableKind) -> Option<Table> {
    match kind {
        TableKind::Entries => entries(caller),
        TableKind::Code => code_table(caller, get),
    }
}

fn reserve<T>(mut caller: Caller<'_, T>, get: impl Fn(&mut T) -> &mut GuestCode + Copy, kind: i32, count: i32) -> Option<i32> {
    let kind = if kind == TableKind::Code as i32 { TableKind::Code } else { TableKind::Entries };
    let count = u32::try_from(count).ok()?;
    let here = get(caller.data_mut());
    let slots = here.stats.slots.checked_add(count).filter(|slots| *slots <= here.limits.slots)?;
    let table = table(&mut caller, get, kind)?;
    let first = table.grow(&mut caller, u64::from(count), Ref::Func(None)).ok()?;
    get(caller.data_mut()).stats.slots = slots;
    i32::try_from(first).ok()
}

fn bytes<T>(caller: &mut Caller<'_, T>, at: usize, len: usize) -> Option<Vec<u8>> {
    let memory = caller.get_export("memory")?.into_memory()?;
    Some(memory.data(&*caller).get(at..at.checked_add(len)?)?.to_vec())
}

fn read_slots<T>(caller: &mut Caller<'_, T>, at: usize, count: usize) -> Option<Vec<Slot>> {
    let bytes = bytes(caller, at, count.checked_mul(4)?)?;
    Some(bytes.as_chunks().0.iter().map(|word| Slot(u32::from_le_bytes(*word))).collect())
}

fn put<T>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut GuestCode,
    slot: Slot,
    function: Option<wasmtime::Func>,
) -> Option<()> {
    let table = table(caller, get, slot.table())?;
    table.set(caller, u64::from(slot.index()), Ref::Func(function)).ok()
}

/// The bytes of a module, if it is within the limits. They count from now on.
fn take<T>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut GuestCode,
    at: i32,
    len: i32,
) -> Result<Vec<u8>, LinkRefusal> {
    let (at, len) = (at as u32 as usize, len as u32 as usize);
    let here = get(caller.data_mut());
    let (limits, stats) = (here.limits, here.stats);
    if stats.modules >= limits.modules || len > limits.module_bytes || len > limits.bytes.saturating_sub(stats.bytes) {
        return Err(LinkRefusal::Full);
    }
    let code = bytes(caller, at, len).ok_or(LinkRefusal::Guest)?;
    let here = get(caller.data_mut());
    here.stats.modules += 1;
    here.stats.bytes += len;
    if let Some(watch) = &mut here.watch {
        watch(&code);
    }
    Ok(code)
}

/// Makes an instance of a module and puts its functions into slots.
async fn link<T: Send>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut GuestCode + Copy + Send,
    module: &Module,
    slots: i32,
    count: i32,
) -> Result<(), LinkRefusal> {
    let slots = read_slots(caller, slots as u32 as usize, count as u32 as usize).ok_or(LinkRefusal::Guest)?;
    let table = entries(caller).ok_or(LinkRefusal::Guest)?;
    let mut imports = Vec::with_capacity(module.imports().len());
    for import in module.imports() {
        let import = match (import.module(), import.name()) {
            ("env", "memory") => caller.get_export("memory").ok_or(LinkRefusal::Guest)?,
            ("env", "code") => Extern::Table(code_table(caller, get).ok_or(LinkRefusal::Guest)?),
            ("rt", index) => match index.parse().ok().and_then(|index| table.get(&mut *caller, index)) {
                Some(Ref::Func(Some(function))) => Extern::Func(function),
                _ => return Err(LinkRefusal::Guest),
            },
            _ => return Err(LinkRefusal::Invalid),
        };
        imports.push(import);
    }
    let instance = Instance::new_async(&mut *caller, module, &imports).await.map_err(|_| LinkRefusal::Invalid)?;
    for (i, slot) in slots.into_iter().enumerate() {
        let function = instance.get_func(&mut *caller, &format!("f{i}")).ok_or(LinkRefusal::Invalid)?;
        put(caller, get, slot, Some(function)).ok_or(LinkRefusal::Guest)?;
    }
    Ok(())
}
