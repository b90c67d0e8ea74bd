//! Attributes, subscripts, iteration, displays and names against the interpreter.

use super::bench;
use crate::runtime::list::sequences;
use crate::runtime::str::{str_append, str_concat};
use crate::runtime::{attr, build, dict_set, iter, list, names, subscr};

const PYTHON: &str = "
class Base:
    shared = 'class'
    def method(self, *a): return ('method', a)
    @classmethod
    def cm(cls): return 'cm'
    @staticmethod
    def sm(): return 'sm'
    @property
    def prop(self): return 'prop'
    @prop.setter
    def prop(self, value): self.got = value
class Point(Base):
    def __init__(self): self.x = 1
class Slots:
    __slots__ = ('a',)
class Dynamic:
    def __getattr__(self, name):
        if name == 'bad': raise ValueError('bad')
        return 'dynamic ' + name
class Items:
    def __getitem__(self, k):
        if k == 'raise': raise LookupError(k)
        return ('item', k)
    def __setitem__(self, k, v): self.set = (k, v)
    def __delitem__(self, k): raise TypeError('no')
class Once:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n == 0: raise StopIteration('end')
        if self.n == 13: raise RuntimeError('thirteen')
        self.n -= 1
        return self.n
class BadEq:
    def __hash__(self): return 1
    def __eq__(self, other): raise ValueError('eq')
p = Point()
import math
";

#[test]
fn attributes() {
    bench(|t| {
        t.run(PYTHON);
        for o in ["p", "Slots()", "Dynamic()", "Point", "math", "'s'", "7", "None", "[]"] {
            for name in ["x", "shared", "method", "cm", "sm", "prop", "a", "bad", "missing", "pi", "upper", "__class__", "append"]
            {
                let (object, attr_name) = (t.raw(o), t.raw(&format!("'{name}'")));
                t.run(&format!("o = {o}"));
                let plain = |s: String| s.split(" at 0x").next().unwrap().to_owned();
                // SAFETY: the context and the objects are valid.
                let got = unsafe { attr::get_attr(t.ctx(), object, attr_name) };
                let (got, expected) = (t.object(got), t.expected(&format!("o.{name}")));
                assert_eq!(plain(got), plain(expected), "{o}.{name}");

                // SAFETY: the same.
                let callable = unsafe { attr::load_method(t.ctx(), object, attr_name) };
                let got = if callable.is_null() {
                    t.raised().map(|_: rustpython_vm::PyObjectRef| unreachable!())
                } else {
                    // SAFETY: an owned callable.
                    let callable = unsafe { super::take(callable) };
                    if t.ctx.failed == 0 {
                        // SAFETY: `object` is alive.
                        let me = unsafe { crate::runtime::abi::obj(object) }.to_owned();
                        callable.call((me,), t.vm)
                    } else {
                        callable.call((), t.vm)
                    }
                };
                let (got, expected) = (t.outcome(got), t.expected(&format!("o.{name}()")));
                assert_eq!(plain(got), plain(expected), "{o}.{name}()");

                let value = t.raw("'new'");
                t.run(&format!("o = {o}"));
                let expected = t.expected_statement(&format!("o.{name} = 'new'"));
                // SAFETY: the same.
                let result = unsafe { attr::set_attr(t.ctx(), object, attr_name, value) };
                assert_eq!(t.done(result), expected, "{o}.{name} = ");
                t.run(&format!("o = {o}"));
                if !matches!(o, "p" | "Point" | "math") {
                    let expected = t.expected_statement(&format!("o = {o}; del o.{name}"));
                    let fresh = t.raw(o);
                    // SAFETY: the same.
                    let result = unsafe { attr::del_attr(t.ctx(), fresh, attr_name) };
                    assert_eq!(t.done(result), expected, "del {o}.{name}");
                    t.drop(fresh);
                }
                for p in [object, attr_name, value] {
                    t.drop(p);
                }
            }
        }
    });
}

#[test]
fn an_instance_attribute_hides_a_method() {
    bench(|t| {
        t.run(PYTHON);
        t.run("q = Point(); q.method = 'mine'");
        let (q, name) = (t.raw("q"), t.raw("'method'"));
        // SAFETY: the context and the objects are valid.
        let found = unsafe { attr::load_method(t.ctx(), q, name) };
        assert_eq!((t.ctx.failed, t.object(found).as_str()), (1, "str 'mine'"));
    });
}

