//! Operators that a Python class defines: the method is inlined in the place of the operator. The operands stay on the
//! stack until it has returned, because what an operator makes of a result may depend on them (`NotImplemented`), and
//! only the interpreter does that.

use super::abstract_state::{ObjVal, Val};
use super::arith::BinaryOp;
use super::{Flow, Res, Specializer};
use crate::bytecode::{Instr, Opcode};
use crate::ir::{Awaits, IntCC, ObjId, Reason};

/// The methods of comparisons by number, and those of the operands exchanged.
const COMPARISONS: [&str; 6] = ["__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"];

impl BinaryOp {
    /// The method of the left operand and that of the right one.
    fn methods(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            BinaryOp::Add => ("__add__", "__radd__"),
            BinaryOp::And => ("__and__", "__rand__"),
            BinaryOp::FloorDiv => ("__floordiv__", "__rfloordiv__"),
            BinaryOp::Shl => ("__lshift__", "__rlshift__"),
            BinaryOp::MatMul => ("__matmul__", "__rmatmul__"),
            BinaryOp::Mul => ("__mul__", "__rmul__"),
            BinaryOp::Rem => ("__mod__", "__rmod__"),
            BinaryOp::Or => ("__or__", "__ror__"),
            BinaryOp::Shr => ("__rshift__", "__rrshift__"),
            BinaryOp::Sub => ("__sub__", "__rsub__"),
            BinaryOp::TrueDiv => ("__truediv__", "__rtruediv__"),
            BinaryOp::Xor => ("__xor__", "__rxor__"),
            BinaryOp::Pow | BinaryOp::Subscr => return None,
        })
    }

    /// The method of the operator with assignment, which comes before that of the left operand.
    fn in_place(self) -> Option<&'static str> {
        Some(match self {
            BinaryOp::Add => "__iadd__",
            BinaryOp::And => "__iand__",
            BinaryOp::FloorDiv => "__ifloordiv__",
            BinaryOp::Shl => "__ilshift__",
            BinaryOp::MatMul => "__imatmul__",
            BinaryOp::Mul => "__imul__",
            BinaryOp::Rem => "__imod__",
            BinaryOp::Or => "__ior__",
            BinaryOp::Shr => "__irshift__",
            BinaryOp::Sub => "__isub__",
            BinaryOp::TrueDiv => "__itruediv__",
            BinaryOp::Xor => "__ixor__",
            BinaryOp::Pow | BinaryOp::Subscr => return None,
        })
    }
}

