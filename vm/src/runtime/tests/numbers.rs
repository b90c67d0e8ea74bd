//! Operators, comparisons and `math`, on all pairs of values that have given trouble.

use rustpython_vm::AsObject;
use rustpython_vm::builtins::{PyFloat, PyInt};

use super::bench;
use crate::runtime::abi::obj;
use crate::runtime::int_float::{arith, compare, math};
use crate::runtime::refs;

const OPERATORS: [&str; 27] = [
    "+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^", "+=", "&=", "//=", "<<=", "@=", "*=", "%=", "|=", "**=",
    ">>=", "-=", "/=", "^=", "[]",
];
const COMPARISONS: [&str; 6] = ["<", "<=", "==", "!=", ">", ">="];

const VALUES: [&str; 31] = [
    "0",
    "1",
    "-1",
    "7",
    "-3",
    "2**53+1",
    "2**62",
    "-2**63",
    "2**63-1",
    "2**63",
    "10**30",
    "-10**30",
    "0.0",
    "-0.0",
    "1.5",
    "-2.5",
    "float(2**53)",
    "1e308",
    "float('inf')",
    "float('-inf')",
    "float('nan')",
    "True",
    "False",
    "3+4j",
    "'ab'",
    "'é'",
    "b'xy'",
    "[1, 2]",
    "(1, 2)",
    "{1, 7}",
    "None",
];

const PYTHON: &str = "
class Odd:
    def __add__(self, other): return 'add'
    def __radd__(self, other): return 'radd'
    def __isub__(self, other): return 'isub'
    def __mul__(self, other): return NotImplemented
    def __floordiv__(self, other): raise KeyError('floor')
    def __lt__(self, other): return 'less'
    def __eq__(self, other): raise ValueError('eq')
    def __bool__(self): return self.truth
    def __repr__(self): return 'Odd()'
def inplace(a, b, op):
    space = {'a': a, 'b': b}
    exec('a ' + op + ' b', space)
    return space['a']
";

#[test]
fn binary_operators() {
    bench(|t| {
        t.run(PYTHON);
        let values: Vec<&str> = VALUES.iter().copied().chain(["Odd()"]).collect();
        for (number, op) in OPERATORS.iter().enumerate() {
            for a in &values {
                for b in &values {
                    let huge = |s: &str| s.contains("**") || s.contains("e308");
                    if (op.starts_with("**") || op.starts_with("<<") || op.starts_with('*')) && huge(b) {
                        continue;
                    }
                    // Through variables: the compiler folds constants, and not always as the
                    // interpreter computes (`-1 // -2.5` is folded to -0.0).
                    t.run(&format!("a = {a}; b = {b}"));
                    let expected = match *op {
                        "[]" => t.expected("a[b]"),
                        _ if op.ends_with('=') => t.expected(&format!("inplace(a, b, '{op}')")),
                        _ => t.expected(&format!("a {op} b")),
                    };
                    let (x, y) = (t.raw(a), t.raw(b));
                    // SAFETY: the context and the objects are valid.
                    let result = unsafe { arith::binary_op(t.ctx(), number as i32, x, y) };
                    assert_eq!(t.object(result), expected, "{a} {op} {b}");
                    t.drop(x);
                    t.drop(y);
                }
            }
        }
    });
}

#[test]
fn unary_operators_and_truth() {
    bench(|t| {
        t.run(PYTHON);
        t.run("true, false = Odd(), Odd(); true.truth = True; false.truth = False");
        for a in VALUES.iter().chain(&["true", "false", "Odd()", "[]", "{}", "''"]) {
            let x = t.raw(a);
            t.run(&format!("a = {a}"));
            for (number, op) in ["-", "~", "+"].iter().enumerate() {
                let expected = t.expected(&format!("{op} a"));
                // SAFETY: the context and the object are valid.
                let result = unsafe { arith::unary_op(t.ctx(), number as i32, x) };
                assert_eq!(t.object(result), expected, "{op} {a}");
            }
            let expected = t.expected("not not a");
            // SAFETY: the same.
            let result = unsafe { arith::to_bool(t.ctx(), x) };
            assert_eq!(t.truth(result), expected, "bool {a}");
            t.drop(x);
        }
    });
}