#[test]
fn super_attributes() {
    bench(|t| {
        t.run(PYTHON);
        t.scratch(&["super", "Point", "p"]);
        let name = t.raw("'shared'");
        // SAFETY: the context and the objects are valid.
        let got = unsafe { attr::load_super_attr(t.ctx(), name) };
        assert_eq!(t.object(got), "str 'class'");
        let name = t.raw("'x'");
        // SAFETY: the same.
        let got = unsafe { attr::load_super_attr(t.ctx(), name) };
        assert_eq!(t.object(got), t.expected("super(Point, p).x"));
    });
}

#[test]
fn subscripts() {
    bench(|t| {
        t.run(PYTHON);
        let containers = [
            "[1, 2, 3]",
            "(1, 2)",
            "{'a': 1}",
            "'héllo'",
            "b'xyz'",
            "range(5)",
            "Items()",
            "None",
            "{1}",
            "bytearray(b'ab')",
            "list",
        ];
        let keys = ["0", "-1", "5", "-9", "'a'", "1.0", "True", "slice(1, None)", "[]", "2**80", "'raise'"];
        for c in containers {
            for k in keys {
                t.run(&format!("c = {c}; k = {k}"));
                let (container, key) = (t.raw("c"), t.raw("k"));
                let plain = |s: String| s.split(" at 0x").next().unwrap().to_owned();
                let expected = t.expected("c[k]");
                // SAFETY: the context and the objects are valid.
                let got = unsafe { subscr::get_item(t.ctx(), container, key) };
                let got = t.object(got);
                assert_eq!(plain(got), plain(expected), "{c}[{k}]");

                let (other, value) = (t.raw(c), t.raw("65"));
                let expected = t.expected_statement("c[k] = 65");
                // SAFETY: the same.
                let result = unsafe { subscr::set_item(t.ctx(), other, key, value) };
                assert_eq!(t.done(result), expected, "{c}[{k}] = ");
                let expected = t.expected_statement("del c[k]");
                // SAFETY: the same.
                let result = unsafe { subscr::del_item(t.ctx(), other, key) };
                assert_eq!(t.done(result), expected, "del {c}[{k}]");
                for p in [container, key, other, value] {
                    t.drop(p);
                }
            }
            for (start, stop) in [("0", "2"), ("-2", "None"), ("None", "1"), ("'a'", "1"), ("3", "1")] {
                t.run(&format!("c = {c}; d = {c}; i = {start}; j = {stop}"));
                let (c1, c2) = (t.raw("c"), t.raw("d"));
                let (slice, v) = (t.raw("slice(i, j)"), t.raw("[7, 8]"));
                let expected = t.expected("c[i:j]");
                // SAFETY: the context and the objects are valid.
                let got = unsafe { subscr::get_item(t.ctx(), c1, slice) };
                let got = t.object(got);
                assert_eq!(got, expected, "{c}[{start}:{stop}]");
                let expected = t.expected_statement("c[i:j] = [7, 8]");
                // SAFETY: the same.
                let result = unsafe { subscr::set_item(t.ctx(), c2, slice, v) };
                assert_eq!(t.done(result), expected, "{c}[{start}:{stop}] = ");
                if !c.contains("Items") {
                    assert_eq!(t.expected("d"), t.expected("c"));
                }
            }
        }
    });
}

const ITERABLES: [&str; 15] = [
    "[1, 2, 3]",
    "(1, 2)",
    "{'a': 1, 'b': 2}",
    "'héy'",
    "range(3)",
    "Once(2)",
    "Once(14)",
    "iter([])",
    "Items()",
    "None",
    "7",
    "(i for i in 'ab')",
    "{1}",
    "Once(3)",
    "{'a': 1}.items()",
];

