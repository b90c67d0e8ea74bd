//! Exceptions, `with` and `match` against the interpreter.

use std::ptr::null_mut;

use rustpython_vm::AsObject;

use super::bench;
use crate::object::frame::FrameRef;
use crate::runtime::{matching, refs, unwind};

const PYTHON: &str = "
class Manager:
    def __enter__(self): return 'entered'
    def __exit__(self, *exc): return exc[:2]
class Static:
    @staticmethod
    def __enter__(): return 'static'
class Bad:
    @property
    def __enter__(self): raise ValueError('bad')
class Odd(Exception):
    __class__ = property(lambda self: KeyError)
class Point:
    __match_args__ = ('x', 'y')
    def __init__(self): self.x, self.y = 1, 2
class Defaults(dict):
    def __missing__(self, key): return 'missing'
";

#[test]
fn raising() {
    bench(|t| {
        t.run(PYTHON);
        for (value, cause) in [
            ("ValueError", None),
            ("ValueError('v')", None),
            ("ValueError('v')", Some("KeyError")),
            ("ValueError('v')", Some("None")),
            ("ValueError('v')", Some("7")),
            ("7", None),
            ("int", Some("None")),
        ] {
            let from = cause.map_or(String::new(), |c| format!(" from {c}"));
            t.run(&format!(
                "def raised():\n    try: raise {value}{from}\n    except Exception as e: return (repr(e), repr(e.__cause__), e.__suppress_context__)"
            ));
            let v = t.raw(value);
            let c = cause.map_or(null_mut(), |c| t.raw(c));
            // SAFETY: the context and the objects are valid.
            let made = unsafe { unwind::make_exception(t.ctx(), v, c) };
            let made = if made.is_null() { t.raised().unwrap_err().into() } else { unsafe { super::take(made) } };
            t.scope.globals.set_item("made", made, t.vm).unwrap();
            let got = t.expected("(repr(made), repr(made.__cause__), made.__suppress_context__)");
            assert_eq!(got, t.expected("raised()"), "raise {value}{from}");
        }
        // SAFETY (of all blocks): the context is valid and owns what is raised.
        let e = t.raw("ValueError('out')");
        unsafe { unwind::raise_out(t.ctx(), e) };
        assert_eq!(t.object(null_mut()), "raises ValueError: out");
    });
}

/// Where the exception comes from. Its traceback is for prepared code only; `tests/programs/tracebacks.py` looks at that.
#[test]
fn the_exception_that_is_raised() {
    bench(|t| {
        t.run("def f(raise_here):\n    return raise_here()");
        let ctx = t.ctx() as usize;
        for (given, left, expected) in [
            (Some("ValueError('given')"), None, "ValueError ValueError('given')"),
            (None, Some("KeyError('left')"), "KeyError KeyError('left')"),
            (None, None, "SystemError SystemError('compiled code found no exception')"),
            (Some("7"), None, "SystemError SystemError('compiled code raised something else than an exception')"),
        ] {
            let [given, left] = [given, left].map(|e| e.map_or(0, |e| t.raw(e) as usize));
            let raise_here = t.vm.new_function("raise_here", move || {
                let ctx = ctx as *mut super::RuntimeContext;
                let frame = FrameRef::current().unwrap();
                // SAFETY: the context is valid, its frame the one that runs, and the exceptions are owned.
                unsafe {
                    (*ctx).frame = frame.0.cast();
                    (*ctx).exception = left as *mut _;
                    super::take(unwind::raised(ctx, given as *mut _, frame.lasti() as i32 - 1))
                }
            });
            t.scope.globals.set_item("raise_here", raise_here.into(), t.vm).unwrap();
            assert_eq!(t.expected("f(raise_here)"), expected);
        }
    });
}

#[test]
fn what_is_being_handled() {
    bench(|t| {
        // SAFETY (of all blocks): the context and the objects are valid; results are owned.
        let got = unsafe { unwind::handled(t.ctx()) };
        assert_eq!(t.object(got), "raises RuntimeError: No active exception to reraise");
        let (e, none) = (t.raw("ValueError('handled')"), t.raw("None"));
        let before = unsafe { unwind::swap_handled(t.ctx(), e) };
        assert_eq!(t.object(before), "NoneType None");
        let got = unsafe { unwind::handled(t.ctx()) };
        assert_eq!(t.object(got), "ValueError ValueError('handled')");
        let before = unsafe { unwind::swap_handled(t.ctx(), none) };
        assert_eq!(t.object(before), "ValueError ValueError('handled')");
        t.run("import weakref\nclass O: pass\no = O(); ref = weakref.ref(o)");
        let o = t.raw("o");
        t.run("del o");
        assert_eq!(t.expected("ref() is None"), "bool False");
        unsafe { refs::release_now(t.ctx(), o) };
        assert_eq!(t.expected("ref() is None"), "bool True");
    });
}

