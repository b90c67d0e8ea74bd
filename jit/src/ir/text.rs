//! The text form of the IR: printing. `docs/ir.md` describes it, `parse` reads it.

use super::{
    Awaits, BinOp, Block, BlockCall, BlockData, Callee, ExitKind, FloatCC, FnKind, FrameState, Function, InstData, IntCC, Op,
    OvfOp, Reason, Recipe, Term, UnOp, Unit, Value,
};
use core::fmt;

pub use super::parse::{ParseError, parse_unit};

/// Names of the values of plain enums, both ways.
macro_rules! names {
    ($($ty:ident { $($name:ident $text:literal)* })*) => {
        $(impl $ty {
            /// The name in the text form.
            pub fn name(self) -> &'static str { match self { $($ty::$name => $text,)* } }
            /// What has that name.
            pub fn by_name(name: &str) -> Option<$ty> {
                match name { $($text => Some($ty::$name),)* _ => None }
            }
        })*
    };
}

names! {
    BinOp {
        Add "add" Sub "sub" Mul "mul" SDiv "sdiv" SRem "srem" And "and" Or "or" Xor "xor"
        Shl "shl" SShr "sshr" FAdd "fadd" FSub "fsub" FMul "fmul" FDiv "fdiv"
    }
    OvfOp { Add "add_ovf" Sub "sub_ovf" Mul "mul_ovf" }
    UnOp {
        Neg "neg" Not "not" FNeg "fneg" FAbs "fabs" FSqrt "fsqrt" FFloor "ffloor" FCeil "fceil"
        I64ToF64 "i64_to_f64" F64ToI64 "f64_to_i64" BitsOf "bits_of"
        Zext "zext" Sext "sext" Wrap "wrap"
    }
    IntCC {
        Eq "eq" Ne "ne" SLt "slt" SLe "sle" SGt "sgt" SGe "sge" ULt "ult" ULe "ule" UGt "ugt" UGe "uge"
    }
    FloatCC { Eq "eq" Ne "ne" Lt "lt" Le "le" Gt "gt" Ge "ge" }
    Reason {
        Type "type" Shape "shape" Value "value" Overflow "overflow" Error "error" Unseen "unseen"
        Unsupported "unsupported" Entry "entry" Poll "poll" Depth "depth" Finalizer "finalizer"
        Iteration "iteration" Python "python" Raise "raise"
    }
}

/// Writes `items` with commas between them.
fn commas<T>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    mut one: impl FnMut(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        one(f, item)?;
    }
    Ok(())
}

fn values(f: &mut fmt::Formatter<'_>, vs: &[Value]) -> fmt::Result {
    commas(f, vs, |f, v| write!(f, "{v}"))
}

fn dep(f: &mut fmt::Formatter<'_>, dep: Option<Value>) -> fmt::Result {
    dep.map_or(Ok(()), |d| write!(f, " after {d}"))
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::I64Const(x) => write!(f, "i64 {x}"),
            Op::I32Const(x) => write!(f, "i32 {x}"),
            Op::F64Const(bits) => {
                let x = f64::from_bits(*bits);
                if x.is_finite() { write!(f, "f64 {x:?}") } else { write!(f, "f64_bits 0x{bits:x}") }
            }
            Op::Obj(o) => write!(f, "obj {o}"),
            Op::Null => write!(f, "null"),
            Op::Bin(op, a, b) => write!(f, "{} {a}, {b}", op.name()),
            Op::Ovf(op, a, b, e) => write!(f, "{} {a}, {b}, {e}", op.name()),
            Op::Un(op, a) => write!(f, "{} {a}", op.name()),
            Op::Icmp(cc, a, b) => write!(f, "icmp {} {a}, {b}", cc.name()),
            Op::Fcmp(cc, a, b) => write!(f, "fcmp {} {a}, {b}", cc.name()),
            Op::Select(c, a, b) => write!(f, "select {c}, {a}, {b}"),
            Op::Load { field, base, dep: d } => {
                write!(f, "load {} {base}", field.name())?;
                dep(f, *d)
            }
            Op::Store { field, base, value } => write!(f, "store {} {base}, {value}", field.name()),
            Op::LoadElem { kind, base, index, dep: d } => {
                write!(f, "load_elem {} {base}, {index}", kind.name())?;
                dep(f, *d)
            }
            Op::StoreElem { kind, base, index, value } => {
                write!(f, "store_elem {} {base}, {index}, {value}", kind.name())
            }
            Op::LoadArg { args, index, ty } => write!(f, "load_arg {ty} {args}, {index}"),
            Op::StoreArg { args, index, value } => write!(f, "store_arg {args}, {index}, {value}"),
            Op::LoadCtx(field) => write!(f, "load_ctx {}", field.name()),
            Op::StoreScratch { index, value } => write!(f, "store_scratch {index}, {value}"),
            Op::Guard { cond, expect, exit } => {
                write!(f, "guard{} {cond}, {exit}", if *expect { "" } else { "_not" })
            }
            Op::Incref(v) => write!(f, "incref {v}"),
            Op::Decref(v, e) => {
                write!(f, "decref {v}")?;
                e.map_or(Ok(()), |e| write!(f, ", {e}"))
            }
            Op::IsUnique(v) => write!(f, "is_unique {v}"),
            Op::CallRt { rt, args } => {
                write!(f, "call_rt {}(", rt.name())?;
                values(f, args)?;
                f.write_str(")")
            }
            Op::CallFn { callee, args, ret, exit } => {
                match callee {
                    Callee::Local(i) => write!(f, "call_fn local{i}(")?,
                    Callee::Cell(c) => write!(f, "call_fn {c}(")?,
                }
                values(f, args)?;
                f.write_str(")")?;
                if let Some(ty) = ret {
                    write!(f, " -> {ty}")?;
                }
                write!(f, ", {exit}")
            }
            Op::Poll { exit } => write!(f, "poll {exit}"),
            Op::Enter { exit } => write!(f, "enter {exit}"),
            Op::Leave => write!(f, "leave"),
        }
    }
}

