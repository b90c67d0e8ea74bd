//! Builtins on whole sequences, slices, and iterators that are taken apart, against the interpreter.

use super::bench;
use crate::runtime::iter::iterators;
use crate::runtime::list::sequences;

const SEQUENCES: [&str; 14] = [
    "[]",
    "(3, 1, 2)",
    "[3, 1.5, 2]",
    "[0.1, 0.2, 0.3]",
    "['b', 'a', 'c']",
    "[2**62, 2**62, 1]",
    "[10**30, 1]",
    "(float('nan'), 1.0)",
    "[None, 0, '', False]",
    "[0, 0.0, True]",
    "['a', 1]",
    "[[1], [0]]",
    "(1, 1.0, 2)",
    "[Odd()]",
];

const PYTHON: &str = "
class Odd:
    def __eq__(self, other): return True
    def __lt__(self, other): return True
    def __bool__(self): raise ValueError('bool')
    def __radd__(self, other): return 'sum'
    def __repr__(self): return 'Odd()'
";

#[test]
fn builtins_answer_as_the_interpreter_or_not_at_all() {
    bench(|t| {
        t.run(PYTHON);
        let mut answered = 0;
        for source in SEQUENCES {
            t.run(&format!("o = {source}"));
            let o = t.raw("o");
            // SAFETY (of all blocks): the context and the objects are valid.
            let results = unsafe {
                [
                    (sequences::seq_sum(t.ctx(), o), "sum(o)"),
                    (sequences::seq_extreme(t.ctx(), 0, o), "min(o)"),
                    (sequences::seq_extreme(t.ctx(), 1, o), "max(o)"),
                    (sequences::seq_sorted(t.ctx(), o), "sorted(o)"),
                ]
            };
            for (got, call) in results {
                if !got.is_null() {
                    assert_eq!(t.object(got), t.expected(call), "{call} of {source}");
                    answered += 1;
                }
            }
            for (which, name) in [(0, "any"), (1, "all")] {
                let got = unsafe { sequences::seq_truth(t.ctx(), which, o) };
                if got >= 0 {
                    assert_eq!(t.truth(got), t.expected(&format!("{name}(o)")), "{name} of {source}");
                    answered += 1;
                }
            }
            for item in ["1", "1.0", "'a'", "None", "True", "7", "2**62", "float('nan')"] {
                let wanted = t.raw(item);
                let got = unsafe { sequences::seq_find(t.ctx(), o, wanted) };
                if got != -2 {
                    assert_eq!(
                        t.expected(&format!("o.index({item}) if {item} in o else -1")),
                        format!("int {got}"),
                        "{item} in {source}"
                    );
                    answered += 1;
                }
            }
        }
        assert!(answered > 100, "only {answered} answers");
    });
}

#[test]
fn lists_of_what_is_iterated() {
    bench(|t| {
        for o in ["[1, 2]", "(1, 2)", "range(5)", "'aé'", "{'a': 1}", "{'a': 1}.items()", "{1: 2}.values()"] {
            let iterable = t.raw(o);
            // SAFETY: the context and the object are valid.
            let got = unsafe { sequences::to_list(t.ctx(), iterable) };
            assert_eq!(t.object(got), t.expected(&format!("list({o})")));
        }
    });
}

#[test]
fn iterators_over_tables() {
    bench(|t| {
        t.run("d = {i: str(i) for i in range(5)}; del d[0], d[3]");
        let d = t.raw("d");
        // SAFETY (of all blocks): the context and the objects are valid.
        for (which, name) in [(0, "keys"), (1, "values"), (2, "items")] {
            let view = unsafe { iterators::dict_view(t.ctx(), d, which) };
            let iter = unsafe { iterators::table_iter(t.ctx(), view) };
            t.scope.globals.set_item("it", unsafe { super::take(iter) }, t.vm).unwrap();
            assert_eq!(t.expected("list(it)"), t.expected(&format!("list(d.{name}())")));
            assert_eq!(t.object(view), t.expected(&format!("d.{name}()")));
        }
        let iter = unsafe { iterators::table_iter(t.ctx(), d) };
        t.scope.globals.set_item("it", unsafe { super::take(iter) }, t.vm).unwrap();
        let it = t.raw("it");
        for index in [1, 2, 4] {
            assert_eq!(unsafe { iterators::dict_iter_peek(t.ctx(), it) }, index);
            t.run("next(it)");
        }
        assert_eq!(unsafe { iterators::dict_iter_peek(t.ctx(), it) }, -1, "the end");
        t.run("it = iter(d); d[9] = 9");
        let it = t.raw("it");
        assert_eq!(unsafe { iterators::dict_iter_peek(t.ctx(), it) }, -2, "it has changed");
    });
}

#[test]
fn iterators_taken_apart() {
    bench(|t| {
        t.run("l = [1, 2, 3]; it = iter(l); next(it); e = enumerate(l, 7); z = zip(l, (4, 5))");
        let [it, e, z] = ["it", "e", "z"].map(|s| t.raw(s));
        // SAFETY (of all blocks): the context and the objects are valid; parts are borrowed.
        assert_eq!(unsafe { iterators::iter_position(t.ctx(), it) }, 1);
        assert_eq!(unsafe { iterators::iter_position(t.ctx(), e) }, 7);
        assert_eq!(unsafe { iterators::iter_part(t.ctx(), it, 0) }, t.raw("l"));
        for i in [0, 1] {
            assert!(!unsafe { iterators::iter_part(t.ctx(), z, i) }.is_null());
        }
        assert!(unsafe { iterators::iter_part(t.ctx(), z, 2) }.is_null());
        let strict = t.raw("zip(l, l, strict=True)");
        assert!(unsafe { iterators::iter_part(t.ctx(), strict, 0) }.is_null());
        for (start, stop, step) in [(0, 5, 1), (5, 0, -2), (i64::MIN, i64::MAX, i64::MAX)] {
            let got = unsafe { iterators::new_range(t.ctx(), start, stop, step) };
            assert_eq!(t.object(got), t.expected(&format!("range({start}, {stop}, {step})")));
        }
    });
}
