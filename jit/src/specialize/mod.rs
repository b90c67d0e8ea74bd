//! The specializer: interprets bytecode over abstract states and emits IR as it goes.
//!
//! A worklist of (bytecode position, abstract state); each pair is one IR block. Blocks end at jump
//! targets, where the abstract state decides which version of the target is meant. What is not known is
//! asked of the oracle and guarded; what can't be known is an exit.

pub mod abstract_state;

mod arith;
mod attr;
mod build;
mod builtins;
mod call;
mod compare;
mod depths;
mod dict;
mod elide;
mod emit;
mod general;
mod globals;
mod instance;
mod iter;
mod iterators;
mod join;
mod operator;
mod ops;
mod polymorphic;
mod subscr;
pub mod support;
mod text;
mod unwind;
pub mod virtual_value;

use crate::bytecode::{CodeInfo, Instr, Opcode};
use crate::ir::builder::FunctionBuilder;
use crate::ir::{
    Awaits, Block, CtxField, ExitId, ExitKind, Field, FnCell, FnKind, Function, IntCC, ObjId, Op, Reason, Type, Value,
    VirtualKind,
};
use crate::oracle::{Extent, Oracle, Pass, Seen};
use crate::rt::RtId;
use abstract_state::{AbstractState, Frame, Own, StateKey, Val};
use depths::StackDepths;
pub use join::Joins;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What a live slot held when the entry was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    Null,
    /// Some object: its class varies.
    Any,
    Obj {
        seen: Seen,
        /// Only the slot refers to it.
        unique: bool,
    },
    /// An int that is no farther from zero.
    Int(Extent),
    /// The iterator of a range that counts up by ones, as those of most loops: what it stands at and how many turns
    /// are left are [`Extent::Near`], or else from 0 to below [`FAR`]. Only the slot refers to it.
    Counting {
        near: bool,
    },
    /// An iterator of a builtin class that only the slot refers to, and the iterators that it is made of.
    Parts {
        ty: ObjId,
        parts: Vec<Live>,
    },
}

/// See [`Live::Counting`]. So far from overflow that sums with it hardly overflow.
pub const FAR: i64 = 1 << 48;

/// What to compile.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// An entry from the interpreter: its frame stands at `pc` with these slots.
    Entry {
        code: ObjId,
        globals: ObjId,
        builtins: ObjId,
        /// Names are module variables (locals are the globals).
        module: bool,
        pc: u32,
        locals: Vec<Live>,
        stack: Vec<Live>,
    },
    /// A version of a function for compiled callers.
    Function {
        func: ObjId,
        args: Vec<Pass>,
        /// The cell that will hold the code.
        cell: FnCell,
        /// What it returns, as far as known.
        ret: Option<Pass>,
        /// See [`Contract`].
        framed: bool,
        raises: bool,
    },
}

/// UnitLimits.
#[derive(Clone, Copy, Debug)]
pub struct UnitLimits {
    /// Bytecode instructions per unit.
    pub instrs: usize,
    /// The same, counting all attempts.
    pub work: usize,
    /// Versions per bytecode block.
    pub versions: usize,
    /// Depth of inlining.
    pub inline_depth: usize,
    /// Instructions of a function that may be inlined.
    pub inline_instrs: usize,
    /// Instructions of a function that may be inlined into itself, all levels together.
    pub unroll_instrs: usize,
    /// Whether functions that make frames may call themselves: where somebody holds these, the interpreter goes on with them one
    /// inside of the other, which takes stack.
    pub framed_recursion: bool,
}

impl Default for UnitLimits {
    fn default() -> Self {
        UnitLimits {
            instrs: 4000,
            work: usize::MAX,
            versions: 4,
            inline_depth: 4,
            inline_instrs: 90,
            unroll_instrs: 64,
            framed_recursion: true,
        }
    }
}

