//! Destruction: what dies quietly, what does not, and that it dies at all.

use rustpython_vm::AsObject;

use super::{Bench, bench};
use crate::runtime::abi::{Raw, obj};
use crate::runtime::{dict_set, refs};

const CLASSES: &str = "
import weakref, gc, types, re, collections
Pair = collections.namedtuple('Pair', 'a b')
class Text(str): pass
class LoudText(str):
    def __del__(self): log.append('del')
log = []
class Plain:
    def __init__(self, *args): self.args = args
    def method(self): pass
class Slots:
    __slots__ = 'a', 'b'
    def __init__(self, a): self.a = a
class Loud:
    def __del__(self): log.append('del')
class Listy(list): pass
class Numbered(int):
    def __del__(self): log.append('del')
def watched(o):
    watched.ref = weakref.ref(o, lambda r: log.append('callback'))
    return o
def seen(o):
    seen.ref = weakref.ref(o)
    return o
def generate(): yield 1
def finished():
    g = generate()
    list(g)
    return g
def started():
    g = generate()
    next(g)
    return g
def closure(x):
    def inner(): return x
    return inner
def defaults():
    return lambda x, y=(1, len(base)): x
def exhausted(o):
    it = iter(o)
    list(it)
    return it
shared = Loud()
kept = {'a': shared}
base = [1.5, 'a']
def cycle():
    a = Plain()
    a.self = a
    return [a]
";

/// What compiled code does when it drops a reference.
fn drop_reference(t: &mut Bench<'_>, p: Raw) -> Option<i32> {
    // SAFETY: the test owns one reference to `p`.
    unsafe {
        let word = std::sync::atomic::AtomicUsize::from_ptr(p.cast());
        let before = word.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        ((before << 4) >> 4 == 1).then(|| refs::dealloc(t.ctx(), p))
    }
}

#[test]
fn quiet_deaths() {
    bench(|t| {
        t.run(CLASSES);
        for source in [
            "1.5 + len(base)",
            "2**70 + len(base)",
            "10**6 + len(base)",
            "'abc' * len(base)",
            "b'abc' * len(base)",
            "range(len(base))",
            "iter(range(len(base)))",
            "slice(1, len(base))",
            "complex(1, len(base))",
            "(1, len(base), 'x')",
            "[1.5] * len(base)",
            "[[1.5], [2.5], (3, [4])] * len(base)",
            "{'a': [1], 2: (3, {})}",
            "{1, 'a', (2, 3)}",
            "frozenset([1, len(base)])",
            "iter([1, 2, 3])",
            "iter((1, len(base)))",
            "iter('abc')",
            "reversed([1, 2])",
            "enumerate([1, 2])",
            "zip([1], (2, len(base)))",
            "map(str, [1, 2])",
            "Plain(1, [2.5], {'a': Plain()})",
            "Slots([Plain()])",
            "Plain().method",
            "[].append",
            "closure([1.5])",
            "defaults()",
            "closure(1).__closure__[0]",
            "object()",
            "(shared, [shared])",
            "[shared] * 3",
            "finished()",
            "Listy([1, 2.5])",
            "Pair([1], 2)",
            "Text('abc')",
            "collections.Counter('abc')",
            "bytearray(b'ab')",
            "re.match('(a)', 'abc' * len(base))",
            "iter({'a': [1]})",
            "{'a': [1]}.keys()",
            "{'a': [1]}.values()",
            "iter({'a': [1]}.items())",
            "iter({1, 2})",
            "exhausted({1: shared})",
            "exhausted({1: shared}.items())",
            "exhausted({shared})",
            "iter(kept)",
            "kept.items()",
            "(Plain, Loud, base)",
            "cycle()",
        ] {
            let p = t.raw(source);
            assert_eq!(drop_reference(t, p), Some(0), "{source}");
        }
        assert_eq!(t.expected("log"), "list []");
    });
}

