//! The start-up self-test: the interpreter must see what a hook does to its frame.
//!
//! The interpreter holds `&mut` references to a frame's slots while a hook writes them through
//! addresses. That this works is a property of how the interpreter was compiled, so it is tried in the very
//! binary that is going to rely on it: compiled code that is really a Rust function rewrites a
//! local, the stack and `lasti` of a running loop and of a function's entry.

use crate::code::plan::SiteKind;
use crate::hook::{Attached, Driver, Exited, Hot, Site, SiteVersion, Thresholds, prepare};
use crate::object::frame::FrameRef;
use crate::object::{depth, layout};
use psycore_jit::ir::{ExitKind, FrameDesc, FrameState, ObjId, Reason, Recipe, Type, Unit, Value};
use psycore_jit::lower::CodeHandle;
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::PyCode;
use rustpython_vm::{PyObject, VirtualMachine, py_compile};

pub const THRESHOLDS: Thresholds = Thresholds { calls: 2, iterations: 3 };

/// Marks the version of a function's entry; loops have the number of an exit.
const ENTRY: u64 = u64::MAX;

/// Runs the test with [`Rewrite`] as the driver.
///
/// # Errors
/// A line of text if the interpreter did not do what the hooks told it.
pub fn run(attached: &'static Attached, vm: &VirtualMachine) -> Result<(), String> {
    let failed = || "hooks don't work in this build of the interpreter".to_owned();
    let code = py_compile!(file = "selftest.py", mode = "exec", module_name = "<psycore self-test>");
    let code = PyCode::new_ref_from_frozen(vm, code);
    let code = prepare::prepare(attached, vm, &code);
    depth::find_depth(vm);
    let scope = vm.new_scope_with_builtins();
    let globals = scope.globals.clone();
    vm.run_code_obj(code, scope).map_err(|_| failed())?;
    let value = |name: &str| -> Result<String, String> {
        let v = globals.get_item(name, vm).map_err(|_| failed())?;
        v.repr(vm).map(|s| s.to_string()).map_err(|_| failed())
    };
    // The loop ran three times; then the hook said: s is 100, n is 2, go on at the header.
    // The second call of `ident` returned what the hook pushed.
    if value("loop")? != "[102, 0]" || value("entry")? != "43" {
        return Err(failed());
    }
    Ok(())
}

/// A driver whose compiled code are the functions below.
pub struct Rewrite;

impl Driver for Rewrite {
    fn object(&self, _: ObjId) -> &PyObject {
        unreachable!("the self-test's exits name no objects")
    }

    fn hot(&self, site: &Site, _: FrameRef, vm: &VirtualMachine) -> Hot {
        depth::found_depth(vm);
        let tag = match site.kind {
            SiteKind::Loop { header, .. } => site.attached().exits.register(&rewrite_unit(header)).into(),
            _ => ENTRY,
        };
        site.set_versions(vec![SiteVersion { entry: None, handle: CodeHandle(0), func: 0, tag }]);
        Hot::Installed
    }

    fn exited(&self, site: &Site, _: FrameRef, exit: &Exited<'_>, _: &VirtualMachine) {
        debug_assert_eq!(u64::from(exit.number), exit.version.tag);
        // Once is enough: the rest is the interpreter's.
        site.set_versions(Vec::new());
        site.set_counter(u32::MAX);
    }

    unsafe fn enter(&self, version: &SiteVersion, ctx: *mut RuntimeContext, _args: *mut u64) -> i32 {
        // SAFETY: the hook gives its own context; the exit stack has room.
        unsafe {
            let vm = &*((*ctx).vm as *const VirtualMachine);
            if version.tag == ENTRY {
                (*ctx).ret = layout::disown(vm.ctx.new_int(40).into()) as u64;
                return psycore_jit::ir::status::RETURNED;
            }
            // n = 2 as an object of its own, s = 100 as an int, then the exit's number.
            let top = (*ctx).exit_top;
            top.write(layout::disown(vm.ctx.new_int(2).into()) as u64);
            top.add(1).write(100);
            top.add(2).write(version.tag);
            (*ctx).exit_top = top.add(3);
            psycore_jit::ir::status::EXITED
        }
    }
}

/// A unit whose only exit rewrites the two locals of `count` and goes on at the header.
fn rewrite_unit(header: u32) -> Unit {
    use psycore_jit::ir::{Exit, FnKind, Function};
    let mut f = Function::new("self-test", FnKind::Entry, None);
    f.values = vec![Type::I64, Type::Ptr];
    f.states = vec![FrameState {
        frames: vec![FrameDesc {
            code: ObjId(0),
            func: None,
            pc: header,
            awaits: Default::default(),
            // n and s: the order of the variables is that of the record's words.
            locals: vec![Recipe::Owned(Value(1)), Recipe::Int(Value(0))],
            stack: Vec::new(),
        }],
        globals: Vec::new(),
    }];
    f.exits = vec![Exit { kind: ExitKind::Guard(Reason::Type), state: 0, drops: Vec::new() }];
    Unit { funcs: vec![f] }
}
