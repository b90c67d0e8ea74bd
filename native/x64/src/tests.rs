//! Tests of the x86-64 lowering on units in the IR's text form, with a run time made of a few
//! functions that note what they were called with.

use super::*;
use psycore_jit::ir::field::Field;
use psycore_jit::ir::text::parse_unit;
use psycore_jit::ir::{FnCell, ObjId, verify};
use psycore_jit::layout::Layout;
use psycore_jit::rt::RtId;
use std::cell::Cell;

/// What the run time noted. `RuntimeContext::runtime` points to it.
#[derive(Default)]
struct CallLog {
    dead: Vec<usize>,
    polls: u32,
    leave: i32,
    newest: i64,
}

/// # Safety
/// `ctx` is a [`TestMachine`]'s.
unsafe fn log<'a>(ctx: *mut RuntimeContext) -> &'a mut CallLog {
    // SAFETY: the caller's promise.
    unsafe { &mut *(*ctx).runtime.cast::<CallLog>() }
}

extern "C" fn dealloc(ctx: *mut RuntimeContext, object: usize) -> i32 {
    // SAFETY: compiled code passes its context on.
    let log = unsafe { log(ctx) };
    log.dead.push(object);
    log.leave
}

extern "C" fn poll(ctx: *mut RuntimeContext) -> i32 {
    // SAFETY: compiled code passes its context on.
    let log = unsafe { log(ctx) };
    log.polls += 1;
    // SAFETY: likewise.
    unsafe { (*ctx).countdown = 100 };
    log.leave
}

extern "C" fn new_int(ctx: *mut RuntimeContext, value: i64) -> usize {
    // SAFETY: compiled code passes its context on.
    unsafe { log(ctx) }.newest = value;
    0x1000
}

extern "C" fn float_mod(_: *mut RuntimeContext, a: f64, b: f64) -> f64 {
    a.rem_euclid(b)
}

fn rt_address(rt: RtId) -> usize {
    match rt {
        RtId::Dealloc => dealloc as extern "C" fn(*mut RuntimeContext, usize) -> i32 as usize,
        RtId::PollSlow => poll as extern "C" fn(*mut RuntimeContext) -> i32 as usize,
        RtId::NewInt => new_int as extern "C" fn(*mut RuntimeContext, i64) -> usize as usize,
        RtId::FloatMod => float_mod as extern "C" fn(*mut RuntimeContext, f64, f64) -> f64 as usize,
        // Far from everything, never called.
        _ => 0x7fff_ffff_f000,
    }
}

fn layout() -> Layout {
    let mut fields = vec![0; Field::ALL.len()];
    fields[Field::ObjType as usize] = 8;
    fields[Field::FloatValue as usize] = 16;
    fields[Field::IntSign as usize] = 24;
    fields[Field::ListPtr as usize] = 32;
    fields[Field::ListLen as usize] = 40;
    fields[Field::ObjDict as usize] = -8;
    Layout {
        fields,
        dict_entry_stride: 32,
        dict_entry_value: 8,
        dict_entry_key: 0,
        dict_entry_mark: 0,
        refcount: 0,
        immortal_bit: 60,
        word: 8,
        arg_stride: 8,
        int_small_tag: 1 << 63,
    }
}

/// A lowering, a context with an exit stack, and cells.
struct TestMachine {
    lowering: CraneliftLowering,
    ctx: Box<RuntimeContext>,
    exits: Box<[u64]>,
    log: Box<CallLog>,
    cells: [Cell<u64>; 4],
    listing: bool,
}

impl TestMachine {
    fn new() -> Self {
        TestMachine::with(CraneliftOptions { verify: true, ..CraneliftOptions::default() })
    }

    fn with(options: CraneliftOptions) -> Self {
        let mut ctx = Box::new(RuntimeContext::new());
        let mut exits = vec![0; 1 << 16].into_boxed_slice();
        let mut log = Box::new(CallLog::default());
        ctx.exit_top = exits.as_mut_ptr();
        ctx.exit_end = exits.as_mut_ptr_range().end;
        ctx.runtime = (&raw mut *log).cast();
        ctx.depth = 1000;
        ctx.countdown = 1000;
        TestMachine {
            lowering: CraneliftLowering::new(options).unwrap(),
            ctx,
            exits,
            log,
            cells: Default::default(),
            listing: false,
        }
    }

    fn lower(&mut self, text: &str) -> Lowered {
        let unit = parse_unit(text).unwrap();
        verify::verify(&unit).unwrap();
        let env = LowerEnv {
            layout: &layout(),
            obj_address: &|ObjId(n)| 0x1000 + 16 * n as usize,
            rt_address: &rt_address,
            cell_address: &|FnCell(n)| self.cells[n as usize].as_ptr() as usize,
            exit_base: 100,
        };
        self.lowering.lower(&unit, &env, self.listing).unwrap()
    }

