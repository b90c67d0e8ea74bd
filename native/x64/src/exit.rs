//! Exits: a cold block for each exit that is used. It stores the record and leaves.
//!
//! A record is the exit's values, one word each, then the exit's global number. There are many
//! exits, and their records begin alike: the locals that did not change in between. So records are
//! stored from the end to the start, and where the rest is the rest of others too, that is done in
//! a block which they share; exits that differ only in their number, as the guards of one instruction do, share
//! all of it. The last block of all ends the record and returns.

use super::translate::{TRUSTED, Translator};
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use psycore_jit::ir::{ExitId, ExitKind, FnKind, Type, Value, status};
use psycore_jit::lower::LowerError;
use psycore_jit::runtime_context::RuntimeContext;
use std::collections::HashMap;
use std::mem::offset_of;

pub(super) const EXIT_TOP: i32 = offset_of!(RuntimeContext, exit_top) as i32;

/// Fewer values than these are not worth a jump to a shared block.
const SHARED_AT_LEAST: u32 = 3;

/// The first words of one or more records: those of `parent`, then `value`.
struct Prefix {
    parent: u32,
    value: Value,
    len: u32,
    /// In how many ways records go on, ending included.
    uses: u32,
    block: Option<clif::Block>,
}

/// All beginnings of records, as a tree. Number 0 is the empty one.
#[derive(Default)]
struct Prefixes {
    nodes: Vec<Prefix>,
    by_parent: HashMap<(u32, Value), u32>,
}

impl Prefixes {
    /// The number of a record; its beginnings are there afterwards.
    fn find(&mut self, values: &[Value]) -> u32 {
        let mut at = 0;
        for (len, value) in (1..).zip(values) {
            let next = self.nodes.len() as u32 + 1;
            let parent = at;
            at = *self.by_parent.entry((parent, *value)).or_insert(next);
            if at == next {
                self.nodes.push(Prefix { parent, value: *value, len, uses: 0, block: None });
                if parent != 0 {
                    self.nodes[parent as usize - 1].uses += 1;
                }
            }
        }
        at
    }

    /// Code that stores the record will be made.
    fn use_once(&mut self, record: u32) {
        if record != 0 {
            self.nodes[record as usize - 1].uses += 1;
        }
    }
}

/// Exits that do the same, but for their numbers: the guards of one instruction.
struct Leaving {
    record: u32,
    counted: bool,
    called: bool,
    exits: Vec<(clif::Block, ExitId)>,
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

    /// Fills the blocks of all exits that are used.
    pub(super) fn exits(&mut self) -> Result<(), LowerError> {
        self.leave_place();
        let mut prefixes = Prefixes::default();
        let mut leaving: Vec<Leaving> = Vec::new();
        let mut alike = HashMap::new();
        for index in 0..self.t.exits.len() {
            if let Some(block) = self.t.exits[index].expand() {
                let exit = ExitId(index as u32 / 2);
                let counted = index % 2 != 0;
                let called = matches!(self.f.exits[exit.index()].kind, ExitKind::Call);
                let values: Vec<Value> = self.f.exit_values(exit).into_iter().map(|v| self.outlive.in_exit(exit, v)).collect();
                let record = prefixes.find(&values);
                let place = *alike.entry((record, counted, called)).or_insert(leaving.len());
                if place == leaving.len() {
                    leaving.push(Leaving { record, counted, called, exits: Vec::new() });
                }
                leaving[place].exits.push((block, exit));
            }
        }
        if leaving.is_empty() {
            return Ok(());
        }
        for record in leaving.iter().map(|l| l.record) {
            prefixes.use_once(record);
        }
        let tail = self.pos.func.dfg.make_block();
        let mut shared = Vec::new();
        for Leaving { record, counted, called, exits } in leaving {
            let (block, number) = self.begin_leaving(&exits, counted);
            if counted {
                let count = self.pos.func.dfg.block_params(block)[0];
                self.store_count(count);
            }
            if !called {
                self.store_depth();
            }
            let top = self.pos.ins().load(types::I64, TRUSTED, self.ctx, EXIT_TOP);
            let len = record.checked_sub(1).map_or(0, |node| prefixes.nodes[node as usize].len);
            self.t.longest_record = self.t.longest_record.max(8 * len + 8);
            let end = match len {
                0 => top,
                _ => self.pos.ins().iadd_imm_s(top, 8 * i64::from(len)),
            };
            self.store_values(&mut prefixes, record, [top, end, number], tail, &mut shared)?;
        }
        while let Some(node) = shared.pop() {
            let Prefix { parent, value, len, block: Some(block), .. } = prefixes.nodes[node as usize - 1] else {
                continue;
            };
            self.continue_cold(block);
            let params = [0; 3].map(|_| self.pos.func.dfg.append_block_param(block, types::I64));
            self.store_value(value, len, params[0])?;
            self.store_values(&mut prefixes, parent, params, tail, &mut shared)?;
        }
        self.tail(tail);
        Ok(())
    }

    /// Begins the block that does what some exits have in common; gives it and the number of the exit that was taken.
    fn begin_leaving(&mut self, exits: &[(clif::Block, ExitId)], counted: bool) -> (clif::Block, clif::Value) {
        let number = |exit: ExitId| i64::from(self.input.exit_base + exit.0);
        if let [(block, exit)] = exits {
            let number = number(*exit);
            self.continue_cold(*block);
            return (*block, self.pos.ins().iconst(types::I64, number));
        }
        let common = self.pos.func.dfg.make_block();
        if counted {
            self.pos.func.dfg.append_block_param(common, types::I32);
        }
        let param = self.pos.func.dfg.append_block_param(common, types::I64);
        for (block, exit) in exits {
            let number = number(*exit);
            self.continue_cold(*block);
            let mut args: Vec<clif::BlockArg> = Vec::with_capacity(2);
            if counted {
                args.push(self.pos.func.dfg.block_params(*block)[0].into());
            }
            args.push(self.pos.ins().iconst(types::I64, number).into());
            self.pos.ins().jump(common, &args);
        }
        self.continue_cold(common);
        (common, param)
    }

    /// Stores the values of a record, the last one first, until a shared block can do the rest.
    /// `state` is the start of the record, its end, and the exit's number.
    fn store_values(
        &mut self,
        prefixes: &mut Prefixes,
        mut record: u32,
        state: [clif::Value; 3],
        tail: clif::Block,
        shared: &mut Vec<u32>,
    ) -> Result<(), LowerError> {
        while record != 0 {
            let node = &mut prefixes.nodes[record as usize - 1];
            if node.uses > 1 && node.len >= SHARED_AT_LEAST {
                let block = match node.block {
                    Some(block) => block,
                    None => {
                        shared.push(record);
                        *node.block.insert(self.pos.func.dfg.make_block())
                    }
                };
                self.pos.ins().jump(block, &state.map(Into::into));
                return Ok(());
            }
            let (value, len) = (node.value, node.len);
            record = node.parent;
            self.store_value(value, len, state[0])?;
        }
        self.pos.ins().jump(tail, &[state[1].into(), state[2].into()]);
        Ok(())
    }

    fn store_value(&mut self, value: Value, len: u32, top: clif::Value) -> Result<(), LowerError> {
        let value = self.value(value)?;
        let value = self.word(value);
        self.pos.ins().store(TRUSTED, value, top, 8 * (len as i32 - 1));
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
