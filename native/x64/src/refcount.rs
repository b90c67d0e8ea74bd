//! Reference counting, inline: the steps of `psycore_jit::lower::refcount` in blocks.

use super::abi::TRUSTED;
use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, InstBuilder, condcodes::IntCC, types};
use psycore_jit::ir::{ExitId, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::refcount::RefcountSteps;
use psycore_jit::rt::RtId;

/// An object that is known to be mortal.
pub(super) struct MortalObject {
    object: clif::Value,
    word: clif::Value,
    /// The merge block behind the sequence.
    next: clif::Block,
}

impl RefcountSteps for Translator<'_> {
    type Counted = MortalObject;

    fn begin(&mut self, object: Value, immortal: i64) -> Result<MortalObject, LowerError> {
        let object = self.value(object)?;
        let next = self.merge_block();
        let word = self.pos.ins().load(types::I64, TRUSTED, object, self.input.env.layout.refcount);
        let immortal = self.pos.ins().band_imm_s(word, immortal);
        let mortal = self.pos.func.dfg.make_block();
        let count = self.count_arg();
        self.pos.ins().brif(immortal, next, &count, mortal, &[]);
        self.continue_in(mortal);
        Ok(MortalObject { object, word, next })
    }

    fn add(&mut self, mortal: &mut MortalObject, by: i8) -> Result<(), LowerError> {
        mortal.word = self.pos.ins().iadd_imm_s(mortal.word, i64::from(by));
        self.pos.ins().store(TRUSTED, mortal.word, mortal.object, self.input.env.layout.refcount);
        Ok(())
    }

    fn end(&mut self, mortal: MortalObject) {
        let count = self.count_arg();
        self.pos.ins().jump(mortal.next, &count);
        self.continue_in_merge(mortal.next);
    }

    fn end_releasing(&mut self, mortal: MortalObject, flag_bits: u32, exit: Option<ExitId>) -> Result<(), LowerError> {
        let MortalObject { object, word, next } = mortal;
        let references = self.pos.ins().ishl_imm_s(word, i64::from(flag_bits));
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
}

impl Translator<'_> {
    pub(super) fn is_unique(&mut self, v: Value) -> Result<clif::Value, LowerError> {
        let object = self.value(v)?;
        let word = self.pos.ins().load(types::I64, TRUSTED, object, self.input.env.layout.refcount);
        Ok(self.pos.ins().icmp_imm_s(IntCC::Equal, word, 1))
    }
}
