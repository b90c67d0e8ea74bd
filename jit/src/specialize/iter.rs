//! Iteration: the steps of iterators that compiled code knows; the rest goes through an entry point.
//!
//! Where those iterators come from is in [`super::iterators`].

use super::abstract_state::{Own, Val, View};
use super::{Flow, Res, Specializer};
use crate::bytecode::Opcode;
use crate::ir::{CtxField, ElemKind, Field, IntCC, Reason, SeqKind, Value, VirtualKind};
use crate::oracle::Sample;
use crate::rt::RtId;

impl Specializer<'_> {
    pub(super) fn get_iter(&mut self) -> Res<Flow> {
        if self.peek(0).is_iterator() {
            return Ok(Flow::Next);
        }
        // A generator expression is called with the iterator.
        if self.ctx.frame().code.instr(self.ins.next).is_some_and(|i| i.op == Opcode::Call) {
            return self.generic(RtId::GetIter, &[], 1);
        }
        if let Some(ty) = self.ty_of(self.peek(0)).or_else(|| self.iterable_type())
            && let Some(iter) = self.iterator(0, ty)
        {
            let iterable = self.pop();
            self.take_over(iterable, &iter);
            self.push(iter);
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
            ref iter if iter.is_iterator() => {
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

    /// One step of a virtual iterator: whether there is an item, which, and the iterator after it. Nothing is
    /// written yet: where another iterator of a `zip` is at its end, no item is taken from this one.
    fn advance(&mut self, it: &Val) -> Option<(Value, Item, Val)> {
        let v = match it {
            Val::Virtual(v) => v,
            Val::DictIter { view, iter } => {
                let dict = self.b.load(Field::DictIterDict, iter.v, None);
                self.not_globals(dict, false);
                let index = self.b.call_rt_value(RtId::DictIterPeek, &[iter.v]);
                let exit = self.exit_start(Reason::Iteration);
                let end = self.b.i64(-1);
                self.b.guard_icmp(IntCC::SGe, index, end, exit);
                let more = self.b.icmp_imm(IntCC::SGe, index, 0);
                return Some((more, Item::Entry { view: *view, iter: iter.v, dict, index, sample: iter.sample }, it.clone()));
            }
            _ => return None,
        };
        let (more, item, numbers, parts) = match (v.kind, &v.numbers[..]) {
            (VirtualKind::RangeIter, &[next, left, step]) => {
                let zero = self.b.i64(0);
                let more = self.b.icmp(IntCC::SGt, left, zero);
                let one = self.b.i64(1);
                let after = vec![self.b.add(next, step), self.b.sub(left, one), step];
                (more, Item::Val(Val::Int(next)), after, vec![])
            }
            (VirtualKind::SeqIter(kind), &[index]) => {
                let (place, len) = self.walked(kind, &v.parts[0])?;
                let more = self.b.icmp(IntCC::ULt, index, len);
                let one = self.b.i64(1);
                let after = vec![self.b.add(index, one)];
                (more, Item::Elem(place, index), after, v.parts.clone())
            }
            (VirtualKind::ReverseIter(kind), &[left]) => {
                let (place, len) = self.walked(kind, &v.parts[0])?;
                let one = self.b.i64(1);
                let index = self.b.sub(left, one);
                // Also false at the end, and where the list has become too short.
                let more = self.b.icmp(IntCC::ULt, index, len);
                (more, Item::Elem(place, index), vec![index], v.parts.clone())
            }
            (VirtualKind::Zip, _) => {
                let mut all = None;
                let (mut items, mut after) = (Vec::new(), Vec::new());
                for iter in &v.parts {
                    let (more, item, advanced) = self.advance(iter)?;
                    all = Some(match all {
                        Some(before) => self.b.and(before, more),
                        None => more,
                    });
                    items.push(item);
                    after.push(advanced);
                }
                (all?, Item::Tuple(items), vec![], after)
            }
            (VirtualKind::Enumerate, &[count]) => {
                let (more, item, inner) = self.advance(&v.parts[0])?;
                let one = self.b.i64(1);
                let exit = self.exit_start(Reason::Overflow);
                let after = self.b.add_ovf(count, one, exit);
                (more, Item::Tuple(vec![Item::Val(Val::Int(count)), item]), vec![after], vec![inner])
            }
            _ => return None,
        };
        Some((more, item, Val::in_parts(v.kind, &numbers, parts)))
    }

    /// Where an iterator over a sequence has its items, and how many there are.
    fn walked(&mut self, kind: SeqKind, seq: &Val) -> Option<(Elements, Value)> {
        let k = *self.o.known();
        let (ty, len, ptr, elem) = match kind {
            SeqKind::List => (k.list, Field::ListLen, Field::ListPtr, ElemKind::ListItem),
            SeqKind::Tuple => (k.tuple, Field::TupleLen, Field::TuplePtr, ElemKind::TupleItem),
            SeqKind::Str => (k.str_, Field::StrBytes, Field::StrPtr, ElemKind::Byte),
        };
        let (v, tok) = match seq {
            Val::Obj(o) => (o.v, self.guard_type(o.v, ty)),
            Val::Const(c) => (self.b.obj(*c), None),
            _ => return None,
        };
        let elements = Elements { elem, seq: v, ptr, tok, sample: self.sample_of(seq) };
        Some((elements, self.b.load(len, v, tok)))
    }

    /// Loads the item, in the block where there is one.
    fn item_value(&mut self, item: &Item) -> Val {
        match item {
            Item::Val(v) => v.clone(),
            Item::Elem(Elements { elem, seq, ptr, tok, sample }, index) => {
                let base = self.b.load(*ptr, *seq, *tok);
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
            Item::Entry { view, iter, dict, index, sample } => {
                let one = self.b.i64(1);
                let next = self.b.add(*index, one);
                self.b.store(Field::DictIterPosition, *iter, next);
                let entries = self.b.load(Field::DictEntries, *dict, None);
                let samples = sample.and_then(|s| self.o.sample_entry(s));
                let mut load = |kind, sample| {
                    let mut item = self.load_item(kind, entries, *index, None);
                    if let Val::Obj(o) = &mut item {
                        o.sample = sample;
                    }
                    item
                };
                match view {
                    View::Keys => load(ElemKind::DictKey, samples.map(|s| s.0)),
                    View::Values => load(ElemKind::DictValue, samples.map(|s| s.1)),
                    View::Items => {
                        let key = load(ElemKind::DictKey, samples.map(|s| s.0));
                        let value = load(ElemKind::DictValue, samples.map(|s| s.1));
                        Val::tuple(vec![key, value])
                    }
                }
            }
            Item::Tuple(items) => Val::tuple(items.iter().map(|item| self.item_value(item)).collect()),
        }
    }
}

/// The elements of a sequence.
struct Elements {
    elem: ElemKind,
    seq: Value,
    ptr: Field,
    tok: Option<Value>,
    sample: Option<Sample>,
}

/// How to get the item of a step.
enum Item {
    Val(Val),
    /// At an index.
    Elem(Elements, Value),
    /// An entry of a dict; taking it moves the iterator on.
    Entry {
        view: View,
        iter: Value,
        dict: Value,
        index: Value,
        sample: Option<Sample>,
    },
    Tuple(Vec<Item>),
}