#[test]
fn comparisons_and_membership() {
    bench(|t| {
        t.run(PYTHON);
        let values: Vec<&str> = VALUES.iter().copied().chain(["Odd()"]).collect();
        for a in &values {
            for b in &values {
                let (x, y) = (t.raw(a), t.raw(b));
                t.run(&format!("a = {a}; b = {b}"));
                for (number, op) in COMPARISONS.iter().enumerate() {
                    let number = number as i32;
                    let expected = t.expected(&format!("a {op} b"));
                    // SAFETY: the context and the objects are valid.
                    let result = unsafe { compare::compare(t.ctx(), number, x, y) };
                    assert_eq!(t.object(result), expected, "{a} {op} {b}");
                    let expected = t.expected(&format!("not not (a {op} b)"));
                    // SAFETY: the same.
                    let result = unsafe { compare::compare_bool(t.ctx(), number, x, y) };
                    assert_eq!(t.truth(result), expected, "{a} {op} {b}");
                    // SAFETY: the same, and the types are exact.
                    let (class, other) = unsafe { (obj(x).class(), obj(y).class()) };
                    if class.is(other) && class.is(t.vm.ctx.types.int_type) {
                        // SAFETY: the same.
                        let result = unsafe { compare::int_compare(t.ctx(), number, x, y) };
                        assert_eq!(t.truth(result), expected, "{a} {op} {b}");
                    }
                    if class.is(other) && class.is(t.vm.ctx.types.str_type) {
                        // SAFETY: the same.
                        let result = unsafe { compare::str_compare(t.ctx(), number, x, y) };
                        assert_eq!(t.truth(result), expected, "{a} {op} {b}");
                    }
                }
                let expected = t.expected("a in b");
                // SAFETY: the context and the objects are valid.
                let result = unsafe { compare::contains(t.ctx(), y, x) };
                assert_eq!(t.truth(result), expected, "{a} in {b}");
                t.drop(x);
                t.drop(y);
            }
        }
    });
}

#[test]
fn a_comparison_of_identical_objects_is_not_taken_for_granted() {
    bench(|t| {
        t.run("nan = float('nan')");
        let x = t.raw("nan");
        // SAFETY: the context and the object are valid.
        unsafe {
            assert_eq!(compare::compare_bool(t.ctx(), 2, x, x), 0);
            assert_eq!(compare::compare_bool(t.ctx(), 3, x, x), 1);
        }
        t.drop(x);
    });
}

const FLOATS: [f64; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    -3.0,
    1e-300,
    -1e-300,
    1e300,
    -1e300,
    0.1,
    1e16,
    7.25,
    -7.25,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MIN_POSITIVE,
];

/// The interpreter's value of `a op b`; none if it raises or is not a float.
fn float_result(t: &super::Bench<'_>, a: f64, op: &str, b: f64) -> Option<f64> {
    t.scope.globals.set_item("a", t.vm.ctx.new_float(a).into(), t.vm).unwrap();
    t.scope.globals.set_item("b", t.vm.ctx.new_float(b).into(), t.vm).unwrap();
    let result = t.try_eval(&format!("a {op} b")).ok()?;
    Some(result.downcast_ref::<PyFloat>()?.to_f64())
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn float_division_and_power() {
    bench(|t| {
        for a in FLOATS {
            for b in FLOATS {
                if b != 0.0 {
                    // SAFETY: no pointers but the context.
                    let (q, r) = unsafe { (math::float_floordiv(t.ctx(), a, b), math::float_mod(t.ctx(), a, b)) };
                    assert!(same(q, float_result(t, a, "//", b).unwrap()), "{a} // {b} = {q}");
                    assert!(same(r, float_result(t, a, "%", b).unwrap()), "{a} % {b} = {r}");
                }
                // SAFETY: the same.
                let p = unsafe { math::float_pow(t.ctx(), a, b) };
                match float_result(t, a, "**", b) {
                    Some(expected) => {
                        assert!(t.ctx.failed == 0 && same(p, expected), "{a} ** {b} = {p}");
                    }
                    None => assert_eq!(t.ctx.failed, 1, "{a} ** {b}"),
                }
            }
        }
    });
}

const INTS: [i64; 20] = [
    0,
    1,
    -1,
    2,
    -2,
    3,
    7,
    -10,
    1 << 53,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    (1 << 60) + 12345,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
    999_999_999_999_999_989,
    10,
    63,
    64,
];

#[test]
fn int_power_and_comparison_with_floats() {
    bench(|t| {
        let mut cases: Vec<(i64, i64)> = INTS.iter().flat_map(|&a| INTS.map(|b| (a, b))).collect();
        // A fixed linear congruential sequence of operands of all sizes.
        let mut state = 12345u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state ^ (state >> 29)) as i64 >> (state >> 58)
        };
        cases.extend((0..3000).map(|_| (next(), next())));
        for (a, b) in cases {
            t.scope.globals.set_item("a", t.vm.ctx.new_int(a).into(), t.vm).unwrap();
            t.scope.globals.set_item("b", t.vm.ctx.new_int(b).into(), t.vm).unwrap();
            if (0..=64).contains(&b) {
                let expected = t.eval("a ** b");
                let expected = i64::try_from(expected.downcast_ref::<PyInt>().unwrap().as_bigint());
                // SAFETY: no pointers but the context.
                let p = unsafe { math::int_pow(t.ctx(), a, b) };
                match expected {
                    Ok(expected) => assert_eq!((t.ctx.failed, p), (0, expected), "{a} ** {b}"),
                    Err(_) => assert_eq!(t.ctx.failed, 1, "{a} ** {b}"),
                }
            }
        }
        // SAFETY: the same.
        unsafe {
            assert_eq!((math::int_pow(t.ctx(), -1, i64::MAX), t.ctx.failed), (-1, 0));
            assert_eq!((math::int_pow(t.ctx(), 1, i64::MAX), t.ctx.failed), (1, 0));
        }
        let floats = INTS.map(|i| i as f64).into_iter().chain(FLOATS);
        for f in floats.flat_map(|f| [f, f + 0.5, f.next_up(), f.next_down()]) {
            for i in INTS {
                for (number, op) in COMPARISONS.iter().enumerate() {
                    t.scope.globals.set_item("i", t.vm.ctx.new_int(i).into(), t.vm).unwrap();
                    t.scope.globals.set_item("f", t.vm.ctx.new_float(f).into(), t.vm).unwrap();
                    let expected = t.expected(&format!("i {op} f"));
                    // SAFETY: the same.
                    let result = unsafe { math::int_float_compare(t.ctx(), number as i32, i, f) };
                    assert_eq!(t.truth(result), expected, "{i} {op} {f}");
                }
            }
        }
    });
}