/// Why something stays interpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// An instruction calls out to Python, which needs a frame, and there is none here: compile again with one.
    NeedsFrame,
    /// The same where operands of unknown classes are the reason: an exit there will tell them.
    Unknown,
    /// The same inside an inlined function: compile again without inlining it.
    DontInline(ObjId),
    /// It often raises what is not handled in it, and nothing says so yet.
    Raises,
    /// It returns something else than assumed: compile again with this.
    Returns(Pass),
    /// More is known of what a loop carries: compile again with it.
    Again,
    /// It takes more work than allowed.
    TooMuch,
    Unsupported(String),
}

type Res<T = ()> = Result<T, Refused>;

/// What came out.
#[derive(Debug)]
pub struct Specialized {
    pub func: Function,
    /// What it returns (`None` if it never does).
    pub ret: Option<Pass>,
    /// See [`Contract`].
    pub framed: bool,
    pub raises: bool,
    /// Bytecode instructions compiled, inlined ones and versions included.
    pub instrs: usize,
}

struct Version {
    key: StateKey,
    /// For loop headers: the abstract state in terms of the block's parameters.
    ctx: Option<AbstractState>,
    block: Block,
    /// For loop headers: where the loop is entered from outside.
    preheader: Option<Block>,
    /// The loops that it lies in. A version is entered only from the same loops or from inside
    /// itself, which keeps the control flow reducible.
    path: Vec<Block>,
}

/// What happens after an instruction.
enum Flow {
    Next,
    /// The block has ended.
    End,
}

/// The state of one compilation.
pub struct Specializer<'a> {
    o: &'a dyn Oracle,
    limits: UnitLimits,
    no_inline: &'a FxHashSet<ObjId>,
    joins: &'a RefCell<Joins>,
    /// Instructions looked at so far in all attempts.
    work_done: &'a Cell<usize>,
    b: FunctionBuilder,
    ctx: AbstractState,
    /// The abstract state at the start of the instruction: what guards leave with.
    start: AbstractState,
    ins: Instr,
    versions: FxHashMap<(usize, u32), Vec<Version>>,
    work: Vec<(Block, AbstractState, u32)>,
    leaders: FxHashMap<ObjId, Rc<FxHashSet<u32>>>,
    /// The live frame's slots (entries only).
    args: Option<Value>,
    cell: Option<(ObjId, Vec<Pass>, FnCell)>,
    ret: Option<Pass>,
    ret_fixed: bool,
    /// See [`Contract`].
    framed: bool,
    raises: bool,
    module: bool,
    instrs: usize,
    start_exit: Option<(Reason, ExitId)>,
    entered: bool,
    /// The instruction ran Python code: tracing or threads may have begun.
    called_out: bool,
    /// The instruction needs a frame and has none: it is done as far as no Python code runs.
    plain: bool,
    /// The codes of characters, by the strs.
    codes: FxHashMap<Value, Value>,
    /// The classes that an object has been checked for, where these are several.
    families: FxHashMap<Value, Rc<[ObjId]>>,
    /// While a handler without an exception is run: the instruction that would raise, where guards leave.
    elided_from: Option<u32>,
    /// This instruction has put that many arguments on the stack in place of a tuple or list of them.
    spread: Option<usize>,
    /// Found out in the middle of an instruction: it can't be compiled like this.
    refused: Option<Refused>,
    /// Virtual instances so far.
    instances: u32,
    /// More is known now of what loops carry: once everything else has been seen, it is specialized again.
    again: bool,
    depths: StackDepths,
}