    fn enter(&mut self, lowered: &Lowered, args: &mut [u64]) -> i32 {
        self.ctx.exit_top = self.exits.as_mut_ptr();
        // SAFETY: the unit is alive, the context is complete, and the tests pass as many
        // arguments as their function reads.
        unsafe { self.lowering.enter(lowered.handle, 0, &raw mut *self.ctx, args.as_mut_ptr()) }
    }

    /// Lowers an entry function and runs it; it must return.
    fn run(&mut self, text: &str, args: &[u64]) -> u64 {
        let lowered = self.lower(text);
        assert_eq!(self.enter(&lowered, &mut args.to_vec()), 0, "it left: {:?}", self.record());
        self.lowering.free(lowered.handle);
        self.ctx.ret
    }

    /// Lowers an entry function and runs it; it must leave. Gives the exit stack.
    fn leave(&mut self, text: &str, args: &[u64]) -> Vec<u64> {
        let lowered = self.lower(text);
        assert_eq!(self.enter(&lowered, &mut args.to_vec()), 1, "it returned {:#x}", self.ctx.ret);
        self.lowering.free(lowered.handle);
        self.record()
    }

    fn record(&self) -> Vec<u64> {
        let len = (self.ctx.exit_top as usize - self.exits.as_ptr() as usize) / 8;
        self.exits[..len].to_vec()
    }
}

/// `function entry` whose block gives `v9` of type `ty` from the arguments `v1: a`, `v2: b`.
fn two_args(a: &str, b: &str, body: &str) -> String {
    format!(
        "function entry \"f\" -> i64 {{
        block0(v0: ptr):
            v1 = load_arg {a} v0, 0
            v2 = load_arg {b} v0, 1
            {body}
            ret v9
        exit0 = guard(overflow) state0
        state0 = frame obj0 at 3 [int v1] []
        }}"
    )
}

const MIN: i64 = i64::MIN;
const MAX: i64 = i64::MAX;
const INTS: [i64; 13] = [0, 1, -1, 2, -2, 7, -7, 1 << 32, 3_037_000_500, MIN, MIN + 1, MAX, MAX - 1];

fn check_overflow(op: &str, exact: fn(i64, i64) -> Option<i64>) {
    let mut m = TestMachine::new();
    let check = |m: &mut TestMachine, lowered: &Lowered, a: i64, b: i64| {
        let status = m.enter(lowered, &mut [a as u64, b as u64]);
        match exact(a, b) {
            Some(value) => assert_eq!((status, m.ctx.ret as i64), (0, value), "{a} {op} {b}"),
            None => assert_eq!((status, m.record()), (1, vec![a as u64, 100]), "{a} {op} {b}"),
        }
    };
    let general = m.lower(&two_args("i64", "i64", &format!("v9 = {op} v1, v2, exit0")));
    for b in INTS {
        let by_constant = m.lower(&two_args("i64", "i64", &format!("v3 = i64 {b}\nv9 = {op} v1, v3, exit0")));
        let of_constant = m.lower(&two_args("i64", "i64", &format!("v3 = i64 {b}\nv9 = {op} v3, v2, exit0")));
        for a in INTS {
            check(&mut m, &general, a, b);
            check(&mut m, &by_constant, a, b);
            let status = m.enter(&of_constant, &mut [5, a as u64]);
            match exact(b, a) {
                Some(value) => assert_eq!((status, m.ctx.ret as i64), (0, value), "{b} {op} {a}"),
                None => assert_eq!((status, m.record()), (1, vec![5, 100]), "{b} {op} {a}"),
            }
        }
    }
}

#[test]
fn addition_leaves_on_overflow() {
    check_overflow("add_ovf", i64::checked_add);
}

#[test]
fn subtraction_leaves_on_overflow() {
    check_overflow("sub_ovf", i64::checked_sub);
}

#[test]
fn multiplication_leaves_on_overflow() {
    check_overflow("mul_ovf", i64::checked_mul);
}

#[test]
fn sums_with_a_python_remainder_need_one_comparison() {
    let mut m = TestMachine::new();
    let text = two_args(
        "i64",
        "i64",
        "v3 = i64 7
         v4 = srem v2, v3
         v5 = i64 0
         v6 = icmp slt v4, v5
         v7 = add v4, v3
         v8 = select v6, v7, v4
         v9 = add_ovf v1, v8, exit0",
    );
    let lowered = m.lower(&text);
    for a in INTS {
        for b in INTS {
            let status = m.enter(&lowered, &mut [a as u64, b as u64]);
            match a.checked_add(b.rem_euclid(7)) {
                Some(value) => assert_eq!((status, m.ctx.ret as i64), (0, value), "{a} + {b} % 7"),
                None => assert_eq!((status, m.record()), (1, vec![a as u64, 100])),
            }
        }
    }
}

