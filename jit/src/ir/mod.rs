//! The intermediate representation between the specializer and the lowerings.
//!
//! SSA with block parameters. It knows words, integers and floats, loads and
//! stores of named fields of run-time objects, guards and exits; it does not
//! know registers, addresses or pointer widths: a [`Field`] becomes an offset
//! and an [`ObjId`] an address only at lowering.
//!
//! A [`Unit`] is what is lowered at once: one or more functions that may call
//! one another. Text form: `text`, checks: `verify`, reference execution:
//! `interp`.

pub mod builder;
pub mod cfg;
pub mod eval;
pub mod field;
pub mod interp;
pub mod parse;
mod rt_call;
pub mod simplify;
pub mod text;
pub mod typing;
pub mod verify;
pub mod virtual_kind;

#[cfg(test)]
mod tests;

pub use builder::FunctionBuilder;
pub use field::{CtxField, ElemKind, Field, FieldTy, Region};
pub use virtual_kind::{SeqKind, VirtualKind};

use crate::rt::RtId;

/// The type of an SSA value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// 32-bit integer; booleans are `I32` 0 or 1.
    I32,
    /// 64-bit integer.
    I64,
    /// IEEE 754 double.
    F64,
    /// Machine address (an object, or the inside of one).
    Ptr,
    /// The proof that a guard passed. Not materialized; only named by `dep`.
    Tok,
}

macro_rules! entity {
    ($(#[$m:meta])* $name:ident, $prefix:literal) => {
        $(#[$m])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl $name {
            /// The position in its arena.
            pub fn index(self) -> usize { self.0 as usize }
        }
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

entity!(/// An SSA value of a function.
    Value, "v");
entity!(/// A basic block of a function.
    Block, "block");
entity!(/// An instruction of a function.
    Inst, "inst");
entity!(/// An exit of a function: where compiled code hands over to the interpreter.
    ExitId, "exit");
entity!(/// A run-time object known when compiling. The VM keeps it alive and knows its address.
    ObjId, "obj");
entity!(/// A cell that holds the current machine code of a compiled function version.
    FnCell, "fn");

/// Two-operand operations without failure. Both operands have the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinOp {
    /// Wrapping integer addition (`I32`, `I64`; `Ptr + I64` gives `Ptr`).
    Add,
    Sub,
    Mul,
    /// Signed division rounding to zero; the divisor is neither 0 nor (with the
    /// most negative dividend) -1.
    SDiv,
    /// Remainder of [`BinOp::SDiv`], same conditions.
    SRem,
    And,
    Or,
    Xor,
    /// Shift amounts are taken modulo 64 (32 for `I32`).
    Shl,
    SShr,
    FAdd,
    FSub,
    FMul,
    FDiv,
}

/// Integer operations that leave through an exit when the exact result does
/// not fit in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OvfOp {
    Add,
    Sub,
    Mul,
}

/// One-operand operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnOp {
    /// Wrapping negation of an integer.
    Neg,
    /// Bitwise complement of an integer.
    Not,
    FNeg,
    FAbs,
    FSqrt,
    FFloor,
    FCeil,
    /// `I64` to the nearest `F64`.
    I64ToF64,
    /// `F64` to `I64`, rounding to zero; the operand is finite and in range.
    F64ToI64,
    /// The bits of an `F64` as `I64`.
    BitsOf,
    /// `I32` to `I64`, zero-extended.
    Zext,
    /// `I32` to `I64`, sign-extended.
    Sext,
    /// The low 32 bits of an `I64`.
    Wrap,
}

/// Integer and address comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntCC {
    Eq,
    Ne,
    SLt,
    SLe,
    SGt,
    SGe,
    ULt,
    ULe,
    UGt,
    UGe,
}

/// Float comparisons; all but `Ne` are false when an operand is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloatCC {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// What a direct call of compiled code goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Callee {
    /// A function of the same unit.
    Local(u32),
    /// The code that the cell holds when the call runs.
    Cell(FnCell),
}