/// Compiles a request. Compiles again by itself where a first attempt shows that inlining or an
/// assumed result was wrong.
///
/// `joins` keeps what was found out about loops, for this and other requests.
pub fn specialize(o: &dyn Oracle, request: &Request, limits: UnitLimits, joins: &RefCell<Joins>) -> Result<Specialized, Refused> {
    let mut no_inline = FxHashSet::default();
    let work = Cell::new(0);
    let mut request = request.clone();
    for _ in 0..60 {
        match Specializer::new(o, limits, &no_inline, joins, &work, &request).and_then(|s| s.run(&request)) {
            Err(Refused::Again) => {}
            Err(Refused::DontInline(code)) if no_inline.insert(code) => {}
            Err(Refused::NeedsFrame) => match &mut request {
                Request::Function { framed: framed @ false, .. } => *framed = true,
                _ => return Err(Refused::Unsupported("a frame".into())),
            },
            Err(Refused::Raises) => match &mut request {
                Request::Function { ret, framed, raises: raises @ false, .. } => {
                    (*ret, *framed, *raises) = (Some(Pass::Obj(None)), true, true);
                }
                _ => return Err(Refused::Unsupported("what it raises".into())),
            },
            Err(Refused::Returns(pass)) => match &mut request {
                Request::Function { ret, .. } => *ret = Some(pass),
                Request::Entry { .. } => return Err(Refused::Unsupported("result of an entry".into())),
            },
            Ok(out) => {
                // A recursive function is compiled again once its result is known.
                if let Request::Function { ret, .. } = &mut request
                    && *ret != out.ret
                    && ret.is_none()
                {
                    *ret = out.ret;
                    continue;
                }
                return Ok(out);
            }
            Err(e) => return Err(e),
        }
    }
    Err(Refused::Unsupported("no fixed point of inlining and results".into()))
}

/// Takes the poll out of a function's beginning if it calls no compiled function: no recursion goes through it.
fn forget_idle_poll(func: &mut Function) {
    if func.insts.iter().any(|inst| matches!(inst.op, Op::CallFn { .. })) {
        return;
    }
    let (insts, entry) = (&func.insts, &mut func.blocks[0].insts);
    entry.retain(|i| !matches!(insts[i.index()].op, Op::Poll { .. }));
}

impl<'a> Specializer<'a> {
    fn new(
        o: &'a dyn Oracle,
        limits: UnitLimits,
        no_inline: &'a FxHashSet<ObjId>,
        joins: &'a RefCell<Joins>,
        work: &'a Cell<usize>,
        request: &Request,
    ) -> Res<Self> {
        let (code_id, name_kind, ret) = match request {
            Request::Entry { code, .. } => (*code, FnKind::Entry, None),
            Request::Function { func, ret, .. } => {
                let info = o.function(*func).ok_or(Refused::Unsupported("function".into()))?;
                (info.code, FnKind::Compiled, *ret)
            }
        };
        let (framed, raises) = match request {
            Request::Function { framed, raises, .. } => (*framed, *raises),
            Request::Entry { .. } => (false, false),
        };
        let code = o.code(code_id).ok_or(Refused::Unsupported("code".into()))?;
        let name = code.name.clone();
        let ret_ty = match name_kind {
            FnKind::Entry => Some(Type::Ptr),
            FnKind::Compiled => ret.and_then(Pass::ty),
        };
        let ctx = AbstractState {
            frames: Vec::new(),
            globals: Vec::new().into(),
            loops: Vec::new().into(),
            drops: Vec::new(),
            instances: Vec::new(),
            made: Vec::new(),
        };
        let k = o.known();
        let mut b = FunctionBuilder::new(name, name_kind, ret_ty);
        b.set_immortal([k.none, k.true_, k.false_].into_iter().filter(|c| o.is_immortal(*c)).collect());
        Ok(Specializer {
            o,
            limits,
            no_inline,
            joins,
            work_done: work,
            b,
            start: ctx.clone(),
            ctx,
            ins: Instr { pc: 0, op_pc: 0, op: Opcode::Nop, arg: 0, next: 0 },
            versions: FxHashMap::default(),
            work: Vec::new(),
            leaders: FxHashMap::default(),
            args: None,
            cell: None,
            ret,
            ret_fixed: ret.is_some(),
            framed,
            raises,
            module: false,
            instrs: 0,
            start_exit: None,
            entered: false,
            called_out: false,
            plain: false,
            codes: FxHashMap::default(),
            families: FxHashMap::default(),
            elided_from: None,
            spread: None,
            refused: None,
            instances: 0,
            again: false,
            depths: StackDepths::default(),
        })
    }

