//! Exits: a cold block for each exit that is used. It stores the record and leaves.
//!
//! Which of them share code is the business of the exit plan (`psycore_jit::lower::exits`). The blocks of a group's exits
//! pass their numbers to one block, that of the group; the code of a shared prefix is a block with three
//! parameters, the start of the record, its end, and the number. The last block of all ends the record and returns.

use super::abi::{CTX_EXIT_TOP, TRUSTED};
use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use psycore_jit::ir::{ExitId, FnKind, Type, Value, status};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::exits::{ExitPlan, ExitUse, PrefixId, RECORD_WORD, RecordPiece};
use std::collections::HashMap;

/// The blocks that exits go on to.
struct SharedBlocks {
    of_prefix: HashMap<PrefixId, clif::Block>,
    /// Prefixes whose blocks are still empty.
    unfilled: Vec<PrefixId>,
    /// The last one.
    tail: clif::Block,
}

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

    /// The block of an exit that is used.
    fn used_exit_block(&self, ExitUse { exit, counted }: ExitUse) -> Option<clif::Block> {
        self.t.exits[2 * exit.index() + usize::from(counted)].expand()
    }

    /// Fills the blocks of all exits that are used.
    pub(super) fn exits(&mut self) -> Result<(), LowerError> {
        self.leave_place();
        let f = self.f;
        let exits = (0..f.exits.len() as u32).map(ExitId);
        let ways = exits.flat_map(|exit| [false, true].map(|counted| ExitUse { exit, counted }));
        let uses = ways.filter(|way| self.used_exit_block(*way).is_some());
        let values = |exit| f.exit_values(exit).into_iter().map(|v| self.outlive.in_exit(exit, v)).collect::<Vec<Value>>();
        let plan = ExitPlan::new(f, uses, values);
        if plan.groups.is_empty() {
            return Ok(());
        }
        self.t.longest_record = self.t.longest_record.max(plan.longest_record());
        let mut shared = SharedBlocks { of_prefix: HashMap::new(), unfilled: Vec::new(), tail: self.pos.func.dfg.make_block() };
        for group in &plan.groups {
            let (block, number) = self.begin_group(&group.exits, group.counted);
            if group.counted {
                let count = self.pos.func.dfg.block_params(block)[0];
                self.store_count(count);
            }
            if group.stores_depth {
                self.store_depth();
            }
            let top = self.pos.ins().load(types::I64, TRUSTED, self.ctx, CTX_EXIT_TOP);
            let end = match plan.len(group.record) {
                0 => top,
                len => self.pos.ins().iadd_imm_s(top, i64::from(RECORD_WORD * len)),
            };
            self.store_piece(&plan.group_piece(group), [top, end, number], &mut shared)?;
        }
        while let Some(prefix) = shared.unfilled.pop() {
            let block = shared.of_prefix[&prefix];
            self.continue_cold(block);
            let params = [0; 3].map(|_| self.pos.func.dfg.append_block_param(block, types::I64));
            self.store_piece(&plan.shared_piece(prefix), params, &mut shared)?;
        }
        self.tail(shared.tail);
        Ok(())
    }

    /// Begins the block that does what some exits have in common; gives it and the number of the exit that was taken.
    fn begin_group(&mut self, exits: &[ExitId], counted: bool) -> (clif::Block, clif::Value) {
        let number = |exit: ExitId| i64::from(self.input.exit_base + exit.0);
        let blocks: Vec<(clif::Block, i64)> = exits
            .iter()
            .filter_map(|exit| Some((self.used_exit_block(ExitUse { exit: *exit, counted })?, number(*exit))))
            .collect();
        if let [(block, number)] = blocks[..] {
            self.continue_cold(block);
            return (block, self.pos.ins().iconst(types::I64, number));
        }
        let common = self.pos.func.dfg.make_block();
        if counted {
            self.pos.func.dfg.append_block_param(common, types::I32);
        }
        let param = self.pos.func.dfg.append_block_param(common, types::I64);
        for (block, number) in blocks {
            self.continue_cold(block);
            let mut args: Vec<clif::BlockArg> = Vec::with_capacity(2);
            if counted {
                args.push(self.pos.func.dfg.block_params(block)[0].into());
            }
            args.push(self.pos.ins().iconst(types::I64, number).into());
            self.pos.ins().jump(common, &args);
        }
        self.continue_cold(common);
        (common, param)
    }

    /// Stores words of a record and goes on with the rest. `state` is the start of the record, its end, and the exit's number.
    fn store_piece(&mut self, piece: &RecordPiece, state: [clif::Value; 3], shared: &mut SharedBlocks) -> Result<(), LowerError> {
        for (word, value) in &piece.words {
            let value = self.value(*value)?;
            let value = self.word(value);
            self.pos.ins().store(TRUSTED, value, state[0], (RECORD_WORD * word) as i32);
        }
        match piece.rest {
            Some(prefix) => {
                let block = *shared.of_prefix.entry(prefix).or_insert_with(|| {
                    shared.unfilled.push(prefix);
                    self.pos.func.dfg.make_block()
                });
                self.pos.ins().jump(block, &state.map(Into::into));
            }
            None => {
                self.pos.ins().jump(shared.tail, &[state[1].into(), state[2].into()]);
            }
        }
        Ok(())
    }

    fn tail(&mut self, tail: clif::Block) {
        let end = self.pos.func.dfg.append_block_param(tail, types::I64);
        let number = self.pos.func.dfg.append_block_param(tail, types::I64);
        self.continue_cold(tail);
        self.pos.ins().store(TRUSTED, number, end, 0);
        let top = self.pos.ins().iadd_imm_s(end, i64::from(RECORD_WORD));
        self.pos.ins().store(TRUSTED, top, self.ctx, CTX_EXIT_TOP);
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
