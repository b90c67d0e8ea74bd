//! One function: blocks, edges, terminators.
//!
//! The blocks are emitted in the order that `structure` gives, by a list of things still to do instead of recursion, since
//! blocks can be nested more deeply than a small stack allows. Where the control flow is irreducible they are all cases of
//! one `br_table` in a loop.

use super::abi::{CTX, CTX_RET, DEPTH_PARAM, mem, signature};
use super::exit::ExitSections;
use super::imports::ModuleImports;
use super::locals::Locals;
use super::placement::{Placement, Placements};
use super::structure::Structure;
use super::target::ModuleTarget;
use psycore_jit::ir::cfg::{Cfg, DomTree, Loops};
use psycore_jit::ir::{Block, BlockCall, ExitId, FnKind, Function, Inst, Op, Term, Type, Value, status};
use psycore_jit::lower::countdown::counted_blocks;
use psycore_jit::lower::depth::uses_depth;
use psycore_jit::lower::division::QuotientMemo;
use psycore_jit::lower::facts::{self, Fact};
use psycore_jit::lower::{LowerEnv, LowerError};
use wasm_encoder::{BlockType, InstructionSink, ValType};

/// What to translate.
pub(super) struct FunctionInput<'a> {
    pub f: &'a Function,
    pub env: &'a LowerEnv<'a>,
    /// Global number of the function's first exit.
    pub exit_base: u32,
    pub target: &'a ModuleTarget<'a>,
}

/// The body of a function, and the bytes of its longest exit record.
pub(super) struct FunctionBody {
    pub function: wasm_encoder::Function,
    /// Where in it the branches are that are hardly ever taken.
    pub unlikely: Vec<u32>,
    pub longest_record: u32,
}

pub(super) struct Emitter<'a> {
    pub(super) input: &'a FunctionInput<'a>,
    pub(super) f: &'a Function,
    pub(super) module: &'a mut ModuleImports,
    code: Vec<u8>,
    /// Where the branches are that are hardly ever taken.
    unlikely: Vec<usize>,
    pub(super) placements: Placements,
    pub(super) locals: Locals,
    pub(super) facts: Vec<Fact>,
    pub(super) exits: ExitSections,
    structure: Option<Structure>,
    /// By block: if it is the header of a loop that is emitted several times in a row.
    unrolled: Vec<Option<Unrolled>>,
    /// By block: the floats that an innermost loop reads which has been left there, if it is inside of another one.
    left: Vec<Vec<Value>>,
    /// By block: whether the count of polls is in a local.
    counted: Vec<bool>,
    /// By block: whether that count is known not to run out there.
    unpolled: Vec<bool>,
    /// The same of the block that is emitted.
    pub(super) suffices: bool,
    /// The local for it, once there is one.
    pub(super) count_at: Option<u32>,
    /// The local of that count, if it is in one at this place.
    pub(super) count: Option<u32>,
    /// The local of the depth counter, if the function has a use for it.
    pub(super) depth: Option<u32>,
    /// How many blocks of wasm are open.
    pub(super) nesting: u32,
    /// By block: how many were open inside of its label: that in front of it, and that of its loop.
    before: Vec<u32>,
    looping: Vec<u32>,
    /// The local that says which block is next, where the control flow is irreducible.
    next: Option<u32>,
    /// Finds the local of a quotient.
    pub(super) quotient: QuotientMemo<Value, u32>,
    temps: Vec<(ValType, u32)>,
    tasks: Vec<Task>,
    /// Where the last `local.set` of a value begins, and its local; where it ends.
    last_set: Option<(usize, u32)>,
    last_set_end: usize,
}

/// The opcode of `local.tee`; that of `local.set` is one less.
const LOCAL_TEE: u8 = 0x22;

/// A small loop. Each turn of a wasm loop costs something of its own: engines look there whether they are to stop, and keep in
/// memory what that may clobber.
struct Unrolled {
    /// Copies still to be made.
    left: u32,
    blocks: Vec<Block>,
    /// How often one pass through all copies polls at most, if the count of polls is in a local, and 0 if that is not
    /// known. Where the count suffices for so many, the copies don't test it, and only one more turn, for where it does
    /// not, calls what polls: wasmtime's allocator of registers knows no cold places, and keeps in memory, in all of the
    /// loop, what is live across more than a few calls.
    polls: u32,
}

