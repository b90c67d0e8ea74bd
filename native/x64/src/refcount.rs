//! Reference counting, inline.
//!
//! The word at `Layout::refcount` holds the count below the immortal bit and flags above. Immortal
//! objects must not be written. Plain loads and stores do: while compiled code runs there is only
//! one Python thread.

use super::translate::{TRUSTED, Translator};
use cranelift_codegen::ir::{self as clif, InstBuilder, condcodes::IntCC, types};
use psycore_jit::ir::{ExitId, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::rt::RtId;

impl Translator<'_> {
    /// Loads the word and goes on in a block that runs for mortal objects only; others go to
    /// `next`, a merge block.
    fn mortal(&mut self, object: clif::Value, next: clif::Block) -> clif::Value {
        let layout = self.input.env.layout;
        let word = self.pos.ins().load(types::I64, TRUSTED, object, layout.refcount);
        let immortal = self.pos.ins().band_imm_s(word, 1i64.wrapping_shl(layout.immortal_bit));
        let mortal = self.pos.func.dfg.make_block();
        let count = self.count_arg();
        self.pos.ins().brif(immortal, next, &count, mortal, &[]);
        self.continue_in(mortal);
        word
    }

    pub(super) fn incref(&mut self, v: Value) -> Result<(), LowerError> {
        let object = self.value(v)?;
        let next = self.merge_block();
        let word = self.mortal(object, next);
        let word = self.pos.ins().iadd_imm_s(word, 1);
        self.pos.ins().store(TRUSTED, word, object, self.input.env.layout.refcount);
        let count = self.count_arg();
        self.pos.ins().jump(next, &count);
        self.continue_in_merge(next);
        Ok(())
    }

    pub(super) fn decref(&mut self, v: Value, exit: Option<ExitId>) -> Result<(), LowerError> {
        let object = self.value(v)?;
        let next = self.merge_block();
        let word = self.mortal(object, next);
        let word = self.pos.ins().iadd_imm_s(word, -1);
        self.pos.ins().store(TRUSTED, word, object, self.input.env.layout.refcount);
        // Flags above the count don't keep an object alive.
        let references = self.pos.ins().ishl_imm_s(word, i64::from(64 - self.input.env.layout.immortal_bit));
        let dead = self.pos.func.dfg.make_block();
        let count = self.count_arg();
        self.pos.ins().brif(references, next, &count, dead, &[]);
        self.continue_cold(dead);
        if let Some(count) = self.count {
            self.store_count(count);
        }
        self.call_slow(RtId::Dealloc, &[object], exit, next);
        self.continue_in_merge(next);
        Ok(())
    }

    pub(super) fn is_unique(&mut self, v: Value) -> Result<clif::Value, LowerError> {
        let object = self.value(v)?;
        let word = self.pos.ins().load(types::I64, TRUSTED, object, self.input.env.layout.refcount);
        Ok(self.pos.ins().icmp_imm_s(IntCC::Equal, word, 1))
    }
}