#[test]
fn iteration() {
    bench(|t| {
        t.run(PYTHON);
        t.run("def steps(o):\n    got = []\n    try:\n        for i in o:\n            got.append(i)\n            if len(got) > 9: break\n        return got\n    except Exception as e:\n        return (got, type(e).__name__, str(e))");
        for source in ITERABLES {
            t.run(&format!("o = {source}"));
            let expected = t.expected("steps(o)");
            let o = t.raw(source);
            // SAFETY: the context and the objects are valid.
            let it = unsafe { iter::get_iter(t.ctx(), o) };
            let mut got = Vec::new();
            let mut end = None;
            if it.is_null() {
                end = Some(t.raised());
            } else {
                while got.len() <= 9 {
                    // SAFETY: the same.
                    let item = unsafe { iter::iter_next(t.ctx(), it) };
                    if item.is_null() {
                        if t.ctx.failed == 1 {
                            end = Some(t.raised());
                        }
                        break;
                    }
                    // SAFETY: the item is owned.
                    got.push(unsafe { super::take(item) });
                }
                t.drop(it);
            }
            let list = t.outcome(Ok(t.vm.ctx.new_list(got).into()));
            let got = match end {
                None => list,
                Some(e) => {
                    let e = t.outcome(e);
                    let (kind, text) = e.trim_start_matches("raises ").split_once(": ").unwrap();
                    let text = t.vm.ctx.new_str(text);
                    let text = t.outcome(Ok(text.into()));
                    format!("tuple ({}, '{kind}', {})", &list[5..], &text[4..])
                }
            };
            assert_eq!(got, expected, "{source}");
            t.drop(o);
        }
    });
}

#[test]
fn unpacking() {
    bench(|t| {
        t.run(PYTHON);
        for source in ITERABLES {
            t.run(&format!("o = {source}"));
            for n in [0, 1, 2, 3] {
                let targets: String = (0..n).map(|i| format!("v{i}, ")).collect();
                let expected = t.expected_statement(&format!("o = {source}; [{targets}] = o"));
                let o = t.raw(source);
                // SAFETY: the context and the object are valid.
                let result = unsafe { iter::unpack_sequence(t.ctx(), o, n) };
                let failed = result.is_null();
                let got = t.object(result);
                if failed {
                    assert_eq!(got, expected, "{source} to {n}");
                } else {
                    assert_eq!(got, t.expected(&format!("({targets})")));
                }
                t.drop(o);
            }
            if source == "Items()" {
                continue;
            }
            for (before, after) in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 2)] {
                let names = |n: i32, p: &str| -> String { (0..n).map(|i| format!("{p}{i}, ")).collect() };
                let (a, z) = (names(before, "a"), names(after, "z"));
                let expected = t.expected_statement(&format!("o = {source}; [{a} *rest, {z}] = o"));
                let o = t.raw(source);
                // SAFETY: the context and the object are valid.
                let result = unsafe { iter::unpack_ex(t.ctx(), o, before, after) };
                let failed = result.is_null();
                let got = t.object(result);
                if failed {
                    assert_eq!(got, expected, "{source} to {before} * {after}");
                } else {
                    assert_eq!(got, t.expected(&format!("({a} rest, {z})")));
                }
                t.drop(o);
            }
        }
    });
}

#[test]
fn displays() {
    bench(|t| {
        t.run(PYTHON);
        // SAFETY (of all blocks): the context is valid and the scratch words own what they hold.
        t.scratch(&["1", "[2]", "'x'"]);
        let got = unsafe { build::build_list(t.ctx(), 3) };
        assert_eq!(t.object(got), "list [1, [2], 'x']");
        t.scratch(&["1", "[2]"]);
        let got = unsafe { build::build_tuple(t.ctx(), 2) };
        assert_eq!(t.object(got), "tuple (1, [2])");
        let got = unsafe { build::build_tuple(t.ctx(), 0) };
        assert_eq!(t.object(got), "tuple ()");
        t.scratch(&["'a'", "1", "2.0", "[]", "2", "'later'"]);
        let got = unsafe { build::build_map(t.ctx(), 3) };
        assert_eq!(t.object(got), "dict {'a': 1, 2.0: 'later'}");
        t.scratch(&["'a'", "1", "[]", "2", "'x'", "'y'"]);
        let got = unsafe { build::build_map(t.ctx(), 3) };
        assert_eq!(t.object(got), t.expected("{'a': 1, []: 2}"));
        t.scratch(&["1", "1.0", "2"]);
        let got = unsafe { build::build_set(t.ctx(), 3) };
        assert_eq!(t.object(got), "set {1, 2}");
        t.scratch(&["1", "{}", "2"]);
        let got = unsafe { build::build_set(t.ctx(), 3) };
        assert_eq!(t.object(got), t.expected("{1, {}, 2}"));
        t.scratch(&["BadEq()", "BadEq()"]);
        let got = unsafe { build::build_set(t.ctx(), 2) };
        assert_eq!(t.object(got), t.expected("{BadEq(), BadEq()}"));
        t.scratch(&["'a'", "'é'", "''", r"'\ud800'", "'z'"]);
        let got = unsafe { build::build_string(t.ctx(), 5) };
        assert_eq!(t.object(got), t.expected(r"'aé\ud800z'"));
        let (one, none) = (t.raw("1"), t.raw("None"));
        let got = unsafe { build::build_slice(t.ctx(), one, none, std::ptr::null_mut()) };
        assert_eq!(t.object(got), "slice slice(1, None, None)");
        let got = unsafe { build::build_slice(t.ctx(), none, one, one) };
        assert_eq!(t.object(got), "slice slice(None, 1, 1)");
        let list = t.raw("[1, 'a']");
        let got = unsafe { build::list_to_tuple(t.ctx(), list) };
        assert_eq!(t.object(got), "tuple (1, 'a')");
    });
}

