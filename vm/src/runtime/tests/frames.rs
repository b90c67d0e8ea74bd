//! The frames that compiled code makes: what the program sees of them while they run and afterwards.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::compiler::Mode;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyObjectRef, VirtualMachine};

use crate::attach_tests::{Never, with_jit};
use crate::hook::{Thresholds, prepare};
use crate::object::frame::FrameRef;
use crate::runtime::abi::{Raw, give, take};
use crate::runtime::{own_frame, unwind};

const PYTHON: &str = "
import sys
seen = []
kept = []
def f(a, b):
    return a
def look():
    frame = sys._getframe(1)
    seen.append((frame.f_code.co_name, frame.f_back.f_code.co_name, dict(frame.f_locals)))
def keep():
    kept.append(sys._getframe(1))
def lines(e):
    out, tb = [], e.__traceback__
    while tb is not None:
        out.append(tb.tb_frame.f_code.co_name)
        tb = tb.tb_next
    return out
class Loud:
    def __del__(self):
        seen.append(sys._getframe(1).f_code.co_name)
def handles(e):
    try: raise e
    except ValueError: return here()
f(1, 2)
";

struct Program<'a> {
    vm: &'a VirtualMachine,
    scope: Scope,
    ctx: Box<RuntimeContext>,
}

impl Program<'_> {
    fn run(&self, source: &str, mode: Mode) -> PyObjectRef {
        let code = self.vm.compile(source, mode, "<test>").unwrap();
        let code = prepare::prepared(self.vm, &code);
        self.vm.run_code_obj(code, self.scope.clone()).unwrap_or_else(|e| {
            let mut text = String::new();
            let _ = self.vm.write_exception(&mut text, &e);
            panic!("{text}");
        })
    }

    fn eval(&self, source: &str) -> PyObjectRef {
        self.run(source, Mode::Eval)
    }

    fn text(&self, source: &str) -> String {
        self.eval(source).repr(self.vm).unwrap().to_string()
    }
}

fn program(test: impl FnOnce(&mut Program<'_>)) {
    with_jit(Box::new(Never), Thresholds::default(), |vm, _| {
        let mut ctx = Box::new(RuntimeContext::new());
        ctx.vm = std::ptr::from_ref(vm).cast();
        let program = &mut Program { vm, scope: vm.new_scope_with_builtins(), ctx };
        program.run(PYTHON, Mode::Exec);
        test(program);
    });
}

/// Runs `test` in a native function that Python code of the name `outer` calls, with the context's frame that of `outer`.
fn inside(p: &mut Program<'_>, test: impl Fn(*mut RuntimeContext) + Send + Sync + 'static) {
    let ctx = &raw mut *p.ctx as usize;
    let native = p.vm.new_function("native", move || {
        let ctx = ctx as *mut RuntimeContext;
        // SAFETY: the context is valid.
        unsafe { (*ctx).frame = FrameRef::current().unwrap().0.cast() };
        test(ctx);
    });
    p.scope.globals.set_item("native", native.into(), p.vm).unwrap();
    p.run("def outer(): native(); return sys._getframe().f_code.co_name", Mode::Exec);
    assert_eq!(p.text("outer()"), "'outer'");
}

#[test]
fn a_frame_is_the_running_one_until_it_ends() {
    program(|p| {
        let (f, look) = (give(p.eval("f")) as usize, p.eval("look"));
        let loud = p.eval("Loud");
        let vm = p.vm as *const VirtualMachine as usize;
        inside(p, move |ctx| {
            // SAFETY: the context and the function are valid, the slots those of its frame.
            unsafe {
                let vm = &*(vm as *const VirtualMachine);
                let outer = FrameRef::current();
                let slots = own_frame::frame_push(ctx, f as Raw).cast::<Raw>();
                assert_eq!([*slots, *slots.add(1)], [std::ptr::null_mut(); 2]);
                slots.write(give(vm.ctx.new_int(5)));
                look.call((), vm).unwrap();
                slots.add(1).write(give(loud.call((), vm).unwrap()));
                assert_eq!(FrameRef::current().unwrap().0.cast(), (*ctx).frame);
                own_frame::frame_pop(ctx);
                assert_eq!(FrameRef::current(), outer);
                assert_eq!(outer.unwrap().0.cast(), (*ctx).frame);
            }
        });
        // What its variables held dies when it is gone.
        assert_eq!(p.text("seen"), "[('f', 'outer', {'a': 5}), 'outer']");
    });
}

#[test]
fn who_holds_a_frame_finds_it_as_it_was_in_the_end() {
    program(|p| {
        let (f, keep) = (give(p.eval("f")) as usize, p.eval("keep"));
        let vm = p.vm as *const VirtualMachine as usize;
        inside(p, move |ctx| {
            // SAFETY: as above.
            unsafe {
                let vm = &*(vm as *const VirtualMachine);
                let slots = own_frame::frame_push(ctx, f as Raw).cast::<Raw>();
                slots.write(give(vm.ctx.new_int(5)));
                keep.call((), vm).unwrap();
                slots.add(1).write(give(vm.ctx.new_int(6)));
                let value = give(vm.ctx.new_int(7));
                own_frame::frame_return(ctx, value);
                drop(take(value));
            }
        });
        assert_eq!(
            p.text("[(k.f_code.co_name, k.f_locals, k.f_back.f_code.co_name) for k in kept]"),
            "[('f', {'a': 5, 'b': 6}, 'outer')]"
        );
    });
}

#[test]
fn an_exception_leaves_a_frame_once() {
    program(|p| {
        let (f, e) = (give(p.eval("f")) as usize, p.eval("ValueError('out')"));
        p.scope.globals.set_item("e", e.clone(), p.vm).unwrap();
        inside(p, move |ctx| {
            // SAFETY: as above; the exception is owned.
            unsafe {
                let slots = own_frame::frame_push(ctx, f as Raw).cast::<Raw>();
                slots.write(give(e.clone()));
                let raised = unwind::raised(ctx, give(e.clone()), 0);
                own_frame::frame_raise(ctx, raised);
                let left = std::mem::replace(&mut (*ctx).exception, std::ptr::null_mut());
                assert!(take(left.cast()).is(&e));
            }
        });
        assert_eq!(p.text("(lines(e), e.__traceback__.tb_frame.f_locals)"), "(['f'], {'a': ValueError('out')})");
    });
}

#[test]
fn the_handled_exception_is_remembered_where_it_matters() {
    program(|p| {
        let (f, handles) = (give(p.eval("f")) as usize, give(p.eval("handles")) as usize);
        let vm = p.vm as *const VirtualMachine as usize;
        inside(p, move |ctx| {
            // SAFETY: as above.
            unsafe {
                let vm = &*(vm as *const VirtualMachine);
                let handled = |function: usize| {
                    own_frame::frame_push(ctx, function as Raw);
                    let frame = crate::object::frame_stack::OwnFrame(FrameRef((*ctx).frame.cast()));
                    let handled = frame.take_handled();
                    own_frame::frame_pop(ctx);
                    handled
                };
                assert!(handled(f).is_none());
                assert!(matches!(handled(handles), Some(None)));
                let e = vm.new_value_error("handled");
                vm.set_exception(Some(e.clone()));
                assert!(matches!(handled(handles), Some(Some(h)) if h.is(&e)));
                vm.set_exception(None);
            }
        });
    });
}
