//! Iteration: ranges and sequences stay virtual, the rest goes through an entry point.

use super::context::{ObjVal, Own, Val};
use super::{Flow, Res, Spec};
use crate::bytecode::Opcode;
use crate::ir::{CtxField, ElemKind, ExitId, Field, IntCC, Reason, SeqKind, Value};
use crate::rt::RtId;

impl Spec<'_> {
    /// A range iterator that only the live frame's stack holds, as a virtual one.
    pub(super) fn entry_range(&mut self, v: Value, tok: Option<Value>, counting: bool, exit: ExitId) -> Val {
        let unique = self.b.is_unique(v);
        let tok2 = self.b.guard(unique, true, exit);
        let tok = tok2.or(tok);
        let start = self.b.load(Field::RangeIterStart, v, tok);
        let step = self.b.load(Field::RangeIterStep, v, tok);
        let index = self.b.load(Field::RangeIterIndex, v, tok);
        let len = self.b.load(Field::RangeIterLen, v, tok);
        let left = self.b.sub(len, index);
        if !counting {
            let off = self.b.mul(index, step);
            return Val::Range { next: self.b.add(start, off), left, step };
        }
        let one = self.b.i64(1);
        self.b.guard_icmp(IntCC::Eq, step, one, exit);
        let next = self.b.add(start, index);
        let far = self.b.i64(super::FAR);
        for bounded in [next, left] {
            self.b.guard_icmp(IntCC::ULt, bounded, far, exit);
        }
        Val::Range { next, left, step: one }
    }

    /// The same for an iterator over an exact list, or an exact str of ASCII characters.
    pub(super) fn entry_sequence(&mut self, v: Value, tok: Option<Value>, kind: SeqKind, exit: ExitId) -> Val {
        let k = *self.o.known();
        let (seq, index, ty) = match kind {
            SeqKind::Str => (Field::StrIterStr, Field::StrIterIndex, k.str_),
            _ => (Field::ListIterList, Field::ListIterIndex, k.list),
        };
        let unique = self.b.is_unique(v);
        let tok = self.b.guard(unique, true, exit).or(tok);
        let seq = self.b.load(seq, v, tok);
        let null = self.b.null();
        let tok = self.b.guard_icmp(IntCC::Ne, seq, null, exit);
        let t = self.b.load(Field::ObjType, seq, tok);
        let tok = self.b.guard_is(t, ty, exit);
        if kind == SeqKind::Str {
            self.guard_ascii(seq, tok, exit);
        }
        let index = self.b.load(index, v, tok);
        let seq = Val::Obj(ObjVal { v: seq, ty: Some(ty), tok, own: Own::Kept, sample: None });
        Val::Seq { kind, seq: Box::new(seq), index }
    }

    pub(super) fn get_iter(&mut self) -> Res<Flow> {
        let k = *self.o.known();
        let val = self.peek(0).clone();
        match val {
            Val::Range { .. } | Val::Seq { .. } | Val::Enumerate { .. } => return Ok(Flow::Next),
            _ => {}
        }
        let kind = match self.ty_of(&val).or_else(|| self.iterable_type()) {
            Some(t) if t == k.list => Some((SeqKind::List, t)),
            Some(t) if t == k.tuple => Some((SeqKind::Tuple, t)),
            Some(t) if t == k.str_ && !self.distrusted() => Some((SeqKind::Str, t)),
            _ => None,
        };
        if kind.is_some_and(|(k, _)| k == SeqKind::Str) {
            // Bytes are characters where all are ASCII.
            self.ascii_operand(0);
        }
        if let Some((kind, t)) = kind
            && matches!(val, Val::Obj(_) | Val::Tuple(_) | Val::Const(_))
        {
            if let Val::Obj(o) = &val {
                self.guard_type(o.v, t);
            }
            let mut seq = self.pop();
            if matches!(seq, Val::Tuple(_)) {
                let v = self.boxed_owned(&seq);
                seq = Val::typed(v, t, Own::Owned);
            }
            let index = self.b.i64(0);
            self.push(Val::Seq { kind, seq: Box::new(seq), index });
            return Ok(Flow::Next);
        }
        self.generic(RtId::GetIter, &[], 1)
    }

    /// What the loop that follows has iterated over.
    fn iterable_type(&self) -> Option<crate::ir::ObjId> {
        let k = self.o.known();
        if let Some(t) = self.expect_type(0) {
            return Some(t);
        }
        let code = self.ctx.frame().code.clone();
        let next = code.instr(self.ins.next)?;
        if next.op != Opcode::ForIter {
            return None;
        }
        match self.o.feedback(code.id, next.op_pc).op {
            Opcode::ForIterList => Some(k.list),
            Opcode::ForIterTuple => Some(k.tuple),
            _ => None,
        }
    }

    pub(super) fn for_iter(&mut self) -> Res<Flow> {
        let ins = self.ins;
        let mut target = ins.target().expect("a jump");
        let code = self.ctx.frame().code.clone();
        if code.instr(target).is_some_and(|i| i.op == Opcode::EndFor) {
            target = code.instr(target).expect("checked").next;
        }
        let val = self.peek(0).clone();
        match val {
            Val::Range { .. } | Val::Seq { .. } | Val::Enumerate { .. } => {
                let Some((more, item, advanced)) = self.advance(&val) else {
                    return Ok(self.leave_at_start(Reason::Iteration));
                };
                let (then, els) = (self.b.create_block(), self.b.create_block());
                self.b.br(more, then, &[], els, &[]);
                let ctx = self.ctx.clone();
                self.b.switch_to(els);
                self.goto(target)?;
                self.ctx = ctx;
                self.b.switch_to(then);
                let item = self.item_value(&item);
                *self.peek_mut(0) = advanced;
                self.push(item);
                self.goto(ins.next)?;
                Ok(Flow::End)
            }
            Val::Keep | Val::Null => Ok(self.leave_at_start(Reason::Iteration)),
            _ => {
                self.before_python()?;
                self.sync_locals();
                let (v, _) = self.boxed(&val);
                let r = self.b.call_rt_value(RtId::IterNext, &[v]);
                self.after_python();
                let null = self.b.null();
                let more = self.b.icmp(IntCC::Ne, r, null);
                let (then, els) = (self.b.create_block(), self.b.create_block());
                self.b.br(more, then, &[], els, &[]);
                let ctx = self.ctx.clone();
                self.b.switch_to(els);
                // The interpreter pops the iterator before it handles the exception.
                let it = self.pop();
                self.drop_val(it.clone());
                let failed = self.b.load_ctx(CtxField::Failed);
                let ok = self.b.not(failed);
                self.unless_raised(ok);
                self.ctx = ctx.clone();
                self.goto(target)?;
                self.ctx = ctx;
                self.b.switch_to(then);
                self.push(Val::object(r, Own::Owned));
                self.goto(ins.next)?;
                Ok(Flow::End)
            }
        }
    }

    /// One step of a virtual iterator: whether there is an item, which, and the iterator after it.
    fn advance(&mut self, it: &Val) -> Option<(Value, Item, Val)> {
        let k = *self.o.known();
        match it {
            Val::Range { next, left, step } => {
                let zero = self.b.i64(0);
                let more = self.b.icmp(IntCC::SGt, *left, zero);
                let one = self.b.i64(1);
                let after = Val::Range {
                    next: self.b.add(*next, *step),
                    left: self.b.sub(*left, one),
                    step: *step,
                };
                Some((more, Item::Val(Val::Int(*next)), after))
            }
            Val::Seq { kind, seq, index } => {
                let ty = match kind {
                    SeqKind::List => k.list,
                    SeqKind::Tuple => k.tuple,
                    SeqKind::Str => k.str_,
                };
                let (v, tok) = match &**seq {
                    Val::Obj(o) => (o.v, self.guard_type(o.v, ty)),
                    Val::Const(c) => (self.b.obj(*c), None),
                    _ => return None,
                };
                let (len_field, ptr_field, elem) = match kind {
                    SeqKind::List => (Field::ListLen, Field::ListPtr, ElemKind::ListItem),
                    SeqKind::Tuple => (Field::TupleLen, Field::TuplePtr, ElemKind::TupleItem),
                    SeqKind::Str => (Field::StrBytes, Field::StrPtr, ElemKind::Byte),
                };
                let len = self.b.load(len_field, v, tok);
                let more = self.b.icmp(IntCC::ULt, *index, len);
                let one = self.b.i64(1);
                let after = Val::Seq { kind: *kind, seq: seq.clone(), index: self.b.add(*index, one) };
                Some((more, Item::Elem { elem, seq: v, ptr_field, tok, index: *index, sample: self.sample_of(seq) }, after))
            }
            Val::Enumerate { iter, count } => {
                let (more, item, inner) = self.advance(iter)?;
                let one = self.b.i64(1);
                let exit = self.exit_start(Reason::Overflow);
                let after =
                    Val::Enumerate { iter: Box::new(inner), count: self.b.add_ovf(*count, one, exit) };
                Some((more, Item::Pair(*count, Box::new(item)), after))
            }
            _ => None,
        }
    }

    /// Loads the item, in the block where there is one.
    fn item_value(&mut self, item: &Item) -> Val {
        match item {
            Item::Val(v) => v.clone(),
            Item::Elem { elem, seq, ptr_field, tok, index, sample } => {
                let base = self.b.load(*ptr_field, *seq, *tok);
                if *elem == ElemKind::Byte {
                    let code = self.b.load_elem(*elem, base, *index, *tok);
                    return self.character(code);
                }
                let mut item = self.load_item(*elem, base, *index, *tok);
                if let Val::Obj(o) = &mut item {
                    o.sample = sample.and_then(|s| self.o.sample_item(s));
                }
                item
            }
            Item::Pair(count, item) => {
                let inner = self.item_value(item);
                Val::Tuple(vec![Val::Int(*count), inner])
            }
        }
    }

    /// `enumerate(x)` of something that iterates virtually, right before `GET_ITER`.
    pub(super) fn virtual_enumerate(&mut self, iterable: &Val) -> Option<Val> {
        let k = *self.o.known();
        let iter = match iterable {
            Val::Range { .. } => iterable.clone(),
            Val::Obj(o) if o.ty == Some(k.list) || o.ty == Some(k.tuple) => {
                let kind = if o.ty == Some(k.list) { SeqKind::List } else { SeqKind::Tuple };
                let index = self.b.i64(0);
                Val::Seq { kind, seq: Box::new(Val::Obj(*o)), index }
            }
            _ => return None,
        };
        Some(Val::Enumerate { iter: Box::new(iter), count: self.b.i64(0) })
    }
}

/// How to get the item of a step.
enum Item {
    Val(Val),
    Elem {
        elem: ElemKind,
        seq: Value,
        ptr_field: Field,
        tok: Option<Value>,
        index: Value,
        sample: Option<crate::oracle::Sample>,
    },
    Pair(Value, Box<Item>),
}
