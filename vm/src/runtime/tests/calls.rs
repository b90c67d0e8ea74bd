//! Calls of every kind of callable against the interpreter, and functions made at run time.

use super::bench;
use crate::runtime::abi::Raw;
use crate::runtime::call::{function, instance};
use crate::runtime::{call, poll};

const PYTHON: &str = "
import types
def one(x): return ('one', x)
def none(): return 'none'
def default(x, y=2): return (x, y)
def kwonly(x, *, k=3): return (x, k)
def star(*a, **k): return (a, k)
def raising(x): raise ValueError(x)
def generator(x): yield x
def recurse(x): return recurse(x)
class Plain:
    def __init__(self, x): self.x = x
    def __repr__(self): return f'Plain({self.x})'
    def method(self, y): return (self.x, y)
class NoInit:
    def __repr__(self): return 'NoInit()'
class BadInit:
    def __init__(self, x): return x
class Raising:
    def __init__(self, x): raise KeyError(x)
class New:
    def __new__(cls, x): return ('new', x)
class NewInit(Plain):
    def __new__(cls, x): return super().__new__(cls)
class Meta(type):
    def __call__(cls, x): return ('meta', x)
class WithMeta(metaclass=Meta): pass
class Call:
    def __call__(self, x): return ('called', x)
class Sub(list): pass
class Slots:
    __slots__ = 'x'
    def __init__(self, x): self.x = x
    def __repr__(self): return f'Slots({self.x})'
import abc
class Abstract(abc.ABC):
    @abc.abstractmethod
    def f(self): pass
bound = Plain(7).method
seven = 7
changing = lambda x: ('before', x)
";

const CALLABLES: [&str; 27] = [
    "one",
    "none",
    "default",
    "kwonly",
    "star",
    "raising",
    "generator",
    "recurse",
    "Plain",
    "NoInit",
    "BadInit",
    "Raising",
    "New",
    "NewInit",
    "WithMeta",
    "Call()",
    "Sub",
    "Slots",
    "Abstract",
    "bound",
    "len",
    "print",
    "int",
    "'abc'.upper",
    "[].append",
    "seven",
    "types.MethodType(len, 'abc')",
];

fn plain(s: String) -> String {
    s.split(" at 0x").next().unwrap().to_owned()
}

#[test]
fn positional_calls() {
    bench(|t| {
        t.run(PYTHON);
        for f in CALLABLES {
            for args in [&[][..], &["'a'"], &["1", "2"], &["1", "2", "3"]] {
                for _ in 0..3 {
                    let expected = t.expected(&format!("({f})({})", args.join(", ")));
                    let callable = t.raw(f);
                    t.scratch(args);
                    // SAFETY: the context and the objects are valid.
                    let got = unsafe { call::call(t.ctx(), callable, args.len() as i32) };
                    assert_eq!(plain(t.object(got)), plain(expected), "{f}{args:?}");
                }
            }
        }
        for code in ["lambda x, y: 0", "lambda *x: ('after', x)", "lambda x: ('again', x)"] {
            t.run(&format!("changing.__code__ = ({code}).__code__"));
            let expected = t.expected("changing(1)");
            let callable = t.raw("changing");
            t.scratch(&["1"]);
            // SAFETY: the context and the objects are valid.
            let got = unsafe { call::call(t.ctx(), callable, 1) };
            assert_eq!(t.object(got), expected);
        }
    });
}

#[test]
fn conversions() {
    bench(|t| {
        t.run(PYTHON);
        t.run("class Int(int):\n    def __str__(self): return 'Int'\nclass Float(float): pass");
        for f in ["float", "int", "str", "type", "bool", "tuple"] {
            for arg in [
                "7",
                "-7",
                "2**53+1",
                "2**63",
                "10**400",
                "1.5",
                "-1.5",
                "1e18",
                "-9.3e18",
                "1e300",
                "float('nan')",
                "float('inf')",
                "-0.0",
                "'12'",
                "'é'",
                "b'1'",
                "True",
                "Int(3)",
                "Float(2.5)",
                "None",
                "[1]",
                "Plain(1)",
            ] {
                t.run(&format!("a = {arg}"));
                let expected = t.expected(&format!("{f}(a)"));
                let callable = t.raw(f);
                t.scratch(&["a"]);
                // SAFETY: the context and the objects are valid.
                let got = unsafe { call::call(t.ctx(), callable, 1) };
                assert_eq!(t.object(got), expected, "{f}({arg})");
            }
        }
    });
}