/// Instructions of a loop that is emitted so many times.
const UNROLLED: [(usize, u32); 2] = [(45, 4), (90, 2)];

/// What is still to do; the last one first.
enum Task {
    /// A block and what it dominates.
    Tree(Block),
    /// An edge that leaves a block, at its end.
    Edge(Block, BlockCall),
    /// Ends a block of wasm.
    End,
    /// The copies of a loop that don't poll.
    Unpolled(Block),
    /// A copy of a loop is complete: these labels are in force again.
    Labels(Vec<(Block, u32)>),
}

/// Translates a function.
pub(super) fn function(module: &mut ModuleImports, input: &FunctionInput<'_>) -> Result<FunctionBody, LowerError> {
    let f = input.f;
    if f.kind == FnKind::Entry && f.blocks[0].params.len() != 1 {
        return Err(LowerError(format!("{}: entry with {} parameters", f.name, f.blocks[0].params.len())));
    }
    let cfg = Cfg::new(f);
    let dom = DomTree::new(&cfg);
    let loops = Loops::new(&cfg, &dom);
    let exit_values: Vec<Vec<Value>> = (0..f.exits.len() as u32).map(|i| f.exit_values(ExitId(i))).collect();
    let placements = Placements::new(f, &cfg, &exit_values);
    let (params, _) = signature(f);
    let mut locals = Locals::new(f, &cfg, &placements, &exit_values, &params);
    let mut value_facts = Vec::new();
    facts::find(f, &cfg.rpo, &mut value_facts);
    let mut counted = Vec::new();
    counted_blocks(f, &loops, &mut counted);
    let depth = match f.kind {
        FnKind::Compiled => Some(DEPTH_PARAM),
        FnKind::Entry => uses_depth(f).then(|| locals.add(ValType::I32)),
    };
    let exits = ExitSections::new(f, &cfg, &counted, &exit_values, &mut locals);
    let unrolled = (0..f.blocks.len()).map(|_| None).collect();
    let mut emitter = Emitter {
        unrolled,
        left: floats_of_left_loops(f, &loops),
        structure: if input.target.unstructured { None } else { Structure::new(f, &cfg, &dom, &loops) },
        input,
        f,
        module,
        code: Vec::new(),
        unlikely: Vec::new(),
        placements,
        locals,
        facts: value_facts,
        exits,
        counted,
        unpolled: vec![false; f.blocks.len()],
        suffices: false,
        count_at: None,
        count: None,
        depth,
        nesting: 0,
        before: vec![0; f.blocks.len()],
        looping: vec![0; f.blocks.len()],
        next: None,
        quotient: QuotientMemo::default(),
        temps: Vec::new(),
        tasks: Vec::new(),
        last_set: None,
        last_set_end: 0,
    };
    if emitter.structure.is_some() {
        emitter.unroll(&loops);
    }
    emitter.open_exits();
    emitter.load_depth();
    if emitter.structure.is_some() {
        emitter.structured()?;
    } else {
        emitter.dispatched(&cfg)?;
    }
    let longest_record = emitter.close_exits()?;
    emitter.sink().unreachable().end();
    let Emitter { locals, code, unlikely, .. } = emitter;
    let mut function = wasm_encoder::Function::new_with_locals_types(locals.types[params.len()..].iter().copied());
    let start = function.byte_len();
    function.raw(code);
    Ok(FunctionBody { function, unlikely: unlikely.into_iter().map(|at| (start + at) as u32).collect(), longest_record })
}

/// By block: the floats that an innermost loop reads which has been left there, if it is inside of another one.
fn floats_of_left_loops(f: &Function, loops: &Loops) -> Vec<Vec<Value>> {
    let mut out: Vec<Vec<Value>> = vec![Vec::new(); f.blocks.len()];
    for (id, l) in loops.loops.iter().enumerate() {
        if l.parent.is_none() || loops.loops.iter().any(|inner| inner.parent == Some(id)) {
            continue;
        }
        let (mut floats, mut next) = (Vec::new(), Vec::new());
        let mut read = |v: Value| {
            if f.ty(v) == Type::F64 {
                floats.push(v)
            }
        };
        for b in &l.blocks {
            let data = &f.blocks[b.index()];
            data.insts.iter().for_each(|i| f.insts[i.index()].op.operands(&mut read));
            for edge in data.term.edges() {
                match l.blocks.contains(&edge.block) {
                    true => edge.args.iter().for_each(|v| read(*v)),
                    false => next.push(edge.block),
                }
            }
        }
        next.into_iter().for_each(|b| out[b.index()].extend(&floats));
    }
    out
}

