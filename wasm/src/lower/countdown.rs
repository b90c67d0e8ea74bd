//! Polling, in memory or in a local (`psycore_jit::lower::countdown`).

use super::abi::{CTX, CTX_COUNTDOWN, mem};
use super::function::Emitter;
use psycore_jit::ir::ExitId;
use psycore_jit::lower::LowerError;
use psycore_jit::rt::RtId;
use wasm_encoder::ValType;

impl Emitter<'_> {
    pub(super) fn count_local(&mut self) -> u32 {
        match self.count_at {
            Some(local) => local,
            None => *self.count_at.insert(self.locals.add(ValType::I32)),
        }
    }

    pub(super) fn poll(&mut self, exit: ExitId) -> Result<(), LowerError> {
        match self.count {
            // It can't run out here.
            Some(count) if self.suffices => {
                self.sink().local_get(count).i32_const(1).i32_sub().local_set(count);
                return Ok(());
            }
            Some(count) => {
                self.sink().local_get(count).i32_const(1).i32_sub().local_tee(count).i32_const(0).i32_lt_s();
                self.open_cold_if();
                // What the run time would see had it been counted in memory.
                self.sink().local_get(CTX).i32_const(0).i32_store(mem(CTX_COUNTDOWN, 2));
            }
            None => {
                let count = self.temp(ValType::I32, 0);
                self.sink().local_get(CTX);
                self.sink().local_get(CTX).i32_load(mem(CTX_COUNTDOWN, 2)).i32_const(1).i32_sub().local_tee(count);
                self.sink().i32_store(mem(CTX_COUNTDOWN, 2)).local_get(count).i32_const(0).i32_le_s();
                self.open_cold_if();
            }
        }
        self.call_slow(RtId::PollSlow, None, Some(exit))?;
        self.close();
        Ok(())
    }

    /// Takes the count from memory into its local.
    pub(super) fn load_count(&mut self) {
        let count = self.count_local();
        let loaded = self.temp(ValType::I32, 0);
        self.sink().local_get(CTX).i32_load(mem(CTX_COUNTDOWN, 2)).local_tee(loaded).i32_const(1).i32_sub();
        self.sink().i32_const(0).local_get(loaded).i32_const(0).i32_gt_s().select().local_set(count);
    }

    /// Writes the count back to memory.
    pub(super) fn store_count(&mut self) {
        let count = self.count_local();
        self.sink().local_get(CTX).local_get(count).i32_const(1).i32_add().i32_store(mem(CTX_COUNTDOWN, 2));
    }
}