/// An instruction. Operands come before exits; `dep` names the guard without
/// which the access would not be valid (it must not be moved above it).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    I64Const(i64),
    I32Const(i32),
    /// By bits, so that NaN payloads and signed zeros survive.
    F64Const(u64),
    /// The address of an object known when compiling.
    Obj(ObjId),
    /// The null address.
    Null,
    Bin(BinOp, Value, Value),
    Ovf(OvfOp, Value, Value, ExitId),
    Un(UnOp, Value),
    /// Result `I32` 0 or 1; operands `I32`, `I64` or `Ptr`.
    Icmp(IntCC, Value, Value),
    Fcmp(FloatCC, Value, Value),
    /// `if cond != 0 { a } else { b }`.
    Select(Value, Value, Value),
    Load {
        field: Field,
        base: Value,
        dep: Option<Value>,
    },
    Store {
        field: Field,
        base: Value,
        value: Value,
    },
    /// `base` is the address of the first element.
    LoadElem {
        kind: ElemKind,
        base: Value,
        index: Value,
        dep: Option<Value>,
    },
    StoreElem {
        kind: ElemKind,
        base: Value,
        index: Value,
        value: Value,
    },
    /// Word `index` of the argument array of an entry function, as the result's type
    /// (`Ptr`, `I64` or `F64`).
    LoadArg {
        args: Value,
        index: u32,
        ty: Type,
    },
    /// Writes a word of that array (`Ptr`): frame slots of the live frame.
    StoreArg {
        args: Value,
        index: u32,
        value: Value,
    },
    LoadCtx(CtxField),
    /// Word `index` of the scratch area that run-time entry points read arguments from.
    StoreScratch {
        index: u32,
        value: Value,
    },
    /// Leaves through the exit unless `(cond != 0) == expect`. Result `Tok`.
    Guard {
        cond: Value,
        expect: bool,
        exit: ExitId,
    },
    /// One reference more (immortal objects are left alone).
    Incref(Value),
    /// One reference less; at zero the object is destroyed by the run time. If that ran
    /// Python code or may have changed anything that compiled code relies on, leaves
    /// through the exit. `None` where nothing of the kind can follow.
    Decref(Value, Option<ExitId>),
    /// `I32` 1 if the object's whole reference word is exactly one reference.
    IsUnique(Value),
    /// A run-time entry point; signature, effects and failure by [`RtId`].
    CallRt {
        rt: RtId,
        args: Vec<Value>,
    },
    /// Compiled code, arguments and result unboxed. If the callee leaves through an
    /// exit, so does this function, through `exit` (of kind [`ExitKind::Call`]).
    CallFn {
        callee: Callee,
        args: Vec<Value>,
        ret: Option<Type>,
        exit: ExitId,
    },
    /// Counts down the polling word; at zero asks the run time and leaves through the
    /// exit if it says so.
    Poll {
        exit: ExitId,
    },
    /// Takes one level off the depth counter; leaves through the exit when none is left.
    Enter {
        exit: ExitId,
    },
    /// Gives the level of [`Op::Enter`] back.
    Leave,
}

/// An edge to a block with the arguments for its parameters.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BlockCall {
    pub block: Block,
    pub args: Vec<Value>,
}

impl Default for Block {
    fn default() -> Self {
        Block(u32::MAX)
    }
}

/// How a block ends.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Term {
    /// Not finished yet; the verifier refuses it.
    #[default]
    None,
    Jump(BlockCall),
    Br {
        cond: Value,
        then: BlockCall,
        els: BlockCall,
    },
    Ret(Option<Value>),
    Exit(ExitId),
}

/// An instruction with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct InstData {
    pub op: Op,
    pub result: Option<Value>,
    /// Bytecode position that this was made for, for explanations only. `u32::MAX` where none.
    pub pc: u32,
    /// The code that the position is in, where that is not the function's own.
    pub inlined: Option<ObjId>,
}

/// A basic block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlockData {
    pub params: Vec<Value>,
    pub insts: Vec<Inst>,
    pub term: Term,
    /// Set on a block that only jumps to a loop header: guards of that loop may be
    /// hoisted to its end, leaving through this exit (whose state is the loop's
    /// entry, in terms of values that are available here).
    pub hoist_exit: Option<ExitId>,
    /// Rarely run: placed out of line.
    pub cold: bool,
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FnKind {
    /// By the VM: `(ctx: Ptr, args: Ptr) -> status`. The entry block's parameters are
    /// `[args: Ptr]`. A result goes to `RuntimeContext::ret`.
    Entry,
    /// By compiled code: `(ctx, args..) -> (status, value)`.
    Compiled,
}

/// What an entry or compiled call returns besides its value.
pub mod status {
    /// The function returned.
    pub const RETURNED: i32 = 0;
    /// The function left through an exit; its record is on the exit stack.
    pub const EXITED: i32 = 1;
}

