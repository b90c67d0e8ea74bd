//! What the handlers of all families share: exits, guards, boxing and unboxing, references.

use super::abstract_state::{Dropped, ObjVal, Own, Val};
use super::{Flow, Refused, Res, Specializer};
use crate::bytecode::{Opcode, operand_count};
use crate::ir::{CtxField, ExitId, ExitKind, Field, IntCC, ObjId, Reason, Type, UnOp, Value};
use crate::oracle::Extent;
use crate::rt::{Fails, RtId};

/// An unboxed number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Num {
    Int(Value),
    Float(Value),
}

impl Specializer<'_> {
    // Exits

    /// The exit that runs this instruction in the interpreter.
    pub(super) fn exit_start(&mut self, reason: Reason) -> ExitId {
        if let Some((r, e)) = self.start_exit
            && r == reason
        {
            return e;
        }
        let state = self.start.state(self.elided_from.unwrap_or(self.ins.pc));
        let exit = self.b.exit_to(ExitKind::Guard(reason), state, &[]);
        self.start_exit = Some((reason, exit));
        exit
    }

    /// Ends the block: the interpreter goes on from the start of this instruction.
    pub(super) fn leave_at_start(&mut self, reason: Reason) -> Flow {
        let exit = self.exit_start(reason);
        self.b.exit(exit);
        Flow::End
    }

    /// The exit for an exception that this instruction raised after its operands were popped.
    pub(super) fn exit_raise(&mut self) -> ExitId {
        let state = self.ctx.state(self.ins.pc);
        let drops = self.dropped();
        self.b.exit_to(ExitKind::Raise, state, &drops)
    }

    // References

    /// Gives every object that a container merely lends a reference of its own.
    pub(super) fn promote_now(&mut self) {
        let mut done: Vec<Value> = Vec::new();
        self.ctx.objects_mut(|o| o.own == Own::Transient, &mut |o| {
            if o.own == Own::Transient {
                if done.contains(&o.v) {
                    o.own = Own::Alias;
                } else {
                    done.push(o.v);
                    o.own = Own::Owned;
                }
            }
        });
        for v in done {
            self.b.incref(v);
        }
    }

    /// The same at the start of an instruction that writes memory: nothing has been popped yet,
    /// and guards of this instruction leave with the promoted abstract state.
    pub(super) fn promote(&mut self) {
        self.promote_now();
        self.resync();
    }

    /// Makes the abstract state now the one that guards of this instruction leave with.
    pub(super) fn resync(&mut self) {
        self.start = self.ctx.clone();
        self.start.drops.clear();
        self.start_exit = None;
        if let Some(n) = self.spread {
            // The interpreter takes them from a tuple.
            let stack = &mut self.start.frame_mut().stack;
            let items = stack.split_off(stack.len() - n);
            stack.extend([Val::tuple(items), Val::Null]);
        }
    }

    /// A second slot for a value.
    pub(super) fn dup(val: &Val) -> Val {
        let mut copy = val.clone();
        copy.objects_mut(&mut |o| {
            if matches!(o.own, Own::Owned | Own::Home) {
                o.own = Own::Alias;
            }
        });
        copy
    }

    /// A value leaves its slot (which must be overwritten already).
    pub(super) fn drop_val(&mut self, val: Val) {
        if let Val::MaybeObj { v, ty } = val {
            self.ctx.drops.push(Dropped { v, ty, nullable: true });
            return;
        }
        let mut owned = Vec::new();
        val.objects(&mut |o| {
            if o.own == Own::Owned {
                owned.push(*o);
            }
        });
        for o in owned {
            self.release(o);
        }
        let mut instances = Vec::new();
        val.instances(&mut |n| instances.push(n));
        for n in instances {
            self.drop_instance(n);
        }
    }

    /// What the instruction has dropped so far, as what exits must release.
    pub(super) fn dropped(&self) -> Vec<Value> {
        self.ctx.drops.iter().map(|d| d.v).collect()
    }

    /// Emits what is to be done with a dropped reference if there is one.
    pub(super) fn if_there(&mut self, dropped: Dropped, emit: impl FnOnce(&mut Self)) {
        if !dropped.nullable {
            return emit(self);
        }
        let (some, done) = (self.b.create_block(), self.b.create_block());
        let null = self.b.null();
        let there = self.b.icmp(IntCC::Ne, dropped.v, null);
        self.b.br(there, some, &[], done, &[]);
        self.b.switch_to(some);
        emit(self);
        self.b.jump(done, &[]);
        self.b.switch_to(done);
    }

    /// Hands an owned reference to another slot of the same object, or releases it at the
    /// end of the instruction.
    pub(super) fn release(&mut self, o: ObjVal) {
        let mut heir = false;
        self.ctx.objects_mut(|other| other.v == o.v && other.own == Own::Alias, &mut |other| {
            if !heir && other.v == o.v && other.own == Own::Alias {
                other.own = Own::Owned;
                heir = true;
            }
        });
        if !heir {
            self.ctx.drops.push((&o).into());
        }
    }

    /// Releases what the instruction dropped; the interpreter would go on at `pc`.
    pub(super) fn flush_drops(&mut self, pc: u32) {
        if self.ctx.drops.is_empty() {
            return;
        }
        let mut drops = std::mem::take(&mut self.ctx.drops);
        if !drops.iter().all(|o| self.harmless(o.ty)) {
            // What goes may be the container that a value is borrowed from.
            self.promote_now();
        }
        let loud = drops.iter().any(|o| !self.harmless(o.ty)) && self.o.finalizes(self.ctx.frame().code.id, pc);
        if loud && self.has_frame() {
            return self.drop_loudly(drops);
        }
        if loud {
            let why = self.no_frame();
            self.refused.get_or_insert(why);
        }
        // Those that can't run anything go first, so that the exits of the others hold less.
        drops.sort_by_key(|o| !self.harmless(o.ty));
        for (i, &dropped) in drops.iter().enumerate() {
            self.if_there(dropped, |s| {
                if s.harmless(dropped.ty) {
                    return s.b.decref(dropped.v, None);
                }
                let rest: Vec<Value> = drops[i + 1..].iter().map(|d| d.v).collect();
                s.decref_running(dropped.v, pc, &rest);
            });
        }
    }

    /// Releases what an instruction dropped where that often runs Python code: in the frame, as calls do.
    fn drop_loudly(&mut self, drops: Vec<Dropped>) {
        self.make_instances();
        self.promote_now();
        self.flush_globals();
        self.forget_globals();
        let frame = self.b.load_ctx(CtxField::Frame);
        let lasti = self.b.i32(self.ins.op_pc as i32 + 1);
        self.b.store(Field::FrameLasti, frame, lasti);
        // The instruction is done here: what leaves at its start does so on other ways.
        let start = (self.start.clone(), self.start_exit.take());
        self.sync_locals();
        (self.start, self.start_exit) = start;
        let more = std::mem::take(&mut self.ctx.drops);
        for dropped in drops.into_iter().chain(more) {
            if self.harmless(dropped.ty) {
                self.if_there(dropped, |s| s.b.decref(dropped.v, None));
            } else {
                self.if_there(dropped, |s| {
                    s.b.call_rt(RtId::Release, &[dropped.v]);
                });
            }
        }
        self.after_python();
        self.called_out = true;
    }

    /// Releases an object whose destruction may run Python code, which must then find the
    /// module variables in their dict. The interpreter would go on at `pc`.
    pub(super) fn decref_running(&mut self, v: Value, pc: u32, rest: &[Value]) {
        let mut clean = self.ctx.clone();
        clean.globals.iter_mut().for_each(|g| g.dirty = false);
        let exit = self.b.exit_to(ExitKind::Guard(Reason::Finalizer), clean.state(pc), rest);
        if !self.ctx.globals.iter().any(|g| g.dirty) {
            self.b.decref(v, Some(exit));
            return;
        }
        let (last, shared, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let unique = self.b.is_unique(v);
        self.b.br(unique, last, &[], shared, &[]);
        self.b.switch_to(shared);
        self.b.decref(v, None);
        self.b.jump(done, &[]);
        self.b.switch_to(last);
        self.b.set_cold(last);
        self.write_globals();
        self.b.decref(v, Some(exit));
        self.b.jump(done, &[]);
        self.b.switch_to(done);
    }

    /// Whether destroying an object of the class can't run Python code.
    pub(super) fn harmless(&self, ty: Option<ObjId>) -> bool {
        let k = self.o.known();
        ty.is_some_and(|t| {
            [k.int, k.float, k.str_, k.bytes, k.bool_, k.range, k.complex, k.none_type, k.range_iterator].contains(&t)
        })
    }

    /// Moves a local of the base frame out of the live frame: afterwards the abstract state alone
    /// holds its value.
    pub(super) fn move_out(&mut self, i: usize) {
        let frame = &mut self.ctx.frames[0];
        frame.home[i] = false;
        match &mut frame.locals[i] {
            Val::Obj(o) if o.own == Own::Home => {
                o.own = Own::Owned;
                let args = self.args.expect("an entry has arguments");
                let null = self.b.null();
                self.b.store_arg(args, i as u32, null);
            }
            _ => {}
        }
    }

    /// Assigns a local of the innermost frame.
    pub(super) fn set_local(&mut self, i: usize, val: Val) {
        if self.ctx.frames.len() == 1 && self.ctx.frame().home.get(i) == Some(&true) {
            if matches!(self.ctx.frame().locals[i], Val::Keep) {
                let args = self.args.expect("a frame");
                let v = self.b.load_arg(args, i as u32, Type::Ptr);
                let null = self.b.null();
                self.b.store_arg(args, i as u32, null);
                let frame = self.ctx.frame_mut();
                frame.home[i] = false;
                frame.locals[i] = Val::MaybeObj { v, ty: None };
            } else {
                self.move_out(i);
            }
        }
        let old = std::mem::replace(&mut self.ctx.frame_mut().locals[i], val);
        self.drop_val(old);
    }

    /// The value at `depth` from the top of the stack.
    pub(super) fn peek(&self, depth: usize) -> &Val {
        let s = &self.ctx.frame().stack;
        &s[s.len() - 1 - depth]
    }

    pub(super) fn peek_mut(&mut self, depth: usize) -> &mut Val {
        let s = &mut self.ctx.frame_mut().stack;
        let n = s.len();
        &mut s[n - 1 - depth]
    }

    pub(super) fn push(&mut self, val: Val) {
        self.ctx.frame_mut().stack.push(val);
    }

    pub(super) fn pop(&mut self) -> Val {
        self.ctx.frame_mut().stack.pop().expect("the compiler balances the stack")
    }

    /// Pops and drops `n` values.
    pub(super) fn pop_drop(&mut self, n: usize) {
        for _ in 0..n {
            let v = self.pop();
            self.drop_val(v);
        }
    }

    // Boxing

    /// The object of a value: its address, and whether it was made for the purpose (and is
    /// then owned by whoever asked).
    pub(super) fn boxed(&mut self, val: &Val) -> (Value, bool) {
        match val {
            Val::Obj(o) | Val::DictIter { iter: o, .. } => (o.v, false),
            Val::Const(c) => (self.b.obj(*c), false),
            Val::Int(v) => (self.b.call_rt_value(RtId::NewInt, &[*v]), true),
            Val::Float(v) => (self.b.call_rt_value(RtId::NewFloat, &[*v]), true),
            Val::Bool(v) => {
                let k = *self.o.known();
                let (t, f) = (self.b.obj(k.true_), self.b.obj(k.false_));
                (self.b.select(*v, t, f), false)
            }
            Val::Virtual(v) => (self.made_of_parts(v, Self::boxed_ref), true),
            Val::Instance(n) => self.make_instance(*n),
            Val::Null => (self.b.null(), false),
            Val::Keep => unreachable!("what the live frame keeps is never read"),
            Val::Maybe { .. } | Val::MaybeObj { .. } => unreachable!("loads check that locals are bound"),
        }
    }

    /// The object of a value with a reference to give away. The value's own reference stays.
    pub(super) fn boxed_ref(&mut self, val: &Val) -> Value {
        let (v, owned) = self.boxed(val);
        if !owned && !matches!(val, Val::Null) {
            self.b.incref(v);
        }
        v
    }

    /// The same, where the value is given up: an owned reference moves.
    pub(super) fn boxed_owned(&mut self, val: &Val) -> Value {
        match val {
            Val::Obj(o) | Val::DictIter { iter: o, .. } if o.own == Own::Owned => {
                // Another slot may rely on this reference.
                let shared = {
                    let mut alias = false;
                    self.ctx.slots(&mut |s| s.objects(&mut |x| alias |= x.v == o.v && x.own == Own::Alias));
                    alias
                };
                if shared {
                    self.release(*o);
                    self.b.incref(o.v);
                }
                o.v
            }
            Val::Virtual(v) => self.made_of_parts(v, Self::boxed_owned),
            other => self.boxed_ref(other),
        }
    }

    /// The object of a stack value as an argument: made for the purpose, it is dropped at the end
    /// of the instruction.
    pub(super) fn argument(&mut self, val: &Val) -> Value {
        let (v, owned) = self.boxed(val);
        if owned {
            let ty = self.ty_of(val);
            self.ctx.drops.push(Dropped::object(v, ty));
        }
        v
    }

    /// Pops `n` values as arguments (deepest first); their references are dropped at the end of
    /// the instruction.
    pub(super) fn pop_arguments(&mut self, n: usize) -> Vec<Value> {
        let at = self.ctx.frame().stack.len() - n;
        let vals = self.ctx.frame_mut().stack.split_off(at);
        let out: Vec<Value> = vals.iter().map(|v| self.argument(v)).collect();
        for v in vals {
            self.drop_val(v);
        }
        out
    }

    /// The exact class of a value, if known.
    pub(super) fn ty_of(&self, val: &Val) -> Option<ObjId> {
        let k = self.o.known();
        match val {
            Val::Const(c) => Some(self.o.type_of(*c)),
            Val::Int(_) => Some(k.int),
            Val::Float(_) => Some(k.float),
            Val::Bool(_) => Some(k.bool_),
            Val::Obj(o) | Val::DictIter { iter: o, .. } => o.ty,
            Val::Virtual(v) => Some(self.class_of_kind(v.kind)),
            Val::Instance(n) => self.instance_class(*n),
            Val::Null | Val::Keep | Val::Maybe { .. } | Val::MaybeObj { .. } => None,
        }
    }

    // Guards

    /// Checks the class of an object (again where the proof got lost); gives the proof.
    pub(super) fn guard_type(&mut self, v: Value, ty: ObjId) -> Option<Value> {
        let mut proof = None;
        self.ctx.slots(&mut |s| {
            s.objects(&mut |o| {
                if o.v == v && o.ty == Some(ty) && o.tok.is_some() {
                    proof = o.tok;
                }
            })
        });
        if proof.is_some() {
            return proof;
        }
        let exit = self.exit_start(Reason::Type);
        let t = self.b.load(Field::ObjType, v, None);
        let tok = self.b.guard_is(t, ty, exit);
        self.ctx.objects_mut(|o| o.v == v, &mut |o| {
            if o.v == v {
                o.ty = Some(ty);
                o.tok = tok;
            }
        });
        tok
    }

    /// The number of an exact float that a variable holds. NaN stays the object that it is: only
    /// its identity makes it equal to itself in containers.
    pub(super) fn load_float_variable(&mut self, v: Value, tok: Option<Value>, exit: ExitId) -> Value {
        let x = self.b.load(Field::FloatValue, v, tok);
        let c = self.b.fcmp(crate::ir::FloatCC::Eq, x, x);
        self.b.guard(c, true, exit);
        x
    }

    /// The number of an exact int, leaving when it is farther from zero.
    pub(super) fn load_int(&mut self, extent: Extent, v: Value, tok: Option<Value>, exit: ExitId) -> Value {
        let tag = self.b.load(Field::IntTag, v, tok);
        let small = self.b.i64(self.o.int_small_tag() as i64);
        let tok = self.b.guard_icmp(IntCC::Eq, tag, small, exit);
        let mag = self.b.load(Field::IntMag, v, tok);
        if extent == Extent::Wide {
            let zero = self.b.i64(0);
            self.b.guard_icmp(IntCC::SGe, mag, zero, exit);
            let sign = self.b.load(Field::IntSign, v, tok);
            let sign = self.b.zext(sign);
            let one = self.b.i64(1);
            let mask = self.b.sub(sign, one);
            let x = self.b.xor(mag, mask);
            return self.b.sub(x, mask);
        }
        // In a form of which range analysis sees the limits.
        let limit = self.b.i64(extent.limit() as i64);
        self.b.guard_icmp(IntCC::ULt, mag, limit, exit);
        let positive = self.b.load(Field::IntSign, v, tok);
        if extent == Extent::Near {
            self.b.guard(positive, true, exit);
            return mag;
        }
        let negative = self.b.un(UnOp::Neg, mag);
        self.b.select(positive, mag, negative)
    }

    /// Makes the stack value at `depth` one of class `ty`: unboxed where it is a number, typed
    /// where it is something else. Leaves at the start of the instruction if it is not.
    pub(super) fn want(&mut self, depth: usize, ty: ObjId) {
        self.want_within(Extent::Wide, depth, ty);
    }

    /// The same; an int must be no farther from zero.
    pub(super) fn want_within(&mut self, extent: Extent, depth: usize, ty: ObjId) {
        let val = self.peek(depth).clone();
        if matches!(val, Val::Obj(o) if o.ty.is_none()) && self.spread.is_none() {
            self.o.note_wanted(self.start.frame().code.id, self.ins.pc, depth, ty);
        }
        let refined = self.refine(extent, &val, ty);
        if let Some(new) = refined {
            *self.peek_mut(depth) = new;
        }
    }

    /// [`Self::want_within`] for a value anywhere in the abstract state; gives what it became, if it changed.
    /// All slots with the same object change.
    pub(super) fn refine(&mut self, extent: Extent, val: &Val, ty: ObjId) -> Option<Val> {
        let Val::Obj(o) = val else { return None };
        let o = *o;
        let k = *self.o.known();
        let tok = self.guard_type(o.v, ty);
        let new = if ty == k.int {
            // Where the number has gone farther, the next attempt knows of it.
            let exit = self.exit_start(if extent == Extent::Near { Reason::Value } else { Reason::Overflow });
            Val::Int(self.load_int(extent, o.v, tok, exit))
        } else if ty == k.float {
            Val::Float(self.b.load(Field::FloatValue, o.v, tok))
        } else if ty == k.bool_ {
            let t = self.b.obj(k.true_);
            Val::Bool(self.b.icmp(IntCC::Eq, o.v, t))
        } else if ty == k.none_type {
            Val::Const(k.none)
        } else {
            return Some(Val::Obj(ObjVal { ty: Some(ty), tok, ..o }));
        };
        // The box is not needed any more, wherever it stands.
        let mut owner = None;
        self.ctx.slots_mut(&mut |slot| {
            if let Val::Obj(x) = slot
                && x.v == o.v
            {
                if x.own == Own::Owned {
                    owner = Some(*x);
                }
                *slot = new.clone();
            }
        });
        if let Some(x) = owner {
            self.ctx.drops.push((&x).into());
        }
        Some(new)
    }

    /// The class that the operand at `depth` has or is expected to have.
    pub(super) fn expect_type(&self, depth: usize) -> Option<ObjId> {
        if let Some(t) = self.ty_of(self.peek(depth)) {
            return Some(t);
        }
        let (code, pc) = (self.start.frame().code.id, self.ins.pc);
        if self.spread.is_none() {
            if self.o.varies(code, pc, depth) {
                return None;
            }
            if let Some(s) = self.o.observed(code, pc).get(depth) {
                return Some(s.ty);
            }
        }
        // Else it is expected to be like the live value that it comes from.
        let Val::Obj(ObjVal { sample: Some(sample), .. }) = self.peek(depth) else { return None };
        let seen = self.o.sample_type(*sample);
        // What is None now will be something else where something is done with it.
        if seen.big || seen.ty == self.o.known().none_type {
            return None;
        }
        if self.spread.is_none() {
            self.o.note_expected(code, pc, depth, seen);
        }
        Some(seen.ty)
    }

    /// The sample of a value.
    pub(super) fn sample_of(&self, val: &Val) -> Option<crate::oracle::Sample> {
        match val {
            Val::Obj(o) => o.sample,
            _ => None,
        }
    }

    /// Gives the value on top of the stack a sample.
    pub(super) fn set_sample(&mut self, sample: Option<crate::oracle::Sample>) {
        if let Val::Obj(o) = self.peek_mut(0)
            && o.sample.is_none()
        {
            o.sample = sample;
        }
    }

    /// An operand as a number, if it is one or is expected to be one.
    pub(super) fn num(&mut self, depth: usize) -> Option<Num> {
        let k = *self.o.known();
        if let Val::Const(c) = self.peek(depth) {
            let c = *c;
            if let Some(i) = self.o.int(c) {
                return Some(Num::Int(self.b.i64(i)));
            }
            if let Some(f) = self.o.float(c) {
                return Some(Num::Float(self.b.f64(f)));
            }
            return None;
        }
        let ty = match self.ty_of(self.peek(depth)) {
            Some(t) => t,
            None if self.distrusted() => return None,
            None => self.expect_type(depth)?,
        };
        if matches!(self.peek(depth), Val::Obj(_)) && (ty == k.int || ty == k.float || ty == k.bool_) {
            self.want(depth, ty);
        }
        match self.peek(depth) {
            Val::Int(v) => Some(Num::Int(*v)),
            Val::Float(v) => Some(Num::Float(*v)),
            Val::Bool(v) => {
                let v = *v;
                Some(Num::Int(self.b.zext(v)))
            }
            _ => None,
        }
    }

    /// A number as a float.
    pub(super) fn float(&mut self, n: Num) -> Value {
        match n {
            Num::Int(v) => self.b.i64_to_f64(v),
            Num::Float(v) => v,
        }
    }

    // Calling out

    /// Whether code that looks at frames may be called from here.
    pub(super) fn need_frame(&self) -> Res {
        if self.has_frame() {
            return Ok(());
        }
        Err(if self.may_learn() { Refused::Unknown } else { self.no_frame() })
    }

    /// Whether the innermost frame is there: the interpreter's, or one that the function has made.
    pub(super) fn has_frame(&self) -> bool {
        self.ctx.frames.len() == 1 && self.args.is_some()
    }

    /// There is no frame here.
    pub(super) fn no_frame(&self) -> Refused {
        match self.ctx.frames.len() {
            1 => Refused::NeedsFrame,
            _ => Refused::DontInline(self.ctx.frame().code.id),
        }
    }

    /// Whether the instruction works on an object of unknown class that no exit has shown yet, so
    /// that leaving here some times could make it a special case.
    fn may_learn(&self) -> bool {
        let operands = if self.ins.op == Opcode::ForIter { 1 } else { operand_count(self.ins.op) };
        !self.distrusted()
            && self.o.observed(self.start.frame().code.id, self.ins.pc).is_empty()
            && (0..operands).any(|d| matches!(self.peek(d), Val::Obj(o) if o.ty.is_none()))
    }

    /// Whether the instruction is done by an entry point that has a plain twin, and mostly runs no Python code.
    fn may_be_plain(&self) -> bool {
        use Opcode::*;
        let has_twin = matches!(self.ins.op, BinaryOp | Call | CompareOp | ContainsOp | LoadAttr | ToBool | UnaryNot);
        has_twin && !self.o.runs_python(self.start.frame().code.id, self.ins.pc)
    }

    /// Prepares for Python code to run: nothing is borrowed from containers, module variables are
    /// written back, the frame says where it is. To be called before operands are popped.
    pub(super) fn before_python(&mut self) -> Res {
        if let Err(why) = self.need_frame() {
            if matches!(why, Refused::Unknown) || !self.may_be_plain() {
                return Err(why);
            }
            self.plain = true;
        }
        self.make_instances();
        self.promote_now();
        self.flush_globals();
        self.forget_globals();
        self.resync();
        if self.plain {
            return Ok(());
        }
        let frame = self.b.load_ctx(CtxField::Frame);
        let lasti = self.b.i32(self.ins.op_pc as i32 + 1);
        self.b.store(Field::FrameLasti, frame, lasti);
        Ok(())
    }

    /// Whether [`Self::sync_locals`] puts all there are into the frame.
    pub(super) fn can_sync_locals(&self) -> bool {
        let frame = &self.ctx.frames[0];
        let unsure = |val: &Val| matches!(val, Val::Maybe { .. } | Val::MaybeObj { .. });
        self.args.is_some() && !frame.locals.iter().zip(frame.home.iter()).any(|(val, home)| !home && unsure(val))
    }

    /// Puts the values of locals into the live frame, where the called code may look.
    pub(super) fn sync_locals(&mut self) {
        let Some(args) = self.args.filter(|_| !self.plain) else { return };
        self.make_instances();
        for i in 0..self.ctx.frames[0].locals.len() {
            if self.ctx.frames[0].home[i] {
                continue;
            }
            if matches!(self.ctx.frames[0].locals[i], Val::Maybe { .. } | Val::MaybeObj { .. }) {
                // Not assigned on every way here; who looks at the frame sees the value before.
                continue;
            }
            let val = self.ctx.frames[0].locals[i].clone();
            let v = match &val {
                Val::Obj(o) if o.own == Own::Owned => o.v,
                other => self.boxed_ref(other),
            };
            let index = self.b.i32(i as i32);
            self.b.call_rt(RtId::ReplaceSlot, &[args, index, v]);
            self.ctx.frames[0].home[i] = true;
            if let Val::Obj(o) = &mut self.ctx.frames[0].locals[i] {
                o.own = Own::Home;
            }
        }
        self.resync();
    }

    /// Puts everything into the frame that it can hold: nothing is known of its variables any more.
    pub(super) fn keep_locals(&mut self) {
        let args = self.args.expect("a frame");
        self.make_instances();
        self.promote_now();
        self.flush_globals();
        self.forget_globals();
        for i in 0..self.ctx.frames[0].locals.len() {
            let val = self.ctx.frames[0].locals[i].clone();
            if !self.ctx.frames[0].home[i] {
                let v = match &val {
                    Val::MaybeObj { v, .. } => *v,
                    Val::Null => self.b.null(),
                    Val::Maybe { v, ty, bound } => self.boxed_if_bound(*v, *ty, *bound),
                    Val::Obj(o) if o.own == Own::Owned => o.v,
                    other => self.boxed_ref(other),
                };
                let index = self.b.i32(i as i32);
                self.b.call_rt(RtId::ReplaceSlot, &[args, index, v]);
                self.ctx.frames[0].home[i] = true;
            }
            self.ctx.frames[0].locals[i] = Val::Keep;
        }
        // What was borrowed from variables is in frames that may give it up.
        for i in 0..self.ctx.frames[0].stack.len() {
            let val = self.ctx.frames[0].stack[i].clone();
            self.ctx.frames[0].stack[i] = self.general(val);
        }
    }

    /// The object of a number that may be unbound; null if it is.
    fn boxed_if_bound(&mut self, v: Value, ty: Type, bound: Value) -> Value {
        let (then, next) = (self.b.create_block(), self.b.create_block());
        let object = self.b.add_param(next, Type::Ptr);
        let null = self.b.null();
        self.b.br(bound, then, &[], next, &[null]);
        self.b.switch_to(then);
        let val = match ty {
            Type::F64 => Val::Float(v),
            Type::I32 => Val::Bool(v),
            _ => Val::Int(v),
        };
        let boxed = self.boxed_ref(&val);
        self.b.jump(next, &[boxed]);
        self.b.switch_to(next);
        object
    }

    /// What was proven about classes may not hold any more.
    pub(super) fn after_python(&mut self) {
        self.ctx.objects_mut(|o| o.tok.is_some(), &mut |o| o.tok = None);
    }

    /// Calls an entry point, checks that it did not raise, and gives its result.
    pub(super) fn rt(&mut self, rt: RtId, args: &[Value]) -> Option<Value> {
        if self.plain && rt.effect() == crate::rt::Effect::Python {
            return self.plain_rt(rt, args);
        }
        let r = self.b.call_rt(rt, args);
        if rt.effect() == crate::rt::Effect::Python {
            self.after_python();
            self.called_out = true;
        }
        match rt.fails() {
            Fails::Never => {}
            Fails::Null => {
                let null = self.b.null();
                let ok = self.b.icmp(IntCC::Ne, r.expect("a result"), null);
                self.unless_raised(ok);
            }
            Fails::Negative => {
                let r = r.expect("a result");
                let zero = match self.b.ty(r) {
                    Type::I64 => self.b.i64(0),
                    _ => self.b.i32(0),
                };
                let ok = self.b.icmp(IntCC::SGe, r, zero);
                self.unless_raised(ok);
            }
            Fails::Flag => {
                let failed = self.b.load_ctx(CtxField::Failed);
                let ok = self.b.not(failed);
                self.unless_raised(ok);
            }
        }
        r
    }

    /// Calls the plain twin of an entry point; leaves with the instruction undone where that has done nothing.
    fn plain_rt(&mut self, rt: RtId, args: &[Value]) -> Option<Value> {
        let Some(twin) = rt.plain() else {
            self.refused = self.refused.take().or(Some(self.no_frame()));
            return self.b.call_rt(rt, args);
        };
        let r = self.b.call_rt_value(twin, args);
        let done = match self.b.ty(r) {
            Type::Ptr => {
                let null = self.b.null();
                self.b.icmp(IntCC::Ne, r, null)
            }
            _ => self.b.icmp_imm(IntCC::SGe, r, 0),
        };
        self.guard_plain(done);
        Some(r)
    }

    /// Leaves with the instruction undone unless a plain entry point has done something.
    pub(super) fn guard_plain(&mut self, done: Value) {
        // What was made for the purpose is nobody's there.
        let mut held = Vec::new();
        self.start.slots(&mut |slot| {
            slot.objects(&mut |o| {
                if o.own == Own::Owned {
                    held.push(o.v);
                }
            });
        });
        let made: Vec<Value> = self.ctx.drops.iter().map(|dropped| dropped.v).filter(|v| !held.contains(v)).collect();
        let state = self.start.state(self.elided_from.unwrap_or(self.ins.pc));
        let exit = self.b.exit_to(ExitKind::Guard(Reason::Python), state, &made);
        self.b.guard(done, true, exit);
    }

    /// An instruction that is one call of an entry point on its operands: pops `n`, calls
    /// (with `extra` arguments first), pushes an object if there is a result.
    pub(super) fn generic(&mut self, rt: RtId, extra: &[Value], n: usize) -> Res<Flow> {
        if rt.effect() == crate::rt::Effect::Python {
            self.before_python()?;
        } else {
            self.promote();
        }
        for d in 0..n {
            self.materialize(d);
        }
        let mut args = extra.to_vec();
        args.extend(self.pop_arguments(n));
        if let Some(r) = self.rt(rt, &args)
            && rt.ret() == Some(Type::Ptr)
        {
            self.push(Val::object(r, Own::Owned));
        }
        Ok(Flow::Next)
    }

    /// Makes a virtual iterator on the stack an object (where something unforeseen happens to it,
    /// the interpreter has to do it), or the instances that a value names. Nothing has been popped yet.
    pub(super) fn materialize(&mut self, depth: usize) {
        if let Val::DictIter { iter, .. } = *self.peek(depth) {
            *self.peek_mut(depth) = Val::Obj(iter);
            return;
        }
        if self.peek(depth).is_iterator() || matches!(self.peek(depth), Val::Keep) {
            // The exit builds it; compiled code never goes on.
            let exit = self.exit_start(Reason::Unsupported);
            let zero = self.b.i32(0);
            self.b.guard(zero, true, exit);
            *self.peek_mut(depth) = Val::Const(self.o.known().none);
        }
        self.make_instances_at(depth);
    }

    /// Whether the instruction has run before; if not, it is an exit.
    pub(super) fn unseen(&self) -> bool {
        !self.o.feedback(self.ctx.frame().code.id, self.ins.op_pc).seen
    }

    pub(super) fn distrusted(&self) -> bool {
        self.o.distrusted(self.start.frame().code.id, self.ins.pc)
    }

    pub(super) fn const_none(&self) -> Val {
        Val::Const(self.o.known().none)
    }
}
