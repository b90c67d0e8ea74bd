//! Exits with more than one frame, exceptions, results: "compiled code" is a Rust function that leaves as a test
//! says, and the output must be that of the interpreter.

use super::{outcome, with_jit, with_vm};
use crate::code::plan::SiteKind;
use crate::hook::{Driver, Exited, Hot, Site, SiteVersion, Thresholds};
use crate::object::frame::FrameRef;
use crate::object::{layout, views};
use psycore_jit::bytecode::{Opcode, decode};
use psycore_jit::ir::{
    Exit, ExitKind, FnKind, FrameDesc, FrameState, Function, GlobalWrite, ObjId, Reason, Recipe, Type, Unit, Value, status,
};
use psycore_jit::lower::CodeHandle;
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::PyCode;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// One record: an exit of one function, and its words.
struct LeavingDriver {
    kind: ExitKind,
    state: FrameState,
    words: Vec<(Type, u64)>,
    drops: Vec<u32>,
}

/// What happens at the entry of the function that is watched.
enum Act {
    Return(PyObjectRef),
    /// The innermost function's record first, and the exception if it raised.
    Leave(Vec<LeavingDriver>, Option<PyObjectRef>),
}

type Plot = Box<dyn Fn(&TestStage, FrameRef, &VirtualMachine) -> Option<Act>>;

/// The driver: runs the plot when the function `watch` is entered (or loops).
struct TestStage {
    objects: crate::jit::objects::Objects,
    watch: &'static str,
    in_loop: bool,
    plot: Plot,
    act: RefCell<Option<Act>>,
    taken: Rc<Cell<u32>>,
}

impl TestStage {
    fn id(&self, obj: &PyObject) -> ObjId {
        self.objects.id_of(obj)
    }

    /// A function by its name in the frame's globals, and its code.
    fn function(&self, frame: FrameRef, name: &str, vm: &VirtualMachine) -> (ObjId, ObjId) {
        // SAFETY: the live frame.
        let f = unsafe { frame.get() }.globals().get_item(name, vm).unwrap();
        let code = crate::jit::commands::code_of(&f, vm).unwrap();
        (self.id(&f), self.id(code.as_object()))
    }

    /// Position of the n-th instruction with that opcode.
    fn pc(&self, code: ObjId, op: Opcode, n: usize) -> u32 {
        let code = self.objects.get(code).downcast_ref::<PyCode>().unwrap();
        pc_of(code, op, n)
    }
}

fn pc_of(code: &Py<PyCode>, op: Opcode, n: usize) -> u32 {
    let p = crate::hook::site::of(code).unwrap();
    let (instrs, _) = decode(&p.original_units(code));
    instrs.iter().filter(|i| i.op == op).nth(n).unwrap().pc
}

impl Driver for TestStage {
    fn object(&self, id: ObjId) -> &PyObject {
        self.objects.get(id)
    }

