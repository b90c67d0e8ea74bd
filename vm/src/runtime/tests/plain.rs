//! Plain twins: what they do is what the interpreter does, without Python code and without exceptions.

use super::bench;
use crate::runtime::dict_set::tables::{ABSENT, ODD, dict_find_name};
use crate::runtime::plain;

const PYTHON: &str = "
ran = []
class Odd:
    def __eq__(self, other): ran.append('eq'); return True
    def __hash__(self): ran.append('hash'); return 3
    def __bool__(self): ran.append('bool'); return True
    def __add__(self, other): ran.append('add'); return 1
    __radd__ = __add__
    def __contains__(self, item): ran.append('contains'); return True
    def __getitem__(self, key): ran.append('getitem'); return key
    def __getattr__(self, name): ran.append('getattr'); return name
    def __index__(self): ran.append('index'); return 0
class Plain:
    shared = 'class'
    def method(self): pass
    @property
    def prop(self): ran.append('prop'); return 1
plain, odd = Plain(), Odd()
plain.own = 1
import math
values = [3, 300, 1 << 70, 2.5, float('nan'), True, None, 'text', 'a', b'text', 1j, [1, 'a'], (1, 'a'), {'a': 1, 3: 2}, {3, 'a'}, plain, odd, Plain, math, len]
";

#[test]
fn twins_do_what_the_interpreter_does() {
    bench(|t| {
        t.run(PYTHON);
        let n = 20;
        let mut done = 0;
        for i in 0..n {
            for j in 0..n {
                t.run(&format!("a, b = values[{i}], values[{j}]"));
                let (a, b) = (t.raw("a"), t.raw("b"));
                let (ran, ctx) = (t.eval("list(ran)"), t.ctx());
                // SAFETY: the context and the objects are valid.
                let got = unsafe {
                    let mut got = Vec::new();
                    for (op, text) in [(2, "a == b"), (3, "a != b"), (0, "a < b")] {
                        got.push((text, flag(t, plain::plain_compare(ctx, op, a, b))));
                    }
                    got.push(("b in a", flag(t, plain::plain_contains(ctx, a, b))));
                    got.push(("bool(a)", flag(t, plain::plain_to_bool(ctx, a))));
                    for (op, text) in [(0, "a + b"), (10, "a - b"), (5, "a * b"), (11, "a / b"), (6, "a % b")] {
                        // Large texts and numbers.
                        if op != 5 || i > 2 && j > 2 {
                            got.push((text, object(t, plain::plain_binary_op(ctx, op, a, b))));
                        }
                    }
                    got.push(("a[b]", object(t, plain::plain_get_item(ctx, a, b))));
                    got
                };
                assert!(t.ctx.exception.is_null());
                let same = t.eval("list(ran)");
                assert_eq!(t.outcome(Ok(ran)), t.outcome(Ok(same)), "Python code ran for {i} and {j}");
                for (text, got) in got {
                    if let Some(got) = got {
                        done += 1;
                        assert_eq!(got, t.expected(text), "{text} of {i} and {j}");
                    }
                }
                t.drop(a);
                t.drop(b);
            }
        }
        assert!(done > 800, "only {done} were done");
    });
}

fn flag(t: &super::Bench<'_>, result: i32) -> Option<String> {
    (result >= 0).then(|| t.outcome(Ok(t.vm.ctx.new_bool(result == 1).into())))
}

fn object(t: &super::Bench<'_>, result: super::Raw) -> Option<String> {
    // SAFETY: twins give owned references, or nothing.
    (!result.is_null()).then(|| t.outcome(Ok(unsafe { super::take(result) })))
}