#[test]
fn keyword_calls() {
    bench(|t| {
        t.run(PYTHON);
        for f in CALLABLES {
            for (args, names) in [
                (&["1"][..], "('x',)"),
                (&["1", "2"], "('y',)"),
                (&["1", "2"], "('x', 'y')"),
                (&["1", "2"], "('k',)"),
                (&["1"], "('nonsense',)"),
            ] {
                t.run(&format!("args = [{}]; names = {names}", args.join(", ")));
                let expected =
                    t.expected(&format!("({f})(*args[:len(args)-len(names)], **dict(zip(names, args[len(args)-len(names):])))"));
                let (callable, names) = (t.raw(f), t.raw("names"));
                t.scratch(args);
                // SAFETY: the context and the objects are valid.
                let got = unsafe { call::call_kw(t.ctx(), callable, args.len() as i32, names) };
                assert_eq!(plain(t.object(got)), plain(expected), "{f}{args:?}");
            }
        }
    });
}

#[test]
fn calls_with_unpacked_arguments() {
    bench(|t| {
        t.run(PYTHON);
        t.run("class Keys:\n    def keys(self): return ['x', 'k']\n    def __getitem__(self, k): return k + '!'");
        for f in ["star", "one", "Plain", "len"] {
            for args in ["(1,)", "[1]", "'ab'", "7", "iter([])", "()"] {
                for kwargs in ["", "{'k': 1}", "{1: 2}", "7", "Keys()", "[('a', 1)]"] {
                    let stars = if kwargs.is_empty() { String::new() } else { format!(", **{kwargs}") };
                    let expected = t.expected(&format!("({f})(*{args}{stars})"));
                    let (callable, a) = (t.raw(f), t.raw(args));
                    let k = if kwargs.is_empty() { std::ptr::null_mut() } else { t.raw(kwargs) };
                    // SAFETY: the context and the objects are valid.
                    let got = unsafe { call::call_ex(t.ctx(), callable, std::ptr::null_mut(), a, k) };
                    assert_eq!(plain(t.object(got)), plain(expected), "{f}(*{args}{stars})");
                    if args == "7" {
                        // Not one argument among others: the interpreter finds out before the call.
                        continue;
                    }
                    let expected = t.expected(&format!("({f})(0, *{args}{stars})"));
                    let first = t.raw("0");
                    // SAFETY: the same.
                    let got = unsafe { call::call_ex(t.ctx(), callable, first, a, k) };
                    assert_eq!(plain(t.object(got)), plain(expected), "{f}(0, *{args}{stars})");
                }
            }
        }
    });
}

#[test]
fn new_instances_functions_and_cells() {
    bench(|t| {
        t.run(PYTHON);
        // SAFETY (of all blocks): the context and the objects are valid.
        let class = t.raw("Slots");
        let got = unsafe { call::new_instance(t.ctx(), class) };
        t.scope.globals.set_item("bare", unsafe { super::take(got) }, t.vm).unwrap();
        t.run("bare.x = 5");
        assert_eq!(t.expected("bare"), "Slots Slots(5)");
        for (class, is_plain) in
            [("Plain", true), ("NoInit", true), ("Slots", true), ("New", false), ("Sub", false), ("int", false)]
        {
            let class = t.eval(class);
            let class = class.downcast_ref().unwrap();
            assert_eq!(call::has_plain_new(t.vm, class), is_plain);
        }
        t.run("def outer(a):\n    def inner(b, c=a): return (a, b, c)\n    return inner\ninner = outer(5)");
        let (code, closure) = (t.raw("inner.__code__"), t.raw("inner.__closure__"));
        let (globals, defaults) = (t.raw("inner.__globals__"), t.raw("(8,)"));
        let f = unsafe { function::make_function(t.ctx(), code, globals, closure, defaults) };
        assert!(!f.is_null());
        t.scratch(&["6"]);
        let got = unsafe { call::call(t.ctx(), f, 1) };
        assert_eq!(t.object(got), "tuple (5, 6, 8)");
        t.scope.globals.set_item("made", unsafe { super::take(f) }, t.vm).unwrap();
        for attribute in ["__name__", "__qualname__", "__module__", "__doc__"] {
            assert_eq!(t.expected(&format!("made.{attribute}")), t.expected(&format!("inner.{attribute}")));
        }
        let (code, globals) = (t.raw("one.__code__"), t.raw("{}"));
        let null: Raw = std::ptr::null_mut();
        let f = unsafe { function::make_function(t.ctx(), code, globals, null, null) };
        t.scratch(&["6"]);
        let got = unsafe { call::call(t.ctx(), f, 1) };
        assert_eq!(t.object(got), "tuple ('one', 6)");
        let content = t.raw("[1]");
        let cell = unsafe { function::new_cell(t.ctx(), content) };
        t.scope.globals.set_item("cell", unsafe { super::take(cell) }, t.vm).unwrap();
        assert_eq!(t.expected("cell.cell_contents"), "list [1]");
        let cell = unsafe { function::new_cell(t.ctx(), null) };
        t.scope.globals.set_item("cell", unsafe { super::take(cell) }, t.vm).unwrap();
        assert_eq!(t.expected("cell.cell_contents"), "raises ValueError: Cell is empty");
    });
}

