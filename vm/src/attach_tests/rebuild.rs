//! Deopt everywhere: at each hook "compiled code" leaves at once, through an exit whose recipes make each
//! value anew (ints unboxed, tuples and iterators in parts). No program may notice.

use super::{outcome, with_jit, with_vm};
use crate::hook::{Driver, Exited, Hot, Site, SiteVersion, Thresholds};
use crate::object::frame::FrameRef;
use crate::object::{layout, views};
use psycore_jit::ir::{
    Exit, ExitKind, Field, FnKind, FrameDesc, FrameState, Function, ObjId, Reason, Recipe, SeqKind, Type, Unit, Value,
    VirtualKind, status,
};
use psycore_jit::lower::CodeHandle;
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyFloat, PyInt, PyTuple};
use rustpython_vm::{AsObject, PyObject, VirtualMachine};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Default)]
pub struct Rebuild {
    objects: crate::jit::objects::Objects,
    record: RefCell<Vec<u64>>,
    exits: Rc<Cell<u64>>,
    turn: Cell<u32>,
}

struct Making<'a> {
    vm: &'a VirtualMachine,
    words: Vec<u64>,
    types: Vec<Type>,
}

impl Making<'_> {
    fn value(&mut self, ty: Type, word: u64) -> Value {
        self.words.push(word);
        self.types.push(ty);
        Value(self.words.len() as u32 - 1)
    }

    /// A recipe for a live object, and the references that it owns.
    fn recipe(&mut self, obj: &PyObject, driver: &Rebuild) -> Recipe {
        let vm = self.vm;
        let l = layout::get().unwrap();
        let field = |f: Field| {
            // SAFETY: the object is of the type that the field belongs to.
            unsafe { ((layout::address(obj) as isize + l.offset(f) as isize) as *const u64).read() }
        };
        let class = obj.class();
        let types = &vm.ctx.types;
        if let Some(i) = obj.downcast_ref_if_exact::<PyInt>(vm)
            && let Some(i) = views::small_int(i)
        {
            return Recipe::Int(self.value(Type::I64, i as u64));
        }
        if class.is(types.bool_type) {
            let v = u64::from(vm.ctx.true_value.as_object().is(obj));
            return Recipe::Bool(self.value(Type::I32, v));
        }
        // As in compiled code, NaN stays the object that it is: containers compare it by identity.
        if let Some(f) = obj.downcast_ref_if_exact::<PyFloat>(vm).filter(|f| !f.to_f64().is_nan()) {
            return Recipe::Float(self.value(Type::F64, f.to_f64().to_bits()));
        }
        if let Some(t) = obj.downcast_ref_if_exact::<PyTuple>(vm) {
            let parts = t.as_slice().iter().map(|o| self.recipe(o, driver)).collect();
            return Recipe::Virtual { kind: VirtualKind::Tuple, parts, numbers: vec![] };
        }
        // An iterator that somebody else holds too must stay the same one.
        let alone = obj.strong_count() == 1;
        if alone && class.is(types.range_iterator_type) {
            let index = field(Field::RangeIterIndex) as i64;
            let start = field(Field::RangeIterStart) as i64;
            let step = field(Field::RangeIterStep) as i64;
            let len = (field(Field::RangeIterLen) as i64 - index).max(0);
            let next = start.wrapping_add(index.wrapping_mul(step));
            let numbers = [next, len, step].map(|n| self.value(Type::I64, n as u64)).into();
            return Recipe::Virtual { kind: VirtualKind::RangeIter, parts: vec![], numbers };
        }
        if alone && class.is(types.list_iterator_type) && field(Field::ListIterList) != 0 {
            let seq = field(Field::ListIterList);
            let index = field(Field::ListIterIndex);
            let parts = vec![Recipe::Borrowed(self.value(Type::Ptr, seq))];
            let numbers = vec![self.value(Type::I64, index)];
            return Recipe::Virtual { kind: VirtualKind::SeqIter(SeqKind::List), parts, numbers };
        }
        driver.turn.set(driver.turn.get() + 1);
        // A constant lives as long as the driver.
        let immortal = class.is(types.str_type) || class.is(types.function_type);
        match driver.turn.get() % 3 {
            0 if immortal => Recipe::Const(driver.objects.id_of(obj)),
            0 | 1 => Recipe::Borrowed(self.value(Type::Ptr, layout::address(obj) as u64)),
            _ => {
                let owned = layout::disown(obj.to_owned()) as u64;
                Recipe::Owned(self.value(Type::Ptr, owned))
            }
        }
    }
}

impl Driver for Rebuild {
    fn object(&self, id: ObjId) -> &PyObject {
        self.objects.get(id)
    }