#[test]
fn formatting() {
    bench(|t| {
        t.run(PYTHON);
        t.run("class F:\n    def __format__(self, s): return 7\n    def __str__(self): raise KeyError('s')\n    def __repr__(self): return 'é'");
        for source in ["1.5", "'é'", "12345", "None", "F()", "[1, 'a']", "True"] {
            t.run(&format!("o = {source}"));
            let o = t.raw("o");
            // SAFETY (of all blocks): the context and the objects are valid.
            let got = unsafe { build::format_simple(t.ctx(), o) };
            assert_eq!(t.object(got), t.expected("f'{o}'"));
            for spec in ["''", "'>8'", "'.2f'", "'bad'", "','"] {
                let s = t.raw(spec);
                let got = unsafe { build::format_with_spec(t.ctx(), o, s) };
                assert_eq!(t.object(got), t.expected(&format!("format(o, {spec})")));
            }
            for (how, name) in [(1, "str"), (2, "repr"), (3, "ascii")] {
                let got = unsafe { build::convert_value(t.ctx(), how, o) };
                assert_eq!(t.object(got), t.expected(&format!("{name}(o)")));
            }
        }
    });
}

#[test]
fn containers_of_known_type() {
    bench(|t| {
        t.run(PYTHON);
        t.run("l = [1, 2]; d = {'a': [1], 2: 3}");
        let (l, d) = (t.raw("l"), t.raw("d"));
        // SAFETY (of all blocks): the context and the objects are valid, references owned where taken.
        unsafe { list::list_append(t.ctx(), l, t.raw("[3]")) };
        unsafe { list::list_append(t.ctx(), l, t.raw("'last'")) };
        assert_eq!(t.expected("l"), "list [1, 2, [3], 'last']");
        let got = unsafe { list::list_pop(t.ctx(), l) };
        assert_eq!(t.object(got), "str 'last'");
        for (i, j) in [(0, 2), (1, -1), (-100, 100), (3, 1), (9, 12), (-2, i64::MAX)] {
            let got = unsafe { sequences::seq_slice(t.ctx(), l, i, j, 1) };
            assert_eq!(t.object(got), t.expected(&format!("l[{i}:{j}]")));
        }
        for n in [-1, 0, 1, 3] {
            let got = unsafe { list::list_repeat(t.ctx(), l, n) };
            assert_eq!(t.object(got), t.expected(&format!("l * {n}")));
        }
        for (n, item) in [(-1, "5"), (0, "'ab'"), (1, "[2]"), (3, "2.5"), (300, "2.5"), (i64::MAX, "None")] {
            let got = unsafe { list::list_of(t.ctx(), t.raw(item), n) };
            assert_eq!(t.object(got), t.expected(&format!("[{item}] * {n}")));
        }
        let got = unsafe { list::list_repeat(t.ctx(), l, i64::MAX) };
        assert_eq!(t.object(got), t.expected(&format!("l * {}", i64::MAX)));
        let empty = t.raw("[]");
        let got = unsafe { list::list_repeat(t.ctx(), empty, i64::MAX) };
        assert_eq!(t.object(got), "list []");
        assert!(unsafe { list::list_pop(t.ctx(), empty) }.is_null());
        for o in ["l", "(7, 8)", "[9]", "Once(2)", "Once(14)", "None", "'ab'", "Items"] {
            let expected = t.expected_statement(&format!("x = [*l, *{o}]"));
            t.run("y = [*l]");
            let (y, o) = (t.raw("y"), t.raw(o));
            let result = unsafe { iter::list_extend(t.ctx(), y, o) };
            let failed = result != 0;
            assert_eq!(t.done(result), expected);
            if !failed {
                assert_eq!(t.expected("y"), t.expected("x"));
            }
        }
        let same = t.raw("l");
        let doubled = t.expected("l + l");
        assert_eq!(unsafe { iter::list_extend(t.ctx(), same, same) }, 0);
        assert_eq!(t.expected("l"), doubled);

        let (k, v) = (t.raw("'new'"), t.raw("[4]"));
        unsafe { dict_set::dict_set_str(t.ctx(), d, k, v) };
        assert_eq!(t.expected("d"), "dict {'a': [1], 2: 3, 'new': [4]}");
        for key in ["'a'", "2.0", "'none'", "[]", "BadEq()"] {
            t.run(&format!("k = {key}; e = {{BadEq(): 1, 'a': 2}}"));
            let (k, e) = (t.raw("k"), t.raw("e"));
            let got = unsafe { dict_set::map_add(t.ctx(), e, k, v) };
            let expected = t.expected_statement("e2 = {BadEq(): 1, 'a': 2}; e2[k] = [4]");
            assert_eq!(t.done(got), expected);
            t.run("s2 = {BadEq(), 'a'}");
            let s2 = t.raw("s2");
            let got = unsafe { dict_set::set_add(t.ctx(), s2, k) };
            assert_eq!(t.done(got), t.expected_statement("{BadEq(), 'a'}.add(k)"));
        }
        for o in ["{'b': 1}", "[('a', 1)]", "None", "Once(1)"] {
            let expected = t.expected_statement(&format!("x = {{'a': 0, **{o}}}"));
            t.run("y = {'a': 0}");
            let (y, o) = (t.raw("y"), t.raw(o));
            let result = unsafe { dict_set::dict_update(t.ctx(), y, o) };
            assert_eq!(t.done(result), expected);
        }
        for o in ["[1, 2]", "{3}", "'ab'", "7", "Once(2)", "Once(14)", "[[]]"] {
            let expected = t.expected_statement(&format!("x = {{0, *{o}}}"));
            t.run("y = {0}");
            let (y, o) = (t.raw("y"), t.raw(o));
            let result = unsafe { dict_set::set_update(t.ctx(), y, o) };
            let failed = result != 0;
            assert_eq!(t.done(result), expected);
            if !failed {
                assert_eq!(t.expected("x == y"), "bool True");
            }
        }
        for (a, b) in [("'a'", "'b'"), ("''", "''"), ("'é'", r"'\ud800'")] {
            let (x, y) = (t.raw(a), t.raw(b));
            let got = unsafe { str_concat(t.ctx(), x, y) };
            t.run(&format!("a = {a}; b = {b}"));
            assert_eq!(t.object(got), t.expected("a + b"));
        }
    });
}

