//! Strs: methods by number, formatting, texts of numbers and numbers of texts, against the interpreter.

use std::ptr::null_mut;

use psycore_jit::oracle::{Gives, StrMethod};

use super::bench;
use crate::runtime::str::{float_to_str, format, int_to_str, methods, str_to_int};

const TEXTS: [&str; 12] = [
    "''",
    "'a'",
    "'Hello, World'",
    "'  two  words '",
    "'a,b,,c'",
    "'ALL UPPER'",
    "'12345'",
    r"'line\none\r\ntwo'",
    "'hélloé'",
    r"'\ud800 alone'",
    "'aaaa'",
    "'Title Case'",
];
const ARGUMENTS: [&str; 7] = ["''", "'a'", "','", "'l'", "'aa'", "'é'", "'Hello'"];

#[test]
fn methods_by_number() {
    bench(|t| {
        for (number, m) in StrMethod::ALL.iter().enumerate().filter(|(_, m)| **m != StrMethod::Join) {
            for text in TEXTS {
                for argc in m.args() {
                    for argument in if argc == 0 { &ARGUMENTS[..1] } else { &ARGUMENTS[..] } {
                        // The second of `replace` is the text itself.
                        let arguments = [*argument, text];
                        let call = format!("({text}).{}({})", m.name(), arguments[..argc].join(", "));
                        let s = t.raw(text);
                        let [a, b] = [0, 1].map(|i| if i < argc { t.raw(arguments[i]) } else { null_mut() });
                        let expected = t.expected(&call);
                        // SAFETY: the context and the strs are valid.
                        let got = match m.gives() {
                            Gives::Str | Gives::List | Gives::Tuple => {
                                let got = unsafe { methods::str_transform(t.ctx(), number as i32, s, a, b) };
                                t.object(got)
                            }
                            Gives::Truth => {
                                let got = unsafe { methods::str_test(t.ctx(), number as i32, s, a) };
                                t.truth(got)
                            }
                            Gives::Number | Gives::Place => {
                                let got = unsafe { methods::str_search(t.ctx(), number as i32, s, a) };
                                if got == -1 && m.gives() == Gives::Place { expected.clone() } else { format!("int {got}") }
                            }
                        };
                        assert_eq!(got, expected, "{call}");
                        t.drop(s);
                    }
                }
            }
        }
    });
}

#[test]
fn joining_and_finding() {
    bench(|t| {
        let join = StrMethod::ALL.iter().position(|m| *m == StrMethod::Join).unwrap() as i32;
        for sep in ["''", "', '", "'é'"] {
            for items in ["[]", "['a']", "['a', 'b', 'cd']", "('a', 'é')", "['a', 7]", "('x', '', 'y')"] {
                let (s, a) = (t.raw(sep), t.raw(items));
                // SAFETY: the context and the objects are valid.
                let got = unsafe { methods::str_transform(t.ctx(), join, s, a, null_mut()) };
                assert_eq!(t.object(got), t.expected(&format!("{sep}.join({items})")));
            }
        }
        for s in TEXTS {
            for a in ARGUMENTS {
                let (text, part) = (t.raw(s), t.raw(a));
                // SAFETY: the same.
                let got = unsafe { methods::str_contains(t.ctx(), text, part) };
                assert_eq!(t.truth(got), t.expected(&format!("{a} in {s}")));
            }
        }
    });
}

#[test]
fn formats() {
    bench(|t| {
        for (format, args) in [
            ("'%d and %s'", &["7", "'x'"][..]),
            ("'%5d|%05d'", &["-7", "42"]),
            ("'%.2f %8.3f'", &["2.675", "-0.0"]),
            ("'%s'", &["1.5"]),
            ("'%s%%'", &["10**30"]),
            ("'%r'", &["'q'"]),
            ("'%d'", &["'x'"]),
            ("'%d'", &[]),
            ("'é%s'", &["'é'"]),
            ("'no'", &["1"]),
        ] {
            let tuple: String = args.iter().map(|a| format!("{a}, ")).collect();
            let f = t.raw(format);
            t.scratch(args);
            // SAFETY (of all blocks): the context, the strs and the scratch words are valid.
            let got = unsafe { format::str_format(t.ctx(), f, args.len() as i32) };
            assert_eq!(t.object(got), t.expected(&format!("{format} % ({tuple})")), "{format}");
        }
        for spec in ["''", "'d'", "'5'", "'05d'", "'.2f'", "'8.3f'", "'>9'", "','", "'bad'", "'.0f'"] {
            let s = t.raw(spec);
            for i in [0, 7, -12345, i64::MAX, i64::MIN] {
                let got = unsafe { format::format_int(t.ctx(), i, s) };
                assert_eq!(t.object(got), t.expected(&format!("format({i}, {spec})")));
            }
            for x in [0.0, -0.0, 2.675, 0.5, 1e300, f64::NAN, f64::NEG_INFINITY] {
                t.scope.globals.set_item("x", t.vm.ctx.new_float(x).into(), t.vm).unwrap();
                let got = unsafe { format::format_float(t.ctx(), x, s) };
                assert_eq!(t.object(got), t.expected(&format!("format(x, {spec})")));
            }
        }
    });
}

#[test]
fn texts_of_numbers_and_numbers_of_texts() {
    bench(|t| {
        // SAFETY (of all blocks): the context and the strs are valid.
        for i in [0, 9, 10, -1, i64::MAX, i64::MIN] {
            let got = unsafe { int_to_str(t.ctx(), i) };
            assert_eq!(t.object(got), format!("str '{i}'"));
        }
        for x in [0.0, -0.0, 1.5, 1e16, 1e-7, f64::INFINITY, f64::NAN] {
            t.scope.globals.set_item("x", t.vm.ctx.new_float(x).into(), t.vm).unwrap();
            let got = unsafe { float_to_str(t.ctx(), x) };
            assert_eq!(t.object(got), t.expected("str(x)"));
        }
        for text in ["'7'", "'-12'", "'+3'", "' 5 '", "'1_000'", "'99999999999999999999'", "''", "'x'", "'-'", "'1.5'", "'٣'"] {
            let s = t.raw(text);
            let got = unsafe { str_to_int(t.ctx(), s) };
            let expected = t.expected(&format!("int({text})"));
            match t.ctx.failed {
                0 => assert_eq!(format!("int {got}"), expected),
                2 => assert!(expected.starts_with("raises ValueError"), "{text}"),
                _ => {}
            }
        }
    });
}