    fn hot(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Hot {
        let mut making = Making { vm, words: Vec::new(), types: Vec::new() };
        // SAFETY: the live frame of the site.
        let (locals, stack) = unsafe {
            let n = frame.nlocals();
            let mut slot = |i: usize, local: bool| {
                let word = frame.slots().add(i).read();
                if word == 0 {
                    return Recipe::Null;
                }
                let obj = layout::object_at(word & !1);
                // Cells stay what they are; some slots are kept.
                if i % 4 == 3 && local || obj.class().is(vm.ctx.types.cell_type) {
                    return Recipe::Keep;
                }
                making.recipe(obj, self)
            };
            let locals: Vec<Recipe> = (0..n).map(|i| slot(i, true)).collect();
            let stack: Vec<Recipe> = (n..n + frame.stack_len()).map(|i| slot(i, false)).collect();
            (locals, stack)
        };
        let mut f = Function::new("rebuild", FnKind::Entry, None);
        f.values = making.types;
        // SAFETY: as above.
        let code = self.objects.id_of(unsafe { site.code() }.as_object());
        f.states = vec![FrameState {
            frames: vec![FrameDesc { code, func: None, pc: site.pc(), awaits: Default::default(), locals, stack }],
            globals: Vec::new(),
        }];
        f.exits = vec![Exit { kind: ExitKind::Guard(Reason::Type), state: 0, drops: Vec::new() }];
        // Values in the order of the record.
        let order = f.exit_values(psycore_jit::ir::ExitId(0));
        *self.record.borrow_mut() = order.iter().map(|v| making.words[v.index()]).collect();
        let number = site.attached().exits.register(&Unit { funcs: vec![f] });
        site.set_versions(vec![SiteVersion { entry: None, handle: CodeHandle(0), func: 0, tag: number.into() }]);
        Hot::Installed
    }

    fn exited(&self, site: &Site, _: FrameRef, exit: &Exited<'_>, _: &VirtualMachine) {
        assert_eq!(u64::from(exit.number), exit.version.tag);
        assert_eq!(exit.record, *self.record.borrow());
        self.exits.set(self.exits.get() + 1);
        site.attached().exits.unregister(exit.number);
        site.set_versions(Vec::new());
        site.set_counter(1);
    }

    unsafe fn enter(&self, version: &SiteVersion, ctx: *mut RuntimeContext, _: *mut u64) -> i32 {
        // SAFETY: the context of the hook; the exit stack has room.
        unsafe {
            for w in self.record.borrow().iter() {
                (*ctx).exit_top.write(*w);
                (*ctx).exit_top = (*ctx).exit_top.add(1);
            }
            (*ctx).exit_top.write(version.tag);
            (*ctx).exit_top = (*ctx).exit_top.add(1);
        }
        status::EXITED
    }
}

/// Compares a program with itself under deopt everywhere; gives the number of exits.
#[track_caller]
pub fn same(source: &str) -> u64 {
    let plain = with_vm(|vm| outcome(vm, source));
    let options = Thresholds { calls: 1, iterations: 1 };
    let driver = Rebuild::default();
    let exits = driver.exits.clone();
    let rebuilt = with_jit(Box::new(driver), options, |vm, _| outcome(vm, source));
    assert_eq!(rebuilt, plain, "{source}");
    exits.get()
}

#[test]
fn loops_over_everything() {
    let exits = same(
        "
def f(n, *a, k=2.5, **kw):
    out = []
    for i in range(3, n * 3, 3): out.append((i, k))
    for i in range(n, -n, -2): out.append(i)
    for x in [1, 2.5, True, None, 'x', (1, (2, 3))]:
        for y in (x, x): out.append(y)
    for c in 'h\\u00e9llo': out.append(c)
    for i, (a, b) in enumerate(zip([1, 2], (3, 4)), 5): out.append((i, a, b))
    for k2, v in {'a': 1, 'b': 2}.items(): out.append((k2, v))
    for i in range(2**62, 2**62 + 3): out.append(i)
    for i in range(2**63 - 3, 2**63 - 1): out.append(i)
    n2 = n
    while n2 > 0:
        n2 -= 1
        t = (n2, float(n2), n2 % 2 == 0)
        out.append(t)
    return out
print(f(4, 1, 2, z=3))
def gen(n):
    for i in range(n):
        got = yield i
        while got:
            got = yield got
g = gen(5)
print(next(g), g.send(7), g.send(8), next(g), list(g))
def closure(n):
    t = 0
    def add(k):
        nonlocal t
        for _ in range(k): t += 1
        return t
    for i in range(n): add(i)
    return t
print(closure(5))
total = 0
for i in range(10):
    for j in [1, 2, 3]:
        total += i * j
        if total > 100: break
    else: continue
    total -= 1
print(total)
class D:
    def __init__(self, n): self.n = n
    def __del__(self): print('del', self.n)
def dels():
    for i in range(3):
        d = D(i)
    print('end')
dels()
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
print(fib(10))
def deep(n):
    return 0 if n == 0 else 1 + deep(n - 1)
try: deep(100000)
except RecursionError as e: print(e)
import sys
def loc(a, b=2):
    x = [a]
    for q in x:
        print(sorted(locals().items()), sys._getframe().f_locals['q'])
    return x
print(loc(1))
def exc(n):
    for i in range(n):
        try:
            with open('/nonexistent/x') as f: pass
        except OSError as e:
            if i == 2: raise ValueError(i) from e
        finally:
            n += 1
try: exc(4)
except ValueError as e:
    import traceback; print(traceback.format_exc())
exec('for i in range(3): print(i)\\nelse: print(\"e\")')
raise KeyError(total)
",
    );
    assert!(exits > 300, "{exits}");
}

#[test]
fn programs() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/programs");
    let Ok(dir) = std::fs::read_dir(root) else { return };
    let mut paths: Vec<_> = dir.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    let skip = ["input", "argv", "signal", "kill"];
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "py")).step_by(4) {
        let source = std::fs::read_to_string(path).unwrap();
        if skip.iter().any(|s| source.contains(s)) {
            continue;
        }
        println!("{}", path.display());
        same(&source);
    }
}