#[test]
fn except_clauses() {
    bench(|t| {
        t.run(PYTHON);
        for e in ["ValueError('v')", "KeyError('k')", "Odd()", "SystemExit()"] {
            for types in ["ValueError", "Exception", "KeyError", "LookupError", "(KeyError, ValueError)", "()", "7", "(int,)"] {
                t.run(&format!("e = {e}\ndef takes():\n    try: raise e\n    except {types}: return True\n    except BaseException as other:\n        if other is e: return False\n        raise other from None"));
                let (e, class) = (t.raw("e"), t.raw(types));
                let expected = t.expected("takes()");
                // SAFETY: the context and the objects are valid.
                let got = unsafe { unwind::exc_matches(t.ctx(), e, class) };
                assert_eq!(t.truth(got), expected, "except {types}");
                if t.eval(&format!("isinstance({types}, type)")).is(&t.vm.ctx.true_value) {
                    // SAFETY: the same.
                    let got = unsafe { unwind::exc_match(t.ctx(), e, class) };
                    if got != 2 {
                        assert_eq!(t.truth(got), expected, "except {types}");
                    }
                }
            }
        }
        let (odd, class) = (t.raw("Odd()"), t.raw("KeyError"));
        // SAFETY: the same.
        assert_eq!(unsafe { unwind::exc_match(t.ctx(), odd, class) }, 2, "its class says that it is something else");
    });
}

#[test]
fn context_managers() {
    bench(|t| {
        t.run(PYTHON);
        // SAFETY (of all blocks): the context and the objects are valid.
        for (o, takes_self, outcome) in
            [("Manager()", true, "function"), ("Static()", false, "function"), ("Bad()", false, "raises ValueError: bad")]
        {
            let manager = t.raw(o);
            let got = unsafe { unwind::load_special(t.ctx(), manager, 0) };
            if !got.is_null() {
                assert_eq!(t.ctx.failed == 0, takes_self, "{o}");
            }
            assert!(t.object(got).starts_with(outcome), "{o}");
        }
        let seven = t.raw("7");
        t.run("def w():\n    with 7: pass");
        let got = unsafe { unwind::load_special(t.ctx(), seven, 1) };
        assert!(t.object(got).starts_with("raises TypeError: 'int' object does not support the context manager protocol"));
        let (manager, function) = (t.raw("Manager()"), t.raw("Manager.__exit__"));
        let bound = t.raw("Manager().__exit__");
        for (exception, expected) in [("None", "tuple (None, None)"), ("e", "tuple (<class 'ValueError'>, ValueError('v'))")] {
            t.run("e = ValueError('v')");
            let e = t.raw(exception);
            let before = unsafe { unwind::swap_handled(t.ctx(), e) };
            for (exit, owner) in [(function, manager), (bound, null_mut())] {
                let got = unsafe { unwind::with_except_start(t.ctx(), exit, owner) };
                assert_eq!(t.object(got), expected);
            }
            let after = unsafe { unwind::swap_handled(t.ctx(), before) };
            t.drop(after);
        }
    });
}

#[test]
fn patterns() {
    bench(|t| {
        t.run(PYTHON);
        for subject in ["[1]", "(1,)", "'ab'", "{'a': 1, 'b': 2}", "Defaults(a=1)", "range(3)", "7", "None", "Point()"] {
            t.run(&format!(
                "o = {subject}\ndef kind(o):\n    match o:\n        case [*_]: return 0\n        case {{}}: return 1\n\
                 def keys(o):\n    match o:\n        case {{'a': a, 'b': b}}: return (a, b)\n\
                 def attributes(o):\n    match o:\n        case Point(x, y=y): return (x, y)\n\
                 def positional(o):\n    match o:\n        case int(x): return (x,)"
            ));
            // SAFETY (of all blocks): the context and the objects are valid.
            let o = t.raw("o");
            for kind in [0, 1] {
                let got = unsafe { matching::match_kind(t.ctx(), o, kind) };
                assert_eq!(t.truth(got), t.expected(&format!("kind(o) == {kind}")), "{subject}");
            }
            let names = t.raw("('a', 'b')");
            let got = unsafe { matching::match_keys(t.ctx(), o, names) };
            assert_eq!(t.object(got), t.expected("keys(o)"), "{subject}");
            let (point, int, y, none) = (t.raw("Point"), t.raw("int"), t.raw("('y',)"), t.raw("()"));
            let got = unsafe { matching::match_class(t.ctx(), o, point, y, 1) };
            assert_eq!(t.object(got), t.expected("attributes(o)"), "{subject}");
            let got = unsafe { matching::match_class(t.ctx(), o, int, none, 1) };
            assert_eq!(t.object(got), t.expected("positional(o)"), "{subject}");
        }
        let (point, names) = (t.raw("Point()"), t.raw("()"));
        let class = t.raw("Point");
        let got = unsafe { matching::match_class(t.ctx(), point, class, names, 3) };
        assert_eq!(t.object(got), "raises TypeError: Point() accepts 2 positional sub-patterns (3 given)");
        let seven = t.raw("7");
        let got = unsafe { matching::match_class(t.ctx(), point, seven, names, 0) };
        assert_eq!(t.object(got), "raises TypeError: called match pattern must be a class");
    });
}
