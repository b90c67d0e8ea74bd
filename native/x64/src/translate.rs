//! One IR function to Cranelift's IR: signatures, blocks, terminators. The instructions are in
//! `inst`, `ovf`, `refcount` and `call`, the exits in `exit`.
//!
//! Blocks are visited in reverse postorder, so every value is translated before its uses. The IR
//! is in SSA form already: block parameters become block parameters, and nothing is renamed.
//! Tokens are dropped; the order of guards and accesses is the IR's, and Cranelift keeps it.
//!
//! Branches name the successor first that leaves the loop, or the unit. Cranelift visits blocks depth first in this order and
//! numbers them backwards, so what is named last comes next; and its register allocator takes blocks for parts of a loop that
//! have numbers between those of its header and its last block. With the loop named first, all that comes after the loop would
//! seem to be in it, and exits to be as hot as what they leave.

use super::abi::{CTX_RET, NAMESPACE_LOCAL, TRUSTED, clif_type, signature};
use super::outlive::Outlive;
use super::source_location::source_location;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::entity::packed_option::PackedOption;
use cranelift_codegen::ir::condcodes::CondCode;
use cranelift_codegen::ir::{
    self as clif, BlockArg, FuncRef, InstBuilder, InstructionData, MemFlagsData, SigRef, Signature, SourceLoc, types,
};
use psycore_jit::ir::cfg::{Cfg, DomTree, Loops};
use psycore_jit::ir::{Block, BlockCall, ExitId, FnKind, Function, Inst, Op, Term, Type, Unit, Value, status};
use psycore_jit::lower::countdown::counted_blocks;
use psycore_jit::lower::depth::uses_depth;
use psycore_jit::lower::division::QuotientMemo;
use psycore_jit::lower::facts::{self, Fact};
use psycore_jit::lower::{LowerEnv, LowerError};
use std::ops::Range;
use std::sync::atomic::AtomicU32;

/// What to translate, and for what surroundings.
pub(super) struct TranslatorInput<'a> {
    pub unit: &'a Unit,
    /// The function to translate.
    pub index: usize,
    pub env: &'a LowerEnv<'a>,
    /// Global number of the function's first exit.
    pub exit_base: u32,
    /// Holds the logarithm of the bytes that a level of calls may need on the exit stack.
    pub record_shift: &'a AtomicU32,
    /// The addresses between which the code will be: they decide which calls are direct.
    pub range: &'a Range<usize>,
    /// Whether instructions say which one of the IR they were made for.
    pub places: bool,
}

/// Tables that are kept from one function to the next for their memory.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) values: Vec<PackedOption<clif::Value>>,
    pub(super) conditions: Vec<PackedOption<clif::Value>>,
    pub(super) facts: Vec<Fact>,
    pub(super) used_as_data: Vec<bool>,
    blocks: Vec<clif::Block>,
    /// Two per exit: its block for where the count of polls is in memory, and for where not.
    pub(super) exits: Vec<PackedOption<clif::Block>>,
    /// By block: whether the count of polls is in a register.
    counted: Vec<bool>,
    /// Bytes of the longest record of all functions so far.
    pub(super) longest_record: u32,
    pub(super) signatures: Vec<(Signature, SigRef)>,
    pub(super) functions: Vec<((u32, u32), FuncRef)>,
}

pub(super) struct Translator<'a> {
    pub(super) pos: FuncCursor<'a>,
    pub(super) t: &'a mut Scratch,
    pub(super) input: &'a TranslatorInput<'a>,
    pub(super) f: &'a Function,
    /// The context's address.
    pub(super) ctx: clif::Value,
    /// Whether the IR's block is cold.
    cold: bool,
    /// The instruction that is being translated, if places are wanted; see `source_location`.
    place: Option<Inst>,
    /// The count of polls, where it is in a register. See `countdown`.
    pub(super) count: Option<clif::Value>,
    /// Whether the depth counter is in the pinned register.
    pub(super) counts_depth: bool,
    /// What the pinned register held before an entry function.
    pub(super) outer_pinned: Option<clif::Value>,
    /// Floats that go on as integers.
    pub(super) outlive: Outlive,
    loops: Loops,
    /// The IR's block.
    block: Block,
    pub(super) quotient: QuotientMemo<clif::Value, clif::Value>,
}