#[test]
fn math_functions_give_the_same_bits() {
    type Unary = unsafe extern "C" fn(*mut super::RuntimeContext, f64) -> f64;
    let unary: [(&str, Unary); 7] = [
        ("sin", math::math_sin),
        ("cos", math::math_cos),
        ("tan", math::math_tan),
        ("atan", math::math_atan),
        ("tanh", math::math_tanh),
        ("exp", math::math_exp),
        ("log", math::math_log),
    ];
    bench(|t| {
        t.run("import math");
        let mut compared = 0;
        let inputs = (-400..400).map(|i| f64::from(i) * 0.37).chain(FLOATS);
        for x in inputs {
            t.scope.globals.set_item("x", t.vm.ctx.new_float(x).into(), t.vm).unwrap();
            for (name, f) in unary {
                let Ok(expected) = t.try_eval(&format!("math.{name}(x)")) else { continue };
                let expected = expected.downcast_ref::<PyFloat>().unwrap().to_f64();
                // SAFETY: no pointers but the context.
                let result = unsafe { f(t.ctx(), x) };
                assert!(same(result, expected), "{name}({x}) = {result}, not {expected}");
                compared += 1;
            }
            for y in FLOATS {
                t.scope.globals.set_item("y", t.vm.ctx.new_float(y).into(), t.vm).unwrap();
                let expected = t.eval("math.atan2(x, y)").downcast_ref::<PyFloat>().unwrap().to_f64();
                // SAFETY: the same.
                assert!(same(unsafe { math::math_atan2(t.ctx(), x, y) }, expected));
            }
        }
        assert!(compared > 4000, "only {compared} compared");
    });
}

#[test]
fn new_numbers() {
    bench(|t| {
        for i in INTS.into_iter().chain(-10..300) {
            // SAFETY: the context is valid.
            let made = unsafe { refs::new_int(t.ctx(), i) };
            // SAFETY: it is a new reference.
            let made = unsafe { super::take(made) };
            let same = t.vm.ctx.new_int(i);
            assert_eq!(made.downcast_ref::<PyInt>().unwrap().as_bigint(), same.as_bigint());
            assert_eq!(made.is(same.as_object()), (-5..=256).contains(&i), "{i}");
        }
        for f in FLOATS {
            // SAFETY: the context is valid and the reference new.
            let made = unsafe { super::take(refs::new_float(t.ctx(), f)) };
            assert_eq!(made.downcast_ref::<PyFloat>().unwrap().to_f64().to_bits(), f.to_bits());
        }
    });
}