#[test]
fn strs_grow_in_place_only_where_nobody_sees_it() {
    bench(|t| {
        // SAFETY (of all blocks): the context and the strs are valid; the first is given up.
        let mut text = t.raw("'ab' * len('ab')");
        let piece = t.raw("'xyz'");
        let mut stayed = 0;
        for _ in 0..1000 {
            let longer = unsafe { str_append(t.ctx(), text, piece) };
            stayed += i32::from(longer == text);
            text = longer;
        }
        assert_eq!(stayed, 1000);
        let whole = unsafe { super::take(text) };
        t.scope.globals.set_item("s", whole.clone(), t.vm).unwrap();
        assert_eq!(t.expected("s == 'abab' + 'xyz' * 1000 and hash(s) == hash(s[:1] + s[1:])"), "bool True");
        assert_eq!(t.expected("len(s)"), "int 3004");
        // Shared: the other holder must not see it change.
        let longer = unsafe { str_append(t.ctx(), super::give(whole), piece) };
        assert_eq!(t.expected("len(s)"), "int 3004");
        t.drop(longer);
        for (a, b) in [
            ("''", "'a'"),
            ("'a'", "''"),
            ("'aé' * len('ab')", "'z'"),
            ("'a' * len('ab')", "'é'"),
            ("'lit'", "'eral'"),
            (r"'\ud800' * 2", "'x'"),
        ] {
            let (x, y) = (t.raw(a), t.raw(b));
            let got = unsafe { str_append(t.ctx(), x, y) };
            assert_eq!(t.object(got), t.expected(&format!("({a}) + ({b})")));
        }
        let x = t.raw("'ab' * len('ab')");
        let got = unsafe { str_append(t.ctx(), x, x) };
        assert_eq!(t.object(got), "str 'abababab'");
    });
}

