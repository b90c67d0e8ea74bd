//! Exits: a cold block for each exit that is used. It stores the record and leaves.
//!
//! A record is the exit's values, one word each, then the exit's global number. What all exits of
//! a function have in common, the end of the record and the return, is shared in one block.

use super::translate::{TRUSTED, Translator};
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use psycore_jit::ctx::Ctx;
use psycore_jit::ir::{ExitId, ExitKind, FnKind, Type, status};
use psycore_jit::lower::LowerError;
use std::mem::offset_of;

pub(super) const EXIT_TOP: i32 = offset_of!(Ctx, exit_top) as i32;

impl Translator<'_> {
    /// The block of an exit, to be jumped to with [`Translator::count_arg`]; it is filled by
    /// [`Translator::exits`].
    pub(super) fn exit_block(&mut self, exit: ExitId) -> clif::Block {
        let counted = self.count.is_some();
        let slot = &mut self.t.exits[2 * exit.index() + usize::from(counted)];
        match slot.expand() {
            Some(block) => block,
            None => {
                let block = self.pos.func.dfg.make_block();
                *slot = block.into();
                if counted {
                    self.pos.func.dfg.append_block_param(block, types::I32);
                }
                block
            }
        }
    }

    /// Fills the blocks of all exits that are used.
    pub(super) fn exits(&mut self) -> Result<(), LowerError> {
        for index in 0..self.t.exits.len() {
            if let Some(block) = self.t.exits[index].expand() {
                self.continue_cold(block);
                if index % 2 != 0 {
                    let count = self.pos.func.dfg.block_params(block)[0];
                    self.store_count(count);
                }
                self.exit(ExitId(index as u32 / 2))?;
            }
        }
        if let Some(tail) = self.exit_tail {
            self.tail(tail);
        }
        Ok(())
    }

    fn exit(&mut self, exit: ExitId) -> Result<(), LowerError> {
        if !matches!(self.f.exits[exit.index()].kind, ExitKind::Call) {
            self.store_depth();
        }
        let top = self.pos.ins().load(types::I64, TRUSTED, self.ctx, EXIT_TOP);
        let values = self.f.exit_values(exit);
        let mut offset = 0;
        for v in values {
            let value = self.value(v)?;
            let value = self.word(value);
            self.pos.ins().store(TRUSTED, value, top, offset);
            offset += 8;
        }
        self.t.longest_record = self.t.longest_record.max(offset as u32 + 8);
        let end = match offset {
            0 => top,
            _ => self.pos.ins().iadd_imm_s(top, i64::from(offset)),
        };
        let number = self.input.exit_base + exit.0;
        let number = self.pos.ins().iconst(types::I64, i64::from(number));
        let tail = match self.exit_tail {
            Some(tail) => tail,
            None => {
                let tail = self.pos.func.dfg.make_block();
                self.exit_tail = Some(tail);
                tail
            }
        };
        self.pos.ins().jump(tail, &[end.into(), number.into()]);
        Ok(())
    }

    fn tail(&mut self, tail: clif::Block) {
        let end = self.pos.func.dfg.append_block_param(tail, types::I64);
        let number = self.pos.func.dfg.append_block_param(tail, types::I64);
        self.continue_cold(tail);
        self.pos.ins().store(TRUSTED, number, end, 0);
        let top = self.pos.ins().iadd_imm_s(end, 8);
        self.pos.ins().store(TRUSTED, top, self.ctx, EXIT_TOP);
        self.restore_pinned();
        let exited = self.pos.ins().iconst(types::I32, i64::from(status::EXITED));
        match (self.f.kind, self.f.ret) {
            (FnKind::Compiled, Some(ty)) => {
                // Nobody reads the value of a function that left.
                let nothing = match ty {
                    Type::F64 => self.pos.ins().f64const(0.0),
                    Type::I32 => exited,
                    _ => end,
                };
                self.pos.ins().return_(&[exited, nothing]);
            }
            _ => {
                self.pos.ins().return_(&[exited]);
            }
        }
    }
}