#[test]
fn loud_deaths() {
    bench(|t| {
        t.run(CLASSES);
        for (source, log) in [
            ("Loud()", "['del']"),
            ("[Loud()]", "['del']"),
            ("{'a': (1, Loud())}", "['del']"),
            ("Plain(Loud())", "['del']"),
            ("Slots(Loud())", "['del']"),
            ("closure(Loud())", "['del']"),
            ("iter([Loud()])", "['del']"),
            ("iter({'a': Loud()})", "['del']"),
            ("{'a': Loud()}.values()", "['del']"),
            ("iter({'a': Loud()}.items())", "['del']"),
            ("iter({Loud()})", "['del']"),
            ("[Numbered(7)]", "['del']"),
            ("Loud().__repr__", "['del']"),
            ("[Loud()] * 3", "['del']"),
            ("[[Loud()]] * 3", "['del']"),
            ("watched(Plain())", "['callback']"),
            ("[watched(Plain())]", "['callback']"),
            ("seen(Plain())", "[]"),
            ("started()", "[]"),
            ("Listy([Loud()])", "['del']"),
            ("re.match('a', LoudText('abc'))", "['del']"),
            ("types.ModuleType('m')", "[]"),
        ] {
            t.run("log.clear()");
            let p = t.raw(source);
            assert_eq!(drop_reference(t, p), Some(1), "{source}");
            assert_eq!(t.expected("log"), format!("list {log}"), "{source}");
        }
    });
}

#[test]
fn a_resurrected_object_lives_on() {
    bench(|t| {
        t.run("saved = []\nclass Back:\n    def __del__(self): saved.append(self)");
        let p = t.raw("Back()");
        assert_eq!(drop_reference(t, p), Some(1));
        assert!(t.eval("saved[0]").as_object().as_raw().cast_mut() == p);
    });
}

#[test]
fn dead_numbers_come_back() {
    bench(|t| {
        let p = t.raw("1.5 * len('ab')");
        assert_eq!(drop_reference(t, p), Some(0));
        // SAFETY: the context is valid.
        let again = unsafe { refs::new_float(t.ctx(), -0.25) };
        assert_eq!(again, p);
        assert_eq!(t.object(again), "float -0.25");

        for source in ["10**6 + len('ab')", "10**60 + len('ab')"] {
            let p = t.raw(source);
            assert_eq!(drop_reference(t, p), Some(0));
            // SAFETY: the context is valid.
            let again = unsafe { refs::new_int(t.ctx(), -(1 << 60)) };
            assert_eq!(again, p);
            assert_eq!(t.object(again), "int -1152921504606846976");
        }

        t.ctx.free_floats_room = 0;
        let p = t.raw("2.5 * len('ab')");
        assert_eq!(drop_reference(t, p), Some(0));
        assert!(t.ctx.free_floats.is_null());
    });
}

#[test]
fn a_float_that_is_a_class_attribute_is_not_kept() {
    bench(|t| {
        t.run("class A: x = float('7.5')\nfor _ in range(20): A.x\ny = A.x\ndel A.x");
        let p = t.raw("y");
        t.run("del y");
        // SAFETY: `p` is owned.
        assert_eq!(unsafe { obj(p) }.strong_count(), 1);
        assert_eq!(drop_reference(t, p), Some(0));
    });
}

#[test]
fn slots_are_replaced() {
    bench(|t| {
        let (a, b) = (t.raw("1.5 * len('ab')"), t.raw("(1, len('ab'))"));
        let mut slots = [std::ptr::null_mut(), a];
        let place: Raw = slots.as_mut_ptr().cast();
        // SAFETY: two slots of a frame, and owned references.
        unsafe {
            refs::replace_slot(t.ctx(), place, 0, b);
            let again = t.raw("[len('ab')]");
            refs::replace_slot(t.ctx(), place, 1, again);
        }
        assert_eq!(slots[0], b);
        assert_eq!(t.object(slots[0]), "tuple (1, 2)");
        assert_eq!(t.object(slots[1]), "list [2]");
    });
}

#[test]
fn what_a_global_held_dies_loudly_only_after_compiled_code() {
    bench(|t| {
        t.run(CLASSES);
        t.run("space = {'x': Loud()}");
        let (space, key, value) = (t.raw("space"), t.raw("'x'"), t.raw("1.5"));
        // SAFETY: the context and the objects are valid.
        unsafe { dict_set::dict_set_str(t.ctx(), space, key, value) };
        assert_eq!(t.expected("(log, space)"), "tuple ([], {'x': 1.5})");
        assert!(refs::release_deferred());
        assert_eq!(t.expected("log"), "list ['del']");
        // SAFETY: the same.
        unsafe { dict_set::dict_set_str(t.ctx(), space, key, key) };
        assert!(!refs::release_deferred());
    });
}