#[test]
fn attributes_are_read_where_that_runs_no_python_code() {
    bench(|t| {
        t.run(PYTHON);
        for o in ["plain", "odd", "Plain", "math", "'text'", "7", "None", "len"] {
            for name in ["own", "shared", "method", "prop", "missing", "pi", "upper", "real", "append", "__name__"] {
                t.run("ran.clear()");
                let (owner, attr) = (t.raw(o), t.eval(&format!("__import__('sys').intern('{name}')")));
                let raw = crate::runtime::abi::give(attr);
                let ctx = t.ctx();
                // SAFETY: the context and the objects are valid.
                let got = unsafe { object(t, plain::plain_get_attr(ctx, owner, raw)) };
                let plain = |s: String| s.split(" at 0x").next().unwrap().to_owned();
                if let Some(got) = got {
                    assert_eq!(plain(got), plain(t.expected(&format!("{o}.{name}"))), "{o}.{name}");
                }
                // SAFETY: as above.
                let has = unsafe { plain::plain_has_attr(ctx, owner, raw) };
                if let Some(has) = flag(t, has) {
                    assert_eq!(has, t.expected(&format!("hasattr({o}, '{name}')")), "hasattr({o}, '{name}')");
                }
                // SAFETY: as above.
                let method = unsafe { object(t, plain::plain_load_method(ctx, owner, raw)) };
                if let Some(method) = method {
                    let read = if t.ctx.failed == 0 { format!("type({o}).{name}") } else { format!("{o}.{name}") };
                    assert_eq!(plain(method), plain(t.expected(&read)), "{o}.{name}()");
                }
                t.drop(owner);
                t.drop(raw);
            }
        }
        // Those of the interpreter's own answers.
        t.run("ran.clear()");
        let (owner, name) = (t.raw("plain"), t.raw("'own'"));
        let ctx = t.ctx();
        // SAFETY: as above.
        let got = unsafe { plain::plain_get_attr(ctx, owner, name) };
        assert_eq!(t.object(got), "int 1");
        t.drop(owner);
        t.drop(name);
    });
}

#[test]
fn builtins_are_called_where_that_runs_no_python_code() {
    bench(|t| {
        t.run(PYTHON);
        let calls: [(&str, &[&str], bool); 18] = [
            ("list.pop", &["[1, 2]", "0"], true),
            ("list.pop", &["[1, 2]", "odd"], false),
            ("list.pop", &["[]"], false),
            ("list.insert", &["[1]", "0", "odd"], true),
            ("list.insert", &["[1]", "odd", "1"], false),
            ("list.append", &["[1]", "odd"], true),
            ("dict.get", &["{1: 2}", "1"], true),
            ("dict.get", &["{1: 2}", "odd"], false),
            ("dict.get", &["{odd: 2}", "3"], false),
            ("dict.pop", &["{1: 2}", "7", "odd"], true),
            ("dict.pop", &["{1: 2}", "7"], false),
            ("set.add", &["{1}", "'a'"], true),
            ("str.zfill", &["'7'", "3"], true),
            ("str.zfill", &["'7'", "odd"], false),
            ("repr", &["7"], true),
            ("repr", &["odd"], false),
            ("len", &["odd"], false),
            ("sorted", &["[1]"], false),
        ];
        for (f, args, is_done) in calls {
            t.run("ran.clear()");
            t.scratch(args);
            t.run("ran.clear()");
            let (callable, ctx) = (t.raw(f), t.ctx());
            // SAFETY: the context and the objects are valid.
            let got = unsafe { object(t, plain::plain_call(ctx, callable, args.len() as i32)) };
            assert_eq!(t.expected("ran"), "list []", "{f} of {args:?}");
            assert_eq!(got.is_some(), is_done, "{f} of {args:?}");
            assert!(t.ctx.exception.is_null());
            if let Some(got) = got {
                assert_eq!(got, t.expected(&format!("{f}({})", args.join(", "))));
            }
            t.drop(callable);
            for i in 0..args.len() {
                t.drop(t.ctx.scratch[i] as usize as super::Raw);
            }
        }
    });
}

#[test]
fn names_are_found_wherever_they_are() {
    bench(|t| {
        t.run("d = {'a': 1, 'gone': 2, 'b': 3, 4: 5}\ndel d['gone']\nclass S(str): pass\ne = {S('a'): 1}");
        let (d, e) = (t.raw("d"), t.raw("e"));
        let names = ["a", "b", "gone", "none"].map(|name| (name, t.raw(&format!("'{name}'"))));
        let ctx = t.ctx();
        for (name, raw) in names {
            let want = match name {
                "a" => 0,
                "b" => 2,
                _ => ABSENT,
            };
            for index in 0..6 {
                // SAFETY: the context and the objects are valid.
                assert_eq!(unsafe { dict_find_name(ctx, d, raw, index) }, want, "{name} at {index}");
            }
        }
        // SAFETY: as above.
        assert_eq!(unsafe { dict_find_name(ctx, e, names[0].1, 0) }, ODD);
        names.iter().for_each(|(_, raw)| t.drop(*raw));
        t.drop(d);
        t.drop(e);
    });
}
