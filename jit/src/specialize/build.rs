//! Making containers, taking them apart, formatting.

use super::abstract_state::{ObjVal, Own, Val};
use super::{Flow, Res, Specializer};
use crate::ir::{ElemKind, Field, ObjId, Reason, SeqKind, Value, VirtualKind};
use crate::rt::{Effect, RtId};
use crate::runtime_context::SCRATCH_WORDS;

/// Longer tuples are objects.
pub(super) const VIRTUAL_ITEMS: usize = 8;

impl Specializer<'_> {
    /// Small tuples stay virtual.
    pub(super) fn build_tuple(&mut self, n: usize) -> Res<Flow> {
        if n > VIRTUAL_ITEMS {
            return self.build_sequence(RtId::BuildTuple, n);
        }
        for d in 0..n {
            self.materialize(d);
        }
        let at = self.ctx.frame().stack.len() - n;
        let items = self.ctx.frame_mut().stack.split_off(at);
        self.push(Val::tuple(items));
        Ok(Flow::Next)
    }

    /// So do small lists that are filled for a tuple, or multiplied.
    pub(super) fn build_list(&mut self, n: usize) -> Res<Flow> {
        if n > VIRTUAL_ITEMS || !self.ctx.frame().code.is_list_used_up(self.ins.pc) {
            return self.build_sequence(RtId::BuildList, n);
        }
        self.build_tuple(n)?;
        let items = self.pop();
        let items = items.tuple_items().expect("a tuple was built");
        self.push(Val::in_parts(VirtualKind::List, &[], items.into()));
        Ok(Flow::Next)
    }

    /// The items of the small tuple or list at `depth`, borrowed from it, where their number is known or expected.
    pub(super) fn items_of(&mut self, depth: usize) -> Option<Vec<Val>> {
        match self.peek(depth).clone() {
            Val::Virtual(v) if v.kind == VirtualKind::Tuple => Some(v.parts.clone()),
            Val::Const(c) => {
                let items = self.o.tuple(c).filter(|items| items.len() <= VIRTUAL_ITEMS)?;
                Some(items.into_iter().map(|item| self.constant(item)).collect())
            }
            Val::Obj(o) if !self.distrusted() => {
                let k = *self.o.known();
                let samples = self.o.sample_items(o.sample?, VIRTUAL_ITEMS)?;
                let ty = o.ty.unwrap_or_else(|| self.o.sample_type(o.sample.expect("checked")).ty);
                if ty != k.list && ty != k.tuple {
                    return None;
                }
                self.want(depth, ty);
                let Val::Obj(o) = *self.peek(depth) else { return None };
                let items = self.exactly(&o, ty, samples.len(), Reason::Value);
                Some(items.into_iter().zip(samples).map(|(item, sample)| Self::sampled(item, sample)).collect())
            }
            _ => None,
        }
    }

    /// Drops what [`Self::items_of`] has given the items of: those of a virtual tuple have moved.
    pub(super) fn drop_emptied(&mut self, seq: Val) {
        if !seq.is_tuple() {
            self.drop_val(seq);
        }
    }

    fn sampled(mut item: Val, sample: crate::oracle::Sample) -> Val {
        if let Val::Obj(o) = &mut item {
            o.sample = Some(sample);
        }
        item
    }

    /// The items of a list or tuple (`ty`), which must have `n`, borrowed from it.
    fn exactly(&mut self, seq: &ObjVal, ty: ObjId, n: usize, reason: Reason) -> Vec<Val> {
        let (len, ptr, elem) = if ty == self.o.known().list {
            (Field::ListLen, Field::ListPtr, ElemKind::ListItem)
        } else {
            (Field::TupleLen, Field::TuplePtr, ElemKind::TupleItem)
        };
        let len = self.b.load(len, seq.v, seq.tok);
        let exit = self.exit_start(reason);
        let want = self.b.i64(n as i64);
        let tok = self.b.guard_icmp(crate::ir::IntCC::Eq, len, want, exit);
        let base = self.b.load(ptr, seq.v, seq.tok);
        (0..n)
            .map(|i| {
                let index = self.b.i64(i as i64);
                self.load_item(elem, base, index, tok)
            })
            .collect()
    }

    /// Containers whose entry point takes `n` items (pairs, for a map) from the scratch words.
    pub(super) fn build_sequence(&mut self, rt: RtId, n: usize) -> Res<Flow> {
        let count = if rt == RtId::BuildMap { 2 * n } else { n };
        if count > SCRATCH_WORDS {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        if rt.effect() == Effect::Python && n > 0 {
            self.before_python()?;
        }
        for d in 0..count {
            self.materialize(d);
        }
        let at = self.ctx.frame().stack.len() - count;
        let items = self.ctx.frame_mut().stack.split_off(at);
        // The objects first: making one may use the scratch words.
        let vals: Vec<_> = items.iter().map(|v| self.boxed_owned(v)).collect();
        for (i, v) in vals.iter().enumerate() {
            self.b.store_scratch(i as u32, *v);
        }
        let nv = self.b.i32(n as i32);
        let r = self.rt(rt, &[nv]).expect("a result");
        let k = self.o.known();
        let ty = match rt {
            RtId::BuildList => k.list,
            RtId::BuildTuple => k.tuple,
            RtId::BuildSet => k.set,
            RtId::BuildMap => k.dict,
            _ => k.str_,
        };
        self.push(Val::typed(r, ty, Own::Owned));
        Ok(Flow::Next)
    }

    pub(super) fn build_slice(&mut self, n: usize) -> Res<Flow> {
        if n == 3 && self.slice_at_once()? {
            return Ok(Flow::End);
        }
        for d in 0..n {
            self.materialize(d);
        }
        let mut args = self.pop_arguments(n);
        if n == 2 {
            args.push(self.b.obj(self.o.known().none));
        }
        let r = self.b.call_rt_value(RtId::BuildSlice, &args);
        self.push(Val::typed(r, self.o.known().slice, Own::Owned));
        Ok(Flow::Next)
    }

    pub(super) fn unpack_sequence(&mut self, n: usize) -> Res<Flow> {
        let k = *self.o.known();
        if let Some(items) = self.peek(0).tuple_items().map(<[Val]>::to_vec) {
            if items.len() != n {
                return Ok(self.leave_at_start(Reason::Error));
            }
            self.pop();
            for item in items.into_iter().rev() {
                self.push(item);
            }
            return Ok(Flow::Next);
        }
        if let Val::Const(c) = *self.peek(0)
            && let Some(items) = self.o.tuple(c)
            && items.len() == n
        {
            self.pop();
            for item in items.into_iter().rev() {
                let v = self.constant(item);
                self.push(v);
            }
            return Ok(Flow::Next);
        }
        use crate::bytecode::Opcode::*;
        let fb = self.o.feedback(self.ctx.frame().code.id, self.ins.op_pc);
        let hint = match fb.op {
            UnpackSequenceTuple | UnpackSequenceTwoTuple => Some(k.tuple),
            UnpackSequenceList => Some(k.list),
            _ => None,
        };
        let ty = self.ty_of(self.peek(0)).or_else(|| self.expect_type(0)).or(hint);
        let kind = match ty {
            Some(t) if t == k.tuple => SeqKind::Tuple,
            Some(t) if t == k.list => SeqKind::List,
            _ => {
                if self.unseen() && self.o.observed(self.ctx.frame().code.id, self.ins.pc).is_empty() {
                    return Ok(self.leave_at_start(Reason::Unseen));
                }
                let count = self.b.i32(n as i32);
                return self.unpack(RtId::UnpackSequence, &[count], n);
            }
        };
        let ty = ty.expect("matched");
        self.want(0, ty);
        let Val::Obj(o) = self.peek(0).clone() else {
            return Ok(self.leave_at_start(Reason::Type));
        };
        let mut items = self.exactly(&o, ty, n, Reason::Error);
        // The items of a tuple need not be alike.
        if kind == SeqKind::List
            && let Some(sample) = o.sample.and_then(|s| self.o.sample_item(s))
        {
            items = items.into_iter().map(|item| Self::sampled(item, sample)).collect();
        }
        let seq = self.pop();
        let temporary = matches!(&seq, Val::Obj(o) if o.own == Own::Owned);
        self.drop_val(seq);
        for item in items.into_iter().rev() {
            self.push(item);
        }
        if temporary {
            self.promote_now();
        }
        Ok(Flow::Next)
    }

    /// `LIST_APPEND i`: the list is `i` below the item.
    pub(super) fn list_append_op(&mut self, i: usize) -> Res<Flow> {
        self.materialize(0);
        if self.peek(i).parts_of(VirtualKind::List).is_some_and(|items| items.len() < VIRTUAL_ITEMS) {
            let item = self.pop();
            if let Some(items) = self.peek_mut(i - 1).parts_of_mut(VirtualKind::List) {
                items.push(item);
            }
            return Ok(Flow::Next);
        }
        self.promote();
        let list = match self.peek(i).clone() {
            Val::Obj(o) => o.v,
            Val::Virtual(v) if v.kind == VirtualKind::List => self.make_list(i),
            _ => return Ok(self.leave_at_start(Reason::Unsupported)),
        };
        let item = self.pop();
        let v = self.boxed_owned(&item);
        self.b.call_rt(RtId::ListAppend, &[list, v]);
        Ok(Flow::Next)
    }

    pub(super) fn list_extend_op(&mut self, i: usize) -> Res<Flow> {
        if let Some(before) = self.peek(i).parts_of(VirtualKind::List).map(<[Val]>::len)
            && let Some(more) = self.items_of(0)
            && before + more.len() <= VIRTUAL_ITEMS
        {
            let seq = self.pop();
            if let Some(items) = self.peek_mut(i - 1).parts_of_mut(VirtualKind::List) {
                items.extend(more);
            }
            // The items of a list may be replaced while this list is filled; and those of a temporary tuple go with it.
            self.promote_now();
            self.drop_emptied(seq);
            return Ok(Flow::Next);
        }
        self.before_python()?;
        self.materialize(0);
        let list = match self.peek(i).clone() {
            Val::Virtual(v) if v.kind == VirtualKind::List => self.make_list(i),
            other => self.boxed(&other).0,
        };
        let args = self.pop_arguments(1);
        self.rt(RtId::ListExtend, &[list, args[0]]);
        Ok(Flow::Next)
    }

    /// Makes the virtual list at `depth` an object.
    fn make_list(&mut self, depth: usize) -> Value {
        let list = std::mem::replace(self.peek_mut(depth), Val::Null);
        let v = self.boxed_owned(&list);
        *self.peek_mut(depth) = Val::typed(v, self.o.known().list, Own::Owned);
        self.resync();
        v
    }

    pub(super) fn set_add_op(&mut self, i: usize) -> Res<Flow> {
        self.before_python()?;
        self.materialize(0);
        let (set, _) = self.boxed(&self.peek(i).clone());
        let args = self.pop_arguments(1);
        self.rt(RtId::SetAdd, &[set, args[0]]);
        Ok(Flow::Next)
    }

    pub(super) fn map_add_op(&mut self, i: usize) -> Res<Flow> {
        self.before_python()?;
        self.materialize(0);
        self.materialize(1);
        let (map, _) = self.boxed(&self.peek(i + 1).clone());
        let args = self.pop_arguments(2);
        self.rt(RtId::MapAdd, &[map, args[0], args[1]]);
        Ok(Flow::Next)
    }

    /// Stack: value, specification.
    pub(super) fn format_with_spec(&mut self) -> Res<Flow> {
        let k = *self.o.known();
        if self.ty_of(self.peek(0)) == Some(k.str_) && !self.distrusted() {
            let rt = match (self.num(1), self.peek(1)) {
                // The format of a bool is an int's, but for the empty one.
                (_, Val::Bool(_)) => None,
                (Some(super::emit::Num::Int(v)), _) => Some((RtId::FormatInt, v)),
                (Some(super::emit::Num::Float(v)), _) => Some((RtId::FormatFloat, v)),
                _ => None,
            };
            if let Some((rt, v)) = rt {
                let spec = self.str_operand(0);
                self.promote();
                self.pop_drop(2);
                let text = self.rt(rt, &[v, spec]).expect("a result");
                self.push(Val::typed(text, k.str_, Own::Owned));
                return Ok(Flow::Next);
            }
        }
        self.generic(RtId::FormatWithSpec, &[], 2)
    }

    pub(super) fn format_simple(&mut self) -> Res<Flow> {
        if self.ty_of(self.peek(0)) == Some(self.o.known().str_) {
            return Ok(Flow::Next);
        }
        if let Some(v) = self.text_of_number() {
            self.pop_drop(1);
            self.push(v);
            return Ok(Flow::Next);
        }
        self.generic(RtId::FormatSimple, &[], 1)
    }

    /// `MAKE_FUNCTION` with the `SET_FUNCTION_ATTRIBUTE`s that follow, as one. Stack: what they set, the code.
    pub(super) fn make_function(&mut self) -> Res<Flow> {
        let Val::Const(function) = *self.peek(0) else {
            return Ok(self.leave_at_start(Reason::Unsupported));
        };
        let code = self.ctx.frame().code.clone();
        let (mut closure, mut defaults, mut n, mut next) = (None, None, 0, self.ins.next);
        while let Some(ins) = code.instr(next).filter(|i| i.op == crate::bytecode::Opcode::SetFunctionAttribute) {
            n += 1;
            match ins.arg {
                1 => defaults = Some(n),
                8 => closure = Some(n),
                _ => return Ok(self.leave_at_start(Reason::Unsupported)),
            }
            next = ins.next;
        }
        for d in 0..=n {
            self.materialize(d);
        }
        self.promote();
        let args = self.pop_arguments(n + 1);
        let globals = self.ctx.frame().globals;
        let (function, globals) = (self.b.obj(function), self.b.obj(globals));
        let null = self.b.null();
        // `args` are deepest first: the topmost is the code.
        let of = |place: Option<usize>| place.map_or(null, |d| args[n - d]);
        let f = self.rt(RtId::MakeFunction, &[function, globals, of(closure), of(defaults)]).expect("a result");
        self.push(Val::typed(f, self.o.known().function, Own::Owned));
        self.goto(next)?;
        Ok(Flow::End)
    }
}
