//! Strs: characters as codes, joining, methods, formatting.
//!
//! A str of one Latin-1 character exists once, so that its code stands for it: characters that a loop takes out
//! of a str or makes with `chr` come from a table and are never allocated.

use super::abstract_state::{ObjVal, Own, Val};
use super::emit::Num;
use super::{Flow, Res, Specializer};
use crate::bytecode::Opcode;
use crate::ir::{CtxField, ElemKind, ExitId, Field, IntCC, ObjId, Reason, Type, Value};
use crate::oracle::{Gives, StrMethod};
use crate::rt::RtId;

/// How many characters the table has.
const TABLE: i64 = 256;

impl Specializer<'_> {
    /// The address of the exact str at `depth`, which is checked.
    pub(super) fn str_operand(&mut self, depth: usize) -> Value {
        let k = *self.o.known();
        if let Val::Obj(_) = self.peek(depth) {
            self.want(depth, k.str_);
        }
        let val = self.peek(depth).clone();
        if let Val::Obj(o) = &val {
            self.guard_type(o.v, k.str_);
        }
        self.boxed(&val).0
    }

    /// Whether the value at `depth` is a str, or expected to be one.
    pub(super) fn is_str(&self, depth: usize) -> bool {
        self.ty_of(self.peek(depth)).or_else(|| self.expect_type(depth)) == Some(self.o.known().str_)
    }

    /// Checks that the str at `depth` is ASCII.
    pub(super) fn ascii_operand(&mut self, depth: usize) {
        let s = self.str_operand(depth);
        let tok = match self.peek(depth) {
            Val::Obj(o) => o.tok,
            _ => None,
        };
        let exit = self.exit_start(Reason::Overflow);
        self.guard_ascii(s, tok, exit);
    }

    /// Checks that a str has as many characters as bytes; gives their number. (The characters of others
    /// may have been counted, too.)
    pub(super) fn guard_ascii(&mut self, s: Value, tok: Option<Value>, exit: ExitId) -> Value {
        let chars = self.b.load(Field::StrChars, s, tok);
        let bytes = self.b.load(Field::StrBytes, s, tok);
        self.b.guard_icmp(IntCC::Eq, chars, bytes, exit);
        bytes
    }

    /// The character with a code (`I32`) below the size of the table.
    pub(super) fn character(&mut self, code: Value) -> Val {
        let wide = self.b.zext(code);
        self.character_of(wide)
    }

    fn character_of(&mut self, code: Value) -> Val {
        let k = *self.o.known();
        let table = self.b.obj(k.characters);
        let base = self.b.load(Field::TuplePtr, table, None);
        let v = self.b.load_elem(ElemKind::TupleItem, base, code, None);
        self.codes.insert(v, code);
        Val::typed(v, k.str_, Own::Kept)
    }

    /// The code of a value that is known to be one character.
    fn known_code(&mut self, val: &Val) -> Option<Value> {
        match val {
            Val::Obj(o) => self.codes.get(&o.v).copied(),
            _ => None,
        }
    }

    /// `ord(c)` (stack: function, NULL, argument).
    pub(super) fn ord(&mut self) -> Option<Flow> {
        let val = self.peek(0).clone();
        if let Some(code) = self.known_code(&val) {
            return self.call_done(1, Val::Int(code));
        }
        if !matches!(val, Val::Obj(_)) || !self.is_str(0) {
            return None;
        }
        let s = self.str_operand(0);
        let tok = self.guard_type(s, self.o.known().str_);
        let exit = self.exit_start(Reason::Overflow);
        // One byte is one ASCII character.
        let n = self.b.load(Field::StrBytes, s, tok);
        let one = self.b.i64(1);
        let tok = self.b.guard_icmp(IntCC::Eq, n, one, exit);
        let base = self.b.load(Field::StrPtr, s, tok);
        let first = self.b.i64(0);
        let code = self.b.load_elem(ElemKind::Byte, base, first, tok);
        let code = self.b.zext(code);
        self.call_done(1, Val::Int(code))
    }

    /// `chr(i)`.
    pub(super) fn chr(&mut self) -> Option<Flow> {
        let Some(Num::Int(code)) = self.num(0) else { return None };
        let exit = self.exit_start(Reason::Overflow);
        let limit = self.b.i64(TABLE);
        self.b.guard_icmp(IntCC::ULt, code, limit, exit);
        let c = self.character_of(code);
        self.call_done(1, c)
    }

    /// The text of the number at depth 0; none if it is something else.
    pub(super) fn text_of_number(&mut self) -> Option<Val> {
        let k = *self.o.known();
        if self.distrusted() || matches!(self.peek(0), Val::Bool(_)) {
            return None;
        }
        let num = self.num(0)?;
        if matches!(self.peek(0), Val::Bool(_)) {
            return None;
        }
        let text = match num {
            Num::Int(v) => self.b.call_rt_value(RtId::IntToStr, &[v]),
            Num::Float(v) => self.rt(RtId::FloatToStr, &[v])?,
        };
        Some(Val::typed(text, k.str_, Own::Owned))
    }

    /// `str(x)` of a number or a str.
    pub(super) fn str_call(&mut self) -> Option<Flow> {
        if let Some(text) = self.text_of_number() {
            return self.call_done(1, text);
        }
        if !matches!(self.peek(0), Val::Obj(_) | Val::Const(_)) || !self.is_str(0) {
            return None;
        }
        self.str_operand(0);
        let same = self.pop();
        self.pop_drop(2);
        self.push(same);
        Some(Flow::Next)
    }

    /// `int(s)` of a str.
    pub(super) fn str_to_int(&mut self) -> Option<Flow> {
        if !matches!(self.peek(0), Val::Obj(_) | Val::Const(_)) || !self.is_str(0) {
            return None;
        }
        let s = self.str_operand(0);
        let v = self.b.call_rt_value(RtId::StrToInt, &[s]);
        let failed = self.b.load_ctx(CtxField::Failed);
        let two = self.b.i32(2);
        let may_be = self.b.icmp(IntCC::Ne, failed, two);
        self.elide_exception(may_be, self.o.known().value_error);
        let ok = self.b.not(failed);
        self.check(ok, Reason::Overflow, None);
        self.call_done(1, Val::Int(v))
    }

    /// Compares the two strs on the stack, which stay there.
    pub(super) fn str_compare(&mut self, op: usize) -> Value {
        let (a, b) = (self.peek(1).clone(), self.peek(0).clone());
        if let (Some(x), Some(y)) = (self.known_code(&a), self.known_code(&b)) {
            const CC: [IntCC; 6] = [IntCC::SLt, IntCC::SLe, IntCC::Eq, IntCC::Ne, IntCC::SGt, IntCC::SGe];
            return self.b.icmp(CC[op], x, y);
        }
        let opv = self.b.i32(op as i32);
        let (x, y) = (self.str_operand(1), self.str_operand(0));
        self.b.call_rt_value(RtId::StrCompare, &[opv, x, y])
    }

    /// `a + b` of strs. What is assigned back to the variable that alone holds `a` is lengthened in place.
    pub(super) fn str_add(&mut self) -> Flow {
        let k = *self.o.known();
        self.promote();
        let (a, b) = (self.str_operand(1), self.str_operand(0));
        let taken = self.take_appended(a);
        let b_val = self.pop();
        let a_val = self.pop();
        let r =
            if taken { self.b.call_rt_value(RtId::StrAppend, &[a, b]) } else { self.b.call_rt_value(RtId::StrConcat, &[a, b]) };
        self.drop_val(b_val);
        if !taken {
            self.drop_val(a_val);
        }
        self.push(Val::typed(r, k.str_, Own::Owned));
        Flow::Next
    }

    /// Takes the reference to the left operand away from the stack or the variable that the result is assigned to;
    /// false if anything else has the object.
    fn take_appended(&mut self, a: Value) -> bool {
        let mut slots = 0;
        self.ctx.slots(&mut |s| s.objects(&mut |o| slots += u32::from(o.v == a)));
        if let Val::Obj(o) = self.peek(1)
            && o.own == Own::Owned
        {
            return slots == 1;
        }
        let frame = self.ctx.frame();
        let Some(next) = frame.code.instr(self.ins.next) else { return false };
        let local = match next.op {
            Opcode::StoreFast => next.arg as usize,
            Opcode::StoreFastLoadFast => next.arg as usize >> 4,
            _ => return false,
        };
        match frame.locals.get(local) {
            Some(Val::Obj(o)) if o.v == a && o.own == Own::Owned && slots == 2 => {
                self.ctx.frame_mut().locals[local] = Val::Null;
                true
            }
            _ => false,
        }
    }

    /// `s % args` where the arguments are numbers or strs, or a tuple of such that is made here.
    pub(super) fn str_format(&mut self) -> bool {
        let k = *self.o.known();
        let plain = |s: &Self, v: &Val| s.ty_of(v).is_some_and(|t| [k.int, k.float, k.str_, k.bool_, k.none_type].contains(&t));
        let fits = match self.peek(0).tuple_items() {
            Some(items) => items.iter().all(|v| plain(self, v)),
            None => plain(self, self.peek(0)),
        };
        if !fits || self.distrusted() {
            return false;
        }
        let mut objects: Vec<ObjVal> = Vec::new();
        self.peek(0).objects(&mut |o| objects.push(*o));
        for o in objects {
            if let Some(t) = o.ty {
                self.guard_type(o.v, t);
            }
        }
        self.promote();
        let format = self.str_operand(1);
        let args_val = self.pop();
        let format_val = self.pop();
        let items = args_val.tuple_items().unwrap_or(std::slice::from_ref(&args_val));
        // All first: making one may use the scratch words.
        let args: Vec<Value> = items.iter().map(|v| self.argument(v)).collect();
        for (i, v) in args.iter().enumerate() {
            self.b.store_scratch(i as u32, *v);
        }
        let n = self.b.i32(args.len() as i32);
        self.drop_val(args_val);
        self.drop_val(format_val);
        let text = self.rt(RtId::StrFormat, &[format, n]).expect("a result");
        self.push(Val::typed(text, k.str_, Own::Owned));
        true
    }

    /// A method of an exact str (stack: function, str, arguments).
    pub(super) fn str_method(&mut self, m: StrMethod, argc: usize) -> Res<Option<Flow>> {
        let k = *self.o.known();
        if !m.args().contains(&argc) || self.ty_of(self.peek(argc)) != Some(k.str_) {
            return Ok(None);
        }
        if m == StrMethod::Join {
            let ty = match self.ty_of(self.peek(0)).or_else(|| self.expect_type(0)) {
                Some(t) if t == k.list || t == k.tuple => t,
                _ => return Ok(None),
            };
            if let Val::Obj(_) = self.peek(0) {
                self.want(0, ty);
            }
        } else {
            for d in 0..argc {
                if !matches!(self.peek(d), Val::Obj(_) | Val::Const(_)) || !self.is_str(d) {
                    return Ok(None);
                }
            }
            for d in 0..argc {
                self.str_operand(d);
            }
        }
        let number = StrMethod::ALL.iter().position(|x| *x == m).expect("one of all") as i32;
        self.promote();
        let s = self.str_operand(argc);
        let null = self.b.null();
        let number = self.b.i32(number);
        match m.gives() {
            Gives::Truth | Gives::Number | Gives::Place => {
                let a = if argc == 1 { self.str_operand(0) } else { null };
                let val = match m.gives() {
                    Gives::Truth => Val::Bool(self.b.call_rt_value(RtId::StrTest, &[number, s, a])),
                    gives => {
                        let v = self.b.call_rt_value(RtId::StrSearch, &[number, s, a]);
                        if gives == Gives::Place {
                            let exit = self.exit_start(Reason::Error);
                            let zero = self.b.i64(0);
                            self.b.guard_icmp(IntCC::SGe, v, zero, exit);
                        }
                        Val::Int(v)
                    }
                };
                Ok(self.call_done(argc, val))
            }
            gives => {
                let mut args = self.pop_arguments(argc);
                args.resize(2, null);
                self.pop_drop(2);
                let r = self.rt(RtId::StrTransform, &[number, s, args[0], args[1]]).expect("a result");
                let (ty, sample): (ObjId, _) = match gives {
                    Gives::List => (k.list, self.o.sample_strs()),
                    Gives::Tuple => (k.tuple, self.o.sample_strs()),
                    _ => (k.str_, None),
                };
                debug_assert_eq!(self.b.ty(r), Type::Ptr);
                self.push(Val::Obj(ObjVal { v: r, ty: Some(ty), tok: None, own: Own::Owned, sample }));
                Ok(Some(Flow::Next))
            }
        }
    }
}