impl Emitter<'_> {
    /// Where instructions go.
    pub(super) fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    /// A local for what is needed at once, number `n` of that type.
    pub(super) fn temp(&mut self, ty: ValType, n: usize) -> u32 {
        while self.temps.iter().filter(|(t, _)| *t == ty).count() <= n {
            let local = self.locals.add(ty);
            self.temps.push((ty, local));
        }
        self.temps.iter().filter(|(t, _)| *t == ty).nth(n).map_or(0, |(_, local)| *local)
    }

    pub(super) fn open(&mut self) {
        self.sink().block(BlockType::Empty);
        self.nesting += 1;
    }

    /// A block that leaves a value on the stack.
    pub(super) fn open_giving(&mut self, ty: ValType) {
        self.sink().block(BlockType::Result(ty));
        self.nesting += 1;
    }

    /// How many blocks are open.
    pub(super) fn nesting(&self) -> u32 {
        self.nesting
    }

    pub(super) fn open_if(&mut self) {
        self.sink().if_(BlockType::Empty);
        self.nesting += 1;
    }

    pub(super) fn unlikely_br_if(&mut self, label: u32) {
        self.unlikely.push(self.code.len());
        self.sink().br_if(label);
    }

    /// For what is hardly ever done.
    pub(super) fn open_cold_if(&mut self) {
        self.unlikely.push(self.code.len());
        self.open_if();
    }

    pub(super) fn close(&mut self) {
        self.sink().end();
        self.nesting -= 1;
    }

    /// The number by which a branch from here names what was opened with so many blocks around it.
    pub(super) fn label(&self, nesting: u32) -> u32 {
        self.nesting - nesting
    }

    /// All blocks, as structured control flow.
    fn structured(&mut self) -> Result<(), LowerError> {
        if self.counted[0] {
            self.load_count();
        }
        self.tasks.push(Task::Tree(Block(0)));
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Tree(block) => self.tree(block)?,
                Task::Edge(from, call) => self.edge(from, &call)?,
                Task::End => self.close(),
                Task::Unpolled(header) => self.copies(header)?,
                Task::Labels(labels) => labels.into_iter().for_each(|(b, nesting)| self.before[b.index()] = nesting),
            }
        }
        Ok(())
    }

    /// Chooses the loops that are emitted several times: small ones without others inside, with one way back.
    fn unroll(&mut self, loops: &Loops) {
        let f = self.f;
        for (id, l) in loops.loops.iter().enumerate() {
            let insts: usize = l.blocks.iter().map(|b| f.blocks[b.index()].insts.len()).sum();
            let Some((_, times)) = UNROLLED.iter().find(|(limit, _)| insts <= *limit) else { continue };
            let ways_back = l.latches.iter().flat_map(|b| f.blocks[b.index()].term.edges()).filter(|e| e.block == l.header);
            if ways_back.count() == 1 && loops.loops.iter().all(|inner| inner.parent != Some(id)) {
                let ops = || l.blocks.iter().flat_map(|b| &f.blocks[b.index()].insts).map(|i| &f.insts[i.index()].op);
                // What ends an object may change the count.
                let polls = match self.counted[l.header.index()] && !ops().any(|op| matches!(op, Op::Decref(..))) {
                    true => times * ops().filter(|op| matches!(op, Op::Poll { .. })).count() as u32,
                    false => 0,
                };
                self.unrolled[l.header.index()] = Some(Unrolled { left: times - 1, blocks: l.blocks.clone(), polls });
            }
        }
    }

    /// Whether a copy of the loop stands where the edge leads back.
    fn is_unrolled(&self, call: &BlockCall) -> bool {
        self.looping[call.block.index()] != 0
            && self.unrolled[call.block.index()]
                .as_ref()
                .is_some_and(|u| u.left > 0 && (u.polls == 0 || self.unpolled[call.block.index()]))
    }

    /// Emits a loop once more, in place of the jump back.
    fn again(&mut self, header: Block) -> Result<(), LowerError> {
        let (Some(structure), Some(unrolled)) = (&self.structure, &mut self.unrolled[header.index()]) else {
            return Err(LowerError("no loop".into()));
        };
        unrolled.left -= 1;
        let labels = unrolled.blocks.iter().map(|b| (*b, self.before[b.index()])).collect();
        let inside = structure.inside[header.index()].clone();
        self.tasks.push(Task::Labels(labels));
        self.follow(&inside);
        self.open_before(&inside);
        self.block(header)
    }

    fn tree(&mut self, block: Block) -> Result<(), LowerError> {
        let Some(structure) = &self.structure else { return Err(LowerError("no structure".into())) };
        // Code in loops may be emitted more than once.
        let outside = structure.outside[block.index()].clone();
        let inside = structure.inside[block.index()].clone();
        let header = structure.header[block.index()];
        self.follow(&outside);
        self.open_before(&outside);
        if header {
            self.tasks.push(Task::End);
            self.sink().loop_(BlockType::Empty);
            self.nesting += 1;
            self.looping[block.index()] = self.nesting;
            if let Some(polls) = self.unrolled[block.index()].as_ref().map(|u| u.polls).filter(|polls| *polls > 0) {
                // A turn that polls, where the count may run out; else the copies, which need not look.
                let count = self.count_local();
                self.sink().local_get(count).i32_const(polls as i32).i32_lt_s();
                self.open_cold_if();
                self.tasks.push(Task::Unpolled(block));
                self.tasks.push(Task::End);
            }
        }
        self.follow(&inside);
        self.open_before(&inside);
        self.block(block)
    }

    /// Emits a loop for the first time where the count of polls is known to suffice; `again` does the others.
    fn copies(&mut self, header: Block) -> Result<(), LowerError> {
        let (Some(structure), Some(unrolled)) = (&self.structure, &self.unrolled[header.index()]) else {
            return Err(LowerError("no loop".into()));
        };
        let inside = structure.inside[header.index()].clone();
        unrolled.blocks.iter().for_each(|b| self.unpolled[b.index()] = true);
        self.follow(&inside);
        self.open_before(&inside);
        self.block(header)
    }

    /// What stands behind blocks of wasm, last things first.
    fn follow(&mut self, blocks: &[Block]) {
        for &b in blocks.iter().rev() {
            self.tasks.push(Task::Tree(b));
            self.tasks.push(Task::End);
        }
    }

    fn open_before(&mut self, blocks: &[Block]) {
        for b in blocks.iter().rev() {
            self.open();
            self.before[b.index()] = self.nesting;
        }
    }

    /// All blocks as cases of one loop.
    fn dispatched(&mut self, cfg: &Cfg) -> Result<(), LowerError> {
        let next = self.locals.add(ValType::I32);
        self.next = Some(next);
        self.sink().loop_(BlockType::Empty);
        self.nesting += 1;
        let around = self.nesting;
        for _ in &cfg.rpo {
            self.open();
        }
        let count = cfg.rpo.len() as u32;
        self.sink().local_get(next).br_table(0..count, 0);
        for (i, &block) in cfg.rpo.iter().enumerate() {
            self.looping[block.index()] = around;
            self.before[block.index()] = i as u32;
        }
        for &block in &cfg.rpo {
            self.close();
            self.block(block)?;
            while let Some(task) = self.tasks.pop() {
                match task {
                    Task::Edge(from, call) => self.edge(from, &call)?,
                    Task::Tree(_) | Task::Unpolled(_) | Task::Labels(_) => return Err(LowerError("no structure".into())),
                    Task::End => self.close(),
                }
            }
        }
        self.close();
        Ok(())
    }

    /// The instructions and the end of a block.
    fn block(&mut self, block: Block) -> Result<(), LowerError> {
        let data = &self.f.blocks[block.index()];
        self.quotient.forget();
        self.suffices = self.unpolled[block.index()];
        self.count = self.counted[block.index()].then(|| self.count_local());
        self.part_from_loop(block);
        for &inst in &data.insts {
            self.statement(inst)?;
        }
        match &data.term {
            Term::Jump(call) => self.edge(block, call),
            Term::Br { cond, then, els } => self.branch(block, *cond, then, els),
            Term::Ret(value) => self.ret(*value),
            Term::Exit(exit) => {
                let label = self.exit_label(*exit);
                self.sink().br(label);
                Ok(())
            }
            Term::None => Err(LowerError(format!("{}: {block} has no end", self.f.name))),
        }
    }

    /// Where a loop has been left, copies the floats that it has read and that go on living. An allocator of registers
    /// takes values that flow into each other for one, and what would keep that in memory outside would do so in the loop.
    fn part_from_loop(&mut self, block: Block) {
        let mut locals: Vec<u32> = self.left[block.index()].iter().filter_map(|v| self.locals.live_at(*v, block)).collect();
        locals.sort_unstable();
        locals.dedup();
        for local in locals {
            // The only operation that copies and that engines don't see through.
            self.sink().local_get(local).local_get(local).f64_copysign().local_set(local);
        }
    }

    /// An instruction in its place.
    fn statement(&mut self, inst: Inst) -> Result<(), LowerError> {
        let data = &self.f.insts[inst.index()];
        let place = data.result.map_or(Placement::Nowhere, |r| self.placements.of[r.index()]);
        match (place, data.result) {
            (Placement::Const(_) | Placement::Stack(_), _) => Ok(()),
            (Placement::Local, Some(result)) => self.inst(inst, Some(result)),
            _ => self.inst(inst, None),
        }
    }

    /// Pushes a value.
    pub(super) fn get(&mut self, v: Value) -> Result<(), LowerError> {
        match self.placements.of[v.index()] {
            Placement::Const(inst) | Placement::Stack(inst) => {
                let f = self.f;
                self.operation(&f.insts[inst.index()].op)
            }
            Placement::Local => {
                let local = self.local(v)?;
                match self.last_set {
                    // It has just been popped.
                    Some((at, set)) if set == local && self.last_set_end == self.code.len() => {
                        self.code[at] = LOCAL_TEE;
                        self.last_set = None;
                    }
                    _ => {
                        self.sink().local_get(local);
                    }
                }
                Ok(())
            }
            Placement::Nowhere => Err(LowerError(format!("{}: {v} is used but not made", self.f.name))),
        }
    }

    /// Pops a value into a local.
    pub(super) fn set(&mut self, local: u32) {
        self.last_set = Some((self.code.len(), local));
        self.sink().local_set(local);
        self.last_set_end = self.code.len();
    }

    /// The local of a value that has one.
    pub(super) fn local(&self, v: Value) -> Result<u32, LowerError> {
        self.locals.get(v).ok_or_else(|| LowerError(format!("{}: {v} has no local", self.f.name)))
    }

    fn branch(&mut self, from: Block, cond: Value, then: &BlockCall, els: &BlockCall) -> Result<(), LowerError> {
        // A jump without anything to do on the way is part of the branch; the other way follows.
        if let Some(label) = self.plain_edge(then) {
            self.condition(cond, true)?;
            self.sink().br_if(label);
            return self.edge(from, els);
        }
        if let Some(label) = self.plain_edge(els) {
            self.condition(cond, false)?;
            self.sink().br_if(label);
            return self.edge(from, then);
        }
        // What stands between `if` and `end` never comes to the end: what is not cold follows.
        let then_inside = self.is_jump(then) || self.f.blocks[then.block.index()].cold;
        let (inside, behind) = if then_inside { (then, els) } else { (els, then) };
        let (inside, behind) = match (self.is_jump(inside), self.is_jump(behind)) {
            (false, true) => (behind, inside),
            _ => (inside, behind),
        };
        self.condition(cond, std::ptr::eq(inside, then))?;
        match self.f.blocks[inside.block.index()].cold {
            true => self.open_cold_if(),
            false => self.open_if(),
        }
        self.tasks.push(Task::Edge(from, behind.clone()));
        self.tasks.push(Task::End);
        self.tasks.push(Task::Edge(from, inside.clone()));
        Ok(())
    }

    /// Whether an edge is a jump, not the place where its target's code stands.
    fn is_jump(&self, call: &BlockCall) -> bool {
        match &self.structure {
            Some(s) => !self.is_unrolled(call) && (s.placed[call.block.index()] || self.is_back_edge(call)),
            None => true,
        }
    }

    /// A header's loop is open only while what it dominates is emitted, where all jumps to it are back-edges; the first
    /// edge to it comes before.
    fn is_back_edge(&self, call: &BlockCall) -> bool {
        self.structure.as_ref().is_some_and(|s| s.header[call.block.index()]) && self.looping[call.block.index()] != 0
    }

    /// The label of an edge that is nothing but a jump.
    fn plain_edge(&self, call: &BlockCall) -> Option<u32> {
        let target = call.block;
        if self.next.is_some() || !self.is_jump(call) || self.count.is_some() != self.counted[target.index()] {
            return None;
        }
        let params = &self.f.blocks[target.index()].params;
        let stays = |(arg, param): (&Value, &Value)| match self.placements.of[param.index()] {
            Placement::Nowhere => true,
            _ => self.placements.of[arg.index()] == Placement::Local && self.locals.get(*arg) == self.locals.get(*param),
        };
        call.args.iter().zip(params).all(stays).then(|| self.target_label(call))
    }

    fn target_label(&self, call: &BlockCall) -> u32 {
        match self.is_back_edge(call) {
            true => self.label(self.looping[call.block.index()]),
            false => self.label(self.before[call.block.index()]),
        }
    }

    /// Passes arguments and goes to the target.
    fn edge(&mut self, from: Block, call: &BlockCall) -> Result<(), LowerError> {
        self.count = self.counted[from.index()].then(|| self.count_local());
        let params = &self.f.blocks[call.block.index()].params;
        let mut set = Vec::with_capacity(params.len());
        // All are read before one is written.
        for (arg, param) in call.args.iter().zip(params) {
            if self.placements.of[param.index()] == Placement::Nowhere {
                continue;
            }
            let to = self.local(*param)?;
            if self.placements.of[arg.index()] == Placement::Local && self.locals.get(*arg) == Some(to) {
                continue;
            }
            self.get(*arg)?;
            set.push(to);
        }
        for local in set.into_iter().rev() {
            self.sink().local_set(local);
        }
        match (self.count.is_some(), self.counted[call.block.index()]) {
            (true, false) => self.store_count(),
            (false, true) => self.load_count(),
            _ => {}
        }
        if let Some(next) = self.next {
            let case = self.before[call.block.index()] as i32;
            let label = self.label(self.looping[call.block.index()]);
            self.sink().i32_const(case).local_set(next).br(label);
        } else if self.is_jump(call) {
            let label = self.target_label(call);
            self.sink().br(label);
        } else if self.is_unrolled(call) {
            self.again(call.block)?;
        } else {
            self.tasks.push(Task::Tree(call.block));
        }
        Ok(())
    }

    fn ret(&mut self, value: Option<Value>) -> Result<(), LowerError> {
        if let (FnKind::Entry, Some(value)) = (self.f.kind, value) {
            self.sink().local_get(CTX);
            self.word(value)?;
            self.store_word(value, CTX_RET);
        }
        self.sink().i32_const(status::RETURNED);
        if let (FnKind::Compiled, Some(value)) = (self.f.kind, value) {
            self.get(value)?;
        }
        self.sink().return_();
        Ok(())
    }

    /// Pushes a value as it stands in 64 bits of memory that run time and compiled code share.
    pub(super) fn word(&mut self, v: Value) -> Result<(), LowerError> {
        self.get(v)?;
        if matches!(self.f.ty(v), Type::I32 | Type::Ptr) {
            self.sink().i64_extend_i32_u();
        }
        Ok(())
    }

    /// Stores what [`Emitter::word`] has pushed for a value.
    pub(super) fn store_word(&mut self, v: Value, offset: u64) {
        match self.f.ty(v) {
            Type::F64 => self.sink().f64_store(mem(offset, 3)),
            _ => self.sink().i64_store(mem(offset, 3)),
        };
    }

    /// Leaves through `exit` if what is on the stack is not 0.
    pub(super) fn leave_if(&mut self, exit: ExitId) {
        let label = self.exit_label(exit);
        self.unlikely_br_if(label);
    }
}