    fn run(mut self, request: &Request) -> Res<Specialized> {
        let pc = match request {
            Request::Entry { code, globals, builtins, module, pc, locals, stack } => {
                self.module = *module;
                self.entry(*code, *globals, *builtins, *pc, locals, stack)?;
                *pc
            }
            Request::Function { func, args, cell, .. } => {
                self.cell = Some((*func, args.clone(), *cell));
                self.function_entry(*func, args)?
            }
        };
        self.goto(pc)?;
        while let Some((block, ctx, pc)) = self.work.pop() {
            self.b.switch_to(block);
            self.ctx = ctx;
            match self.run_block(pc) {
                Err(Refused::TooMuch) => return Err(Refused::TooMuch),
                Err(_) if self.again => return Err(Refused::Again),
                other => other?,
            }
        }
        if self.again {
            return Err(Refused::Again);
        }
        let mut func = self.b.finish();
        self.depths.check(&func);
        if func.kind == FnKind::Compiled {
            func.ret = self.ret.and_then(Pass::ty);
            forget_idle_poll(&mut func);
        }
        Ok(Specialized { func, ret: self.ret, framed: self.framed, raises: self.raises, instrs: self.instrs })
    }

    /// Loads and checks the live frame's slots.
    #[allow(clippy::too_many_arguments)]
    fn entry(&mut self, code: ObjId, globals: ObjId, builtins: ObjId, pc: u32, locals: &[Live], stack: &[Live]) -> Res {
        let info = self.o.code(code).ok_or(Refused::Unsupported("code".into()))?;
        let entry = self.b.entry();
        let args = self.b.add_param(entry, Type::Ptr);
        self.args = Some(args);
        let used = used_locals(&info);
        let nlocals = info.nlocals;
        self.ctx.frames.push(Frame {
            code: info,
            func: None,
            globals,
            builtins,
            locals: vec![Val::Keep; nlocals].into(),
            home: vec![true; nlocals].into(),
            stack: vec![Val::Keep; stack.len()],
            call_pc: 0,
            awaits: Awaits::Result,
            counted: false,
        });
        self.ins = Instr { pc, op_pc: pc, op: Opcode::Nop, arg: 0, next: pc };
        self.b.set_pc(pc);
        self.start = self.ctx.clone();
        let exit = {
            let state = self.ctx.state(pc);
            self.b.exit_to(ExitKind::Guard(Reason::Entry), state, &[])
        };
        // The same code runs with other globals too (`exec`, functions made by hand).
        let frame = self.b.load_ctx(CtxField::Frame);
        let now = self.b.load(Field::FrameGlobals, frame, None);
        self.b.guard_is(now, globals, exit);
        let now = self.b.load(Field::FrameBuiltins, frame, None);
        self.b.guard_is(now, builtins, exit);
        for (i, live) in locals.iter().enumerate().take(nlocals) {
            if !used[i] {
                continue;
            }
            let v = self.b.load_arg(args, i as u32, Type::Ptr);
            let mut val = self.entry_value(v, live, exit, false);
            if let Val::Obj(o) = &mut val {
                o.sample = self.o.local_sample(i);
            }
            self.ctx.frame_mut().locals[i] = val;
        }
        let mut iterators = Vec::new();
        for (i, live) in stack.iter().enumerate() {
            let v = self.b.load_arg(args, (nlocals + i) as u32, Type::Ptr);
            let mut val = self.entry_value(v, live, exit, true);
            if val.is_iterator() && val.kind() != Some(VirtualKind::RangeIter) {
                let mut walked = Vec::new();
                val.objects_mut(&mut |o| {
                    o.own = Own::Owned;
                    walked.push(o.v);
                });
                iterators.push(((nlocals + i) as u32, v, walked));
            }
            self.ctx.frame_mut().stack[i] = match val {
                // The frame's slot keeps the reference until the loop is left.
                Val::Obj(o) => Val::Obj(abstract_state::ObjVal { own: Own::Kept, ..o }),
                v => v,
            };
        }
        // Every check has passed: what such an iterator walks over is held directly from now on, so that it is
        // released when the loop ends.
        for (slot, iterator, walked) in iterators {
            for object in walked {
                self.b.incref(object);
            }
            let null = self.b.null();
            self.b.store_arg(args, slot, null);
            self.b.decref(iterator, None);
        }
        Ok(())
    }