    fn hot(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Hot {
        // SAFETY: the live frame.
        let name = unsafe { frame.code() }.code.obj_name.as_str();
        if name != self.watch || self.in_loop != matches!(site.kind, SiteKind::Loop { .. }) {
            return Hot::Never;
        }
        let Some(act) = (self.plot)(self, frame, vm) else { return Hot::Later(1) };
        // The exit after the records is one of an entry that does not fit.
        let miss = LeavingDriver {
            kind: ExitKind::Guard(Reason::Entry),
            state: state(vec![self::frame(ObjId(0), None, 0, vec![Recipe::Keep], vec![])]),
            words: vec![],
            drops: vec![],
        };
        let none = Vec::new();
        let records = match &act {
            Act::Leave(records, _) => records,
            Act::Return(_) => &none,
        };
        let tag = {
            let funcs = records
                .iter()
                .chain([&miss])
                .map(|r| {
                    let mut f = Function::new("test", FnKind::Entry, None);
                    f.values = r.words.iter().map(|(t, _)| *t).collect();
                    f.states = vec![r.state.clone()];
                    f.exits = vec![Exit { kind: r.kind, state: 0, drops: r.drops.iter().map(|d| Value(*d)).collect() }];
                    f
                })
                .collect();
            u64::from(site.attached().exits.register(&Unit { funcs }))
        };
        *self.act.borrow_mut() = Some(act);
        site.set_versions(vec![SiteVersion { entry: None, handle: CodeHandle(0), func: 0, tag }]);
        Hot::Installed
    }

    fn exited(&self, site: &Site, _: FrameRef, exit: &Exited<'_>, _: &VirtualMachine) {
        assert_eq!(u64::from(exit.number), exit.version.tag);
        self.taken.set(self.taken.get() + 1);
        site.set_versions(Vec::new());
        site.set_counter(1);
    }

    unsafe fn enter(&self, version: &SiteVersion, ctx: *mut RuntimeContext, _: *mut u64) -> i32 {
        // SAFETY: the hook's own context.
        unsafe {
            let act = self.act.borrow_mut().take();
            match act {
                Some(Act::Return(value)) => {
                    (*ctx).ret = layout::disown(value) as u64;
                    self.taken.set(self.taken.get() + 1);
                    status::RETURNED
                }
                Some(Act::Leave(records, exception)) => {
                    let push = |word: u64| {
                        (*ctx).exit_top.write(word);
                        (*ctx).exit_top = (*ctx).exit_top.add(1);
                    };
                    for (i, r) in records.iter().enumerate() {
                        // The words that the exit stores, in its order.
                        let mut f = Function::new("test", FnKind::Entry, None);
                        f.states = vec![r.state.clone()];
                        f.exits = vec![Exit { kind: r.kind, state: 0, drops: r.drops.iter().map(|d| Value(*d)).collect() }];
                        for v in f.exit_values(psycore_jit::ir::ExitId(0)) {
                            push(r.words[v.index()].1);
                        }
                        push(version.tag + i as u64);
                    }
                    if let Some(e) = exception {
                        (*ctx).exception = layout::disown(e) as *mut _;
                    }
                    status::EXITED
                }
                None => {
                    // Only versions that returned are entered again.
                    (*ctx).exit_top.write(version.tag);
                    (*ctx).exit_top = (*ctx).exit_top.add(1);
                    status::EXITED
                }
            }
        }
    }
}

#[track_caller]
fn stage(watch: &'static str, in_loop: bool, times: u32, source: &str, plot: Plot) {
    let plain = with_vm(|vm| outcome(vm, source));
    let taken = Rc::new(Cell::new(0));
    let driver = TestStage { objects: Default::default(), watch, in_loop, plot, act: RefCell::default(), taken: taken.clone() };
    let options = Thresholds { calls: 1, iterations: 1 };
    let got = with_jit(Box::new(driver), options, |vm, _| outcome(vm, source));
    assert_eq!(got, plain, "{source}");
    assert_eq!(taken.get(), times, "{source}");
}

fn local(frame: FrameRef, i: usize) -> PyObjectRef {
    // SAFETY: a bound local of the live frame.
    unsafe { layout::object_at(frame.slots().add(i).read() & !1).to_owned() }
}

fn owned(o: &PyObject) -> (Type, u64) {
    (Type::Ptr, layout::disown(o.to_owned()) as u64)
}

fn frame(code: ObjId, func: Option<ObjId>, pc: u32, locals: Vec<Recipe>, stack: Vec<Recipe>) -> FrameDesc {
    FrameDesc { code, func, pc, awaits: Default::default(), locals, stack }
}

fn state(frames: Vec<FrameDesc>) -> FrameState {
    FrameState { frames, globals: Vec::new() }
}

fn live_code(stage: &TestStage, live: FrameRef) -> ObjId {
    // SAFETY: the live frame.
    stage.id(unsafe { live.code() }.as_object())
}

#[test]
fn returns_a_result() {
    stage(
        "double",
        false,
        3,
        "
def double(x):
    y = x * 2
    return y
print(double(2), double(3), [double('ab')])
",
        Box::new(|_, f, vm| {
            let x = local(f, 0);
            Some(Act::Return(vm._mul(&x, vm.ctx.new_int(2).as_object()).unwrap()))
        }),
    );
}

#[test]
fn returns_from_inside_loops() {
    stage(
        "find",
        true,
        2,
        "
class It:
    def __init__(self, xs): self.i = iter(xs)
    def __iter__(self): return self
    def __next__(self): return next(self.i)
    def __del__(self): print('iterator gone')
def find(xs):
    for x in It(xs):
        for y in [x, x]:
            if x == 2 or y == 2: return 'found'
    return 'no'
print(find([1, 2, 3]))
print(find([1, 2, 3]))
",
        Box::new(|_, f, vm| {
            // SAFETY: live frame; both iterators are on the stack.
            assert!(unsafe { f.stack_len() } >= 2);
            Some(Act::Return(vm.ctx.new_str("found").into()))
        }),
    );
}

/// Raising in the live frame: handlers, `finally`, `with`, contexts, and no handler at all.
#[test]
fn raises_in_the_live_frame() {
    for body in [
        "    return a / b",
        "    try:\n        return a / b\n    except ZeroDivisionError as e:\n        import traceback; print(traceback.format_exc()); return repr(e)",
        "    try:\n        try:\n            x = a / b\n        finally:\n            print('finally')\n    except ArithmeticError:\n        print('caught')\n        raise KeyError(a)",
        "    with suppress(ZeroDivisionError) as s:\n        a / b\n    return 'suppressed'",
        "    with Cm():\n        a / b\n    return 'not reached'",
        "    for i in range(3):\n        try:\n            a / b\n        except Exception:\n            continue\n    return i",
        "    try:\n        [a, (b, a / b)]\n    except TypeError:\n        return 1",
    ] {
        let source = format!("
import sys
from contextlib import suppress
class Cm:
    def __enter__(self): return self
    def __exit__(self, *a): print('exit', a[0], sys.exception()); return False
def f(a, b):
{body}
def caller():
    try:
        [][1]
    except IndexError:
        return f(1, 0)
def top():
    print(f(3, 0))
for c in (top, caller):
    try: print(c())
    except Exception as e:
        import traceback
        print(traceback.format_exc())
        tb = e.__traceback__
        while tb:
            print(tb.tb_lineno, tb.tb_lasti, tb.tb_frame.f_lineno, tb.tb_frame.f_lasti, sorted(tb.tb_frame.f_locals)[:4] if tb.tb_frame.f_code.co_name == 'f' else '')
            tb = tb.tb_next
print(f(1, 0))
");
        let times = Rc::new(Cell::new(0));
        let n = times.clone();
        let plain = with_vm(|vm| outcome(vm, &source));
        let taken = Rc::new(Cell::new(0));
        let driver = TestStage {
            objects: Default::default(),
            watch: "f",
            in_loop: false,
            plot: Box::new(move |s, f, vm| {
                n.set(n.get() + 1);
                // Compiled up to the division, which raised.
                let code = live_code(s, f);
                let pc = s.pc(code, Opcode::BinaryOp, 0);
                let exc = vm.new_zero_division_error("division by zero");
                // SAFETY: live frame.
                let keep = vec![Recipe::Keep; unsafe { f.nlocals() }];
                // Which values the stack holds at the division does not matter, only how many the
                // handler keeps; what `with` and `for` have put there, they must find.
                let c = s.objects.get(code).downcast_ref::<PyCode>().unwrap();
                let depth = rustpython_compiler_core::bytecode::find_exception_handler(&c.code.exceptiontable, pc)
                    .map_or(0, |h| h.depth as usize);
                if depth > 0 {
                    return None;
                }
                let leaving = LeavingDriver {
                    kind: ExitKind::Raise,
                    state: state(vec![frame(code, None, pc, keep, vec![])]),
                    words: vec![],
                    drops: vec![],
                };
                Some(Act::Leave(vec![leaving], Some(exc.into())))
            }),
            act: RefCell::default(),
            taken: taken.clone(),
        };
        let options = Thresholds { calls: 1, iterations: 1 };
        let got = with_jit(Box::new(driver), options, |vm, _| outcome(vm, &source));
        assert_eq!(got, plain, "{source}");
        assert_eq!(times.get(), 3);
        assert!(taken.get() == 3 || body.contains("with") || body.contains("for"), "{body}");
    }
}

const CHAIN: &str = "
import sys, traceback
log = []
def names():
    f = sys._getframe(1); out = []
    while f:
        # f_lasti depends on how far the call was specialized.
        out.append((f.f_code.co_name, f.f_lineno, sorted(f.f_locals)))
        f = f.f_back
        if f and f.f_code.co_name == '<module>': break
    return out
def inner(a, k):
    if k == 1: raise ValueError(a)
    if k == 2: return depth(), names()
    return (
        a + k
    )
def depth():
    n, f = 0, sys._getframe()
    while f: n, f = n + 1, f.f_back
    return n
def mid(a, k):
    try:
        r = [a, inner(a + 1,
                      k)]
    finally:
        log.append((a, k))
    return r
def outer(a, k):
    x = 'local'
    return x, mid(a, k)
def run(a, k):
    try:
        return outer(a, k)
    except ValueError as e:
        return traceback.format_exc()
for k in (0, 1, 2, 0):
    print(run(10, k))
print(log)
outer(7, 1)
";

/// The plot of the chain: `outer` runs compiled, `mid` and `inner` in it, and `inner` leaves at its start.
fn chain(s: &TestStage, live: FrameRef, vm: &VirtualMachine, records: usize, raise: bool) -> Option<Act> {
    let (a, k) = (local(live, 0), local(live, 1));
    let one = vm.ctx.new_int(1);
    let a1 = vm._add(&a, one.as_object()).unwrap();
    let outer_code = live_code(s, live);
    let (mid, mid_code) = s.function(live, "mid", vm);
    let (inner, inner_code) = s.function(live, "inner", vm);
    let x = s.id(vm.ctx.intern_str("local").as_object());
    let kind_inner = if raise {
        // `raise ValueError(a)` itself: it is the first RAISE_VARARGS.
        if k.repr(vm).unwrap().to_string() != "1" {
            return None;
        }
        ExitKind::Raise
    } else {
        ExitKind::Guard(Reason::Type)
    };
    let inner_pc = if raise { s.pc(inner_code, Opcode::RaiseVarargs, 0) } else { s.pc(inner_code, Opcode::Resume, 0) + 1 };
    let exception = raise.then(|| vm.ctx.exceptions.value_error.as_object().call((a1.clone(),), vm).unwrap());
    let outer_frame = |k: Vec<Recipe>| frame(outer_code, None, s.pc(outer_code, Opcode::Call, 0), k, vec![Recipe::Const(x)]);
    let mid_pc = s.pc(mid_code, Opcode::Call, 0);
    let keep = vec![Recipe::Keep, Recipe::Keep, Recipe::Const(x)];
    let (v, w) = (|i: u32| Value(i), |o: &PyObject| owned(o));
    let int = |o: &PyObject| (Type::I64, views::small_int(o.downcast_ref().unwrap()).unwrap() as u64);
    Some(Act::Leave(
        match records {
            1 => vec![LeavingDriver {
                kind: kind_inner,
                state: state(vec![
                    outer_frame(keep),
                    frame(
                        mid_code,
                        Some(mid),
                        mid_pc,
                        vec![Recipe::Int(v(0)), Recipe::Owned(v(1)), Recipe::Null],
                        vec![Recipe::Int(v(0))],
                    ),
                    frame(inner_code, Some(inner), inner_pc, vec![Recipe::Int(v(2)), Recipe::Borrowed(v(1))], vec![]),
                ]),
                words: vec![int(&a), w(&k), int(&a1), w(vm.ctx.new_str("dropped").as_object())],
                drops: vec![3],
            }],
            2 => vec![
                LeavingDriver {
                    kind: kind_inner,
                    state: state(vec![
                        frame(
                            mid_code,
                            Some(mid),
                            mid_pc,
                            vec![Recipe::Int(v(0)), Recipe::Owned(v(1)), Recipe::Null],
                            vec![Recipe::Int(v(0))],
                        ),
                        frame(inner_code, Some(inner), inner_pc, vec![Recipe::Int(v(2)), Recipe::Borrowed(v(1))], vec![]),
                    ]),
                    words: vec![int(&a), w(&k), int(&a1)],
                    drops: vec![],
                },
                LeavingDriver { kind: ExitKind::Call, state: state(vec![outer_frame(keep)]), words: vec![], drops: vec![] },
            ],
            _ => vec![
                LeavingDriver {
                    kind: kind_inner,
                    state: state(vec![frame(
                        inner_code,
                        Some(inner),
                        inner_pc,
                        vec![Recipe::Owned(v(0)), Recipe::Owned(v(1))],
                        vec![],
                    )]),
                    words: vec![w(&a1), w(&k)],
                    drops: vec![],
                },
                LeavingDriver {
                    kind: ExitKind::Call,
                    state: state(vec![frame(
                        mid_code,
                        Some(mid),
                        mid_pc,
                        vec![Recipe::Owned(v(0)), Recipe::Owned(v(1)), Recipe::Null],
                        vec![Recipe::Borrowed(v(0))],
                    )]),
                    words: vec![w(&a), w(&k)],
                    drops: vec![],
                },
                LeavingDriver { kind: ExitKind::Call, state: state(vec![outer_frame(keep)]), words: vec![], drops: vec![] },
            ],
        },
        exception,
    ))
}

#[test]
fn forged_chains() {
    for records in 1..=3 {
        stage("outer", false, 5, CHAIN, Box::new(move |s, f, vm| chain(s, f, vm, records, false)));
    }
}

#[test]
fn raises_in_forged_chains() {
    for records in 1..=3 {
        stage("outer", false, 2, CHAIN, Box::new(move |s, f, vm| chain(s, f, vm, records, true)));
    }
}

#[test]
fn recursion_limit_in_chains() {
    let source = "
import sys
def inner(n):
    return 0 if n == 0 else 1 + outer(n - 1)
def outer(n):
    return inner(n)
print(outer(50))
sys.setrecursionlimit(300)
try: outer(100000)
except RecursionError as e: print('caught', e)
print(outer(20))
";
    let plain = with_vm(|vm| outcome(vm, source));
    let driver = TestStage {
        objects: Default::default(),
        watch: "outer",
        in_loop: false,
        plot: Box::new(|s, f, vm| {
            let code = live_code(s, f);
            let (inner, inner_code) = s.function(f, "inner", vm);
            Some(Act::Leave(
                vec![LeavingDriver {
                    kind: ExitKind::Guard(Reason::Unseen),
                    state: state(vec![
                        frame(code, None, s.pc(code, Opcode::Call, 0), vec![Recipe::Keep], vec![]),
                        frame(
                            inner_code,
                            Some(inner),
                            s.pc(inner_code, Opcode::Resume, 0) + 1,
                            vec![Recipe::Owned(Value(0))],
                            vec![],
                        ),
                    ]),
                    words: vec![owned(&local(f, 0))],
                    drops: vec![],
                }],
                None,
            ))
        }),
        act: RefCell::default(),
        taken: Rc::default(),
    };
    let options = Thresholds { calls: 1, iterations: 1 };
    let got = with_jit(Box::new(driver), options, |vm, _| outcome(vm, source));
    assert_eq!(got, plain);
}

#[test]
fn globals_are_written_back_first() {
    stage(
        "step",
        false,
        2,
        "
class Old:
    def __del__(self): print('old goes; total is', total)
total = Old()
keep = 1
def step(n):
    global total
    total = n * 2
    return show(n)
def show(n): return total + n
print(step(3)); print(total); total = Old(); print(step(4))
",
        Box::new(|s, f, vm| {
            // Leaves before the call of `show`, with the global still in a register.
            let code = live_code(s, f);
            let (show, _) = s.function(f, "show", vm);
            let n = local(f, 0);
            let twice = vm._mul(&n, vm.ctx.new_int(2).as_object()).unwrap();
            // SAFETY: the live frame.
            let dict = s.id(unsafe { f.get() }.globals().as_object());
            let mut st = state(vec![frame(
                code,
                None,
                s.pc(code, Opcode::Call, 0),
                vec![Recipe::Keep],
                vec![Recipe::Const(show), Recipe::Null, Recipe::Owned(Value(0))],
            )]);
            st.globals =
                vec![GlobalWrite { dict, name: s.id(vm.ctx.intern_str("total").as_object()), value: Recipe::Int(Value(1)) }];
            Some(Act::Leave(
                vec![LeavingDriver {
                    kind: ExitKind::Guard(Reason::Value),
                    state: st,
                    words: vec![owned(&n), (Type::I64, views::small_int(twice.downcast_ref().unwrap()).unwrap() as u64)],
                    drops: vec![],
                }],
                None,
            ))
        }),
    );
}

#[test]
fn goes_on_after_an_instruction() {
    stage(
        "f",
        false,
        2,
        "
def f(a):
    b = (a * 1000) + 1
    return b
print(f(2), f(3))
",
        Box::new(|s, f, vm| {
            let code = live_code(s, f);
            let product = vm._mul(&local(f, 0), vm.ctx.new_int(1000).as_object()).unwrap();
            Some(Act::Leave(
                vec![LeavingDriver {
                    kind: ExitKind::After(Reason::Finalizer),
                    state: state(vec![frame(
                        code,
                        None,
                        s.pc(code, Opcode::BinaryOp, 0),
                        vec![Recipe::Keep, Recipe::Null],
                        vec![Recipe::Owned(Value(0))],
                    )]),
                    words: vec![owned(&product)],
                    drops: vec![],
                }],
                None,
            ))
        }),
    );
}