#[test]
fn integer_operations() {
    let mut m = TestMachine::new();
    type Reference = fn(i64, i64) -> i64;
    let ops: [(&str, Reference); 8] = [
        ("add", i64::wrapping_add),
        ("sub", i64::wrapping_sub),
        ("mul", i64::wrapping_mul),
        ("and", |a, b| a & b),
        ("or", |a, b| a | b),
        ("xor", |a, b| a ^ b),
        ("shl", |a, b| a.wrapping_shl(b as u32)),
        ("sshr", |a, b| a.wrapping_shr(b as u32)),
    ];
    for (op, reference) in ops {
        let lowered = m.lower(&two_args("i64", "i64", &format!("v9 = {op} v1, v2")));
        for a in INTS {
            for b in INTS {
                m.enter(&lowered, &mut [a as u64, b as u64]);
                assert_eq!(m.ctx.ret as i64, reference(a, b), "{a} {op} {b}");
            }
        }
    }
    let divisions: [(&str, Reference); 2] = [("sdiv", i64::wrapping_div), ("srem", i64::wrapping_rem)];
    for (op, reference) in divisions {
        let general = m.lower(&two_args("i64", "i64", &format!("v9 = {op} v1, v2")));
        for b in INTS.into_iter().filter(|b| *b != 0) {
            let constant = m.lower(&two_args("i64", "i64", &format!("v3 = i64 {b}\nv9 = {op} v1, v3")));
            for a in INTS.into_iter().filter(|a| (*a, b) != (MIN, -1)) {
                for lowered in [&general, &constant] {
                    m.enter(lowered, &mut [a as u64, b as u64]);
                    assert_eq!(m.ctx.ret as i64, reference(a, b), "{a} {op} {b}");
                }
            }
        }
    }
}

#[test]
fn comparisons_as_numbers_and_as_conditions() {
    let mut m = TestMachine::new();
    type Reference = fn(i64, i64) -> bool;
    let ops: [(&str, Reference); 10] = [
        ("eq", |a, b| a == b),
        ("ne", |a, b| a != b),
        ("slt", |a, b| a < b),
        ("sle", |a, b| a <= b),
        ("sgt", |a, b| a > b),
        ("sge", |a, b| a >= b),
        ("ult", |a, b| (a as u64) < b as u64),
        ("ule", |a, b| a as u64 <= b as u64),
        ("ugt", |a, b| a as u64 > b as u64),
        ("uge", |a, b| a as u64 >= b as u64),
    ];
    for (cc, reference) in ops {
        let text = two_args("i64", "i64", &format!("v3 = icmp {cc} v1, v2\nv4 = guard v3, exit0\nv9 = zext v3"));
        let guard = m.lower(&text);
        let number = m.lower(&two_args("i64", "i64", &format!("v3 = icmp {cc} v1, v2\nv9 = zext v3")));
        for a in INTS {
            for b in INTS {
                assert_eq!(m.enter(&guard, &mut [a as u64, b as u64]) == 0, reference(a, b), "{a} {cc} {b}");
                m.enter(&number, &mut [a as u64, b as u64]);
                assert_eq!(m.ctx.ret == 1, reference(a, b));
            }
        }
    }
}

const FLOATS: [f64; 12] = [0.0, -0.0, 1.0, -1.5, 2.5, 1e300, -1e300, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.1];

#[test]
fn float_comparisons_treat_nan_as_python_does() {
    let mut m = TestMachine::new();
    type Reference = fn(f64, f64) -> bool;
    let ops: [(&str, Reference); 6] = [
        ("eq", |a, b| a == b),
        ("ne", |a, b| a != b),
        ("lt", |a, b| a < b),
        ("le", |a, b| a <= b),
        ("gt", |a, b| a > b),
        ("ge", |a, b| a >= b),
    ];
    for (cc, reference) in ops {
        for (guard, expect) in [("guard", true), ("guard_not", false)] {
            let text = two_args("f64", "f64", &format!("v4 = fcmp {cc} v1, v2\nv5 = {guard} v4, exit0\nv9 = i64 1"))
                .replace("int v1", "float v1");
            let lowered = m.lower(&text);
            for a in FLOATS {
                for b in FLOATS {
                    let status = m.enter(&lowered, &mut [a.to_bits(), b.to_bits()]);
                    assert_eq!(status == 0, reference(a, b) == expect, "{guard} {a} {cc} {b}");
                }
            }
        }
        let number =
            m.lower(&two_args("f64", "f64", &format!("v4 = fcmp {cc} v1, v2\nv9 = zext v4")).replace("int v1", "float v1"));
        for a in FLOATS {
            for b in FLOATS {
                m.enter(&number, &mut [a.to_bits(), b.to_bits()]);
                assert_eq!(m.ctx.ret == 1, reference(a, b), "{a} {cc} {b}");
            }
        }
    }
}

