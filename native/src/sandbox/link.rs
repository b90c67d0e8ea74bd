//! Links the modules that a guest generates: the host's side of `psycore_wasm::link`.
//!
//! A guest imports `reserve`, `link` and `unlink` from the module `psycore`. It exports its memory and, as
//! `__indirect_function_table`, its table. Generated modules import that memory, the table of compiled functions which is
//! kept here, and functions of the guest by their places in its table.
//!
//! wasmtime frees an instance only with its store. Places in tables can be used again, memory can't: so a store has limits
//! on what is ever linked, after which the guest is refused, and goes on interpreting.

use psycore_wasm::link::{Slot, Table as Kind};
use std::time::{Duration, Instant};
use wasmtime::{Caller, Extern, Instance, Linker, Module, Ref, RefType, Table, TableType};

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
}

/// Why a module is refused, as the guest is told.
enum Refusal {
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

    /// What has been linked so far.
    pub fn stats(&self) -> LinkStats {
        self.stats
    }

    /// Lets a function see each module before it is compiled.
    pub fn watch(&mut self, f: impl FnMut(&[u8]) + Send + 'static) {
        self.watch = Some(Box::new(f));
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
                    let linked = link(&mut caller, get, [bytes, len, slots, count].map(|x| x as u32 as usize)).await;
                    let stats = &mut get(caller.data_mut()).stats;
                    stats.time += start.elapsed();
                    match linked {
                        Ok(()) => 0,
                        Err(refusal) => {
                            stats.refused += 1;
                            refusal as i32
                        }
                    }
                })
            },
        )?;
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

fn table<T>(caller: &mut Caller<'_, T>, get: impl Fn(&mut T) -> &mut GuestCode, kind: Kind) -> Option<Table> {
    match kind {
        Kind::Entries => entries(caller),
        Kind::Code => code_table(caller, get),
    }
}

fn reserve<T>(
    mut caller: Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut GuestCode + Copy,
    kind: i32,
    count: i32,
) -> Option<i32> {
    let kind = if kind == Kind::Code as i32 { Kind::Code } else { Kind::Entries };
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

async fn link<T: Send>(
    caller: &mut Caller<'_, T>,
    get: impl Fn(&mut T) -> &mut GuestCode + Copy + Send,
    [at, len, slots, count]: [usize; 4],
) -> Result<(), Refusal> {
    let here = get(caller.data_mut());
    let (limits, stats) = (here.limits, here.stats);
    if stats.modules >= limits.modules || len > limits.module_bytes || len > limits.bytes.saturating_sub(stats.bytes) {
        return Err(Refusal::Full);
    }
    let code = bytes(caller, at, len).ok_or(Refusal::Guest)?;
    let slots = read_slots(caller, slots, count).ok_or(Refusal::Guest)?;
    if let Some(watch) = &mut get(caller.data_mut()).watch {
        watch(&code);
    }
    let module = Module::new(caller.engine(), &code).map_err(|_| Refusal::Invalid)?;
    let table = entries(caller).ok_or(Refusal::Guest)?;
    let mut imports = Vec::with_capacity(module.imports().len());
    for import in module.imports() {
        let import = match (import.module(), import.name()) {
            ("env", "memory") => caller.get_export("memory").ok_or(Refusal::Guest)?,
            ("env", "code") => Extern::Table(code_table(caller, get).ok_or(Refusal::Guest)?),
            ("rt", index) => match index.parse().ok().and_then(|index| table.get(&mut *caller, index)) {
                Some(Ref::Func(Some(function))) => Extern::Func(function),
                _ => return Err(Refusal::Guest),
            },
            _ => return Err(Refusal::Invalid),
        };
        imports.push(import);
    }
    let instance = Instance::new_async(&mut *caller, &module, &imports).await.map_err(|_| Refusal::Invalid)?;
    let stats = &mut get(caller.data_mut()).stats;
    stats.modules += 1;
    stats.bytes += len;
    for (i, slot) in slots.into_iter().enumerate() {
        let function = instance.get_func(&mut *caller, &format!("f{i}")).ok_or(Refusal::Invalid)?;
        put(caller, get, slot, Some(function)).ok_or(Refusal::Guest)?;
    }
    Ok(())
}
