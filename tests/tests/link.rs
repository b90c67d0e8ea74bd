//! What the sandbox's host answers guests that ask for the impossible: modules that are none, addresses outside of their
//! memory, imports and places that are not there. The host refuses, and goes on.

use psycore_sandbox::link::{GuestCode, LinkLimits};
use std::time::Duration;
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, MemorySection, MemoryType,
    Module, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmtime::{Engine, Instance, Linker, Store};
use wasmtime_wasi::runtime;

const REFUSED_FULL: i32 = -1;
const REFUSED_INVALID: i32 = -2;
const REFUSED_GUEST: i32 = -3;
/// Where the tests put a module, and the one place that it is to go to.
const MODULE: i32 = 1024;
const SLOTS: i32 = 16;

/// The host's functions and how many numbers each takes.
const IMPORTS: [(&str, usize); 5] = [("reserve", 2), ("link", 4), ("begin", 2), ("ready", 0), ("link_begun", 2)];

/// A guest that exports each of the host's functions wrapped in one of its own.
fn guest() -> Vec<u8> {
    let (mut types, mut imports, mut functions) = (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    for (i, (name, parameters)) in (0u32..).zip(IMPORTS) {
        types.ty().function(vec![ValType::I32; parameters], [ValType::I32]);
        imports.import("psycore", name, EntityType::Function(i));
        functions.function(i);
        exports.export(name, ExportKind::Func, IMPORTS.len() as u32 + i);
        let mut body = Function::new([]);
        for parameter in 0..parameters as u32 {
            body.instructions().local_get(parameter);
        }
        body.instructions().call(i).end();
        code.function(&body);
    }
    let (mut tables, mut memories) = (TableSection::new(), MemorySection::new());
    tables.table(TableType { element_type: RefType::FUNCREF, table64: false, minimum: 1, maximum: None, shared: false });
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    exports.export("memory", ExportKind::Memory, 0).export("__indirect_function_table", ExportKind::Table, 0);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&tables)
        .section(&memories)
        .section(&exports)
        .section(&code);
    module.finish()
}