#[test]
fn float_operations() {
    let mut m = TestMachine::new();
    type Reference = fn(f64, f64) -> f64;
    let ops: [(&str, Reference); 10] = [
        ("fadd v1, v2", |a, b| a + b),
        ("fsub v1, v2", |a, b| a - b),
        ("fmul v1, v2", |a, b| a * b),
        ("fdiv v1, v2", |a, b| a / b),
        ("fneg v1", |a, _| -a),
        ("fabs v1", |a, _| a.abs()),
        ("fsqrt v1", |a, _| a.sqrt()),
        ("ffloor v1", |a, _| a.floor()),
        ("fceil v1", |a, _| a.ceil()),
        ("call_rt float_mod(v1, v2)", |a, b| a.rem_euclid(b)),
    ];
    for (op, reference) in ops {
        let text = two_args("f64", "f64", &format!("v9 = {op}")).replace("-> i64", "-> f64").replace("int v1", "float v1");
        let lowered = m.lower(&text);
        for a in FLOATS {
            for b in FLOATS {
                m.enter(&lowered, &mut [a.to_bits(), b.to_bits()]);
                let (got, want) = (f64::from_bits(m.ctx.ret), reference(a, b));
                assert!(got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()), "{op}: {got} {want}");
            }
        }
    }
}

#[test]
fn conversions() {
    let mut m = TestMachine::new();
    let to_float = two_args("i64", "i64", "v9 = i64_to_f64 v1").replace("-> i64", "-> f64");
    let to_int = two_args("f64", "i64", "v9 = f64_to_i64 v1").replace("int v1", "float v1");
    let bits = two_args("f64", "i64", "v9 = bits_of v1").replace("int v1", "float v1");
    for a in INTS {
        assert_eq!(f64::from_bits(m.run(&to_float, &[a as u64, 0])), a as f64);
    }
    for a in [0.0, -0.5, 1.5, -1.5, 9.2e18, -9_223_372_036_854_775_808.0] {
        assert_eq!(m.run(&to_int, &[f64::to_bits(a), 0]) as i64, a as i64);
        assert_eq!(m.run(&bits, &[f64::to_bits(a), 0]), a.to_bits());
    }
    let narrow = two_args("i64", "i64", "v3 = wrap v1\nv4 = sext v3\nv5 = zext v3\nv9 = sub v5, v4");
    assert_eq!(m.run(&narrow, &[0xffff_ffff_ffff_fff0, 0]), 1 << 32);
    assert_eq!(m.run(&narrow, &[0x7fff_ffff, 0]), 0);
}

#[test]
fn divisions_by_constants_are_exact() {
    let mut m = TestMachine::new();
    let near = |x: i64| [x.wrapping_sub(1), x, x.wrapping_add(1)];
    let divisors = [2, 3, 5, 6, 7, 8, 10, 60, 1000, 1024, 1 << 31, (1 << 62) - 1, 1 << 62, MAX, MAX - 1, -1, -7, -8, MIN];
    for d in divisors {
        let text = two_args(
            "i64",
            "i64",
            &format!(
                "v3 = i64 {d}
                 v4 = sdiv v1, v3
                 v5 = srem v1, v3
                 store_scratch 0, v4
                 store_scratch 1, v5
                 v9 = srem v1, v3"
            ),
        );
        let lowered = m.lower(&text);
        let multiples = [1, 2, 100, MAX / d.checked_abs().unwrap_or(MAX)].into_iter().flat_map(|k| near(k.wrapping_mul(d)));
        let powers = (0..64).flat_map(|k| near(1 << k));
        let all: Vec<i64> = multiples.chain(powers).flat_map(|x| [x, x.wrapping_neg()]).collect();
        for x in all.into_iter().filter(|x| (*x, d) != (MIN, -1)) {
            m.enter(&lowered, &mut [x as u64, 0]);
            let got = (m.ctx.scratch[0] as i64, m.ctx.scratch[1] as i64, m.ctx.ret as i64);
            assert_eq!(got, (x / d, x % d, x % d), "{x} / {d}");
        }
    }
}

/// `total += i * i % 7` for `i` in `range(n)`.
pub(super) const INT_LOOP: &str = r#"function entry "int_loop" -> i64 {
block0(v0: ptr):
    v1 = load_arg i64 v0, 0
    v2 = i64 0
    v3 = i64 7
    v4 = i64 1
    jump block1(v2, v2)
block1(v5: i64, v6: i64):
    v7 = icmp slt v5, v1
    br v7, block2, block3
block2:
    v8 = mul_ovf v5, v5, exit0
    v9 = srem v8, v3
    v10 = icmp slt v9, v2
    v11 = add v9, v3
    v12 = select v10, v11, v9
    v13 = add_ovf v6, v12, exit0
    v14 = add_ovf v5, v4, exit0
    poll exit1
    jump block1(v14, v13)