/// One function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub name: String,
    pub kind: FnKind,
    pub ret: Option<Type>,
    /// Compiled for compiled callers, with a frame of its own that it makes at the beginning: the first one of its states.
    pub framed: bool,
    /// In the order of creation; block 0 is the entry.
    pub blocks: Vec<BlockData>,
    pub insts: Vec<InstData>,
    pub values: Vec<Type>,
    pub exits: Vec<Exit>,
    pub states: Vec<FrameState>,
}

/// What is lowered at once.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Unit {
    pub funcs: Vec<Function>,
}

impl Unit {
    /// How many instructions all functions have together.
    pub fn inst_count(&self) -> usize {
        self.funcs.iter().map(|f| f.insts.len()).sum()
    }

    /// How many exits all functions have together.
    pub fn exit_count(&self) -> u32 {
        self.funcs.iter().map(|f| f.exits.len() as u32).sum()
    }
}

/// Why an exit is taken, for statistics and for what the VM does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitKind {
    /// The instruction at the state's `pc` has not begun: the interpreter runs it.
    Guard(Reason),
    /// It raised: the exception is in the context, to be handled at `pc`.
    Raise,
    /// It is done, its result included in the state: go on after `pc`.
    After(Reason),
    /// A compiled callee left: its frames follow, its result is still to be pushed.
    Call,
}

/// Reasons of exits, in the user's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A value had another type than the code was specialized to.
    Type,
    /// A class, a module or the shape of a dict has changed.
    Shape,
    /// A global, builtin, callee or other value taken as constant has changed.
    Value,
    /// An integer left 64 bits.
    Overflow,
    /// Division by zero, index out of range, unbound variable: the interpreter raises.
    Error,
    /// A path that had not run when the code was made.
    Unseen,
    /// An instruction that is not compiled.
    Unsupported,
    /// The arguments or locals at an entry have other types.
    Entry,
    /// Signals, collector, threads, tracing, limits.
    Poll,
    /// It raises an exception that this code does not handle, or not yet: the interpreter raises it.
    Raise,
    /// The recursion limit.
    Depth,
    /// A destructor ran.
    Finalizer,
    /// The iterator, container or iterable is not of the expected kind any more.
    Iteration,
    /// What code without a frame leaves to the interpreter: it may run Python code, or raises.
    Python,
}

/// An exit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exit {
    pub kind: ExitKind,
    /// Index into [`Function::states`].
    pub state: u32,
    /// Owned references that the state does not hold and that must be released.
    pub drops: Vec<Value>,
}

/// How to rebuild the interpreter's frames at an exit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct FrameState {
    /// Outermost first; the outermost is the function itself, the others were inlined.
    pub frames: Vec<FrameDesc>,
    /// Module globals held in registers that must be written back.
    pub globals: Vec<GlobalWrite>,
}

/// One frame of a state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameDesc {
    pub code: ObjId,
    /// The function object of an inlined frame or a compiled function; `None` for the
    /// frame that the entry was called from.
    pub func: Option<ObjId>,
    /// Index of the code unit (of the prepared code).
    pub pc: u32,
    /// What becomes of the result, if it waits for a call.
    pub awaits: Awaits,
    pub locals: Vec<Recipe>,
    pub stack: Vec<Recipe>,
}

/// What a frame that waits for the frame that it called does with the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Awaits {
    /// Pushes it.
    #[default]
    Result,
    /// It was an `__init__`: the result must be None and goes. The instance is on the stack already.
    Init,
    /// It was a method that an operator stands for. So many operands of the instruction are still on the stack.
    Operator(u8),
}

/// A module global to write: the value of entry `index` of the dict, whose key stays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GlobalWrite {
    pub dict: ObjId,
    pub name: ObjId,
    pub value: Recipe,
}

/// How to make the object of one slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Recipe {
    /// Empty: an unbound local, or the NULL that calls push.
    Null,
    /// What the live frame's slot holds already (frame of an entry only).
    Keep,
    /// An object whose reference moves to the slot; the null address leaves it empty.
    Owned(Value),
    /// An object that needs a reference of its own.
    Borrowed(Value),
    /// `I64` to int.
    Int(Value),
    /// `F64` to float.
    Float(Value),
    /// `I32` to bool.
    Bool(Value),
    Const(ObjId),
    /// An object in parts, as [`VirtualKind::shape`] says.
    Virtual {
        kind: VirtualKind,
        parts: Vec<Recipe>,
        numbers: Vec<Value>,
    },
    /// A number if `bound` (`I32`) is not 0, else empty.
    IfBound {
        bound: Value,
        value: Box<Recipe>,
    },
    /// An instance of a plain class with these entries in its dict, in this order. Slots further on in the state may
    /// hold the same one.
    Instance {
        number: u32,
        class: ObjId,
        fields: Vec<(ObjId, Recipe)>,
    },
    /// The instance of that number, which the state has made before.
    Same(u32),
}