    fn entry_value(&mut self, v: Value, live: &Live, exit: ExitId, on_stack: bool) -> Val {
        let known = *self.o.known();
        match *live {
            Live::Null => {
                let null = self.b.null();
                self.b.guard_icmp(IntCC::Eq, v, null, exit);
                Val::Null
            }
            Live::Any => {
                let null = self.b.null();
                self.b.guard_icmp(IntCC::Ne, v, null, exit);
                Val::object(v, Own::Home)
            }
            Live::Int(extent) => {
                let null = self.b.null();
                let tok = self.b.guard_icmp(IntCC::Ne, v, null, exit);
                let ty = self.b.load(crate::ir::Field::ObjType, v, tok);
                let tok = self.b.guard_is(ty, known.int, exit);
                Val::Int(self.load_int(extent, v, tok, exit))
            }
            Live::Counting { near } => {
                let null = self.b.null();
                let tok = self.b.guard_icmp(IntCC::Ne, v, null, exit);
                let ty = self.b.load(crate::ir::Field::ObjType, v, tok);
                let tok = self.b.guard_is(ty, known.range_iterator, exit);
                self.entry_range(v, tok, Some(if near { Extent::Near.limit() as i64 } else { FAR }), exit)
            }
            Live::Parts { ty, ref parts } => {
                let null = self.b.null();
                let tok = self.b.guard_icmp(IntCC::Ne, v, null, exit);
                let now = self.b.load(crate::ir::Field::ObjType, v, tok);
                let tok = self.b.guard_is(now, ty, exit);
                self.entry_parts(v, tok, ty, parts, exit)
            }
            Live::Obj { seen, unique } => {
                let null = self.b.null();
                let tok = self.b.guard_icmp(IntCC::Ne, v, null, exit);
                let ty = self.b.load(crate::ir::Field::ObjType, v, tok);
                let tok = self.b.guard_is(ty, seen.ty, exit);
                if seen.ty == known.float {
                    return Val::Float(self.load_float_variable(v, tok, exit));
                }
                if seen.ty == known.bool_ {
                    let t = self.b.obj(known.true_);
                    return Val::Bool(self.b.icmp(IntCC::Eq, v, t));
                }
                if seen.ty == known.none_type {
                    return Val::Const(known.none);
                }
                if on_stack && unique && seen.ty == known.range_iterator {
                    return self.entry_range(v, tok, None, exit);
                }
                if on_stack && unique && seen.ty == known.list_iterator {
                    return self.entry_sequence(v, tok, crate::ir::SeqKind::List, exit);
                }
                if on_stack && unique && seen.ty == known.str_iterator {
                    return self.entry_sequence(v, tok, crate::ir::SeqKind::Str, exit);
                }
                Val::Obj(abstract_state::ObjVal { v, ty: Some(seen.ty), tok, own: Own::Home, sample: None })
            }
        }
    }

    fn function_entry(&mut self, func: ObjId, args: &[Pass]) -> Res<u32> {
        let info = self.o.function(func).ok_or(Refused::Unsupported("function".into()))?;
        let code = self.o.code(info.code).ok_or(Refused::Unsupported("code".into()))?;
        let entry = self.b.entry();
        let mut locals = Vec::new();
        for (i, pass) in args.iter().enumerate() {
            let v = pass.ty().map(|t| self.b.add_param(entry, t));
            locals.push(match (pass, v) {
                (Pass::Int, Some(v)) => Val::Int(v),
                (Pass::Float, Some(v)) => Val::Float(v),
                (Pass::Bool, Some(v)) => Val::Bool(v),
                (Pass::Obj(ty), Some(v)) => {
                    let sample = self.o.local_sample(i);
                    Val::Obj(abstract_state::ObjVal { v, ty: *ty, tok: None, own: Own::Kept, sample })
                }
                _ => Val::Const(self.o.known().none),
            });
        }
        locals.resize(code.nlocals, Val::Null);
        self.bind_closure(&code, &info.closure, &mut locals)?;
        let pc = code.start;
        if self.framed {
            self.b.set_framed();
            let f = self.b.obj(func);
            self.args = Some(self.b.call_rt_value(RtId::FramePush, &[f]));
        }
        let home = vec![false; if self.framed { code.nlocals } else { 0 }];
        self.ctx.frames.push(Frame {
            code,
            func: Some(func),
            globals: info.globals,
            builtins: info.builtins,
            locals: locals.into(),
            home: home.into(),
            stack: Vec::new(),
            call_pc: 0,
            awaits: Awaits::Result,
            counted: false,
        });
        self.make_cells()?;
        self.flush_drops(pc);
        self.start = self.ctx.clone();
        let state = self.ctx.state(pc);
        let exit = self.b.exit_to(ExitKind::Guard(Reason::Depth), state, &[]);
        self.b.enter(exit);
        self.entered = true;
        // It may be part of a recursion that has no loop.
        self.poll_at(pc);
        Ok(pc)
    }

