//! Every entry point against the interpreter, corner cases and failures included.
//!
//! Here is what the tests share: an interpreter, a context, and outcomes (a value or an exception)
//! written as text so that they can be compared.

#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "what `Bench` hands out is valid as long as it lives, which is all that entry points ask"
)]

mod calls;
mod costs;
mod death;
mod exceptions;
mod frames;
mod numbers;
mod objects;
mod plain;
mod sequences;
mod strs;
mod tables;

use psycore_jit::rt::RtId;
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::compiler::Mode;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::abi::{Raw, give, take};
use super::entry;
use crate::{Vm, VmConfig};

#[test]
fn each_id_has_an_implementation_with_its_signature() {
    for &rt in RtId::ALL {
        let e = entry(rt);
        assert_eq!((e.params, e.ret), (rt.params(), rt.ret()), "{}", rt.name());
        assert_ne!(e.address, 0, "{}", rt.name());
    }
}

/// All tests of this room.
const TESTS: [&str; 10] = [
    include_str!("calls.rs"),
    include_str!("death.rs"),
    include_str!("exceptions.rs"),
    include_str!("frames.rs"),
    include_str!("numbers.rs"),
    include_str!("objects.rs"),
    include_str!("plain.rs"),
    include_str!("sequences.rs"),
    include_str!("strs.rs"),
    include_str!("tables.rs"),
];

#[test]
fn each_entry_point_has_a_test() {
    // `RtId::Call => e2(call::call),`
    let functions = include_str!("../mod.rs").lines().filter_map(|line| {
        let (_, implementation) = line.trim().strip_prefix("RtId::")?.split_once(" => e")?;
        implementation.trim_end_matches("),").rsplit("::").next()
    });
    // Tests of functions that many share name them as a table does.
    let is_called = |f: &str| ["(t.ctx()", "(ctx", ")"].iter().any(|end| TESTS.iter().any(|t| t.contains(&format!("{f}{end}"))));
    let missing: Vec<&str> = functions.filter(|f| !is_called(f)).collect();
    assert!(missing.is_empty(), "no test calls {}", missing.join(", "));
}

/// An interpreter with a namespace and a context for entry points.
struct Bench<'a> {
    vm: &'a VirtualMachine,
    ctx: Box<RuntimeContext>,
    scope: Scope,
}

/// Runs a test in an interpreter of its own.
fn bench(test: impl FnOnce(&mut Bench<'_>)) {
    let _turn = crate::attach_tests::my_turn();
    let vm = Vm::new(VmConfig::new()).unwrap();
    vm.enter(|vm| {
        crate::object::layout::probe(vm).unwrap();
        let mut ctx = Box::new(RuntimeContext::new());
        ctx.vm = std::ptr::from_ref(vm).cast();
        let scope = vm.new_scope_with_builtins();
        test(&mut Bench { vm, ctx, scope });
    });
}

impl Bench<'_> {
    fn ctx(&mut self) -> *mut RuntimeContext {
        &raw mut *self.ctx
    }

    /// Runs statements.
    fn run(&self, source: &str) {
        let code = self.vm.compile(source, Mode::Exec, "<test>".to_owned()).unwrap();
        if let Err(e) = self.vm.run_code_obj(code, self.scope.clone()) {
            panic!("{}", self.outcome(Err(e)));
        }
    }

    /// What the interpreter makes of an expression.
    fn try_eval(&self, source: &str) -> PyResult {
        let code = self.vm.compile(source, Mode::Eval, "<test>".to_owned()).unwrap();
        self.vm.run_code_obj(code, self.scope.clone())
    }

    /// The value of an expression.
    fn eval(&self, source: &str) -> PyObjectRef {
        self.try_eval(source).unwrap_or_else(|e| panic!("{source}: {}", self.outcome(Err(e))))
    }

    /// An owned reference to the value of an expression.
    fn raw(&self, source: &str) -> Raw {
        give(self.eval(source))
    }

    /// A value's type and `repr`, or an exception's type and text.
    fn outcome(&self, result: PyResult) -> String {
        let text = |o: &PyObject| o.repr(self.vm).map_or("?".to_owned(), |r| r.to_string());
        match result {
            Ok(o) => format!("{} {}", o.class().name(), text(&o)),
            Err(e) => {
                format!("raises {}: {}", e.class().name(), e.as_object().str(self.vm).unwrap())
            }
        }
    }

    /// The exception that an entry point left.
    fn raised(&mut self) -> PyResult {
        let e = std::mem::replace(&mut self.ctx.exception, std::ptr::null_mut());
        assert!(!e.is_null(), "failed without an exception");
        // SAFETY: the context owned it.
        Err(unsafe { take(e.cast()) }.downcast().unwrap())
    }

    /// The outcome of an entry point that returns an object.
    fn object(&mut self, result: Raw) -> String {
        let result = if result.is_null() {
            self.raised()
        } else {
            assert!(self.ctx.exception.is_null());
            // SAFETY: entry points return owned references.
            Ok(unsafe { take(result) })
        };
        self.outcome(result)
    }

    /// The outcome of an entry point that returns a truth value.
    fn truth(&mut self, result: i32) -> String {
        let result = match result {
            0 | 1 => Ok(self.vm.ctx.new_bool(result == 1).into()),
            _ => self.raised(),
        };
        self.outcome(result)
    }

    /// The outcome of an entry point that returns nothing: `None` or an exception.
    fn done(&mut self, result: i32) -> String {
        let result = if result == 0 { Ok(self.vm.ctx.none()) } else { self.raised() };
        self.outcome(result)
    }

    /// What the interpreter makes of an expression, as text.
    fn expected(&self, source: &str) -> String {
        self.outcome(self.try_eval(source))
    }

    /// What the interpreter makes of a statement, as text.
    fn expected_statement(&self, source: &str) -> String {
        let code = self.vm.compile(source, Mode::Exec, "<test>".to_owned()).unwrap();
        self.outcome(self.vm.run_code_obj(code, self.scope.clone()))
    }

    /// Fills the scratch words with owned references.
    fn scratch(&mut self, sources: &[&str]) {
        for (i, source) in sources.iter().enumerate() {
            self.ctx.scratch[i] = self.raw(source) as usize as u64;
        }
    }

    /// Drops an owned reference.
    fn drop(&self, p: Raw) {
        // SAFETY: the test owned it.
        drop(unsafe { take(p) });
    }
}