impl Recipe {
    /// The recipes that it is made of.
    fn parts(&self) -> impl Iterator<Item = &Recipe> {
        let (parts, fields, value): (&[Recipe], &[(ObjId, Recipe)], _) = match self {
            Recipe::Virtual { parts, .. } => (parts, &[], None),
            Recipe::Instance { fields, .. } => (&[], fields, None),
            Recipe::IfBound { value, .. } => (&[], &[], Some(&**value)),
            _ => (&[], &[], None),
        };
        parts.iter().chain(fields.iter().map(|(_, r)| r)).chain(value)
    }

    fn parts_mut(&mut self) -> impl Iterator<Item = &mut Recipe> {
        let (parts, fields, value): (&mut [Recipe], &mut [(ObjId, Recipe)], _) = match self {
            Recipe::Virtual { parts, .. } => (parts, &mut [], None),
            Recipe::Instance { fields, .. } => (&mut [], fields, None),
            Recipe::IfBound { value, .. } => (&mut [], &mut [], Some(&mut **value)),
            _ => (&mut [], &mut [], None),
        };
        parts.iter_mut().chain(fields.iter_mut().map(|(_, r)| r)).chain(value)
    }

    /// Calls `f` for each recipe in it and for itself, parts first.
    pub fn visit(&self, f: &mut impl FnMut(&Recipe)) {
        self.parts().for_each(|part| part.visit(f));
        f(self);
    }

    /// The same, to change them.
    pub fn visit_mut(&mut self, f: &mut impl FnMut(&mut Recipe)) {
        self.parts_mut().for_each(|part| part.visit_mut(f));
        f(self);
    }

    /// The values that it reads itself, its parts' not included.
    pub fn own_values(&self) -> &[Value] {
        use std::slice::from_ref;
        match self {
            Recipe::Null | Recipe::Keep | Recipe::Const(_) | Recipe::Instance { .. } | Recipe::Same(_) => &[],
            Recipe::Owned(v) | Recipe::Borrowed(v) | Recipe::Int(v) | Recipe::Float(v) | Recipe::Bool(v) => from_ref(v),
            Recipe::Virtual { numbers, .. } => numbers,
            Recipe::IfBound { bound, .. } => from_ref(bound),
        }
    }

    fn own_values_mut(&mut self) -> &mut [Value] {
        use std::slice::from_mut;
        match self {
            Recipe::Null | Recipe::Keep | Recipe::Const(_) | Recipe::Instance { .. } | Recipe::Same(_) => &mut [],
            Recipe::Owned(v) | Recipe::Borrowed(v) | Recipe::Int(v) | Recipe::Float(v) | Recipe::Bool(v) => from_mut(v),
            Recipe::Virtual { numbers, .. } => numbers,
            Recipe::IfBound { bound, .. } => from_mut(bound),
        }
    }

    /// The types of [`Self::own_values`].
    pub fn own_types(&self) -> &'static [Type] {
        match self {
            Recipe::Null | Recipe::Keep | Recipe::Const(_) | Recipe::Instance { .. } | Recipe::Same(_) => &[],
            Recipe::Owned(_) | Recipe::Borrowed(_) => &[Type::Ptr],
            Recipe::Int(_) => &[Type::I64],
            Recipe::Float(_) => &[Type::F64],
            Recipe::Bool(_) | Recipe::IfBound { .. } => &[Type::I32],
            Recipe::Virtual { kind, .. } => kind.shape().numbers,
        }
    }

    /// Calls `f` for each value that the recipe reads, in a fixed order.
    pub fn values(&self, f: &mut impl FnMut(Value)) {
        self.visit(&mut |r| r.own_values().iter().copied().for_each(&mut *f));
    }

    /// Replaces each value that the recipe reads.
    pub fn map_values(&mut self, f: &mut impl FnMut(Value) -> Value) {
        self.visit_mut(&mut |r| r.own_values_mut().iter_mut().for_each(|v| *v = f(*v)));
    }
}