    fn leaders(&mut self, code: &Rc<CodeInfo>) -> Rc<FxHashSet<u32>> {
        self.leaders.entry(code.id).or_insert_with(|| Rc::new(code.instrs.iter().filter_map(Instr::target).collect())).clone()
    }

    /// Runs from `pc` to the end of the block.
    fn run_block(&mut self, mut pc: u32) -> Res {
        let first = pc;
        loop {
            let code = self.ctx.frame().code.clone();
            let leaders = self.leaders(&code);
            if pc != first && leaders.contains(&pc) {
                return self.goto(pc);
            }
            let mut ins = *code.instr(pc).ok_or_else(|| Refused::Unsupported("decoding".into()))?;
            if let Some(next) = code.loads_method(&ins).filter(|_| !leaders.contains(&ins.next)) {
                (ins.arg, ins.next) = (ins.arg | 1, next);
            }
            self.instrs += 1;
            self.work_done.set(self.work_done.get() + 1);
            if self.work_done.get() > self.limits.work {
                return Err(Refused::TooMuch);
            }
            self.ins = ins;
            self.b.set_place(ins.pc, (self.ctx.frames.len() > 1).then_some(code.id));
            self.start_exit = None;
            self.spread = None;
            self.plain = false;
            self.ctx.made.clear();
            self.start = self.ctx.clone();
            self.depths.begin(self.ctx.frame(), ins.pc);
            if self.instrs > 2 * self.limits.instrs {
                self.leave_at_start(Reason::Unsupported);
                return Ok(());
            }
            let depth = self.ctx.frames.len();
            let result = self.step();
            if let Some(why) = self.refused.take()
                && !matches!(why, Refused::Unknown)
            {
                return Err(why);
            }
            let flow = match result {
                Err(Refused::Unknown) => {
                    self.ctx = self.start.clone();
                    self.leave_at_start(Reason::Unseen)
                }
                other => other?,
            };
            match flow {
                Flow::End => return Ok(()),
                Flow::Next => {
                    if self.ctx.frames.len() != depth {
                        // An inlined call began or returned: the position is the new frame's.
                        return Err(Refused::Unsupported("frame change without a jump".into()));
                    }
                    self.flush_drops(ins.next);
                    if std::mem::take(&mut self.called_out) {
                        self.poll_at(ins.next);
                    }
                    pc = ins.next;
                }
            }
        }
    }