/// Fills `func`, which must be empty.
pub(super) fn translate(func: &mut clif::Function, scratch: &mut Scratch, input: &TranslatorInput<'_>) -> Result<(), LowerError> {
    let f = &input.unit.funcs[input.index];
    func.name = clif::UserFuncName::user(NAMESPACE_LOCAL, input.index as u32);
    let entry_params = &f.blocks[0].params;
    func.signature = match f.kind {
        FnKind::Entry => signature(&[Type::Ptr], Some(Type::I32), None),
        FnKind::Compiled => {
            let params: Vec<Type> = entry_params.iter().map(|v| f.ty(*v)).collect();
            signature(&params, Some(Type::I32), f.ret)
        }
    };
    let cfg = Cfg::new(f);
    let dom = DomTree::new(&cfg);
    let loops = Loops::new(&cfg, &dom);
    let outlive = Outlive::new(f, &cfg, &dom, &loops);
    scratch.reset(f, &outlive);
    facts::find(f, &cfg.rpo, &mut scratch.facts);
    counted_blocks(f, &loops, &mut scratch.counted);
    // Cranelift keeps distances from the first location that is set, and none at all if that is the
    // default one; a distance of -1 would be none, too.
    func.params.ensure_base_srcloc(SourceLoc::new(0));
    let mut pos = FuncCursor::new(func);
    for (data, counted) in f.blocks.iter().zip(&scratch.counted) {
        let block = pos.func.dfg.make_block();
        for param in &data.params {
            let ty = if outlive.is_param(*param) { Type::I64 } else { f.ty(*param) };
            let ty = clif_type(ty).ok_or_else(|| LowerError("token as block parameter".into()))?;
            scratch.values[param.index()] = pos.func.dfg.append_block_param(block, ty).into();
        }
        if *counted {
            pos.func.dfg.append_block_param(block, types::I32);
        }
        scratch.blocks.push(block);
    }
    let entry = pos.func.dfg.make_block();
    pos.insert_block(entry);
    let ctx = pos.func.dfg.append_block_param(entry, types::I64);
    let mut args: Vec<BlockArg> = Vec::with_capacity(entry_params.len());
    for param in entry_params {
        let ty = clif_type(f.ty(*param)).unwrap_or(types::I64);
        args.push(pos.func.dfg.append_block_param(entry, ty).into());
    }
    if f.kind == FnKind::Entry && args.len() != 1 {
        return Err(LowerError(format!("{}: entry with {} parameters", f.name, args.len())));
    }
    let counts_depth = uses_depth(f);
    let mut translator = Translator {
        pos,
        t: scratch,
        input,
        f,
        ctx,
        cold: false,
        place: None,
        count: None,
        counts_depth,
        outer_pinned: None,
        outlive,
        loops,
        block: Block(0),
        quotient: QuotientMemo::default(),
    };
    translator.load_depth();
    let first = translator.t.blocks[0];
    if translator.t.counted[0] {
        args.push(translator.load_count().into());
    }
    translator.pos.ins().jump(first, &args);
    for block in &cfg.rpo {
        translator.block(*block)?;
    }
    translator.exits()
}

impl Scratch {
    fn reset(&mut self, f: &Function, outlive: &Outlive) {
        let count = f.values.len();
        self.values.clear();
        self.values.resize(outlive.count, None.into());
        self.conditions.clear();
        self.conditions.resize(count, None.into());
        self.exits.clear();
        self.exits.resize(2 * f.exits.len(), None.into());
        self.blocks.clear();
        self.signatures.clear();
        self.functions.clear();
        mark_data_uses(f, &mut self.used_as_data);
    }
}