impl fmt::Display for InstData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(r) = self.result {
            write!(f, "{r} = ")?;
        }
        write!(f, "{}", self.op)?;
        if self.pc != u32::MAX {
            write!(f, " @{}", self.pc)?;
            if let Some(code) = self.inlined {
                write!(f, " of {code}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for BlockCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.block)?;
        if !self.args.is_empty() {
            f.write_str("(")?;
            values(f, &self.args)?;
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::None => write!(f, "unfinished"),
            Term::Jump(e) => write!(f, "jump {e}"),
            Term::Br { cond, then, els } => write!(f, "br {cond}, {then}, {els}"),
            Term::Ret(None) => write!(f, "ret"),
            Term::Ret(Some(v)) => write!(f, "ret {v}"),
            Term::Exit(e) => write!(f, "exit {e}"),
        }
    }
}

impl fmt::Display for ExitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitKind::Guard(r) => write!(f, "guard({})", r.name()),
            ExitKind::Raise => write!(f, "raise"),
            ExitKind::After(r) => write!(f, "after({})", r.name()),
            ExitKind::Call => write!(f, "call"),
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipe::Null => f.write_str("null"),
            Recipe::Keep => f.write_str("keep"),
            Recipe::Owned(v) => write!(f, "owned {v}"),
            Recipe::Borrowed(v) => write!(f, "borrowed {v}"),
            Recipe::Int(v) => write!(f, "int {v}"),
            Recipe::Float(v) => write!(f, "float {v}"),
            Recipe::Bool(v) => write!(f, "bool {v}"),
            Recipe::Const(o) => write!(f, "const {o}"),
            Recipe::Virtual { kind, parts, numbers } => {
                let parts = parts.iter().map(|r| r as &dyn fmt::Display);
                let numbers = numbers.iter().map(|v| v as &dyn fmt::Display);
                write!(f, "{}(", kind.shape().name)?;
                commas(f, parts.chain(numbers), |f, one| write!(f, "{one}"))?;
                f.write_str(")")
            }
            Recipe::IfBound { bound, value } => write!(f, "if_bound({value}, {bound})"),
            Recipe::Instance { number, class, fields } => {
                write!(f, "instance({number} of {class}")?;
                fields.iter().try_for_each(|(name, r)| write!(f, ", {name} = {r}"))?;
                f.write_str(")")
            }
            Recipe::Same(number) => write!(f, "same({number})"),
        }
    }
}

impl fmt::Display for FrameState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, frame) in self.frames.iter().enumerate() {
            if i > 0 {
                f.write_str("\n        ")?;
            }
            write!(f, "frame {}", frame.code)?;
            if let Some(func) = frame.func {
                write!(f, " of {func}")?;
            }
            write!(f, " at {}", frame.pc)?;
            match frame.awaits {
                Awaits::Result => {}
                Awaits::Init => f.write_str(" awaiting init")?,
                Awaits::Operator(n) => write!(f, " awaiting operator {n}")?,
            }
            f.write_str(" [")?;
            commas(f, &frame.locals, |f, r| write!(f, "{r}"))?;
            f.write_str("] [")?;
            commas(f, &frame.stack, |f, r| write!(f, "{r}"))?;
            f.write_str("]")?;
        }
        for g in &self.globals {
            write!(f, "\n        global {}, {} = {}", g.dict, g.name, g.value)?;
        }
        Ok(())
    }
}

/// A block with its head line, as part of a function.
fn block(f: &mut fmt::Formatter<'_>, func: &Function, name: Block, data: &BlockData) -> fmt::Result {
    write!(f, "{name}")?;
    if !data.params.is_empty() {
        f.write_str("(")?;
        commas(f, &data.params, |f, &p| write!(f, "{p}: {}", func.ty(p)))?;
        f.write_str(")")?;
    }
    if data.cold {
        f.write_str(" cold")?;
    }
    if let Some(e) = data.hoist_exit {
        write!(f, " hoist {e}")?;
    }
    f.write_str(":\n")?;
    for i in &data.insts {
        writeln!(f, "    {}", func.insts[i.index()])?;
    }
    writeln!(f, "    {}", data.term)
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FnKind::Entry => "entry",
            FnKind::Compiled if self.framed => "framed",
            FnKind::Compiled => "compiled",
        };
        write!(f, "function {kind} {:?}", self.name)?;
        if let Some(ty) = self.ret {
            write!(f, " -> {ty}")?;
        }
        f.write_str(" {\n")?;
        for (i, data) in self.blocks.iter().enumerate() {
            block(f, self, Block(i as u32), data)?;
        }
        for (i, e) in self.exits.iter().enumerate() {
            write!(f, "exit{i} = {} state{}", e.kind, e.state)?;
            if !e.drops.is_empty() {
                f.write_str(" drops ")?;
                values(f, &e.drops)?;
            }
            f.write_str("\n")?;
        }
        for (i, s) in self.states.iter().enumerate() {
            writeln!(f, "state{i} = {s}")?;
        }
        f.write_str("}\n")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, func) in self.funcs.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{func}")?;
        }
        Ok(())
    }
}
