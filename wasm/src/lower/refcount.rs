//! Reference counting, inline: the steps of `psycore_jit::lower::refcount` as nested `if`s.

use super::function::Emitter;
use psycore_jit::ir::{ExitId, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::refcount::RefcountSteps;
use psycore_jit::rt::RtId;
use wasm_encoder::ValType;

/// An object that has a local or is a constant, and the local of its reference word.
pub(super) struct MortalLocal {
    object: Value,
    word: u32,
}

impl RefcountSteps for Emitter<'_> {
    type Counted = MortalLocal;

    fn begin(&mut self, object: Value, immortal: i64) -> Result<MortalLocal, LowerError> {
        let word = self.temp(ValType::I32, 0);
        self.get(object)?;
        let memory = self.at(self.input.env.layout.refcount, 2);
        self.sink().i32_load(memory).local_tee(word).i32_const(immortal as i32).i32_and().i32_eqz();
        self.open_if();
        Ok(MortalLocal { object, word })
    }

    fn add(&mut self, mortal: &mut MortalLocal, by: i8) -> Result<(), LowerError> {
        self.get(mortal.object)?;
        let memory = self.at(self.input.env.layout.refcount, 2);
        self.sink().local_get(mortal.word).i32_const(i32::from(by)).i32_add();
        if by < 0 {
            // It is looked at once more.
            self.sink().local_tee(mortal.word);
        }
        self.sink().i32_store(memory);
        Ok(())
    }

    fn end(&mut self, _: MortalLocal) {
        self.close();
    }

    fn end_releasing(&mut self, mortal: MortalLocal, flag_bits: u32, exit: Option<ExitId>) -> Result<(), LowerError> {
        self.sink().local_get(mortal.word).i32_const(flag_bits as i32).i32_shl().i32_eqz();
        self.open_cold_if();
        if self.count.is_some() {
            self.store_count();
        }
        self.call_slow(RtId::Dealloc, Some(mortal.object), exit)?;
        self.close();
        self.close();
        Ok(())
    }
}