impl Translator<'_> {
    fn block(&mut self, block: Block) -> Result<(), LowerError> {
        let f = self.f;
        let data = &f.blocks[block.index()];
        let target = self.t.blocks[block.index()];
        self.quotient.forget();
        self.block = block;
        self.pos.insert_block(target);
        self.count = match self.t.counted[block.index()] {
            true => self.pos.func.dfg.block_params(target).last().copied(),
            false => None,
        };
        self.cold = data.cold || matches!(data.term, Term::Exit(_));
        self.place = None;
        self.mark(target, self.cold);
        for i in 0..self.outlive.taken(block).len() {
            let (float, number) = self.outlive.taken(block)[i];
            let float = self.value(float)?;
            self.t.values[number.index()] = self.bits(float).into();
        }
        for inst in &data.insts {
            if self.input.places {
                self.place = Some(*inst);
                self.pos.set_srcloc(source_location(self.place, self.cold));
            }
            self.inst(&f.insts[inst.index()])?;
        }
        match &data.term {
            Term::Jump(call) => {
                let (block, args) = self.edge(call)?;
                self.pos.ins().jump(block, &args);
            }
            Term::Br { cond, then, els } => {
                let cond = self.condition(*cond)?;
                let (then_edge, els_edge) = (self.branch_edge(then)?, self.branch_edge(els)?);
                let stays = !self.leaves(then.block) && self.leaves(els.block);
                match stays.then(|| self.opposite(cond)).flatten() {
                    Some(opposite) => self.pos.ins().brif(opposite, els_edge.0, &els_edge.1, then_edge.0, &then_edge.1),
                    None => self.pos.ins().brif(cond, then_edge.0, &then_edge.1, els_edge.0, &els_edge.1),
                };
                for (call, (block, _)) in [(then, then_edge), (els, els_edge)] {
                    if block != self.t.blocks[call.block.index()] {
                        let count = self.count;
                        self.continue_in(block);
                        self.mark(block, f.blocks[call.block.index()].cold);
                        let (block, args) = self.edge(call)?;
                        self.pos.ins().jump(block, &args);
                        self.count = count;
                    }
                }
            }
            Term::Ret(value) => self.ret(*value)?,
            Term::Exit(exit) => {
                let block = self.exit_block(*exit);
                let count = self.count_arg();
                self.pos.ins().jump(block, &count);
            }
            Term::None => return Err(LowerError(format!("{}: {block} has no end", f.name))),
        }
        Ok(())
    }

    /// Target and arguments of an edge; loads or stores the count of polls if it goes into or out
    /// of a loop that keeps it in a register.
    fn edge(&mut self, call: &BlockCall) -> Result<(clif::Block, Vec<BlockArg>), LowerError> {
        let mut args: Vec<BlockArg> = Vec::with_capacity(call.args.len() + 1);
        for (v, param) in call.args.iter().zip(&self.f.blocks[call.block.index()].params) {
            let arg = if self.outlive.is_param(*param) {
                let value = self.value(self.outlive.on_edge(self.block, *v))?;
                self.bits(value)
            } else {
                self.value(*v)?
            };
            args.push(arg.into());
        }
        match (self.count, self.t.counted[call.block.index()]) {
            (Some(count), true) => args.push(count.into()),
            (Some(count), false) => self.store_count(count),
            (None, true) => args.push(self.load_count().into()),
            (None, false) => {}
        }
        Ok((self.t.blocks[call.block.index()], args))
    }

    /// Like [`Translator::edge`], but where there is something to load or store, gives a new block
    /// for it.
    fn branch_edge(&mut self, call: &BlockCall) -> Result<(clif::Block, Vec<BlockArg>), LowerError> {
        if self.count.is_some() == self.t.counted[call.block.index()] {
            self.edge(call)
        } else {
            Ok((self.pos.func.dfg.make_block(), Vec::new()))
        }
    }

    fn ret(&mut self, value: Option<Value>) -> Result<(), LowerError> {
        let value = value.map(|v| self.value(v)).transpose()?;
        self.restore_pinned();
        let returned = self.pos.ins().iconst(types::I32, i64::from(status::RETURNED));
        match (self.f.kind, value) {
            (FnKind::Compiled, Some(value)) => {
                self.pos.ins().return_(&[returned, value]);
            }
            (FnKind::Compiled, None) => {
                self.pos.ins().return_(&[returned]);
            }
            (FnKind::Entry, value) => {
                if let Some(value) = value {
                    let value = self.word(value);
                    self.pos.ins().store(TRUSTED, value, self.ctx, CTX_RET);
                }
                self.pos.ins().return_(&[returned]);
            }
        }
        Ok(())
    }

    /// The translation of a value.
    pub(super) fn value(&self, v: Value) -> Result<clif::Value, LowerError> {
        self.t.values[v.index()].expand().ok_or_else(|| LowerError(format!("{}: {v} is used but not made", self.f.name)))
    }

    pub(super) fn fact(&self, v: Value) -> Fact {
        self.t.facts[v.index()]
    }

    /// A value as something to branch on: comparisons in their narrow form, so that they fuse.
    pub(super) fn condition(&self, v: Value) -> Result<clif::Value, LowerError> {
        match self.t.conditions[v.index()].expand() {
            Some(condition) => Ok(condition),
            None => self.value(v),
        }
    }

    /// A float as an integer of the same bits, which it may be already.
    fn bits(&mut self, value: clif::Value) -> clif::Value {
        match self.pos.func.dfg.value_type(value) {
            types::F64 => self.pos.ins().bitcast(types::I64, MemFlagsData::new(), value),
            _ => value,
        }
    }

    /// A value as it stands in a word of memory that run time and compiled code share.
    pub(super) fn word(&mut self, value: clif::Value) -> clif::Value {
        match self.pos.func.dfg.value_type(value) {
            types::I32 => self.pos.ins().uextend(types::I64, value),
            _ => value,
        }
    }

    /// Goes on at the start of a block that is as cold as the IR's.
    pub(super) fn continue_in(&mut self, block: clif::Block) {
        self.pos.insert_block(block);
        self.mark(block, self.cold);
    }

    /// Goes on at the start of a cold block.
    pub(super) fn continue_cold(&mut self, block: clif::Block) {
        self.pos.insert_block(block);
        self.mark(block, true);
    }

    /// Cold blocks are laid out last, and their instructions have a source location so that the
    /// linker sees where they begin.
    fn mark(&mut self, block: clif::Block, cold: bool) {
        if cold {
            self.pos.func.layout.set_cold(block);
        }
        self.pos.set_srcloc(source_location(self.place, cold));
    }

    /// From here on code is made for no instruction in particular.
    pub(super) fn leave_place(&mut self) {
        self.place = None;
    }

    /// Leaves through `exit` unless `(condition != 0) == expect`.
    pub(super) fn guard(&mut self, condition: clif::Value, expect: bool, exit: ExitId) {
        let out = self.exit_block(exit);
        let next = self.pos.func.dfg.make_block();
        let count = self.count_arg();
        let leave = if expect { self.opposite(condition) } else { Some(condition) };
        match leave {
            Some(leave) => self.pos.ins().brif(leave, out, &count, next, &[]),
            None => self.pos.ins().brif(condition, next, &[], out, &count),
        };
        self.continue_in(next);
    }

    /// Whether a successor of the block is not in the innermost loop that the block is in, or leaves the unit.
    fn leaves(&self, successor: Block) -> bool {
        let outside = |id| !self.loops.contains(id, successor);
        matches!(self.f.blocks[successor.index()].term, Term::Exit(_)) || self.loops.of[self.block.index()].is_some_and(outside)
    }

    /// The comparison that holds when another one does not; None for what is no comparison.
    fn opposite(&mut self, condition: clif::Value) -> Option<clif::Value> {
        let dfg = &self.pos.func.dfg;
        match dfg.insts[dfg.value_def(condition).inst()?] {
            InstructionData::IntCompare { cond, args: [a, b], .. } => Some(self.pos.ins().icmp(cond.complement(), a, b)),
            InstructionData::FloatCompare { cond, args: [a, b], .. } => Some(self.pos.ins().fcmp(cond.complement(), a, b)),
            _ => None,
        }
    }
}

/// Which values are read other than as conditions. Comparisons that are not need no register.
fn mark_data_uses(f: &Function, used: &mut Vec<bool>) {
    used.clear();
    used.resize(f.values.len(), false);
    let mut mark = |v: Value| used[v.index()] = true;
    for inst in &f.insts {
        match &inst.op {
            Op::Guard { .. } => {}
            Op::Select(_, a, b) => {
                mark(*a);
                mark(*b);
            }
            op => op.operands(&mut mark),
        }
    }
    for block in &f.blocks {
        match &block.term {
            Term::Jump(call) => call.args.iter().copied().for_each(&mut mark),
            Term::Br { then, els, .. } => then.args.iter().chain(&els.args).copied().for_each(&mut mark),
            Term::Ret(Some(v)) => mark(*v),
            Term::Ret(None) | Term::Exit(_) | Term::None => {}
        }
    }
    for state in &f.states {
        state.values(&mut mark);
    }
    for exit in &f.exits {
        exit.drops.iter().copied().for_each(&mut mark);
    }
}
