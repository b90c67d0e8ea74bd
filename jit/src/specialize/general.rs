//! Instructions that are done by an entry point alone, whatever their operands are: `*` and `**` in displays and
//! calls, `match`, `del`, imports.

use super::abstract_state::{Own, Val};
use super::{Flow, Res, Specializer};
use crate::bytecode::LIST_TO_TUPLE;
use crate::ir::{ElemKind, Field, IntCC, Reason, VirtualKind};
use crate::oracle::Builtin;
use crate::rt::RtId;

impl Specializer<'_> {
    /// Stack: callable, self or NULL, tuple (or any iterable) of arguments, dict of keyword arguments or NULL.
    pub(super) fn call_function_ex(&mut self) -> Res<Flow> {
        if matches!(self.peek(0), Val::Null)
            && let Some(flow) = self.call_spread()?
        {
            return Ok(flow);
        }
        if let Val::Const(f) = *self.peek(3)
            && self.o.builtin(f) == Some(Builtin::Frames)
        {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        self.before_python()?;
        self.sync_locals();
        for d in 0..4 {
            self.materialize(d);
        }
        let args = self.pop_arguments(4);
        let r = self.rt(RtId::CallEx, &args).expect("a result");
        self.push(Val::object(r, Own::Owned));
        Ok(Flow::Next)
    }

    /// The same without keyword arguments, where the number of arguments is known: as a call that has them on the
    /// stack.
    fn call_spread(&mut self) -> Res<Option<Flow>> {
        let no_self = matches!(self.peek(2), Val::Null);
        let builtin = match *self.peek(3) {
            Val::Const(f) if no_self => self.o.builtin(f).is_some_and(|b| b != Builtin::Frames),
            Val::Const(f) => self.o.builtin_method(f).is_some(),
            _ => false,
        };
        // Builtins work on the stack: a temporary would be gone from there.
        if builtin && matches!(self.peek(1), Val::Obj(o) if o.own == Own::Owned) {
            return Ok(None);
        }
        let Some(items) = self.items_of(1) else { return Ok(None) };
        if !builtin {
            return self.call_arguments(3, items, 4);
        }
        self.pop();
        let seq = self.pop();
        let n = items.len();
        items.into_iter().for_each(|item| self.push(item));
        self.drop_emptied(seq);
        self.spread = Some(n);
        self.resync();
        self.call(n).map(Some)
    }

    /// `UNPACK_EX`: the low byte says how many items come before the list of the rest, the others how many after.
    pub(super) fn unpack_ex(&mut self) -> Res<Flow> {
        let (before, after) = (self.ins.arg & 255, self.ins.arg >> 8);
        let args = [self.b.i32(before as i32), self.b.i32(after as i32)];
        self.unpack(RtId::UnpackEx, &args, (before + after) as usize + 1)
    }

    /// What an entry point makes of the operand: a tuple of `n` items, which are pushed.
    pub(super) fn unpack(&mut self, rt: RtId, args: &[crate::ir::Value], n: usize) -> Res<Flow> {
        self.before_python()?;
        self.sync_locals();
        self.materialize(0);
        let operand = self.pop_arguments(1)[0];
        let mut all = vec![operand];
        all.extend(args);
        let tuple = self.rt(rt, &all).expect("a result");
        let base = self.b.load(Field::TuplePtr, tuple, None);
        for i in (0..n).rev() {
            let index = self.b.i64(i as i64);
            let item = self.load_item(ElemKind::TupleItem, base, index, None);
            self.push(item);
        }
        self.promote_now();
        self.drop_val(Val::typed(tuple, self.o.known().tuple, Own::Owned));
        Ok(Flow::Next)
    }

    /// Adds what the top of the stack gives to the container `i` below it.
    pub(super) fn update_container(&mut self, rt: RtId, i: usize) -> Res<Flow> {
        self.before_python()?;
        self.sync_locals();
        self.materialize(0);
        let (container, _) = self.boxed(&self.peek(i).clone());
        let args = self.pop_arguments(1);
        self.rt(rt, &[container, args[0]]);
        Ok(Flow::Next)
    }

    /// `DICT_MERGE`: the same for keyword arguments; the function is named in errors. Stack from there: the function,
    /// self or NULL, the arguments, the dict, ..., the mapping.
    pub(super) fn dict_merge(&mut self, i: usize) -> Res<Flow> {
        self.before_python()?;
        self.sync_locals();
        self.materialize(0);
        if matches!(self.peek(i + 3), Val::Null | Val::Keep) {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        let (dict, _) = self.boxed(&self.peek(i).clone());
        let callable = self.peek(i + 3).clone();
        let callable = self.argument(&callable);
        let args = self.pop_arguments(1);
        self.rt(RtId::DictMerge, &[callable, dict, args[0]]);
        Ok(Flow::Next)
    }

    /// Helpers of the compiler with one operand.
    pub(super) fn intrinsic(&mut self) -> Res<Flow> {
        let k = *self.o.known();
        match self.ins.arg {
            // `+x`.
            5 => {
                if matches!(self.peek(0), Val::Int(_) | Val::Float(_)) {
                    return Ok(Flow::Next);
                }
                let kind = self.b.i32(2);
                self.generic(RtId::UnaryOp, &[kind], 1)
            }
            LIST_TO_TUPLE if self.peek(0).kind() == Some(VirtualKind::List) => {
                let list = self.pop();
                self.push(Val::tuple(list.parts_of(VirtualKind::List).expect("checked").into()));
                Ok(Flow::Next)
            }
            LIST_TO_TUPLE if self.ty_of(self.peek(0)) == Some(k.list) => {
                self.promote();
                let args = self.pop_arguments(1);
                let tuple = self.rt(RtId::ListToTuple, &args).expect("a result");
                self.push(Val::typed(tuple, k.tuple, Own::Owned));
                Ok(Flow::Next)
            }
            _ => Ok(self.leave_at_start(Reason::Unsupported)),
        }
    }

    pub(super) fn delete_attr(&mut self) -> Res<Flow> {
        let name = self.ctx.frame().code.names[self.ins.arg as usize];
        self.before_python()?;
        self.sync_locals();
        self.materialize(0);
        let name = self.b.obj(name);
        let args = self.pop_arguments(1);
        self.rt(RtId::DelAttr, &[args[0], name]);
        Ok(Flow::Next)
    }

    /// `del` of a module variable.
    pub(super) fn delete_global(&mut self) -> Res<Flow> {
        if self.ins.op == crate::bytecode::Opcode::DeleteName && (!self.module || self.ctx.frames.len() > 1) {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        let f = self.ctx.frame();
        let (name, globals) = (f.code.names[self.ins.arg as usize], f.globals);
        self.before_python()?;
        self.sync_locals();
        let (globals, name) = (self.b.obj(globals), self.b.obj(name));
        self.rt(RtId::DeleteGlobal, &[globals, name]);
        Ok(Flow::Next)
    }

    /// Stack: level, names to be imported from it.
    pub(super) fn import_name(&mut self) -> Res<Flow> {
        let name = self.ctx.frame().code.names[self.ins.arg as usize];
        self.before_python()?;
        self.sync_locals();
        let args = self.pop_arguments(2);
        let name = self.b.obj(name);
        let module = self.rt(RtId::ImportName, &[name, args[0], args[1]]).expect("a result");
        self.push(Val::object(module, Own::Owned));
        Ok(Flow::Next)
    }

    /// The module stays on the stack.
    pub(super) fn import_from(&mut self) -> Res<Flow> {
        let name = self.ctx.frame().code.names[self.ins.arg as usize];
        let (module, name) = match self.peek(0).clone() {
            Val::Obj(o) => (o.v, self.b.obj(name)),
            Val::Const(c) => (self.b.obj(c), self.b.obj(name)),
            _ => return Ok(self.leave_at_start(Reason::Unsupported)),
        };
        let found = self.b.call_rt_value(RtId::ImportFrom, &[module, name]);
        let exit = self.exit_start(Reason::Unsupported);
        let null = self.b.null();
        self.b.guard_icmp(IntCC::Ne, found, null, exit);
        self.push(Val::object(found, Own::Owned));
        Ok(Flow::Next)
    }

    /// Whether the subject, which stays, is a sequence (0) or a mapping (1).
    pub(super) fn match_kind(&mut self, kind: i32) -> Res<Flow> {
        if self.peek(0).is_tuple() {
            let is = self.b.bool(kind == 0);
            self.push(Val::Bool(is));
            return Ok(Flow::Next);
        }
        if matches!(self.peek(0), Val::Int(_) | Val::Float(_) | Val::Bool(_)) {
            let no = self.b.bool(false);
            self.push(Val::Bool(no));
            return Ok(Flow::Next);
        }
        self.materialize(0);
        let subject = match self.peek(0).clone() {
            Val::Obj(o) => o.v,
            Val::Const(c) => self.b.obj(c),
            _ => return Ok(self.leave_at_start(Reason::Unsupported)),
        };
        let kind = self.b.i32(kind);
        let is = self.b.call_rt_value(RtId::MatchKind, &[subject, kind]);
        self.push(Val::Bool(is));
        Ok(Flow::Next)
    }

    /// Stack: subject, keys; both stay.
    pub(super) fn match_keys(&mut self) -> Res<Flow> {
        self.before_python()?;
        self.sync_locals();
        self.materialize(0);
        self.materialize(1);
        let (keys, subject) = (self.peek(0).clone(), self.peek(1).clone());
        let (subject, keys) = (self.argument(&subject), self.argument(&keys));
        let r = self.rt(RtId::MatchKeys, &[subject, keys]).expect("a result");
        self.push(Val::object(r, Own::Owned));
        Ok(Flow::Next)
    }

    /// Stack: subject, class, names of attributes.
    pub(super) fn match_class(&mut self, positional: usize) -> Res<Flow> {
        self.before_python()?;
        self.sync_locals();
        for d in 0..3 {
            self.materialize(d);
        }
        let args = self.pop_arguments(3);
        let n = self.b.i32(positional as i32);
        let r = self.rt(RtId::MatchClass, &[args[0], args[1], args[2], n]).expect("a result");
        self.push(Val::object(r, Own::Owned));
        Ok(Flow::Next)
    }
}
