//! Checks that a unit is well formed: what lowerings and passes take for
//! granted. It does not check that the code means what it should.

use super::cfg::{Cfg, DomTree, Loops};
use super::{
    BinOp, Block, BlockCall, Callee, ExitId, ExitKind, FnKind, Function, Inst, Op, Recipe, Term, Type, UnOp, Unit, Value,
};
use crate::runtime_context::SCRATCH_WORDS;
use core::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyError {
    pub func: String,
    pub block: Option<Block>,
    /// The instruction; `None` for terminators, parameters and what belongs to no block.
    pub inst: Option<Inst>,
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.func)?;
        if let Some(b) = self.block {
            write!(f, "{b}: ")?;
        }
        if let Some(i) = self.inst {
            write!(f, "{i}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong, at least one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyErrors(pub Vec<VerifyError>);

impl fmt::Display for VerifyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            e.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for VerifyErrors {}

/// Checks all functions of a unit.
pub fn verify(unit: &Unit) -> Result<(), VerifyErrors> {
    let mut errors = Vec::new();
    for f in &unit.funcs {
        let mut v = Verifier::new(f, unit);
        v.run();
        errors.append(&mut v.errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(VerifyErrors(errors)) }
}

/// Where a value is defined.
#[derive(Clone, Copy)]
struct Def {
    block: Block,
    /// 0 for parameters, else one more than the instruction's place in the block.
    place: u32,
}

struct Verifier<'a> {
    f: &'a Function,
    unit: &'a Unit,
    cfg: Cfg,
    dom: DomTree,
    defs: Vec<Option<Def>>,
    errors: Vec<VerifyError>,
    block: Option<Block>,
    inst: Option<Inst>,
    /// The place of the instruction or terminator being checked.
    place: u32,
}

impl<'a> Verifier<'a> {
    fn new(f: &'a Function, unit: &'a Unit) -> Self {
        let cfg = Cfg::new(f);
        let dom = DomTree::new(&cfg);
        Verifier { defs: vec![None; f.values.len()], f, unit, cfg, dom, errors: Vec::new(), block: None, inst: None, place: 0 }
    }

    fn error(&mut self, message: impl Into<String>) {
        let mut message = message.into();
        if let Some(data) = self.inst.and_then(|i| self.f.insts.get(i.index())) {
            message = format!("`{data}`: {message}");
        }
        self.errors.push(VerifyError { func: self.f.name.clone(), block: self.block, inst: self.inst, message });
    }

    fn run(&mut self) {
        let f = self.f;
        if f.blocks.is_empty() {
            return self.error("no entry block");
        }
        self.define();
        if !self.errors.is_empty() {
            // Uses can't be judged without definitions.
            return;
        }
        self.signature();
        self.states();
        if !self.errors.is_empty() {
            return;
        }
        for i in 0..self.cfg.rpo.len() {
            let block = self.cfg.rpo[i];
            self.block = Some(block);
            self.check_block(block);
            self.block = None;
        }
        if let Some((from, to)) = Loops::new(&self.cfg, &self.dom).irreducible {
            self.error(format!("{from} jumps back to {to}, which does not dominate it"));
        }
    }

    fn define(&mut self) {
        let f = self.f;
        let mut placed = vec![false; f.insts.len()];
        for (i, data) in f.blocks.iter().enumerate() {
            let block = Block(i as u32);
            self.block = Some(block);
            for &p in &data.params {
                self.inst = None;
                self.define_one(p, Def { block, place: 0 });
                if p.index() < f.values.len() && f.ty(p) == Type::Tok {
                    self.error(format!("parameter {p} is a token"));
                }
            }
            for (place, &inst) in data.insts.iter().enumerate() {
                self.inst = Some(inst);
                let Some(seen) = placed.get_mut(inst.index()) else {
                    self.error("there is no such instruction");
                    continue;
                };
                if std::mem::replace(seen, true) {
                    self.error("stands in more than one place");
                }
                if let Some(r) = f.insts[inst.index()].result {
                    self.define_one(r, Def { block, place: place as u32 + 1 });
                }
            }
            for e in data.term.edges() {
                self.inst = None;
                if e.block.index() >= f.blocks.len() {
                    self.error(format!("there is no {}", e.block));
                }
            }
        }
        self.block = None;
        self.inst = None;
    }

    fn define_one(&mut self, v: Value, def: Def) {
        match self.defs.get_mut(v.index()) {
            None => self.error(format!("there is no value {v}")),
            Some(slot @ None) => *slot = Some(def),
            Some(Some(_)) => self.error(format!("{v} is defined twice")),
        }
    }

    fn signature(&mut self) {
        let f = self.f;
        let params: Vec<Type> = f.blocks[0].params.iter().map(|&v| f.ty(v)).collect();
        if f.kind == FnKind::Entry && params != [Type::Ptr] {
            self.error("the parameters of an entry are its argument array (ptr)");
        }
        if f.ret == Some(Type::Tok) {
            self.error("returns a token");
        }
        if !self.cfg.preds[0].is_empty() {
            self.error("the entry block is jumped to");
        }
    }

    fn states(&mut self) {
        let f = self.f;
        for (i, e) in f.exits.iter().enumerate() {
            if e.state as usize >= f.states.len() {
                self.error(format!("exit{i} has no state {}", e.state));
            }
            for &v in &e.drops {
                self.recipe_value(&format!("exit{i}"), v, Type::Ptr);
            }
        }
        for (i, s) in f.states.iter().enumerate() {
            let what = format!("state{i}");
            if s.frames.is_empty() {
                self.error(format!("{what} has no frame"));
            }
            for (depth, frame) in s.frames.iter().enumerate() {
                let keep = depth == 0 && (f.kind == FnKind::Entry || f.framed);
                for r in frame.locals.iter().chain(&frame.stack) {
                    self.recipe(&what, r, keep);
                }
            }
            for g in &s.globals {
                self.recipe(&what, &g.value, false);
            }
        }
    }

    fn recipe(&mut self, what: &str, r: &Recipe, keep: bool) {
        r.visit(&mut |part| {
            if *part == Recipe::Keep && !(keep && std::ptr::eq(part, r)) {
                self.error(format!("{what} keeps a slot of a frame that is not the entry's"));
            }
            if let Recipe::Virtual { kind, parts, .. } = part
                && kind.shape().parts.is_some_and(|n| n != parts.len())
            {
                self.error(format!("{what} has a {} of {} parts", kind.shape().name, parts.len()));
            }
            let (values, types) = (part.own_values(), part.own_types());
            if values.len() != types.len() {
                self.error(format!("{what} has {} values where {} belong", values.len(), types.len()));
            }
            values.iter().zip(types).for_each(|(v, ty)| self.recipe_value(what, *v, *ty));
        });
    }

    fn recipe_value(&mut self, what: &str, v: Value, ty: Type) {
        match self.f.values.get(v.index()) {
            None => self.error(format!("{what} reads {v}, which does not exist")),
            Some(&t) if t != ty => self.error(format!("{what} reads {v} as {ty}, but it is {t}")),
            Some(_) => {}
        }
    }

    fn check_block(&mut self, block: Block) {
        let f = self.f;
        let data = &f.blocks[block.index()];
        for (place, &inst) in data.insts.iter().enumerate() {
            self.inst = Some(inst);
            self.place = place as u32 + 1;
            self.check_inst(inst);
        }
        self.inst = None;
        self.place = data.insts.len() as u32 + 1;
        match &data.term {
            Term::None => self.error("has no terminator"),
            Term::Jump(e) => self.edge(e),
            Term::Br { cond, then, els } => {
                self.expect(*cond, Type::I32);
                self.edge(then);
                self.edge(els);
            }
            Term::Ret(v) => match (v, f.ret) {
                (Some(v), Some(ty)) => self.expect(*v, ty),
                (None, None) => {}
                (Some(v), None) => self.error(format!("returns {v}, but the function has no result")),
                (None, Some(ty)) => self.error(format!("returns nothing, but the function gives {ty}")),
            },
            Term::Exit(e) => self.exit(*e, false),
        }
        if let Some(e) = data.hoist_exit {
            if !matches!(data.term, Term::Jump(_)) {
                self.error("has a hoist exit, but does not end with a jump");
            }
            self.exit(e, false);
        }
    }

    fn edge(&mut self, e: &BlockCall) {
        let params = &self.f.blocks[e.block.index()].params;
        if params.len() != e.args.len() {
            return self.error(format!(
                "passes {} arguments to {}, which has {} parameters",
                e.args.len(),
                e.block,
                params.len()
            ));
        }
        for (&a, &p) in e.args.iter().zip(params) {
            self.expect(a, self.f.ty(p));
        }
    }

    /// Checks that the exit exists and that what it stores is there.
    fn exit(&mut self, exit: ExitId, of_call: bool) {
        let f = self.f;
        let Some(e) = f.exits.get(exit.index()) else {
            return self.error(format!("there is no {exit}"));
        };
        match (&e.kind, of_call) {
            (ExitKind::Call, false) => self.error(format!("{exit} is of kind call, but this calls nothing")),
            (ExitKind::Call, true) | (_, false) => {}
            (_, true) => self.error(format!("{exit} of a call is not of kind call")),
        }
        let mut missing = Vec::new();
        let mut look = |v: Value| {
            if !self.available(v) {
                missing.push(v);
            }
        };
        f.states[e.state as usize].values(&mut look);
        e.drops.iter().copied().for_each(&mut look);
        for v in missing {
            self.error(format!("{exit} reads {v}, which is not available here"));
        }
    }

    fn available(&self, v: Value) -> bool {
        match (self.defs.get(v.index()), self.block) {
            (Some(Some(def)), Some(block)) => {
                if def.block == block {
                    def.place < self.place
                } else {
                    self.cfg.is_reachable(def.block) && self.dom.dominates(def.block, block)
                }
            }
            _ => false,
        }
    }

    /// The type of an operand that must be available.
    fn operand(&mut self, v: Value) -> Option<Type> {
        if v.index() >= self.f.values.len() {
            self.error(format!("there is no value {v}"));
            return None;
        }
        if !self.available(v) {
            self.error(format!("{v} is not available here"));
        }
        Some(self.f.ty(v))
    }

    fn expect(&mut self, v: Value, ty: Type) {
        if let Some(t) = self.operand(v)
            && t != ty
        {
            self.error(format!("{v} is {t}, but must be {ty}"));
        }
    }

    fn expect_one_of(&mut self, v: Value, types: &[Type]) -> Option<Type> {
        let t = self.operand(v)?;
        if !types.contains(&t) {
            let list: Vec<String> = types.iter().map(|t| t.to_string()).collect();
            self.error(format!("{v} is {t}, but must be {}", list.join(" or ")));
            return None;
        }
        Some(t)
    }

    fn dep(&mut self, dep: Option<Value>) {
        if let Some(d) = dep {
            self.expect(d, Type::Tok);
        }
    }

    fn args(&mut self, what: &str, args: &[Value], types: &[Type]) {
        if args.len() != types.len() {
            return self.error(format!("{what} takes {} arguments, not {}", types.len(), args.len()));
        }
        for (&a, &t) in args.iter().zip(types) {
            self.expect(a, t);
        }
    }

    fn check_inst(&mut self, inst: Inst) {
        use Type::{F64, I32, I64, Ptr};
        let data = &self.f.insts[inst.index()];
        let before = self.errors.len();
        match &data.op {
            Op::I64Const(_) | Op::I32Const(_) | Op::F64Const(_) | Op::Obj(_) | Op::Null | Op::LoadCtx(_) => {}
            Op::Bin(op, a, b) => match op {
                _ if op.is_float() => {
                    self.expect(*a, F64);
                    self.expect(*b, F64);
                }
                BinOp::Add => {
                    if let Some(t) = self.expect_one_of(*a, &[I32, I64, Ptr]) {
                        self.expect(*b, if t == Ptr { I64 } else { t });
                    }
                }
                _ => {
                    if let Some(t) = self.expect_one_of(*a, &[I32, I64]) {
                        self.expect(*b, t);
                    }
                }
            },
            Op::Ovf(_, a, b, _) => {
                self.expect(*a, I64);
                self.expect(*b, I64);
            }
            Op::Un(op, a) => match op {
                UnOp::Neg | UnOp::Not => {
                    self.expect_one_of(*a, &[I32, I64]);
                }
                UnOp::FNeg | UnOp::FAbs | UnOp::FSqrt | UnOp::FFloor | UnOp::FCeil => {
                    self.expect(*a, F64);
                }
                UnOp::F64ToI64 | UnOp::BitsOf => self.expect(*a, F64),
                UnOp::I64ToF64 | UnOp::Wrap => self.expect(*a, I64),
                UnOp::Zext | UnOp::Sext => self.expect(*a, I32),
            },
            Op::Icmp(_, a, b) => {
                if let Some(t) = self.expect_one_of(*a, &[I32, I64, Ptr]) {
                    self.expect(*b, t);
                }
            }
            Op::Fcmp(_, a, b) => {
                self.expect(*a, F64);
                self.expect(*b, F64);
            }
            Op::Select(c, a, b) => {
                self.expect(*c, I32);
                if let Some(t) = self.expect_one_of(*a, &[I32, I64, F64, Ptr]) {
                    self.expect(*b, t);
                }
            }
            Op::Load { base, dep, .. } => {
                self.expect(*base, Ptr);
                self.dep(*dep);
            }
            Op::Store { field, base, value } => {
                self.expect(*base, Ptr);
                self.expect(*value, field.field_ty().ty());
            }
            Op::LoadElem { base, index, dep, .. } => {
                self.expect(*base, Ptr);
                self.expect(*index, I64);
                self.dep(*dep);
            }
            Op::StoreElem { kind, base, index, value } => {
                self.expect(*base, Ptr);
                self.expect(*index, I64);
                self.expect(*value, kind.ty());
            }
            Op::LoadArg { args, ty, .. } => {
                self.expect(*args, Ptr);
                if !matches!(ty, Ptr | I64 | F64) {
                    self.error(format!("an argument can't be loaded as {ty}"));
                }
            }
            Op::StoreArg { args, value, .. } => {
                self.expect(*args, Ptr);
                self.expect_one_of(*value, &[Ptr, I64, F64]);
            }
            Op::StoreScratch { index, value } => {
                self.expect_one_of(*value, &[I32, I64, F64, Ptr]);
                if *index as usize >= SCRATCH_WORDS {
                    self.error(format!("there are {SCRATCH_WORDS} scratch words"));
                }
            }
            Op::Guard { cond, .. } => self.expect(*cond, I32),
            Op::Incref(v) | Op::Decref(v, _) | Op::IsUnique(v) => self.expect(*v, Ptr),
            Op::CallRt { rt, args } => self.args(rt.name(), args, rt.params()),
            Op::CallFn { callee, args, ret, .. } => self.call(*callee, args, *ret),
            Op::Poll { .. } | Op::Enter { .. } | Op::Leave => {}
        }
        if let Some(e) = data.op.exit() {
            self.exit(e, matches!(data.op, Op::CallFn { .. }));
        }
        if self.errors.len() > before {
            return;
        }
        let (got, want) = (data.result.map(|r| self.f.ty(r)), data.op.result_type(self.f));
        if got != want {
            let show = |t: Option<Type>| t.map_or("nothing".to_string(), |t| t.to_string());
            self.error(format!("the result is {}, but the operation gives {}", show(got), show(want)));
        }
    }

    fn call(&mut self, callee: Callee, args: &[Value], ret: Option<Type>) {
        if let Callee::Local(i) = callee {
            let Some(g) = self.unit.funcs.get(i as usize) else {
                return self.error(format!("there is no function {i}"));
            };
            if g.kind != FnKind::Compiled {
                self.error(format!("{} is an entry; it can't be called", g.name));
            }
            if g.ret != ret {
                self.error(format!("the result type of {} is another one", g.name));
            }
            let types: Vec<Type> = g.blocks.first().map_or(vec![], |b| b.params.iter().map(|&p| g.ty(p)).collect());
            return self.args(&g.name, args, &types);
        }
        for &a in args {
            self.expect_one_of(a, &[Type::I32, Type::I64, Type::F64, Type::Ptr]);
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F64 => "f64",
            Type::Ptr => "ptr",
            Type::Tok => "tok",
        })
    }
}