impl FrameState {
    /// The recipes of all slots and variables, in a fixed order.
    pub fn recipes(&self) -> impl Iterator<Item = &Recipe> {
        let slots = self.frames.iter().flat_map(|f| f.locals.iter().chain(&f.stack));
        slots.chain(self.globals.iter().map(|g| &g.value))
    }

    /// The same, to change them.
    pub fn recipes_mut(&mut self) -> impl Iterator<Item = &mut Recipe> {
        let slots = self.frames.iter_mut().flat_map(|f| f.locals.iter_mut().chain(&mut f.stack));
        slots.chain(self.globals.iter_mut().map(|g| &mut g.value))
    }

    /// Calls `f` for each value of the state, in a fixed order.
    pub fn values(&self, f: &mut impl FnMut(Value)) {
        self.recipes().for_each(|r| r.values(f));
    }

    /// Replaces each value of the state.
    pub fn map_values(&mut self, f: &mut impl FnMut(Value) -> Value) {
        self.recipes_mut().for_each(|r| r.map_values(f));
    }
}

impl Function {
    /// A function with an empty entry block.
    pub fn new(name: impl Into<String>, kind: FnKind, ret: Option<Type>) -> Self {
        Function {
            name: name.into(),
            kind,
            ret,
            framed: false,
            blocks: vec![BlockData::default()],
            insts: Vec::new(),
            values: Vec::new(),
            exits: Vec::new(),
            states: Vec::new(),
        }
    }

    /// The type of a value.
    pub fn ty(&self, v: Value) -> Type {
        self.values[v.index()]
    }

    /// The values that leaving through `exit` stores, each once, in the order in which
    /// the record holds them: first those of the state, then the drops.
    pub fn exit_values(&self, exit: ExitId) -> Vec<Value> {
        let e = &self.exits[exit.index()];
        let mut out: Vec<Value> = Vec::new();
        let mut add = |v: Value| {
            if !out.contains(&v) {
                out.push(v);
            }
        };
        self.states[e.state as usize].values(&mut add);
        e.drops.iter().copied().for_each(&mut add);
        out
    }
}

impl Op {
    /// Calls `f` for each operand (dependencies included, exits' values not).
    pub fn operands(&self, f: &mut impl FnMut(Value)) {
        self.clone().map_operands(&mut |v| {
            f(v);
            v
        });
    }

    /// Replaces each operand (dependencies included).
    pub fn map_operands(&mut self, f: &mut impl FnMut(Value) -> Value) {
        let mut m = |v: &mut Value| *v = f(*v);
        match self {
            Op::I64Const(_)
            | Op::I32Const(_)
            | Op::F64Const(_)
            | Op::Obj(_)
            | Op::Null
            | Op::LoadCtx(_)
            | Op::Poll { .. }
            | Op::Enter { .. }
            | Op::Leave => {}
            Op::Bin(_, a, b) | Op::Ovf(_, a, b, _) | Op::Icmp(_, a, b) | Op::Fcmp(_, a, b) => {
                m(a);
                m(b);
            }
            Op::Un(_, a) | Op::Incref(a) | Op::Decref(a, _) | Op::IsUnique(a) => m(a),
            Op::Select(c, a, b) => {
                m(c);
                m(a);
                m(b);
            }
            Op::Load { base, dep, .. } => {
                m(base);
                if let Some(d) = dep {
                    m(d);
                }
            }
            Op::Store { base, value, .. } => {
                m(base);
                m(value);
            }
            Op::LoadElem { base, index, dep, .. } => {
                m(base);
                m(index);
                if let Some(d) = dep {
                    m(d);
                }
            }
            Op::StoreElem { base, index, value, .. } => {
                m(base);
                m(index);
                m(value);
            }
            Op::LoadArg { args, .. } => m(args),
            Op::StoreArg { args, value, .. } => {
                m(args);
                m(value);
            }
            Op::StoreScratch { value, .. } => m(value),
            Op::Guard { cond, .. } => m(cond),
            Op::CallRt { args, .. } | Op::CallFn { args, .. } => args.iter_mut().for_each(m),
        }
    }

    /// The exit that the instruction may leave through.
    pub fn exit(&self) -> Option<ExitId> {
        match self {
            Op::Ovf(.., e)
            | Op::Guard { exit: e, .. }
            | Op::CallFn { exit: e, .. }
            | Op::Poll { exit: e }
            | Op::Enter { exit: e } => Some(*e),
            Op::Decref(_, e) => *e,
            _ => None,
        }
    }
}