#[test]
fn namespaces() {
    bench(|t| {
        t.run("globals_ = {'g': 1}");
        let (globals, n) = (t.raw("globals_"), t.raw("'g'"));
        // SAFETY (of all blocks): the context and the objects are valid.
        assert_eq!(unsafe { names::delete_global(t.ctx(), globals, n) }, 0);
        assert_eq!(t.expected("globals_"), "dict {}");
        let again = unsafe { names::delete_global(t.ctx(), globals, n) };
        assert_eq!(t.done(again), "raises NameError: name 'g' is not defined");
        let (zero, none) = (t.raw("0"), t.raw("None"));
        let n = t.raw("'math'");
        let got = unsafe { names::import_name(t.ctx(), n, zero, none) };
        assert!(t.object(got).starts_with("module <module 'math'"));
        t.run("import math");
        let math = t.raw("math");
        for (module, name, expected) in
            [(math, "'pi'", "float 3.141592653589793"), (math, "'none_such'", ""), (zero, "'real'", "")]
        {
            let n = t.raw(name);
            let got = unsafe { names::import_from(t.ctx(), module, n) };
            let got = if got.is_null() { String::new() } else { t.object(got) };
            assert_eq!((got.as_str(), t.ctx.exception.is_null()), (expected, true));
        }
        let n = t.raw("'no.such'");
        let got = unsafe { names::import_name(t.ctx(), n, zero, none) };
        assert_eq!(t.object(got), "raises ModuleNotFoundError: No module named 'no'");
    });
}

#[test]
fn dicts_with_the_same_keys_get_the_same_stamp() {
    bench(|t| {
        t.run(
            "class A:\n    def __init__(self): self.one = 1; self.two = 2\ndef dicts(n): return [A().__dict__ for _ in range(n)]",
        );
        t.run("a, b, c = dicts(3); c['three'] = 3; empty = {}; odd = {3.5: 1}\ndel b['one']; b['one'] = 1");
        let shape = |t: &mut super::Bench<'_>, source: &str| {
            let dict = t.eval(source);
            dict_set::shape::shape(t.vm, dict.downcast_ref().unwrap())
        };
        let stamp = shape(t, "a");
        assert_ne!(stamp, None);
        assert_eq!(shape(t, "a"), stamp);
        assert_ne!(shape(t, "b"), stamp);
        assert_ne!(shape(t, "c"), stamp);
        for _ in 0..3 {
            assert_eq!(shape(t, "dicts(1)[0]"), stamp);
        }
        assert_ne!(shape(t, "empty"), stamp);
        assert_eq!(shape(t, "odd"), None);
        // The interpreter relies on the stamp: it must still see changes.
        t.run("x = A(); y = A()\ndef get(o): return o.two\nfor _ in range(20): get(x)");
        shape(t, "y.__dict__");
        assert_eq!(t.expected("(y.__dict__, a)"), "tuple ({'one': 1, 'two': 2}, {'one': 1, 'two': 2})");
        let unshared = t.eval("odd");
        let unshared = unshared.downcast_ref().unwrap();
        assert_ne!(dict_set::shape::stamped(t.vm, unshared), None);
        assert_eq!(t.expected("odd"), "dict {3.5: 1}");
        t.run("del y.two");
        assert_eq!(t.expected("get(y)"), "raises AttributeError: 'A' object has no attribute 'two'");
    });
}