    /// Ends the block by going to `pc` of the innermost frame, in the version for this abstract state.
    fn goto(&mut self, pc: u32) -> Res {
        self.flush_drops(pc);
        let depth = self.ctx.frames.len();
        let code = self.ctx.frame().code.clone();
        let within = |(d, header, _): &(usize, u32, Block)| {
            *d < depth || (*d == depth && code.loop_at(*header).is_some_and(|l| l.contains(pc)))
        };
        if !self.ctx.loops.iter().all(within) {
            self.ctx.loops.retain(within);
        }
        let looped = code.loop_at(pc).cloned();
        let back = self.ctx.loops.iter().any(|(d, h, _)| *d == depth && *h == pc);
        if let Some(l) = &looped {
            self.canonicalize(l);
            if !self.join(pc, back)? {
                // Whatever code comes here is thrown away.
                self.again = true;
                let state = self.ctx.state(pc);
                let exit = self.b.exit_to(ExitKind::Guard(Reason::Unsupported), state, &[]);
                self.b.exit(exit);
                return Ok(());
            }
            if back {
                self.poll_at(pc);
            }
        }
        let (mut key, mut vals) = self.ctx.key();
        let slot = (depth, pc);
        let path: Vec<Block> = self.ctx.loops.iter().map(|(_, _, b)| *b).collect();
        let find = |versions: &FxHashMap<(usize, u32), Vec<Version>>, key: &StateKey| -> Option<Block> {
            let vs = versions.get(&slot)?;
            if let Some(v) = vs.iter().find(|v| v.key == *key && path.contains(&v.block)) {
                return Some(v.block);
            }
            let v = vs.iter().find(|v| v.key == *key && v.path == path)?;
            Some(v.preheader.unwrap_or(v.block))
        };
        if find(&self.versions, &key).is_none() {
            let vs = self.versions.get(&slot);
            let total = vs.map_or(0, Vec::len);
            let here = vs.map_or(0, |vs| {
                vs.iter().filter(|v| (v.path == path || path.contains(&v.block)) && same_chain(&v.key, &key)).count()
            });
            // The larger the function, the fewer.
            let limit = if self.instrs > self.limits.instrs / 4 { 1 } else { self.limits.versions };
            if here >= limit || total >= 5 * limit {
                self.widen()?;
                (key, vals) = self.ctx.key();
                let many = |here: usize, total: usize| here >= limit + limit.min(3) || total >= 8 * limit;
                if find(&self.versions, &key).is_none() && many(here, total) {
                    // One more, which knows of nothing but the stack.
                    if depth > 1 {
                        return Err(Refused::DontInline(code.id));
                    }
                    if self.args.is_none() {
                        return Err(Refused::NeedsFrame);
                    }
                    self.keep_locals();
                    (key, vals) = self.ctx.key();
                }
                let most = 4 * self.limits.versions;
                if find(&self.versions, &key).is_none() && (here >= most || total >= 4 * most) {
                    let state = self.ctx.state(pc);
                    // Too many versions: building again would not change that.
                    let exit = self.b.exit_to(ExitKind::Guard(Reason::Unsupported), state, &[]);
                    self.b.exit(exit);
                    return Ok(());
                }
            }
        }
        if let Some(target) = find(&self.versions, &key) {
            self.b.jump(target, &vals);
            return Ok(());
        }
        let types: Vec<Type> = vals.iter().map(|v| self.b.ty(*v)).collect();
        let block = self.b.create_block();
        let params: Vec<Value> = types.iter().map(|t| self.b.add_param(block, *t)).collect();
        let mut ctx = self.ctx.clone();
        ctx.rebind(&params);
        let mut preheader = None;
        if looped.is_some() {
            // The loop is entered through a block of its own, where guards can be hoisted to.
            let pre = self.b.create_block();
            let pre_params: Vec<Value> = types.iter().map(|t| self.b.add_param(pre, *t)).collect();
            self.b.jump(pre, &vals);
            let mut pre_ctx = self.ctx.clone();
            pre_ctx.rebind(&pre_params);
            let state = pre_ctx.state(pc);
            let exit = self.b.exit_to(ExitKind::Guard(Reason::Type), state, &[]);
            self.b.switch_to(pre);
            self.b.jump(block, &pre_params);
            self.b.set_hoist_exit(pre, exit);
            preheader = Some(pre);
            ctx.loops.push((depth, pc, block));
        } else {
            self.b.jump(block, &vals);
        }
        self.versions.entry(slot).or_default().push(Version { key, block, preheader, path, ctx: looped.map(|_| ctx.clone()) });
        self.work.push((block, ctx, pc));
        Ok(())
    }

    /// Looks for signals and the like; the interpreter would go on at `pc`.
    fn poll_at(&mut self, pc: u32) {
        let state = self.ctx.state(pc);
        let exit = self.b.exit_to(ExitKind::Guard(Reason::Poll), state, &[]);
        self.b.poll(exit);
    }