block3:
    ret v6
exit0 = guard(overflow) state0
exit1 = guard(poll) state1
state0 = frame obj0 at 3 [int v5, int v6] []
state1 = frame obj0 at 4 [int v14, int v13] []
}"#;

pub(super) const FIB: &str = r#"function entry "main" -> i64 {
block0(v0: ptr):
    v1 = load_arg i64 v0, 0
    v2 = call_fn local1(v1) -> i64, exit0
    ret v2
exit0 = call state0
state0 = frame obj0 at 3 [int v1] []
}
function compiled "fib" -> i64 {
block0(v0: i64):
    enter exit0
    v1 = i64 2
    v2 = icmp slt v0, v1
    br v2, block1, block2
block1:
    leave
    ret v0
block2:
    v3 = i64 1
    v4 = sub_ovf v0, v3, exit1
    v5 = call_fn local1(v4) -> i64, exit2
    v6 = sub_ovf v0, v1, exit3
    v7 = call_fn local1(v6) -> i64, exit4
    v8 = add_ovf v5, v7, exit5
    leave
    ret v8
exit0 = guard(depth) state0
exit1 = guard(overflow) state0
exit2 = call state1
exit3 = guard(overflow) state2
exit4 = call state2
exit5 = guard(overflow) state3
state0 = frame obj0 of obj1 at 0 [int v0] []
state1 = frame obj0 of obj1 at 10 [int v0] []
state2 = frame obj0 of obj1 at 20 [int v0] [int v5]
state3 = frame obj0 of obj1 at 30 [int v0] [int v5, int v7]
}"#;

#[test]
fn a_loop_returns_or_leaves_with_its_state() {
    let mut m = TestMachine::new();
    m.ctx.countdown = 100;
    assert_eq!(m.run(INT_LOOP, &[1000]), (0..1000u64).map(|i| i * i % 7).sum::<u64>());
    assert_eq!(m.log.polls, 10);
    m.log.leave = 1;
    m.ctx.countdown = 3;
    assert_eq!(m.leave(INT_LOOP, &[1000]), [3, 1 + 4, 101]);
}

#[test]
fn nested_loops() {
    let mut m = TestMachine::new();
    let text = r#"function entry "nested" -> i64 {
    block0(v0: ptr):
        v1 = load_arg i64 v0, 0
        v2 = i64 0
        v3 = i64 1
        jump block1(v2, v2)
    block1(v4: i64, v5: i64):
        v6 = icmp slt v4, v1
        br v6, block2(v2, v5), block5
    block2(v7: i64, v8: i64):
        v9 = icmp slt v7, v4
        br v9, block3, block4
    block3:
        v10 = mul_ovf v4, v7, exit0
        v11 = add_ovf v8, v10, exit0
        v12 = add v7, v3
        jump block2(v12, v11)
    block4:
        v13 = add v4, v3
        jump block1(v13, v8)
    block5:
        ret v5
    exit0 = guard(overflow) state0
    state0 = frame obj0 at 3 [int v4, int v7, int v8] []
    }"#;
    let want: i64 = (0..30).map(|i| (0..i).map(|j| i * j).sum::<i64>()).sum();
    assert_eq!(m.run(text, &[30]) as i64, want);
}

#[test]
fn recursion_returns_and_keeps_the_depth() {
    let mut m = TestMachine::new();
    assert_eq!(m.run(FIB, &[20]), 6765);
    assert_eq!(m.ctx.depth, 1000);
}

#[test]
fn running_out_of_depth_leaves_every_caller() {
    let mut m = TestMachine::new();
    m.ctx.depth = 3;
    // Innermost first: the argument and `exit0`, then the callers' `exit2`, then the entry's.
    assert_eq!(m.leave(FIB, &[20]), [17, 101, 18, 103, 19, 103, 20, 103, 20, 100]);
}

#[test]
fn the_exit_stack_never_overflows() {
    let mut m = TestMachine::new();
    m.ctx.depth = i32::MAX;
    // The longest record is 4 words: a level may need 32 bytes.
    m.ctx.exit_end = m.exits.as_mut_ptr().wrapping_add(4 * 10);
    let record = m.leave(FIB, &[200]);
    assert_eq!(record[..2], [192, 101]);
    assert_eq!(record.len(), 2 * 10);
}

