//! Tests of the text form and the verifier that need no run time.

use super::text::parse_unit;
use super::verify::verify;

/// Every operation, terminator, exit kind and recipe.
const EVERYTHING: &str = r#"function compiled "every \"op\"" -> i64 {
block0(v0: ptr, v1: i64, v2: f64, v3: i32) hoist exit0:
    v4 = i64 -9223372036854775808 @7
    v5 = i32 -1
    v6 = f64 -0.0
    v7 = f64 1e-300
    v8 = f64_bits 0x7ff8000000000001
    v9 = obj obj3
    v10 = null
    v11 = sub v1, v4
    v12 = fdiv v2, v6
    v13 = mul_ovf v1, v4, exit0
    v14 = i64_to_f64 v1
    v15 = icmp ule v0, v9
    v16 = fcmp ge v2, v7
    v17 = select v15, v2, v8
    v18 = guard v15, exit0
    v19 = guard_not v16, exit0
    v20 = load obj.type v0 after v18
    v21 = load list.len v0
    store list.len v0, v21
    v22 = load_elem list.item v0, v1 after v19
    store_elem dict.value v0, v1, v22
    v23 = load_arg ptr v0, 3
    store_arg v0, 4, v23
    v24 = load_ctx failed
    store_scratch 255, v3
    incref v0
    decref v0, exit1
    decref v0
    v25 = is_unique v0
    v26 = call_rt new_int(v1)
    call_rt list_append(v0, v26)
    v27 = call_fn local0(v0, v1, v2, v3) -> i64, exit2
    call_fn fn9(), exit2
    poll exit0
    enter exit0
    leave
    jump block1(v1)
block1(v28: i64) cold:
    br v3, block2, block1(v28)
block2:
    br v3, block3, block4
block3:
    exit exit3
block4:
    ret v28
exit0 = guard(overflow) state0 drops v0, v1000
exit1 = after(finalizer) state1
exit2 = call state1
exit3 = raise state1
state0 = frame obj0 at 5 [null, owned v0, borrowed v0, int v1, float v2, bool v3, const obj1] [tuple(tuple(), int v1)]
        frame obj1 of obj2 at 6 [] [range_iter(v1, v1, v1), list_iter(const obj4, v1), zip(null, int v1)]
        global obj5, obj6 = enumerate(str_iter(borrowed v0, v1), v1)
        global obj5, obj7 = tuple_iter(borrowed v0, v1)
state1 = frame obj0 at 5 [] []
}

function entry "two" {
block0(v0: ptr):
    unfinished
}
"#;

fn messages(text: &str) -> String {
    match verify(&parse_unit(text).expect("it parses")) {
        Ok(()) => "fine".into(),
        Err(e) => e.to_string(),
    }
}

#[test]
fn text_round_trips() {
    let text = EVERYTHING.replace(", v1000", "");
    let unit = parse_unit(&text).unwrap();
    assert_eq!(unit.to_string(), text);
    assert_eq!(parse_unit(&unit.to_string()).unwrap(), unit);
}

#[test]
fn parse_errors_name_the_line() {
    for (text, want) in [
        ("function entry \"f\" {\nblock0(v0: ptr):\n    v1 = i65 0\n", "line 3: there is no operation `i65`"),
        ("function entry \"f\" {\nblock0(v0: ptr):\n    v1 = add v0, v2\n    ret\n}", "line 3: v2 is not defined"),
        ("function entry \"f\" {\nblock0(v0: ptr):\n    load obj.type v0\n    ret }", "line 3: the result needs a name"),
        ("function entry \"f\" {\nblock0(v0: ptr):\n    v0 = null\n    ret }", "line 3: v0 is defined twice"),
        ("function\nentry \"f", "line 2: a string that does not end"),
        ("function entry \"f\" {\nblock1:\n", "line 2: expected block0, not block1"),
        ("", "fine"),
    ] {
        let got = parse_unit(text).map_or_else(|e| e.to_string(), |_| "fine".into());
        assert_eq!(got, want);
    }
}

#[test]
fn the_verifier_wants_the_right_types() {
    let got = messages(
        r#"function compiled "f" {
        block0(v0: ptr, v1: i64, v2: f64):
            v3 = add v1, v2
            v4 = load int.mag v1
            v5 = load int.mag v0 after v1
            v6 = call_rt new_int(v0)
            ret
        }"#,
    );
    assert_eq!(
        got,
        "f: block0: inst0: `v3 = add v1, v2`: v2 is f64, but must be i64\n\
         f: block0: inst1: `v4 = load int.mag v1`: v1 is i64, but must be ptr\n\
         f: block0: inst2: `v5 = load int.mag v0 after v1`: v1 is i64, but must be tok\n\
         f: block0: inst3: `v6 = call_rt new_int(v0)`: v0 is ptr, but must be i64"
    );
}

#[test]
fn the_verifier_wants_definitions_that_dominate() {
    let got = messages(
        r#"function compiled "f" -> i64 {
        block0(v0: i32, v1: i64):
            v2 = add v3, v1
            v3 = add v1, v1
            br v0, block1, block2
        block1:
            v4 = guard v0, exit0
            v5 = i64 1
            jump block2
        block2:
            ret v5
        exit0 = guard(type) state0
        state0 = frame obj0 at 0 [int v5] []
        }"#,
    );
    assert_eq!(
        got,
        "f: block0: inst0: `v2 = add v3, v1`: v3 is not available here\n\
         f: block1: inst2: `v4 = guard v0, exit0`: exit0 reads v5, which is not available here\n\
         f: block2: v5 is not available here"
    );
}

#[test]
fn the_verifier_checks_what_else_lowerings_rely_on() {
    let f = |body: &str| messages(&format!("function compiled \"f\" {{ {body} }}"));
    for (body, want) in [
        ("block0: jump block7", "f: block0: there is no block7"),
        ("block0: unfinished", "f: block0: has no terminator"),
        ("block0: jump block1(v0) block1: ret", "f: block0: passes 1 arguments to block1, which has 0 parameters"),
        ("block0: jump block0", "f: the entry block is jumped to"),
        ("block0: poll exit0 ret", "f: block0: inst0: `poll exit0`: there is no exit0"),
        ("block0: poll exit0 ret exit0 = guard(poll) state0", "f: exit0 has no state 0"),
        ("block0: poll exit0 ret exit0 = guard(poll) state0 state0 =", "f: state0 has no frame"),
        ("block0: ret state0 = frame obj0 at 0 [keep] []", "f: state0 keeps a slot of a frame that is not the entry's"),
        (
            "block0: poll exit0 ret exit0 = call state0 state0 = frame obj0 at 0 [] []",
            "f: block0: inst0: `poll exit0`: exit0 is of kind call, but this calls nothing",
        ),
        (
            "block0(v0: i32): br v0, block1, block2 block1: jump block2 block2: jump block1",
            "f: block1 jumps back to block2, which does not dominate it",
        ),
        ("block0(v0: tok): ret", "f: block0: parameter v0 is a token"),
        (
            "block0: v0 = i64 0 store_scratch 256, v0 ret",
            "f: block0: inst1: `store_scratch 256, v0`: there are 256 scratch words",
        ),
    ] {
        assert_eq!(f(body), want);
    }
    assert_eq!(messages("function entry \"e\" { block0: ret }"), "e: the parameters of an entry are its argument array (ptr)");
}