#[test]
fn polling_leaves_for_collections_signals_and_tracing() {
    bench(|t| {
        // A busy machine may let the time for signals pass between two polls: not each must stay.
        fn stays(t: &mut super::Bench<'_>) -> bool {
            // SAFETY: the context is valid.
            (0..100).any(|_| unsafe { poll::poll_slow(t.ctx()) } == 0)
        }
        t.run("import gc; gc.collect(); gc.disable()");
        assert!(stays(t));
        assert_eq!(t.ctx.countdown, poll::POLL_INTERVAL);
        std::thread::sleep(std::time::Duration::from_millis(25));
        // SAFETY: the context is valid.
        assert_eq!(unsafe { poll::poll_slow(t.ctx()) }, 1, "a look at signals is due");
        t.run("kept = [[] for _ in range(5000)]");
        assert!(stays(t), "the collector is off");
        t.run("gc.enable()");
        let kept: Vec<_> = (0..5000).map(|_| t.vm.ctx.new_list(Vec::new())).collect();
        assert!(!stays(t), "a collection is due");
        drop(kept);
        t.run("gc.collect(); gc.disable()");
        assert!(stays(t));
        t.vm.use_tracing.set(true);
        assert!(!stays(t), "somebody traces");
        t.vm.use_tracing.set(false);
        assert!(stays(t));
    });
}

#[test]
fn plain_instances() {
    bench(|t| {
        t.run(PYTHON);
        t.run("class Lies:\n    __class__ = int");
        for o in ["1", "True", "Plain(1)", "NewInit.__new__(NewInit, 1)", "Lies()", "Slots(1)"] {
            for class in ["int", "object", "Plain", "Slots", "str"] {
                let (instance, of) = (t.raw(o), t.raw(class));
                // SAFETY (of all blocks): the context and the objects are valid.
                let got = unsafe { call::is_instance_plain(t.ctx(), instance, of) };
                if got != -1 {
                    assert_eq!(t.truth(got), t.expected(&format!("isinstance({o}, {class})")), "{o}, {class}");
                }
            }
        }
        let (lies, int) = (t.raw("Lies()"), t.raw("int"));
        assert_eq!(unsafe { call::is_instance_plain(t.ctx(), lies, int) }, -1, "its `__class__` says something else");
        t.run("template = {'x': None, 'y': None}");
        let (class, template) = (t.raw("NoInit"), t.raw("template"));
        t.scratch(&["[1]", "2.5"]);
        let got = unsafe { instance::build_instance(t.ctx(), class, template, 2) };
        t.scope.globals.set_item("made", unsafe { super::take(got) }, t.vm).unwrap();
        assert_eq!(
            t.expected("(type(made) is NoInit, vars(made), template)"),
            "tuple (True, {'x': [1], 'y': 2.5}, {'x': None, 'y': None})"
        );
    });
}

#[test]
fn keyword_arguments_are_merged() {
    bench(|t| {
        t.run(PYTHON);
        t.run("class Keys:\n    def keys(self): return ['x', 'k']\n    def __getitem__(self, k): return k + '!'");
        for mapping in ["{'k': 1}", "{'a': 1}", "Keys()", "7", "{}"] {
            let expected = t.expected(&format!("star(**{{'a': 0}}, **{mapping})"));
            t.run("d = {'a': 0}");
            let [f, d, m] = ["star", "d", mapping].map(|s| t.raw(s));
            // SAFETY: the context and the objects are valid, the second an exact dict.
            let result = unsafe { call::dict_merge(t.ctx(), f, d, m) };
            let failed = result != 0;
            let got = t.done(result);
            assert_eq!(if failed { got } else { t.expected("((), d)") }, expected, "{mapping}");
        }
    });
}