#[test]
fn calls_through_cells_reach_what_the_cell_holds() {
    let mut m = TestMachine::new();
    let callee = |value: f64| {
        format!(
            "function compiled \"callee\" -> f64 {{
            block0(v0: i64, v1: f64):
                v2 = f64 {value:?}
                v3 = fmul v1, v2
                ret v3
            }}"
        )
    };
    let caller = m.lower(
        r#"function entry "caller" -> f64 {
        block0(v0: ptr):
            v1 = load_arg i64 v0, 0
            v2 = load_arg f64 v0, 1
            v3 = call_fn fn2(v1, v2) -> f64, exit0
            ret v3
        exit0 = call state0
        state0 = frame obj0 at 3 [int v1] []
        }"#,
    );
    for factor in [2.0, 10.0] {
        let lowered = m.lower(&callee(factor));
        assert!(lowered.entries[0].is_none());
        m.cells[2].set(lowered.cells[0]);
        assert_eq!(m.enter(&caller, &mut [1, f64::to_bits(1.5)]), 0);
        assert_eq!(f64::from_bits(m.ctx.ret), 1.5 * factor);
        m.lowering.free(lowered.handle);
    }
}

#[test]
fn many_arguments_go_over_the_stack() {
    let mut m = TestMachine::new();
    let count = 20;
    let list = |ty: &str| (1..=count).map(|i| format!("v{i}{ty}")).collect::<Vec<_>>().join(", ");
    let loads: String = (1..=count).map(|i| format!("v{i} = load_arg i64 v0, {}\n", i - 1)).collect();
    let mut sum = String::from("v30 = i64 0\n");
    for i in 1..=count {
        sum += &format!("v{} = shl v{}, v21\nv{} = add v{}, v{i}\n", 29 + 2 * i, 28 + 2 * i, 30 + 2 * i, 29 + 2 * i);
    }
    let text = format!(
        "function entry \"f\" -> i64 {{
        block0(v0: ptr):
            {loads} v21 = call_fn local1({}) -> i64, exit0
            ret v21
        exit0 = call state0
        state0 = frame obj0 at 3 [] []
        }}
        function compiled \"g\" -> i64 {{
        block0({}):
            v21 = i64 1
            {sum} ret v{}
        }}",
        list(""),
        list(": i64"),
        30 + 2 * count
    );
    let args: Vec<u64> = (0..count).map(|i| i * i + 3).collect();
    assert_eq!(m.run(&text, &args), args.iter().fold(0, |sum, x| 2 * sum + x));
}

#[repr(C)]
struct Object {
    dict: u64,
    refcount: u64,
    class: u64,
    value: f64,
    sign: u64,
    items: *const u64,
    len: u64,
}

fn object(refcount: u64) -> Object {
    Object { dict: 0xd1c7, refcount, class: 0x77, value: 0.5, sign: 0, items: std::ptr::null(), len: 0 }
}

fn address(object: &mut Object) -> u64 {
    &raw mut object.refcount as u64
}

const IMMORTAL: u64 = 1 << 60;
const PUBLISHED: u64 = 1 << 62;

const COUNT: &str = r#"function entry "count" -> i64 {
block0(v0: ptr):
    v1 = load_arg ptr v0, 0
    v2 = i64 5
    OP
    ret v2
exit0 = after(finalizer) state0
state0 = frame obj0 at 3 [int v2] []
}"#;

#[test]
fn references_are_counted_unless_immortal() {
    let mut m = TestMachine::new();
    for (op, by) in [("incref v1", 1), ("decref v1, exit0", -1), ("decref v1", -1)] {
        let text = COUNT.replace("OP", op);
        for count in [2, 3, PUBLISHED + 2, (1 << 60) - 1] {
            let mut object = object(count);
            m.run(&text, &[address(&mut object)]);
            assert_eq!(object.refcount, count.wrapping_add_signed(by), "{op}");
        }
        for count in [IMMORTAL + 7, IMMORTAL + PUBLISHED + 1] {
            let mut object = object(count);
            m.run(&text, &[address(&mut object)]);
            assert_eq!(object.refcount, count, "{op}");
        }
        assert!(m.log.dead.is_empty());
    }
}

#[test]
fn the_last_reference_destroys_and_may_leave() {
    let mut m = TestMachine::new();
    for (op, leave, status) in [("decref v1, exit0", 0, 0), ("decref v1, exit0", 1, 1), ("decref v1", 1, 0)] {
        for flags in [0, PUBLISHED] {
            let lowered = m.lower(&COUNT.replace("OP", op));
            let mut object = object(flags + 1);
            m.log.dead.clear();
            m.log.leave = leave;
            assert_eq!(m.enter(&lowered, &mut [address(&mut object)]), status);
            assert_eq!(m.log.dead, [address(&mut object) as usize]);
            assert_eq!(object.refcount, flags);
            if status == 1 {
                assert_eq!(m.record(), [5, 100]);
            }
        }
    }
}

