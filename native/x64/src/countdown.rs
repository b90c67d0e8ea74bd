//! Polling, in memory or in a register (`psycore_jit::lower::countdown`). Blocks that have the count in a register have it
//! as one more parameter. There, counting down is one addition that carries unless the count has run out.

use super::abi::{CTX_COUNTDOWN, TRUSTED};
use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, BlockArg, InstBuilder, condcodes::IntCC, types};
use psycore_jit::ir::ExitId;
use psycore_jit::rt::RtId;

impl Translator<'_> {
    pub(super) fn poll(&mut self, exit: ExitId) {
        let (slow, next) = (self.pos.func.dfg.make_block(), self.merge_block());
        match self.count {
            Some(count) => {
                let minus_one = self.pos.ins().iconst(types::I32, -1);
                let (less, carry) = self.pos.ins().uadd_overflow(count, minus_one);
                self.pos.ins().brif(carry, next, &[less.into()], slow, &[]);
                self.continue_cold(slow);
                // What the run time would see had it been counted in memory.
                self.pos.ins().store(TRUSTED, count, self.ctx, CTX_COUNTDOWN);
            }
            None => {
                let count = self.pos.ins().load(types::I32, TRUSTED, self.ctx, CTX_COUNTDOWN);
                let count = self.pos.ins().iadd_imm_s(count, -1);
                self.pos.ins().store(TRUSTED, count, self.ctx, CTX_COUNTDOWN);
                let zero = self.pos.ins().icmp_imm_s(IntCC::SignedLessThanOrEqual, count, 0);
                self.pos.ins().brif(zero, slow, &[], next, &[]);
                self.continue_cold(slow);
            }
        }
        self.call_slow(RtId::PollSlow, &[], Some(exit), next);
        self.continue_in_merge(next);
    }

    /// The count as it must be in a register, from memory.
    pub(super) fn load_count(&mut self) -> clif::Value {
        let count = self.pos.ins().load(types::I32, TRUSTED, self.ctx, CTX_COUNTDOWN);
        let one = self.pos.ins().iconst(types::I32, 1);
        let count = self.pos.ins().smax(count, one);
        self.pos.ins().iadd_imm_s(count, -1)
    }

    /// Writes a count back to memory.
    pub(super) fn store_count(&mut self, count: clif::Value) {
        let count = self.pos.ins().iadd_imm_s(count, 1);
        self.pos.ins().store(TRUSTED, count, self.ctx, CTX_COUNTDOWN);
    }

    /// A block where ways meet on which the count may differ.
    pub(super) fn merge_block(&mut self) -> clif::Block {
        let block = self.pos.func.dfg.make_block();
        if self.count.is_some() {
            self.pos.func.dfg.append_block_param(block, types::I32);
        }
        block
    }

    /// What to pass to a block of [`Translator::merge_block`] or an exit's block from here.
    pub(super) fn count_arg(&self) -> Option<BlockArg> {
        self.count.map(BlockArg::from)
    }

    /// Goes on in a block of [`Translator::merge_block`].
    pub(super) fn continue_in_merge(&mut self, block: clif::Block) {
        self.continue_in(block);
        self.count = self.pos.func.dfg.block_params(block).first().copied();
    }
}
