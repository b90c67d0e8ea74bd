//! Loads and stores of fields, elements, arguments and words of the context.

use super::abi::{TRUSTED, clif_type};
use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use psycore_jit::ir::{CtxField, ElemKind, Field, FieldTy, InstData, Op, Value};
use psycore_jit::lower::LowerError;

impl Translator<'_> {
    /// Translates an access of memory; gives what it loads.
    pub(super) fn access(&mut self, inst: &InstData) -> Result<Option<clif::Value>, LowerError> {
        Ok(match &inst.op {
            Op::Load { field, base, .. } => {
                let base = self.value(*base)?;
                Some(self.load(*field, base))
            }
            Op::Store { field, base, value } => {
                let (base, value) = (self.value(*base)?, self.value(*value)?);
                let offset = self.input.env.layout.offset(*field);
                match field.field_ty() {
                    FieldTy::U8 => self.pos.ins().istore8(TRUSTED, value, base, offset),
                    _ => self.pos.ins().store(TRUSTED, value, base, offset),
                };
                None
            }
            Op::LoadElem { kind, base, index, .. } => {
                let (address, offset) = self.element(*kind, *base, *index)?;
                Some(match kind {
                    ElemKind::Byte => self.pos.ins().uload8(types::I32, TRUSTED, address, offset),
                    _ => self.pos.ins().load(types::I64, TRUSTED, address, offset),
                })
            }
            Op::StoreElem { kind, base, index, value } => {
                let (address, offset) = self.element(*kind, *base, *index)?;
                let value = self.value(*value)?;
                match kind {
                    ElemKind::Byte => self.pos.ins().istore8(TRUSTED, value, address, offset),
                    _ => self.pos.ins().store(TRUSTED, value, address, offset),
                };
                None
            }
            Op::LoadArg { args, index, ty } => {
                let args = self.value(*args)?;
                let ty = clif_type(*ty).ok_or_else(|| LowerError("token as argument".into()))?;
                let offset = self.input.env.arg_offset(*index)?;
                Some(self.pos.ins().load(ty, TRUSTED, args, offset))
            }
            Op::StoreArg { args, index, value } => {
                let (args, value) = (self.value(*args)?, self.value(*value)?);
                let value = self.word(value);
                let offset = self.input.env.arg_offset(*index)?;
                self.pos.ins().store(TRUSTED, value, args, offset);
                None
            }
            Op::LoadCtx(field) => {
                let ty = inst.result.and_then(|v| clif_type(self.f.ty(v)));
                let ty = ty.ok_or_else(|| LowerError("load from the context without result".into()))?;
                let offset = self.ctx_offset(*field);
                Some(self.pos.ins().load(ty, TRUSTED, self.ctx, offset))
            }
            Op::StoreScratch { index, value } => {
                let value = self.value(*value)?;
                let value = self.word(value);
                let offset = self.input.env.scratch_offset(*index)?;
                self.pos.ins().store(TRUSTED, value, self.ctx, i32::from(offset));
                None
            }
            op => return Err(LowerError(format!("{op:?} as an access"))),
        })
    }

    fn ctx_offset(&self, field: CtxField) -> i32 {
        i32::from(self.input.env.layout.context().field(field))
    }

    fn load(&mut self, field: Field, base: clif::Value) -> clif::Value {
        let offset = self.input.env.layout.offset(field);
        match field.field_ty() {
            FieldTy::U8 => self.pos.ins().uload8(types::I32, TRUSTED, base, offset),
            FieldTy::I32 => self.pos.ins().load(types::I32, TRUSTED, base, offset),
            FieldTy::I64 | FieldTy::Word | FieldTy::SignedWord | FieldTy::Ptr => {
                self.pos.ins().load(types::I64, TRUSTED, base, offset)
            }
            FieldTy::F64 => self.pos.ins().load(types::F64, TRUSTED, base, offset),
        }
    }

    /// Address and offset of an element.
    fn element(&mut self, kind: ElemKind, base: Value, index: Value) -> Result<(clif::Value, i32), LowerError> {
        let (stride, offset) = self.input.env.layout.elem(kind);
        let (base, index) = (self.value(base)?, self.value(index)?);
        let scaled = match stride {
            1 => index,
            s if s.is_power_of_two() => self.pos.ins().ishl_imm_s(index, i64::from(s.trailing_zeros())),
            s => self.pos.ins().imul_imm_s(index, i64::from(s)),
        };
        Ok((self.pos.ins().iadd(base, scaled), offset))
    }
}