#[test]
fn only_a_bare_single_reference_is_unique() {
    let mut m = TestMachine::new();
    let text = COUNT.replace("OP", "v3 = is_unique v1\nv4 = guard v3, exit0");
    let lowered = m.lower(&text);
    for (count, status) in [(1, 0), (2, 1), (IMMORTAL + 1, 1), (PUBLISHED + 1, 1), (0, 1)] {
        assert_eq!(m.enter(&lowered, &mut [address(&mut object(count))]), status);
    }
}

#[test]
fn the_sum_of_a_list_of_floats_is_guarded() {
    let mut m = TestMachine::new();
    let text = r#"function entry "sum" -> f64 {
    block0(v0: ptr):
        v1 = load_arg ptr v0, 0
        v2 = i64 0
        v3 = f64 0.0
        v4 = i64 1
        v5 = obj obj7
        jump block1(v2, v3)
    block1(v6: i64, v7: f64):
        v8 = load list.len v1
        v9 = icmp ult v6, v8
        br v9, block2, block3
    block2:
        v10 = load list.ptr v1
        v11 = load_elem list.item v10, v6
        v12 = load obj.type v11
        v13 = icmp eq v12, v5
        v14 = guard v13, exit0
        v15 = load float.value v11 after v14
        v16 = fadd v7, v15
        v17 = add v6, v4
        jump block1(v17, v16)
    block3:
        ret v7
    exit0 = guard(type) state0
    state0 = frame obj0 at 3 [borrowed v1, float v7] [list_iter(borrowed v1, v6), owned v11]
    }"#;
    let float_type = 0x1000 + 16 * 7;
    let mut floats: Vec<Object> = (0..10).map(|i| Object { class: float_type, value: f64::from(i) + 0.5, ..object(1) }).collect();
    let items: Vec<u64> = floats.iter_mut().map(address).collect();
    let mut list = Object { items: items.as_ptr(), len: 10, ..object(1) };
    let list_address = address(&mut list);
    assert_eq!(f64::from_bits(m.run(text, &[list_address])), 50.0);
    floats[4].class = 0x1000;
    let state = [list_address, f64::to_bits(8.0), 4, items[4], 100];
    assert_eq!(m.leave(text, &[list_address]), state);
}

#[test]
fn memory_of_every_width() {
    let mut m = TestMachine::new();
    let text = r#"function entry "memory" -> i64 {
    block0(v0: ptr):
        v1 = load_arg ptr v0, 0
        v2 = load_arg i64 v0, 1
        v3 = load_elem byte v1, v2
        v4 = load int.sign v1
        v5 = add v3, v4
        store int.sign v1, v5
        v6 = load_elem slot v1, v2
        v7 = load obj.dict v1
        store_arg v0, 1, v7
        v8 = i64 1
        v9 = load list.ptr v1
        v10 = load_elem dict.value v9, v8
        v11 = load_elem dict.key v9, v8
        store_elem dict.value v9, v8, v11
        store_elem list.item v9, v8, v10
        v12 = f64 2.5
        store float.value v1, v12
        store_scratch 3, v8
        v13 = load_ctx failed
        v14 = zext v13
        store_arg v0, 0, v6
        ret v14
    }"#;
    let mut entries: Vec<u64> = (0..8).collect();
    let mut it = Object { items: entries.as_mut_ptr(), sign: 0x1_02ff, ..object(1) };
    m.ctx.failed = 3;
    let lowered = m.lower(text);
    let mut args = [address(&mut it), 8];
    assert_eq!(m.enter(&lowered, &mut args), 0);
    assert_eq!(m.ctx.ret, 3);
    assert_eq!(args, [0x77, 0xd1c7]);
    assert_eq!(it.sign, 0x1_0200 + ((0xff + 0x77) & 0xff));
    assert_eq!(it.value, 2.5);
    assert_eq!(entries, [0, 5, 2, 3, 4, 4, 6, 7]);
    assert_eq!(m.ctx.scratch[3], 1);
}

#[test]
fn records_hold_each_value_once_and_number_exits_through_the_unit() {
    let mut m = TestMachine::new();
    let text = r#"function entry "outer" -> i64 {
    block0(v0: ptr):
        v1 = load_arg i64 v0, 0
        v2 = call_fn local1(v1) -> i64, exit1
        ret v2
    exit0 = guard(type) state0
    exit1 = call state0
    state0 = frame obj0 at 3 [int v1] []
    }
    function compiled "inner" -> i64 {
    block0(v0: i64):
        v1 = f64 1.25
        v2 = i32 -1
        v3 = obj obj2
        exit exit1
    exit0 = guard(type) state0
    exit1 = guard(unseen) state0 drops v3, v4
    state0 = frame obj0 of obj1 at 3 [int v0, float v1, bool v2, int v0] [tuple(int v0, null), null]
    }"#;
    let text = text.replace("v3 = obj obj2", "v3 = obj obj2\nv4 = obj obj3");
    assert_eq!(m.leave(&text, &[42]), [42, f64::to_bits(1.25), 0xffff_ffff, 0x1020, 0x1030, 103, 42, 101]);
}