    /// Brings a abstract state into the form that a loop keeps: what the loop assigns is neither in the
    /// live frame nor borrowed.
    fn canonicalize(&mut self, l: &crate::bytecode::BytecodeLoop) {
        self.promote_now();
        let depth = self.ctx.frames.len();
        for &i in &l.stores {
            let i = i as usize;
            if depth == 1 && self.ctx.frame().home.get(i) == Some(&true) {
                if let Val::Keep = self.ctx.frame().locals[i] {
                    continue;
                }
                self.move_out(i);
            }
            if let Val::Obj(o) = self.ctx.frame().locals[i].clone()
                && matches!(o.own, Own::Alias | Own::Kept)
            {
                self.b.incref(o.v);
                self.ctx.frame_mut().locals[i] = Val::Obj(abstract_state::ObjVal { own: Own::Owned, ..o });
            }
        }
        // Which other slot holds what an attribute refers to may change from turn to turn.
        let mut lent = Vec::new();
        for field in self.ctx.instances.iter_mut().flat_map(|i| &mut i.fields) {
            field.1.objects_mut(&mut |o| {
                if o.own != Own::Owned {
                    o.own = Own::Owned;
                    lent.push(o.v);
                }
            });
        }
        lent.into_iter().for_each(|v| self.b.incref(v));
    }

    /// Makes every slot general: too many versions.
    fn widen(&mut self) -> Res {
        self.make_instances();
        let depth = self.ctx.frames.len();
        for f in 0..depth {
            let n = self.ctx.frames[f].locals.len();
            for i in 0..n {
                if f == 0 && self.ctx.frames[0].home.get(i) == Some(&true) {
                    if matches!(self.ctx.frames[0].locals[i], Val::Keep | Val::Null) {
                        continue;
                    }
                    if depth == 1 {
                        self.move_out(i);
                    }
                }
                let val = self.ctx.frames[f].locals[i].clone();
                self.ctx.frames[f].locals[i] = self.general(val);
            }
            for i in 0..self.ctx.frames[f].stack.len() {
                let val = self.ctx.frames[f].stack[i].clone();
                self.ctx.frames[f].stack[i] = self.general(val);
            }
        }
        self.flush_globals();
        self.forget_globals();
        Ok(())
    }

    pub(super) fn general(&mut self, val: Val) -> Val {
        match val {
            Val::Null | Val::Keep | Val::Maybe { .. } | Val::MaybeObj { .. } | Val::Instance(_) => val,
            val if val.is_iterator() => val,
            Val::Obj(o) if o.own == Own::Owned => Val::object(o.v, Own::Owned),
            Val::Obj(o) if o.own == Own::Home => Val::object(o.v, Own::Home),
            Val::Obj(o) => {
                self.b.incref(o.v);
                Val::object(o.v, Own::Owned)
            }
            other => {
                let v = self.boxed_owned(&other);
                Val::object(v, Own::Owned)
            }
        }
    }
}

/// Which locals the code reads or writes at all.
fn used_locals(code: &CodeInfo) -> Vec<bool> {
    use Opcode::*;
    let mut used = vec![false; code.nlocals];
    let mut mark = |i: u32| {
        if let Some(u) = used.get_mut(i as usize) {
            *u = true;
        }
    };
    for ins in &code.instrs {
        match ins.op {
            LoadFast | LoadFastCheck | LoadFastBorrow | LoadFastAndClear | StoreFast | DeleteFast | LoadDeref | StoreDeref
            | DeleteDeref | MakeCell | LoadFromDictOrDeref => mark(ins.arg),
            LoadFastLoadFast | LoadFastBorrowLoadFastBorrow | StoreFastLoadFast | StoreFastStoreFast => {
                mark(ins.arg >> 4);
                mark(ins.arg & 15);
            }
            _ => {}
        }
    }
    used
}

/// Whether two abstract states are of the same chain of (inlined) functions.
fn same_chain(a: &StateKey, b: &StateKey) -> bool {
    let frames = |k: &StateKey| -> Vec<abstract_state::KeyItem> {
        k.iter().filter(|i| matches!(i, abstract_state::KeyItem::Frame(..))).cloned().collect()
    };
    frames(a) == frames(b)
}
