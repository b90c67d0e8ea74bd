//! What the specializer does with each opcode: the source of `docs/opcodes.md`. It decides nothing;
//! a test holds it against `Specializer::step`.

use crate::bytecode::Opcode;

/// What becomes of an instruction in compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Code for types and values that were seen, where the text says for which; for others the general
    /// way, which is an entry point of the run time or an exit.
    Specialized(&'static str),
    /// A call of the run time that does what the interpreter would do.
    EntryPoint(&'static str),
    /// Compiled code is left: the interpreter runs it.
    Exit(&'static str),
}

/// All opcodes that compilers write into code, by number: not those that the interpreter puts in their place
/// as it learns or watches.
pub fn opcodes() -> Vec<Opcode> {
    (0..=u8::MAX)
        .filter_map(|n| Opcode::try_from(n).ok())
        .filter(|op| op.deoptimize() == *op)
        .filter(|op| {
            let name = format!("{op:?}");
            !name.starts_with("Instrumented")
                && !["Reserved", "EnterExecutor", "InterpreterExit", "ResumeCheck"].contains(&name.as_str())
        })
        .collect()
}

/// What is done with an opcode.
pub fn support(op: Opcode) -> Support {
    use Opcode::*;
    use Support::{EntryPoint, Exit, Specialized};
    match op {
        Nop | Resume | Cache | NotTaken | ExtendedArg => Specialized("nothing to do"),
        CopyFreeVars => Specialized("nothing to do: entries come after it, cells of inlined functions are constants"),
        LoadFast | LoadFastBorrow | LoadFastCheck | LoadFastLoadFast | LoadFastBorrowLoadFastBorrow => {
            Specialized("a register; checked only where the variable may be unbound")
        }
        LoadFastAndClear | DeleteFast => Specialized("a register becomes free; an exit where the variable may be unbound"),
        StoreFast | StoreFastLoadFast | StoreFastStoreFast => Specialized("a register; numbers stay unboxed"),
        LoadConst | LoadSmallInt => Specialized("a constant; numbers unboxed"),
        LoadGlobal => Specialized("a constant behind a check of the value, or a register for module variables of a loop"),
        LoadName => Specialized("as `LOAD_GLOBAL` at module level; an exit in class bodies and `exec` with own locals"),
        StoreName | StoreGlobal => Specialized("a register that is written back before anybody could look; existing names only"),
        PopTop | EndFor | PopIter | PushNull | Copy | Swap => Specialized("moves in the description of the stack"),
        BinaryOp => Specialized(
            "arithmetic of unboxed int, float and bool with overflow exits; items of list, tuple, str, bytes, dict with str keys; methods of Python classes inlined; else an entry point",
        ),
        BinarySlice => Specialized("list, tuple, str, bytes with ints or None as bounds; else an entry point"),
        StoreSlice => EntryPoint("slices of any object"),
        UnaryNegative | UnaryInvert => Specialized("int and float, `__neg__` inlined; else an entry point"),
        UnaryNot => Specialized("as `TO_BOOL`"),
        ToBool => Specialized(
            "numbers, None, str, list, tuple, dict, classes whose instances are always true, `__bool__` inlined; else an entry point",
        ),
        CompareOp => Specialized("int, float and mixed, str, None; methods of Python classes inlined; else an entry point"),
        IsOp => Specialized("a comparison of addresses, of values for unboxed numbers"),
        ContainsOp => {
            Specialized("keys of dict and set, items of list, tuple, str, ranges that were not made; else an entry point")
        }
        PopJumpIfTrue | PopJumpIfFalse => Specialized("a branch; as `TO_BOOL` where the operand is no bool"),
        PopJumpIfNone | PopJumpIfNotNone => Specialized("a branch, decided where the type is known"),
        JumpForward | JumpBackward | JumpBackwardNoInterrupt => {
            Specialized("a jump; backward ones look for signals and the like")
        }
        GetIter => Specialized(
            "range, list, tuple, str, dict and its views, without an iterator object but for dicts; enumerate, zip and reversed of such; else an entry point",
        ),
        ForIter => Specialized(
            "counting, an index into list, tuple, str, an entry of a dict; enumerate, zip and reversed of such; other iterators by an entry point",
        ),
        ReturnValue => Specialized("an unboxed result for compiled callers; the value itself where the function was inlined"),
        StoreSubscr => Specialized(
            "items of list, floats and ints overwritten in place where nobody else holds them; `__setitem__` inlined; else an entry point",
        ),
        DeleteSubscr => EntryPoint("any container"),
        LoadAttr => Specialized(
            "attributes of instances that were not made; instance dicts by shape, slots, methods, properties, class values, module variables; else an entry point",
        ),
        StoreAttr => Specialized(
            "attributes of instances that were not made; instance dicts by shape, slots, setters of properties; floats and ints overwritten in place; else an entry point",
        ),
        Call => Specialized(
            "Python functions, methods, lambdas and `__init__` inlined or called directly, plain instances not made until somebody could see them; len, isinstance, sum, math and other builtins; else an entry point",
        ),
        CallKw => Specialized("Python functions, as `CALL`; else an entry point"),
        BuildTuple => Specialized("small ones are not made until somebody could see them; else an entry point"),
        BuildList => Specialized("not made where `*` fills it for a tuple or repeats it; else an entry point"),
        BuildSet | BuildMap | BuildString | BuildSlice => EntryPoint("makes the object"),
        UnpackSequence => {
            Specialized("tuples that were not made, exact tuples and lists of the right length; else an entry point")
        }
        ListAppend | ListExtend => Specialized("up to 8 items in a list that was not made; else an entry point"),
        SetAdd | MapAdd => EntryPoint("adds to the container"),
        FormatSimple | FormatWithSpec | ConvertValue => EntryPoint("f-strings"),
        GetLen => Specialized("list, tuple, dict, bytes, str; else an exit"),
        LoadDeref | StoreDeref | DeleteDeref => Specialized(
            "cells that are known when compiling, or of type `cell`; functions and classes in them are guarded constants",
        ),
        DictMerge | DictUpdate | SetUpdate => EntryPoint("dict and set displays and calls with `**` and `*`"),
        CallFunctionEx => Specialized("a tuple or list of up to 8 arguments, no keywords, as `CALL`; else an entry point"),
        CallIntrinsic1 => Specialized("`+x` and tuples made of lists; others are an exit"),
        CallIntrinsic2 => Exit("rare helpers of the compiler"),
        LoadSuperAttr => {
            Specialized("methods, properties and values of the next class as guarded constants; else an entry point")
        }
        MakeCell => EntryPoint("makes the object"),
        MakeFunction => Specialized("closures and functions with defaults by an entry point; those with annotations are an exit"),
        SetFunctionAttribute => Specialized("done with `MAKE_FUNCTION`"),
        LoadFromDictOrDeref => Exit("class bodies and annotations"),
        DeleteAttr | DeleteName | DeleteGlobal => EntryPoint("`del` of names and attributes"),
        UnpackEx => EntryPoint("`a, *b = c`"),
        RaiseVarargs | Reraise => {
            Specialized("a jump to the handler, or the function is left, where it is no part of another; else an exit")
        }
        PushExcInfo | PopExcept => Specialized("handlers that have been met, of functions that are no part of others"),
        CheckExcMatch => Specialized("classes of exceptions and tuples of them; else an entry point"),
        LoadSpecial => Specialized("methods of known classes; else an entry point"),
        WithExceptStart => EntryPoint("calls `__exit__`"),
        CheckEgMatch => Exit("`except*`"),
        CleanupThrow => Exit("generators and coroutines"),
        ReturnGenerator | YieldValue | Send | EndSend | GetYieldFromIter | GetAwaitable | GetAiter | GetAnext | EndAsyncFor => {
            Exit("generators and coroutines")
        }
        MatchClass | MatchKeys | MatchMapping | MatchSequence => EntryPoint("`match`"),
        ImportName => EntryPoint("imports"),
        ImportFrom => EntryPoint("variables of modules; others are an exit"),
        LoadBuildClass | LoadLocals | LoadFromDictOrGlobals | SetupAnnotations => Exit("class bodies and annotations"),
        BuildTemplate | BuildInterpolation => Exit("template strings"),
        LoadCommonConstant => Specialized("a constant"),
        ExitInitCheck => Exit("of the interpreter itself"),
        _ => Exit(""),
    }
}

/// The table of `docs/opcodes.md`.
pub fn table() -> String {
    let mut rows: Vec<(&str, String, &str)> = opcodes()
        .into_iter()
        .map(|op| {
            let (how, what) = match support(op) {
                Support::Specialized(what) => ("specialized", what),
                Support::EntryPoint(what) => ("entry point", what),
                Support::Exit(what) => ("exit", what),
            };
            (how, python_name(op), what)
        })
        .collect();
    let order = |how: &str| ["specialized", "entry point", "exit"].iter().position(|h| *h == how);
    rows.sort_by(|a, b| (order(a.0), &a.1).cmp(&(order(b.0), &b.1)));
    let mut out = String::from("| opcode | compiled code | |\n|---|---|---|\n");
    for (how, name, what) in rows {
        out += &format!("| `{name}` | {how} | {what} |\n");
    }
    out
}

/// The name in Python's own lists: `LoadFast` is `LOAD_FAST`.
fn python_name(op: Opcode) -> String {
    let mut out = String::new();
    for (i, c) in format!("{op:?}").char_indices() {
        if i > 0 && (c.is_uppercase() || c.is_ascii_digit()) {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The opcodes of the arms of `Specializer::step`, with the text of their arms; all others fall into
    /// its last arm.
    fn arms_of_step() -> BTreeMap<String, String> {
        let source = include_str!("ops.rs");
        // `step`, and `operation`, to which it hands what it does not do itself.
        let ends =
            ["            _ => return self.operation(),\n", "            _ => Ok(self.leave_at_start(Reason::Unsupported)),\n"];
        let mut rest = source;
        let bodies = ends.map(|end| {
            let (_, from) = rest.split_once("match ins.op {\n").expect("a match on the opcode");
            let (body, after) = from.split_once(end).expect("its last arm");
            rest = after;
            body
        });
        let body = bodies.concat();
        let indent = "            ";
        let mut arms: BTreeMap<String, String> = BTreeMap::new();
        let mut current: Vec<String> = Vec::new();
        let mut pattern = String::new();
        for line in body.lines() {
            let text = line.strip_prefix(indent).filter(|l| !l.starts_with([' ', '}', '/']) || l.starts_with("| "));
            let Some(text) = text else {
                for name in &current {
                    arms.entry(name.clone()).or_default().push_str(line);
                }
                continue;
            };
            pattern.push_str(text.split("=>").next().unwrap_or_default());
            if let Some((_, arm)) = text.split_once("=>") {
                current = pattern.split('|').map(|name| name.trim().to_owned()).collect();
                for name in &current {
                    arms.insert(name.clone(), arm.to_owned());
                }
                pattern.clear();
            }
        }
        arms
    }

    #[test]
    fn the_table_says_what_step_does() {
        let arms = arms_of_step();
        let mut wrong = Vec::new();
        for op in opcodes() {
            let arm = arms.get(&format!("{op:?}"));
            match (support(op), arm) {
                (Support::Exit(""), _) => wrong.push(format!("{op:?} has no text")),
                (Support::Exit(_), Some(_)) => wrong.push(format!("{op:?} is compiled by `step`")),
                (Support::Exit(_), None) => {}
                (_, None) => wrong.push(format!("{op:?} is not compiled by `step`")),
                (Support::Specialized(_), Some(arm))
                    if arm.contains("self.generic(RtId") || arm.contains("build_sequence(RtId") =>
                {
                    wrong.push(format!("{op:?} is done by an entry point alone"));
                }
                _ => {}
            }
        }
        for name in arms.keys() {
            if !opcodes().iter().any(|op| format!("{op:?}") == *name) {
                wrong.push(format!("{name} has an arm in `step` and is not in the table"));
            }
        }
        assert!(wrong.is_empty(), "specialize/support.rs, or this test's way to read `step`, is wrong:\n{}", wrong.join("\n"));
    }
}