impl Specializer<'_> {
    /// `a OP b`, where the class of `a` (or, if that is a number, of `b`) says what that means.
    pub(super) fn binary_operator(&mut self, arg: u32, op: BinaryOp) -> Res<Option<Flow>> {
        let (Some(a), Some(b), Some((left, right))) = (self.ty_of(self.peek(1)), self.ty_of(self.peek(0)), op.methods()) else {
            return Ok(None);
        };
        let k = *self.o.known();
        if [k.int, k.float].contains(&a) {
            // Numbers know nothing of the class, so that its own method comes next.
            return self.operator(b, right, &[0, 1], 2);
        }
        if self.comes_first(b, a) || (arg >= 13 && op.in_place().is_none_or(|m| self.o.has_attr(a, m))) {
            return Ok(None);
        }
        self.operator(a, left, &[1, 0], 2)
    }

    pub(super) fn compare_operator(&mut self, op: usize) -> Res<Option<Flow>> {
        let (Some(a), Some(b)) = (self.ty_of(self.peek(1)), self.ty_of(self.peek(0))) else { return Ok(None) };
        if self.comes_first(b, a) {
            return Ok(None);
        }
        self.operator(a, COMPARISONS[op], &[1, 0], 2)
    }

    /// Whether the right operand's method comes before the left one's.
    fn comes_first(&self, b: ObjId, a: ObjId) -> bool {
        a != b && self.o.is_subclass(b, a) != Some(false)
    }

    /// Inlines the method `name` of an exact class, with the stack values at `depths` as arguments (the first is the
    /// instance). The instruction's operands are the topmost `operands`.
    pub(super) fn operator(&mut self, class: ObjId, name: &str, depths: &[usize], operands: usize) -> Res<Option<Flow>> {
        if self.distrusted() || self.o.type_version(class).is_none() {
            return Ok(None);
        }
        let Some(func) = self.o.operator_method(class, name) else { return Ok(None) };
        self.operator_function(class, func, depths, operands)
    }

    /// The same for the function that the class has for it.
    pub(super) fn operator_function(
        &mut self,
        class: ObjId,
        func: ObjId,
        depths: &[usize],
        operands: usize,
    ) -> Res<Option<Flow>> {
        // All are of their classes, which say how the operator works.
        let mut classes: Vec<Option<ObjId>> = depths.iter().map(|d| self.ty_of(self.peek(*d))).collect();
        classes[0] = Some(class);
        let fits = self.inline_target(func, |s| depths.iter().map(|d| s.peek(*d).clone()).collect()).is_some();
        if !fits || !matches!(self.peek(depths[0]), Val::Obj(_) | Val::Instance(_)) {
            return Ok(None);
        }
        for (d, ty) in depths.iter().zip(classes) {
            if let Some(ty) = ty {
                self.want(*d, ty);
            }
        }
        let target = self.inline_target(func, |s| depths.iter().map(|d| Self::dup(s.peek(*d))).collect());
        let Some(target) = target else { return Ok(None) };
        self.guard_version(class);
        self.guard_function(func, &target.info);
        self.ctx.frame_mut().awaits = Awaits::Operator(operands as u8);
        Ok(Some(self.inline(func, &target.info, target.code, target.args, 0)?))
    }

    /// The same where the operand at `depth`, whose method it is, is only expected to be of the class.
    pub(super) fn expected_operator(
        &mut self,
        depth: usize,
        class: ObjId,
        name: &str,
        depths: &[usize],
        operands: usize,
    ) -> Res<Option<Flow>> {
        if !self.distrusted() && self.o.operator_method(class, name).is_some() {
            self.want(depth, class);
            return self.operator(class, name, depths, operands);
        }
        Ok(None)
    }

    /// What the instruction that waited makes of a method's result: nothing for assignments. `Err`: only the
    /// interpreter can do it. Guards leave before the method returns.
    pub(super) fn operator_result(&mut self, ins: Instr, val: &Val) -> Result<Option<Val>, ()> {
        match ins.op {
            Opcode::StoreSubscr | Opcode::StoreAttr => return Ok(None),
            Opcode::BinaryOp if BinaryOp::from_arg(ins.arg) == Some(BinaryOp::Subscr) => {}
            Opcode::BinaryOp => self.guard_implemented(val)?,
            Opcode::CompareOp => {
                self.guard_implemented(val)?;
                if ins.arg & 16 != 0 {
                    return self.simple_truth(val).map(Some);
                }
            }
            Opcode::ContainsOp => {
                let Val::Bool(c) = self.simple_truth(val)? else { return Err(()) };
                return Ok(Some(Val::Bool(if ins.arg & 1 != 0 { self.b.not(c) } else { c })));
            }
            Opcode::ToBool => {
                if !matches!(val, Val::Bool(_)) {
                    return Err(());
                }
            }
            // `len`.
            Opcode::Call => {
                let Val::Int(n) = *val else { return Err(()) };
                let exit = self.exit_start(Reason::Error);
                let zero = self.b.i64(0);
                self.b.guard_icmp(IntCC::SGe, n, zero, exit);
            }
            _ => {}
        }
        Ok(Some(val.clone()))
    }

    fn guard_implemented(&mut self, val: &Val) -> Result<(), ()> {
        let not_implemented = self.o.known().not_implemented;
        match val {
            Val::Const(c) if *c == not_implemented => Err(()),
            Val::Obj(ObjVal { v, ty, .. }) if ty.is_none_or(|t| t == self.o.type_of(not_implemented)) => {
                let exit = self.exit_start(Reason::Value);
                let other = self.b.obj(not_implemented);
                self.b.guard_icmp(IntCC::Ne, *v, other, exit);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The truth of a value where no code decides it.
    fn simple_truth(&mut self, val: &Val) -> Result<Val, ()> {
        Ok(match val {
            Val::Bool(c) => Val::Bool(*c),
            Val::Int(v) => Val::Bool(self.b.icmp_imm(IntCC::Ne, *v, 0)),
            Val::Const(c) if *c == self.o.known().none => Val::Bool(self.b.bool(false)),
            _ => return Err(()),
        })
    }
}
