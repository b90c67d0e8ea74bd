//! Reference counting, inline.
//!
//! The word at `Layout::refcount` holds the count below the immortal bit and flags above. Immortal objects must not be
//! written. Plain loads and stores do: there is only one thread.

use super::function::Emitter;
use psycore_jit::ir::{ExitId, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::rt::RtId;
use wasm_encoder::ValType;

impl Emitter<'_> {
    /// Pushes an object that has a local or is a constant, twice: as the address of the store to come, and as an
    /// operand of what is pushed next.
    fn changed_count(&mut self, object: Value, by: i32) -> Result<u32, LowerError> {
        let layout = self.input.env.layout;
        let (offset, immortal) = (layout.refcount, 1i32.wrapping_shl(layout.immortal_bit));
        let word = self.temp(ValType::I32, 0);
        self.get(object)?;
        let memory = self.at(offset, 2);
        self.sink().i32_load(memory).local_tee(word).i32_const(immortal).i32_and().i32_eqz();
        self.open_if();
        self.get(object)?;
        let memory = self.at(offset, 2);
        self.sink().local_get(word).i32_const(by).i32_add();
        if by < 0 {
            self.sink().local_tee(word);
        }
        self.sink().i32_store(memory);
        Ok(word)
    }

    pub(super) fn incref(&mut self, v: Value) -> Result<(), LowerError> {
        self.changed_count(v, 1)?;
        self.close();
        Ok(())
    }

    pub(super) fn decref(&mut self, v: Value, exit: Option<ExitId>) -> Result<(), LowerError> {
        let word = self.changed_count(v, -1)?;
        // Flags above the count don't keep an object alive.
        let flags = 32 - self.input.env.layout.immortal_bit as i32;
        self.sink().local_get(word).i32_const(flags).i32_shl().i32_eqz();
        self.open_cold_if();
        if self.count.is_some() {
            self.store_count();
        }
        self.call_slow(RtId::Dealloc, Some(v), exit)?;
        self.close();
        self.close();
        Ok(())
    }
}
