//! Exceptions that nobody could see: raised by a failed check, caught by class, and forgotten by a handler that only moves
//! values and computes with numbers.
//!
//! ```python
//! try:
//!     v = d[k]
//! except KeyError:
//!     v = 0
//! ```
//!
//! There is no exception, no traceback and no frame then, only a jump; so inlined functions and versions for compiled callers
//! have this too. What such a handler does has no effect before it is done: where a guard in it fails, the interpreter
//! runs the instruction that raises.

use super::abstract_state::{Own, Val};
use super::{Flow, Res, Specializer};
use crate::bytecode::{CodeInfo, Handler, Instr, Opcode};
use crate::ir::{ObjId, Reason, Value};

/// Handlers with more instructions than this are compiled as such.
const MOST_INSTRUCTIONS: usize = 24;

impl Specializer<'_> {
    /// Goes on where `ok` is nonzero, and to the end of the handler of an exception of class `raised` else; false, with
    /// nothing done, where there is no handler that could be left out.
    pub(super) fn elide_exception(&mut self, ok: Value, raised: ObjId) -> bool {
        if self.elided_from.is_some() || self.b.as_i32(ok).is_some() {
            return false;
        }
        let Some((depth, handler)) = self.nearest_handler() else { return false };
        let code = self.start.frames[depth].code.clone();
        let Some((class, body)) = self.elidable(&code, depth, handler, raised) else { return false };
        let (then, caught) = (self.b.create_block(), self.b.create_block());
        self.b.br(ok, then, &[], caught, &[]);
        self.b.switch_to(caught);
        self.aside(|s| {
            s.ctx = s.start.clone();
            s.elided_from = Some(s.ins.pc);
            let result = s.run_elided(depth, handler, class, &body);
            s.elided_from = None;
            result
        });
        self.b.switch_to(then);
        true
    }

    /// The handler of this instruction that has been met, and the index of its frame.
    fn nearest_handler(&self) -> Option<(usize, Handler)> {
        let frames = &self.start.frames;
        let last = frames.len() - 1;
        frames
            .iter()
            .enumerate()
            .rev()
            .find_map(|(i, f)| {
                let pc = if i == last { self.ins.op_pc } else { f.code.instr(f.call_pc)?.op_pc };
                let handler = *f.code.handler(pc)?;
                Some((i, handler))
            })
            .filter(|(i, h)| !h.lasti && self.o.handler_met(frames[*i].code.id, h.target))
    }

    /// The class that a handler takes, and its instructions as far as they are run for an exception of class `raised`: what
    /// loads the class, and from the one after the test to `POP_EXCEPT`. `None` if somebody could see the exception.
    fn elidable(&self, code: &CodeInfo, depth: usize, handler: Handler, raised: ObjId) -> Option<(ObjId, Vec<Instr>)> {
        use Opcode::*;
        let first = *code.at.get(handler.target as usize)? as usize;
        let all = code.instrs.get(first..)?;
        let [push, load, check, jump, rest @ ..] = all else { return None };
        if [push.op, load.op, check.op, jump.op] != [PushExcInfo, LoadGlobal, CheckExcMatch, PopJumpIfFalse] || load.arg & 1 != 0
        {
            return None;
        }
        let frame = &self.start.frames[depth];
        let found = self.o.global(frame.globals, frame.builtins, code.names[(load.arg >> 1) as usize])?;
        let class = found.value?;
        if !self.o.catches(class, raised) || self.o.distrusted(code.id, load.pc) {
            return None;
        }
        let skipped = rest.iter().take_while(|i| matches!(i.op, NotTaken | Nop)).count();
        // The exception is not kept.
        let [pop, rest @ ..] = &rest[skipped..] else { return None };
        if pop.op != PopTop {
            return None;
        }
        let end = rest.iter().take(MOST_INSTRUCTIONS).position(|i| i.op == PopExcept)?;
        let body = &rest[..=end];
        // Whether the values on the stack and in variables are numbers: arithmetic with them has no effect.
        let is_number = |val: &Val| matches!(val, Val::Int(_) | Val::Float(_) | Val::Bool(_) | Val::Maybe { .. });
        let mut variables: Vec<bool> = frame.locals.iter().map(is_number).collect();
        let mut stack: Vec<bool> = Vec::new();
        for i in body {
            let arg = i.arg as usize;
            match i.op {
                Nop | NotTaken | PopExcept => {}
                LoadSmallInt => stack.push(true),
                LoadConst => {
                    let c = *code.consts.get(arg)?;
                    stack.push(self.o.int(c).is_some() || self.o.float(c).is_some());
                }
                LoadFast | LoadFastBorrow => stack.push(*variables.get(arg)?),
                LoadFastLoadFast | LoadFastBorrowLoadFastBorrow => {
                    stack.push(*variables.get(arg >> 4)?);
                    stack.push(*variables.get(arg & 15)?);
                }
                // A variable that is in the live frame would be moved out of it, and the death of an object may be
                // noticed while the exception is handled.
                StoreFast if frame.home.get(arg) != Some(&true) && self.dies_unnoticed(frame.locals.get(arg)?) => {
                    *variables.get_mut(arg)? = stack.pop()?;
                }
                BinaryOp if !self.o.distrusted(code.id, i.pc) && stack.pop()? && stack.pop()? => stack.push(true),
                _ => return None,
            }
        }
        let mut out = vec![*load];
        out.extend(body);
        Some((class, out))
    }

    /// Whether nothing can happen when a variable with this value gets another.
    fn dies_unnoticed(&self, val: &Val) -> bool {
        match val {
            Val::MaybeObj { ty, .. } => self.harmless(*ty),
            val => {
                let mut unnoticed = true;
                val.objects(&mut |o| unnoticed &= o.own != Own::Owned || self.harmless(o.ty));
                unnoticed
            }
        }
    }

    fn run_elided(&mut self, depth: usize, handler: Handler, class: ObjId, body: &[Instr]) -> Res {
        while self.ctx.frames.len() > depth + 1 {
            let frame = self.ctx.frames.pop().expect("more than one");
            if frame.counted {
                self.b.leave();
            }
            for val in frame.stack.into_iter().chain(frame.locals) {
                self.drop_val(val);
            }
        }
        self.ctx.frame_mut().call_pc = 0;
        while self.ctx.frame().stack.len() > handler.depth as usize {
            self.pop_drop(1);
        }
        let code = self.ctx.frame().code.id;
        for ins in body {
            self.instrs += 1;
            self.ins = *ins;
            self.b.set_place(ins.pc, (depth > 0).then_some(code));
            let number = |s: &Self, d: usize| matches!(s.peek(d), Val::Int(_) | Val::Float(_) | Val::Bool(_));
            let flow = match ins.op {
                Opcode::PopExcept => break,
                Opcode::BinaryOp if !(number(self, 0) && number(self, 1)) || self.o.distrusted(code, ins.pc) => {
                    self.leave_at_start(Reason::Unsupported)
                }
                _ => self.step()?,
            };
            if let Flow::End = flow {
                return Ok(());
            }
            if ins.op == Opcode::LoadGlobal {
                if !matches!(self.peek(0), Val::Const(c) if *c == class) {
                    self.leave_at_start(Reason::Unsupported);
                    return Ok(());
                }
                // What the test of it gives is known.
                self.pop_drop(1);
            }
        }
        self.elided_from = None;
        let next = self.ins.next;
        self.flush_drops(next);
        self.goto(next)
    }
}