#[test]
fn entry_points_out_of_reach_are_called_too() {
    let mut m = TestMachine::new();
    let unit = parse_unit(&two_args("i64", "i64", "v9 = call_rt new_int(v1)").replace("-> i64", "-> ptr")).unwrap();
    // A jump to `new_int` in memory far from the program.
    let far = CodeMemoryFar::new(rt_address(RtId::NewInt));
    assert!(!crate::code_memory::reaches(&m.lowering.memory.range(), far.address));
    let env =
        LowerEnv { layout: &layout(), obj_address: &|_| 0, rt_address: &|_| far.address, cell_address: &|_| 0, exit_base: 0 };
    let lowered = m.lowering.lower(&unit, &env, false).unwrap();
    assert_eq!(m.enter(&lowered, &mut [77, 0]), 0);
    assert_eq!((m.ctx.ret, m.log.newest), (0x1000, 77));
}

/// `mov rax, target; jmp rax` at an address of the system's choice.
struct CodeMemoryFar {
    address: usize,
}

impl CodeMemoryFar {
    fn new(target: usize) -> Self {
        let mut code = vec![0x48, 0xb8];
        code.extend(target.to_le_bytes());
        code.extend([0xff, 0xe0]);
        // SAFETY: a fresh anonymous page, written before it becomes executable.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let page = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            assert_ne!(page, libc::MAP_FAILED);
            std::ptr::copy_nonoverlapping(code.as_ptr(), page.cast(), code.len());
            assert_eq!(libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC), 0);
            CodeMemoryFar { address: page as usize }
        }
    }
}

#[test]
fn code_memory_is_bounded_and_freed() {
    let mut m = TestMachine::with(CraneliftOptions { code_bytes: 4096, ..CraneliftOptions::default() });
    let unit = parse_unit(INT_LOOP).unwrap();
    let layout = layout();
    let env = LowerEnv { layout: &layout, obj_address: &|_| 0, rt_address: &rt_address, cell_address: &|_| 0, exit_base: 0 };
    let first = m.lowering.lower(&unit, &env, false).unwrap();
    m.lowering.free(first.handle);
    let shared = m.lowering.code_bytes();
    let mut handles = Vec::new();
    let error = loop {
        match m.lowering.lower(&unit, &env, false) {
            Ok(lowered) => handles.push(lowered.handle),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "out of code memory");
    assert!(handles.len() > 3);
    handles.into_iter().for_each(|handle| m.lowering.free(handle));
    assert_eq!(m.lowering.code_bytes(), shared);
    assert_eq!(m.run(INT_LOOP, &[10]), 19);
}

#[test]
fn what_can_not_be_lowered_is_an_error() {
    let mut m = TestMachine::with(CraneliftOptions { unit_insts: 3, ..CraneliftOptions::default() });
    let unit = parse_unit(INT_LOOP).unwrap();
    let layout = layout();
    let env = LowerEnv { layout: &layout, obj_address: &|_| 0, rt_address: &rt_address, cell_address: &|_| 0, exit_base: 0 };
    let error = m.lowering.lower(&unit, &env, false).unwrap_err();
    assert_eq!(error.to_string(), "unit of 13 instructions");
    m.lowering.compiler.options.unit_insts = 100;
    let unit = parse_unit("function entry \"f\" {\nblock0(v0: ptr):\nunfinished\n}").unwrap();
    let error = m.lowering.lower(&unit, &env, false).unwrap_err();
    assert_eq!(error.to_string(), "f: block0 has no end");
}

#[test]
fn quick_code_does_the_same() {
    let mut m = TestMachine::with(CraneliftOptions { effort: Effort::Quick, verify: true, ..CraneliftOptions::default() });
    assert_eq!(m.run(INT_LOOP, &[1000]), (0..1000u64).map(|i| i * i % 7).sum::<u64>());
    assert_eq!(m.run(FIB, &[15]), 610);
    m.lowering.set_effort(Effort::Full).unwrap();
    assert_eq!(m.run(FIB, &[15]), 610);
}

#[test]
fn the_listing_shows_machine_code() {
    let mut m = TestMachine::new();
    m.listing = true;
    let listing = m.lower(FIB).listing.unwrap();
    assert!(listing.contains("main: ") && listing.contains("fib: "), "{listing}");
    assert!(listing.contains("# fib\n") && listing.contains("ret"), "{listing}");
    m.listing = false;
    assert!(m.lower(FIB).listing.is_none());
}

#[test]
fn dividing_by_a_constant_multiplies() {
    let mut m = TestMachine::new();
    m.listing = true;
    let listing = m.lower(INT_LOOP).listing.unwrap();
    assert!(!listing.contains("div"), "{listing}");
}
