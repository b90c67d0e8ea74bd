//! Loads and stores of fields, elements and arguments.

use super::abi::mem;
use super::function::Emitter;
use psycore_jit::ir::{ElemKind, Field, FieldTy, Type, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::facts::Fact;
use wasm_encoder::MemArg;

/// The value of an integer that is a constant.
pub(super) fn constant(e: &Emitter<'_>, v: Value) -> Option<i64> {
    match e.facts[v.index()] {
        Fact::Const(c) => Some(c),
        _ => None,
    }
}

/// The logarithm of a field's size.
fn align(ty: FieldTy) -> u32 {
    match ty {
        FieldTy::U8 => 0,
        FieldTy::I32 | FieldTy::Word | FieldTy::SignedWord | FieldTy::Ptr => 2,
        FieldTy::I64 | FieldTy::F64 => 3,
    }
}

impl Emitter<'_> {
    pub(super) fn load(&mut self, field: Field, base: Value) -> Result<(), LowerError> {
        let ty = field.field_ty();
        self.get(base)?;
        let memory = self.at(self.input.env.layout.offset(field), align(ty));
        match ty {
            FieldTy::U8 => self.sink().i32_load8_u(memory),
            FieldTy::I32 | FieldTy::Ptr => self.sink().i32_load(memory),
            FieldTy::Word => self.sink().i64_load32_u(memory),
            FieldTy::SignedWord => self.sink().i64_load32_s(memory),
            FieldTy::I64 => self.sink().i64_load(memory),
            FieldTy::F64 => self.sink().f64_load(memory),
        };
        Ok(())
    }

    pub(super) fn store(&mut self, field: Field, base: Value, value: Value) -> Result<(), LowerError> {
        let ty = field.field_ty();
        self.get(base)?;
        let memory = self.at(self.input.env.layout.offset(field), align(ty));
        self.get(value)?;
        match ty {
            FieldTy::U8 => self.sink().i32_store8(memory),
            FieldTy::I32 | FieldTy::Ptr => self.sink().i32_store(memory),
            FieldTy::Word | FieldTy::SignedWord => self.sink().i64_store32(memory),
            FieldTy::I64 => self.sink().i64_store(memory),
            FieldTy::F64 => self.sink().f64_store(memory),
        };
        Ok(())
    }

    /// Pushes the address of an element; gives the operand of an access.
    fn element(&mut self, kind: ElemKind, base: Value, index: Value) -> Result<MemArg, LowerError> {
        let (stride, offset) = self.input.env.layout.elem(kind);
        let align = if kind == ElemKind::Byte { 0 } else { 2 };
        self.get(base)?;
        let distance = constant(self, index).and_then(|c| c.checked_mul(i64::from(stride)));
        if let Some(at) = distance.and_then(|d| i32::try_from(d + i64::from(offset)).ok()).filter(|at| *at >= 0) {
            return Ok(mem(at as u64, align));
        }
        self.index(index)?;
        match stride {
            1 => {}
            s if s.is_power_of_two() => {
                self.sink().i32_const(s.trailing_zeros() as i32).i32_shl();
            }
            s => {
                self.sink().i32_const(s as i32).i32_mul();
            }
        }
        self.sink().i32_add();
        Ok(self.at(offset, align))
    }

    pub(super) fn load_elem(&mut self, kind: ElemKind, base: Value, index: Value) -> Result<(), LowerError> {
        let memory = self.element(kind, base, index)?;
        match kind {
            ElemKind::Byte => self.sink().i32_load8_u(memory),
            _ => self.sink().i32_load(memory),
        };
        Ok(())
    }

    pub(super) fn store_elem(&mut self, kind: ElemKind, base: Value, index: Value, value: Value) -> Result<(), LowerError> {
        let memory = self.element(kind, base, index)?;
        self.get(value)?;
        match kind {
            ElemKind::Byte => self.sink().i32_store8(memory),
            _ => self.sink().i32_store(memory),
        };
        Ok(())
    }

    pub(super) fn load_arg(&mut self, args: Value, index: u32, ty: Type) -> Result<(), LowerError> {
        let offset = self.input.env.arg_offset(index)?;
        self.get(args)?;
        let memory = self.at(offset, if matches!(ty, Type::I64 | Type::F64) { 3 } else { 2 });
        match ty {
            Type::I64 => self.sink().i64_load(memory),
            Type::F64 => self.sink().f64_load(memory),
            _ => self.sink().i32_load(memory),
        };
        Ok(())
    }

    pub(super) fn store_arg(&mut self, args: Value, index: u32, value: Value) -> Result<(), LowerError> {
        let offset = self.input.env.arg_offset(index)?;
        self.get(args)?;
        if self.input.env.layout.args_are_words() && self.f.ty(value) == Type::Ptr {
            self.get(value)?;
            self.sink().i32_store(mem(offset as u64, 2));
        } else {
            self.word(value)?;
            self.store_word(value, offset as u64);
        }
        Ok(())
    }
}
