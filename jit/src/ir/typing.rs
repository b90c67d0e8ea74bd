//! The types of operations: what each gives. What each *takes* is the
//! verifier's business.

use super::{BinOp, CtxField, Function, Op, Type, UnOp, Value};

impl CtxField {
    /// What a load of the field gives.
    pub fn ty(self) -> Type {
        match self {
            CtxField::Failed => Type::I32,
            CtxField::Frame => Type::Ptr,
        }
    }

    /// All fields.
    pub const ALL: [CtxField; 2] = [CtxField::Failed, CtxField::Frame];

    /// The name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            CtxField::Failed => "failed",
            CtxField::Frame => "frame",
        }
    }
}

impl UnOp {
    /// What the operation gives for an operand of type `operand`.
    pub fn result_type(self, operand: Type) -> Type {
        match self {
            UnOp::Neg | UnOp::Not => operand,
            UnOp::FNeg | UnOp::FAbs | UnOp::FSqrt | UnOp::FFloor | UnOp::FCeil => Type::F64,
            UnOp::I64ToF64 => Type::F64,
            UnOp::F64ToI64 | UnOp::BitsOf | UnOp::Zext | UnOp::Sext => Type::I64,
            UnOp::Wrap => Type::I32,
        }
    }
}

impl BinOp {
    /// Whether the operands are floats.
    pub fn is_float(self) -> bool {
        matches!(self, BinOp::FAdd | BinOp::FSub | BinOp::FMul | BinOp::FDiv)
    }

    /// Whether the operands may change places.
    pub fn is_commutative(self) -> bool {
        matches!(self, BinOp::Add | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor | BinOp::FAdd | BinOp::FMul)
    }
}

impl Op {
    /// The type of the result; `None` where the operation has none.
    pub fn result_type(&self, f: &Function) -> Option<Type> {
        self.result_type_by(&|v| f.ty(v))
    }

    /// The same with the operands' types from a function.
    pub fn result_type_by(&self, ty: &impl Fn(Value) -> Type) -> Option<Type> {
        Some(match self {
            Op::I64Const(_) => Type::I64,
            Op::I32Const(_) => Type::I32,
            Op::F64Const(_) => Type::F64,
            Op::Obj(_) | Op::Null => Type::Ptr,
            Op::Bin(_, a, _) | Op::Ovf(_, a, _, _) => ty(*a),
            Op::Un(op, a) => op.result_type(ty(*a)),
            Op::Icmp(..) | Op::Fcmp(..) | Op::IsUnique(_) => Type::I32,
            Op::Select(_, a, _) => ty(*a),
            Op::Load { field, .. } => field.field_ty().ty(),
            Op::LoadElem { kind, .. } => kind.ty(),
            Op::LoadArg { ty, .. } => *ty,
            Op::LoadCtx(field) => field.ty(),
            Op::Guard { .. } => Type::Tok,
            Op::CallRt { rt, .. } => return rt.ret(),
            Op::CallFn { ret, .. } => return *ret,
            Op::Store { .. }
            | Op::StoreElem { .. }
            | Op::StoreArg { .. }
            | Op::StoreScratch { .. }
            | Op::Incref(_)
            | Op::Decref(..)
            | Op::Poll { .. }
            | Op::Enter { .. }
            | Op::Leave => return None,
        })
    }
}
