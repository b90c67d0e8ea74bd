//! What operations read and write: the facts that passes share.
//!
//! Memory is divided into classes that can't overlap: each field, each element kind, the argument
//! array, the frame pointer. A store changes its class; entry points declare regions, which are
//! sets of classes.

use crate::ir::{BinOp, Callee, CtxField, ElemKind, Field, Function, Op, Region, UnOp, Value};
use crate::rt::Effect;
use std::sync::LazyLock;

/// A set of memory classes, one bit each.
pub type Classes = u128;

const ELEMS: usize = Field::ALL.len();
const ARGS: usize = ELEMS + ElemKind::ALL.len();
const FRAME: usize = ARGS + 1;
/// How many classes there are.
pub const CLASS_COUNT: usize = FRAME + 1;
const _: () = assert!(CLASS_COUNT <= 128, "memory classes do not fit into a word");

/// The classes of each region.
static BY_REGION: LazyLock<[Classes; Region::COUNT]> = LazyLock::new(|| {
    let mut out = [0; Region::COUNT];
    for &f in Field::ALL {
        out[f.region() as usize] |= 1 << f as u32;
    }
    for k in ElemKind::ALL {
        out[k.region() as usize] |= 1 << elem_class(k);
    }
    out
});

fn elem_class(kind: ElemKind) -> usize {
    ELEMS + kind as usize
}

/// The class that a load reads, if `op` is a load whose result only depends on
/// its operands and that class.
pub fn read_class(op: &Op) -> Option<usize> {
    match op {
        Op::Load { field, .. } => Some(*field as usize),
        Op::LoadElem { kind, .. } => Some(elem_class(*kind)),
        Op::LoadArg { .. } => Some(ARGS),
        Op::LoadCtx(CtxField::Frame) => Some(FRAME),
        _ => None,
    }
}

/// A class that is written whenever the memory is that a lookup reads, if `op` is one. Unlike loads, lookups
/// stay behind what stands before them.
pub fn look_class(op: &Op) -> Option<usize> {
    match op {
        Op::CallRt { rt, .. } => match rt.effect() {
            Effect::Looks(region) => Some(BY_REGION[region as usize].trailing_zeros() as usize),
            _ => None,
        },
        _ => None,
    }
}

/// The classes that an operation may write.
pub fn writes(op: &Op) -> Classes {
    match op {
        Op::Store { field, .. } => 1 << *field as u32,
        Op::StoreElem { kind, .. } => 1 << elem_class(*kind),
        Op::StoreArg { .. } => 1 << ARGS,
        Op::CallRt { rt, .. } => {
            let regions = rt.effect().writes();
            let mut out = 0;
            for r in Region::ALL {
                if regions & r.bit() != 0 {
                    out |= BY_REGION[r as usize];
                }
            }
            // Some put objects into the slots of the frame.
            if !matches!(rt.effect(), Effect::Pure | Effect::Looks(_)) {
                out |= 1 << ARGS;
            }
            out
        }
        Op::CallFn { .. } => !(BY_REGION[Region::Immutable as usize] | 1 << FRAME),
        // Polls and decrefs leave if anything has changed.
        _ => 0,
    }
}

/// [`writes`], with what is known of the function that the operations are in.
pub struct Writes {
    /// What a call of the function by itself may write. It leaves nothing behind but what its other
    /// operations write: where it exits, so does the caller.
    own: Option<Classes>,
}

impl Writes {
    /// `alone` says that the function is the only one of its unit, so that local calls are calls of itself.
    pub fn new(f: &Function, alone: bool) -> Self {
        let own = alone.then(|| f.insts.iter().filter(|i| !is_local_call(&i.op)).fold(0, |out, i| out | writes(&i.op)));
        Writes { own }
    }

    /// The classes that an operation of the function may write.
    pub fn of(&self, op: &Op) -> Classes {
        match self.own {
            Some(own) if is_local_call(op) => own & writes(op),
            _ => writes(op),
        }
    }
}

fn is_local_call(op: &Op) -> bool {
    matches!(op, Op::CallFn { callee: Callee::Local(_), .. })
}

/// Whether the result depends on the operands only and there is no effect: equal ones are interchangeable.
pub fn is_pure(op: &Op) -> bool {
    match op {
        Op::I64Const(_)
        | Op::I32Const(_)
        | Op::F64Const(_)
        | Op::Obj(_)
        | Op::Null
        | Op::Bin(..)
        | Op::Un(..)
        | Op::Icmp(..)
        | Op::Fcmp(..)
        | Op::Select(..) => true,
        // A result that is an object is a reference of its own.
        Op::CallRt { rt, .. } => rt.effect() == Effect::Pure && rt.ret() != Some(crate::ir::Type::Ptr),
        _ => false,
    }
}

/// Whether the operation is a constant.
pub fn is_const(op: &Op) -> bool {
    matches!(op, Op::I64Const(_) | Op::I32Const(_) | Op::F64Const(_) | Op::Obj(_) | Op::Null)
}

/// Whether a pure operation may run where its result is not asked for: it is cheap and defined
/// for all operands. `constant` gives the value of an integer constant.
pub fn is_speculatable(op: &Op, constant: impl Fn(Value) -> Option<i64>) -> bool {
    match op {
        Op::Bin(BinOp::SDiv | BinOp::SRem, _, b) => !matches!(constant(*b), None | Some(0 | -1)),
        Op::Un(UnOp::F64ToI64, _) => false,
        Op::CallRt { .. } => false,
        _ => is_pure(op),
    }
}

/// Whether nothing but the result is lost when the operation is left out.
pub fn is_removable(op: &Op) -> bool {
    is_pure(op)
        || look_class(op).is_some()
        || matches!(op, Op::Load { .. } | Op::LoadElem { .. } | Op::LoadArg { .. } | Op::LoadCtx(_) | Op::IsUnique(_))
}