/// A module that exports `f0`, a function without parameters, and imports a function.
fn generated(import: Option<(&str, &str)>) -> Vec<u8> {
    let (mut types, mut imports, mut functions) = (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    types.ty().function([], []);
    if let Some((module, name)) = import {
        imports.import(module, name, EntityType::Function(0));
    }
    functions.function(0);
    let (mut exports, mut code, mut body) = (ExportSection::new(), CodeSection::new(), Function::new([]));
    exports.export("f0", ExportKind::Func, u32::from(import.is_some()));
    body.instructions().end();
    code.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module.finish()
}

struct Host {
    store: Store<GuestCode>,
    instance: Instance,
}

impl Host {
    fn new(limits: LinkLimits, aside: bool) -> Host {
        let engine = Engine::default();
        let mut code = GuestCode::new(limits);
        if aside {
            code.compile_aside();
        }
        let mut store = Store::new(&engine, code);
        let mut linker = Linker::new(&engine);
        GuestCode::add_to_linker(&mut linker, |code: &mut GuestCode| code).expect("the names are new");
        let module = wasmtime::Module::new(&engine, guest()).expect("the guest is valid");
        let instance = runtime::in_tokio(linker.instantiate_async(&mut store, &module)).expect("the guest has its imports");
        Host { store, instance }
    }

    fn call(&mut self, name: &str, arguments: &[i32]) -> i32 {
        let function = self.instance.get_func(&mut self.store, name).expect("an export");
        let arguments: Vec<_> = arguments.iter().map(|n| wasmtime::Val::I32(*n)).collect();
        let mut result = [wasmtime::Val::I32(0)];
        runtime::in_tokio(function.call_async(&mut self.store, &arguments, &mut result)).expect("the host does not trap");
        result[0].unwrap_i32()
    }

    /// Puts a module and the number of a new place into the guest's memory.
    fn write(&mut self, module: &[u8]) {
        let slot = self.call("reserve", &[0, 1]);
        assert!(slot > 0);
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("an export");
        memory.write(&mut self.store, MODULE as usize, module).expect("it fits");
        memory.write(&mut self.store, SLOTS as usize, &slot.to_le_bytes()).expect("it fits");
    }

    fn link(&mut self, module: &[u8]) -> i32 {
        self.write(module);
        self.call("link", &[MODULE, module.len() as i32, SLOTS, 1])
    }

    fn begin(&mut self, module: &[u8]) -> i32 {
        self.write(module);
        self.call("begin", &[MODULE, module.len() as i32])
    }
}

#[test]
fn modules_that_can_not_be_linked() {
    let mut host = Host::new(LinkLimits::default(), true);
    let good = generated(None);
    for wrong in 0..good.len() {
        let mut broken = good.clone();
        broken[wrong] ^= 0x55;
        // Most are no modules; where a name was hit there is no `f0`. None may harm the host.
        assert!(host.link(&broken) <= 0);
    }
    assert_eq!(host.link(&[]), REFUSED_INVALID);
    assert_eq!(host.link(&good[..good.len() - 1]), REFUSED_INVALID);
    assert_eq!(host.link(&generated(Some(("env", "system")))), REFUSED_INVALID);
    assert_eq!(host.link(&generated(Some(("wasi_snapshot_preview1", "fd_write")))), REFUSED_INVALID);
    for place in ["0", "7", "-1", "x", "4294967296"] {
        assert_eq!(host.link(&generated(Some(("rt", place)))), REFUSED_GUEST, "entry point {place}");
    }
    let outside = [
        [MODULE, i32::MAX, SLOTS, 1],
        [-1, 64, SLOTS, 1],
        [MODULE, good.len() as i32, -4, 1],
        [MODULE, good.len() as i32, SLOTS, -1],
    ];
    host.write(&good);
    for arguments in outside {
        assert!(host.call("link", &arguments) < 0, "{arguments:?}");
    }
    assert_eq!(host.link(&good), 0);
}

#[test]
fn modules_begun() {
    let mut host = Host::new(LinkLimits::default(), true);
    let good = generated(None);
    assert_eq!(host.call("link_begun", &[SLOTS, 1]), REFUSED_GUEST, "nothing was begun");
    let first = host.begin(&good);
    if first == REFUSED_FULL {
        eprintln!("skipped: this machine has one processor");
        return;
    }
    assert_eq!(first, 0);
    assert_eq!(host.begin(&good[..good.len() - 1]), 0);
    assert_eq!(host.begin(&generated(Some(("env", "system")))), 0);
    assert_eq!(host.begin(&good), 0);
    // In their order, whatever becomes of them.
    let linked = [0; 5].map(|_| host.call("link_begun", &[SLOTS, 1]));
    assert_eq!(linked, [0, REFUSED_INVALID, REFUSED_INVALID, 0, REFUSED_GUEST]);
    assert_eq!(host.call("ready", &[]), 0);
    assert_eq!(host.begin(&good), 0);
    while host.call("ready", &[]) != 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(host.call("link_begun", &[-4, 1]), REFUSED_GUEST, "places outside of the memory");
}

#[test]
fn limits_count_what_was_begun() {
    let good = generated(None);
    let mut host = Host::new(LinkLimits { modules: 2, ..LinkLimits::default() }, true);
    if host.begin(&good) == 0 {
        assert_eq!(host.link(&good), 0);
        assert_eq!((host.begin(&good), host.link(&good)), (REFUSED_FULL, REFUSED_FULL));
        assert_eq!(host.call("link_begun", &[SLOTS, 1]), 0);
    }
    let mut host = Host::new(LinkLimits::default(), true);
    let begun = (0..100).filter(|_| host.begin(&good) == 0).count();
    assert!(begun <= 32, "{begun} modules wait at a time");
    let mut host = Host::new(LinkLimits::default(), false);
    assert_eq!((host.begin(&good), host.begin(&[])), (REFUSED_FULL, REFUSED_FULL), "only where it was asked for");
}
