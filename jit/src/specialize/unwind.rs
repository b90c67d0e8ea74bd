//! Exceptions: the way from an instruction that raises to its handler in the same unit, and the instructions of
//! `try`, `raise` and `with`.
//!
//! Only code with a frame handles exceptions, and only those of its own frame, since a traceback names real frames. What
//! raises often inside an inlined function is not inlined any more; a version for compiled callers makes a frame then, and
//! its callers look whether it has raised ([`Contract`](crate::oracle::Contract)). A handler
//! that was never met is no code but an exit. The VM's own stack of handled exceptions is kept as the interpreter keeps
//! it, so that everything in a handler may leave.

use super::abstract_state::{Dropped, Own, Val};
use super::{Flow, Refused, Res, Specializer};
use crate::bytecode::{Handler, Opcode};
use crate::ir::{CtxField, ExitKind, Field, IntCC, ObjId, Reason, Value};
use crate::oracle::AttrRef;
use crate::rt::RtId;

impl Specializer<'_> {
    /// Whether what is raised and not handled can go on to the caller from here.
    fn can_raise_out(&self) -> bool {
        self.has_frame() && (!self.framed || self.raises) && self.can_sync_locals()
    }

    /// Callers have to know what a version often raises.
    fn announce_raises(&self) -> Res {
        if self.has_frame() && self.framed && !self.raises { Err(Refused::Raises) } else { Ok(()) }
    }

    /// The handler of this instruction, if its code is compiled too.
    fn handler(&self) -> Option<Handler> {
        if !self.has_frame() {
            return None;
        }
        let code = &self.ctx.frame().code;
        let handler = *code.handler(self.ins.op_pc)?;
        self.o.handler_met(code.id, handler.target).then_some(handler)
    }

    /// Whether the instruction raises often and somebody handles it.
    fn raises(&self) -> bool {
        self.o.raises(self.ctx.frame().code.id, self.ins.pc)
    }

    /// The entry point just called has raised unless `ok` is nonzero: on to the handler, or out.
    pub(super) fn unless_raised(&mut self, ok: Value) {
        let Some(handler) = self.handler() else {
            let raises = self.raises();
            if raises {
                let why = self.need_frame().and_then(|()| self.announce_raises()).err();
                self.refused = self.refused.take().or(why);
            }
            if raises && self.can_raise_out() {
                let (then, raised) = (self.b.create_block(), self.b.create_block());
                self.b.br(ok, then, &[], raised, &[]);
                self.b.switch_to(raised);
                self.b.set_cold(raised);
                self.aside(|s| {
                    let null = s.b.null();
                    s.raise_out(null);
                    Ok(())
                });
                self.b.switch_to(then);
                return;
            }
            let exit = self.exit_raise();
            self.b.guard(ok, true, exit);
            return;
        };
        let (then, raised) = (self.b.create_block(), self.b.create_block());
        self.b.br(ok, then, &[], raised, &[]);
        self.b.switch_to(raised);
        self.b.set_cold(raised);
        self.aside(|s| {
            let null = s.b.null();
            s.raise(handler, null)
        });
        self.b.switch_to(then);
    }

    /// Leaves for the interpreter to raise (or, with another reason, to do something unusual) unless `ok` is
    /// nonzero; where it is known to raise what is handled here, the instruction is done by its entry point
    /// instead, or nothing is raised at all. `class` is that of the exception, if it can be no other. Gives the proof.
    pub(super) fn check(&mut self, ok: Value, reason: Reason, class: Option<ObjId>) -> Option<Value> {
        if class.is_some_and(|class| self.elide_exception(ok, class)) || self.elided_from.is_some() {
            // Nothing is left to do where it fails.
        } else if self.raises() {
            let handled = self.handler().is_some();
            let why = self.need_frame().and_then(|()| if handled { Ok(()) } else { self.announce_raises() }).err();
            if why.is_some() {
                self.refused = self.refused.take().or(why);
            } else if (handled || self.raises) && self.b.as_i32(ok).is_none() {
                let (then, fails) = (self.b.create_block(), self.b.create_block());
                self.b.br(ok, then, &[], fails, &[]);
                self.b.switch_to(fails);
                self.b.set_cold(fails);
                self.aside(|s| {
                    s.ctx = s.start.clone();
                    if let Flow::End = s.generally()? {
                        return Ok(());
                    }
                    let next = s.ins.next;
                    s.flush_drops(next);
                    s.poll_at(next);
                    s.goto(next)
                });
                self.b.switch_to(then);
            }
        }
        let exit = self.exit_start(reason);
        self.b.guard(ok, true, exit)
    }

    /// Ends the current block by what `f` emits; the abstract state stays as it is for another block.
    pub(super) fn aside(&mut self, f: impl FnOnce(&mut Self) -> Res) {
        let ctx = self.ctx.clone();
        let ins = self.ins;
        let start = self.start.clone();
        let start_exit = self.start_exit.take();
        let called_out = self.called_out;
        if let Err(why) = f(self) {
            self.refused.get_or_insert(why);
        }
        (self.ctx, self.start, self.start_exit, self.called_out) = (ctx, start, start_exit, called_out);
        self.ins = ins;
        self.b.set_place(ins.pc, (self.ctx.frames.len() > 1).then_some(self.ctx.frame().code.id));
    }

    /// The instruction by its entry point.
    fn generally(&mut self) -> Res<Flow> {
        match self.ins.op {
            Opcode::BinaryOp => self.binary_by_entry_point(),
            Opcode::StoreSubscr => self.store_by_entry_point(),
            Opcode::Call => self.call_generic(self.ins.arg as usize, None),
            _ => Ok(self.leave_at_start(Reason::Error)),
        }
    }

    /// Ends the block with the exception that `exc` is, or (null) that an entry point left: it gets its entry in
    /// the traceback and its context.
    fn raise(&mut self, handler: Handler, exc: Value) -> Res {
        let pc = self.b.i32(self.ins.op_pc as i32);
        let exc = self.b.call_rt_value(RtId::Raised, &[exc, pc]);
        let lasti = self.lasti();
        self.unwind(handler, exc, lasti)
    }

    /// What handlers that ask for it find as the place of this instruction.
    fn lasti(&mut self) -> Val {
        Val::Int(self.b.i64(i64::from(self.ins.next) - 1))
    }

    /// Ends the block at a handler, with the owned exception.
    fn unwind(&mut self, handler: Handler, exc: Value, lasti: Val) -> Res {
        while self.ctx.frame().stack.len() > handler.depth as usize {
            let v = self.pop();
            self.drop_val(v);
        }
        if handler.lasti {
            self.push(lasti);
        }
        self.push(Val::object(exc, Own::Owned));
        self.promote_now();
        self.flush_drops(handler.target);
        // What raised may have begun to trace, or started a thread.
        self.poll_at(handler.target);
        self.goto(handler.target)
    }

    pub(super) fn push_exc_info(&mut self) -> Flow {
        let exc = self.pop();
        let v = self.argument(&exc);
        let before = self.b.call_rt_value(RtId::SwapHandled, &[v]);
        self.push(Val::object(before, Own::Owned));
        self.push(exc);
        Flow::Next
    }

    pub(super) fn pop_except(&mut self) -> Res<Flow> {
        let frame = self.has_frame();
        if frame {
            self.before_python()?;
        }
        let before = self.pop();
        let v = self.argument(&before);
        let handled = self.b.call_rt_value(RtId::SwapHandled, &[v]);
        self.drop_val(before);
        self.drop_val(Val::object(handled, Own::Owned));
        if frame {
            self.release_handled();
        }
        Ok(Flow::Next)
    }

    /// Stack: exception, class or tuple of classes.
    pub(super) fn check_exc_match(&mut self) -> Res<Flow> {
        let classes: Option<Vec<_>> = match self.peek(0) {
            Val::Const(c) => Some(vec![*c]),
            other => other.constant_items(),
        };
        let classes = classes.filter(|all| !all.is_empty() && all.iter().all(|c| self.o.exception_class(*c)));
        let Some(classes) = classes else {
            self.before_python()?;
            self.sync_locals();
            let types = self.pop();
            let types_v = self.argument(&types);
            let exc = self.peek(0).clone();
            let exc_v = self.argument(&exc);
            self.drop_val(types);
            let r = self.rt(RtId::ExcMatches, &[exc_v, types_v]).expect("a result");
            self.push(Val::Bool(r));
            return Ok(Flow::Next);
        };
        let exc = self.peek(1).clone();
        let v = self.argument(&exc);
        let mut any = None;
        for class in classes {
            let class = self.b.obj(class);
            let is = self.b.call_rt_value(RtId::ExcMatch, &[v, class]);
            // 2: the class of the exception has its own way to say what it is.
            let exit = self.exit_start(Reason::Unsupported);
            let two = self.b.i32(2);
            self.b.guard_icmp(IntCC::SLt, is, two, exit);
            any = Some(match any {
                None => is,
                Some(other) => self.b.or(other, is),
            });
        }
        let types = self.pop();
        self.drop_val(types);
        self.push(Val::Bool(any.expect("a class")));
        Ok(Flow::Next)
    }

    /// Leaves the function with the exception that `exc` is, or (null) that an entry point left. The frame gets what
    /// tracebacks will show.
    fn raise_out(&mut self, exc: Value) {
        let pc = self.b.i32(self.ins.op_pc as i32);
        let exc = self.b.call_rt_value(RtId::Raised, &[exc, pc]);
        self.promote_now();
        self.flush_globals();
        self.forget_globals();
        self.sync_locals();
        while !self.ctx.frame().stack.is_empty() {
            self.pop_drop(1);
        }
        for dropped in std::mem::take(&mut self.ctx.drops) {
            self.if_there(dropped, |s| s.b.decref(dropped.v, None));
        }
        if self.framed {
            self.b.call_rt(RtId::FrameRaise, &[exc]);
            self.b.leave();
        } else {
            self.b.call_rt(RtId::RaiseOut, &[exc]);
        }
        let null = self.b.null();
        self.b.ret(Some(null));
    }

    /// The interpreter raises what the instruction raises.
    fn leave_raising(&mut self) -> Res<Flow> {
        if self.raises() {
            self.need_frame()?;
            self.announce_raises()?;
        }
        Ok(self.leave_at_start(Reason::Raise))
    }

    /// Whether exceptions have come by the frame, so that tracebacks may hold it when it returns, or somebody else often
    /// holds it then.
    pub(super) fn frame_may_be_held(&self) -> bool {
        let code = &self.ctx.frame().code;
        self.o.returns_held(code.id, self.ins.pc) || code.handlers.iter().any(|h| self.o.handler_met(code.id, h.target))
    }

    /// Returns from a frame that somebody holds, unless `free` is nonzero: as the interpreter
    /// does, with all locals in the frame and its position at this instruction.
    pub(super) fn return_held(&mut self, free: Value) {
        let (then, held) = (self.b.create_block(), self.b.create_block());
        self.b.br(free, then, &[], held, &[]);
        self.b.switch_to(held);
        self.b.set_cold(held);
        self.aside(|s| {
            s.promote_now();
            s.sync_locals();
            let frame = s.b.load_ctx(CtxField::Frame);
            let lasti = s.b.i32(s.ins.op_pc as i32);
            s.b.store(Field::FrameLasti, frame, lasti);
            s.return_now(true).map(|_| ())
        });
        self.b.switch_to(then);
    }

    /// Whether the instruction clears the variable of `except ... as`.
    pub(super) fn is_handled_variable(&self, local: usize) -> bool {
        let code = &self.ctx.frame().code;
        let none = self.o.known().none;
        self.has_frame()
            && matches!(self.peek(0), Val::Const(c) if *c == none)
            && matches!(self.ctx.frame().locals[local], Val::Obj(o) if o.ty.is_none())
            && code.instr(self.ins.next).is_some_and(|i| i.op == Opcode::DeleteFast && i.arg as usize == local)
    }

    /// The exception that a variable held is mostly dead now.
    pub(super) fn clear_handled(&mut self, local: usize) -> Res<Flow> {
        self.before_python()?;
        let none = self.pop();
        self.set_local(local, none);
        self.release_handled();
        Ok(Flow::Next)
    }

    /// Releases what the instruction has dropped by an entry point: an exception holds frames with all their
    /// locals, and to find out whether nobody hears of their death takes longer than to let
    /// them die.
    fn release_handled(&mut self) {
        for dropped in std::mem::take(&mut self.ctx.drops) {
            self.if_there(dropped, |s| {
                s.rt(RtId::Release, &[dropped.v]);
            });
        }
    }

    pub(super) fn reraise(&mut self, depth: usize) -> Res<Flow> {
        let Some(handler) = self.handler() else { return self.leave_raising() };
        let exc = self.pop();
        if !matches!(exc, Val::Obj(_)) {
            self.push(exc);
            return Ok(self.leave_at_start(Reason::Raise));
        }
        // The place of the instruction that raised first, which its handler was given.
        let lasti = if depth == 0 { self.lasti() } else { Self::dup(self.peek(depth - 1)) };
        let v = self.boxed_owned(&exc);
        self.unwind(handler, v, lasti)?;
        Ok(Flow::End)
    }

    pub(super) fn raise_varargs(&mut self, count: usize) -> Res<Flow> {
        let handler = self.handler();
        let direct = handler.is_some() || self.raises() && self.can_raise_out();
        if count > 2 || count == 0 && handler.is_none() || !direct {
            return self.leave_raising();
        }
        self.before_python()?;
        self.sync_locals();
        if count == 0
            && let Some(handler) = handler
        {
            let exc = self.rt(RtId::Handled, &[]).expect("a result");
            let lasti = self.lasti();
            self.unwind(handler, exc, lasti)?;
            return Ok(Flow::End);
        }
        let args = self.pop_arguments(count);
        let cause = match args.get(1) {
            Some(v) => *v,
            None => self.b.null(),
        };
        let exc = self.rt(RtId::MakeException, &[args[0], cause]).expect("a result");
        match handler {
            Some(handler) => self.raise(handler, exc)?,
            None => self.raise_out(exc),
        }
        Ok(Flow::End)
    }

    /// A method that `with` calls, which instances can't replace.
    pub(super) fn load_special(&mut self, which: u32) -> Res<Flow> {
        let Some(name) = self.o.special_method(which) else {
            return Ok(self.leave_at_start(Reason::Unsupported));
        };
        if self.split_classes(0) {
            return Ok(Flow::End);
        }
        let owner = self.expect_type(0);
        if let Some(ty) = owner
            && !self.distrusted()
            && self.o.type_version(ty).is_some()
            && let Some(AttrRef::Method { func: f } | AttrRef::Descriptor { descr: f }) = self.o.attr(ty, name)
        {
            if matches!(self.peek(0), Val::Obj(_)) {
                self.want(0, ty);
            }
            self.guard_version(ty);
            self.materialize(0);
            let owner = self.pop();
            self.push(Val::Const(f));
            self.push(owner);
            return Ok(Flow::Next);
        }
        if owner.is_none() && self.o.observed(self.ctx.frame().code.id, self.ins.pc).is_empty() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        self.before_python()?;
        self.sync_locals();
        self.materialize(0);
        let which = self.b.i32(which as i32);
        Ok(self.load_method_by(RtId::LoadSpecial, which))
    }

    /// Stack: exit function, self or NULL, place, exception handled before, exception.
    pub(super) fn with_except_start(&mut self) -> Res<Flow> {
        self.before_python()?;
        self.sync_locals();
        let (exit, owner) = (self.peek(4).clone(), self.peek(3).clone());
        let (exit, owner) = (self.argument(&exit), self.argument(&owner));
        let r = self.rt(RtId::WithExceptStart, &[exit, owner]).expect("a result");
        self.push(Val::object(r, Own::Owned));
        Ok(Flow::Next)
    }

    pub(super) fn load_common_constant(&mut self, which: u32) -> Flow {
        match self.o.common_constant(which) {
            Some(c) => {
                self.push(Val::Const(c));
                Flow::Next
            }
            None => self.leave_at_start(Reason::Unsupported),
        }
    }

    /// Looks up what a call of an attribute calls, without making a bound method. Goes on where that is a
    /// function that takes the object first; leaves with anything else.
    pub(super) fn load_method_by(&mut self, rt: RtId, name: Value) -> Flow {
        let (owner, made) = self.boxed(&self.peek(0).clone());
        let callable = self.rt(rt, &[owner, name]).expect("a result");
        let bound = self.b.load_ctx(CtxField::Failed);
        let val = self.pop();
        let (then, els) = (self.b.create_block(), self.b.create_block());
        self.b.br(bound, els, &[], then, &[]);
        let before = self.ctx.clone();
        self.b.switch_to(els);
        self.push(Val::object(callable, Own::Owned));
        self.push(Val::Null);
        if made {
            self.ctx.drops.push(Dropped::object(owner, None));
        }
        self.drop_val(val.clone());
        let state = self.ctx.state(self.ins.pc);
        let drops = self.dropped();
        let exit = self.b.exit_to(ExitKind::After(Reason::Value), state, &drops);
        self.b.exit(exit);
        self.ctx = before;
        self.b.switch_to(then);
        self.push(Val::object(callable, Own::Owned));
        self.push(if made { Val::object(owner, Own::Owned) } else { val });
        Flow::Next
    }
}
