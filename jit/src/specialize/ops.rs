//! One instruction: the dispatch, and what only moves values around.

use super::abstract_state::{Dropped, Own, Val};
use super::{Flow, Res, Specializer};
use crate::bytecode::Opcode;
use crate::ir::{CtxField, ElemKind, Field, FnKind, IntCC, Reason, Value, VirtualKind};
use crate::oracle::Pass;
use crate::rt::RtId;

impl Specializer<'_> {
    pub(super) fn step(&mut self) -> Res<Flow> {
        use Opcode::*;
        let ins = self.ins;
        let arg = ins.arg as usize;
        match ins.op {
            Nop | Resume | Cache | NotTaken | ExtendedArg => {}
            LoadFast | LoadFastBorrow | LoadFastCheck => return self.load_local(arg),
            LoadFastLoadFast | LoadFastBorrowLoadFastBorrow => {
                if let Flow::End = self.load_local(arg >> 4)? {
                    return Ok(Flow::End);
                }
                return self.load_local(arg & 15);
            }
            LoadFastAndClear => {
                if matches!(self.ctx.frame().locals[arg], Val::Keep) && self.has_frame() {
                    // Mostly a variable of a comprehension, which nothing else uses.
                    let v = self.kept_local(arg);
                    let exit = self.exit_start(Reason::Unsupported);
                    let null = self.b.null();
                    self.b.guard_icmp(IntCC::Eq, v, null, exit);
                    self.ctx.frame_mut().locals[arg] = Val::Null;
                    self.ctx.frame_mut().home[arg] = false;
                }
                let val = self.ctx.frame().locals[arg].clone();
                if matches!(val, Val::Keep | Val::Maybe { .. } | Val::MaybeObj { .. }) {
                    return Ok(self.leave_at_start(Reason::Unsupported));
                }
                let taken = Self::dup(&val);
                self.push(taken);
                self.set_local(arg, Val::Null);
            }
            StoreFast => {
                if self.is_handled_variable(arg) {
                    return self.clear_handled(arg);
                }
                let v = self.pop();
                self.store_local(arg, v);
            }
            StoreFastLoadFast => {
                // Before anything is changed.
                if arg >> 4 != arg & 15 && !self.bind_local(arg & 15) {
                    return Ok(Flow::End);
                }
                let v = self.pop();
                self.store_local(arg >> 4, v);
                return self.load_local(arg & 15);
            }
            StoreFastStoreFast => {
                let v = self.pop();
                self.store_local(arg >> 4, v);
                let v = self.pop();
                self.store_local(arg & 15, v);
            }
            DeleteFast => {
                if matches!(self.ctx.frame().locals[arg], Val::Keep) && self.has_frame() {
                    self.bind_local(arg);
                }
                if matches!(self.ctx.frame().locals[arg], Val::Null | Val::Keep | Val::Maybe { .. } | Val::MaybeObj { .. }) {
                    return Ok(self.leave_at_start(Reason::Error));
                }
                self.set_local(arg, Val::Null);
            }
            LoadConst => {
                let c = self.ctx.frame().code.consts[arg];
                let v = self.constant(c);
                self.push(v);
            }
            LoadSmallInt => {
                let v = self.b.i64(ins.arg as i64);
                self.push(Val::Int(v));
            }
            LoadGlobal => return self.load_global(arg),
            LoadName => return self.load_name(arg),
            StoreName | StoreGlobal => return self.store_name(arg),
            PopTop | EndFor | PopIter => {
                let v = self.pop();
                self.drop_val(v);
            }
            PushNull => self.push(Val::Null),
            Copy => {
                let v = self.peek(arg - 1).clone();
                if v.is_virtual() {
                    return Ok(self.leave_at_start(Reason::Unsupported));
                }
                let v = Self::dup(&v);
                self.push(v);
            }
            Swap => {
                let s = &mut self.ctx.frame_mut().stack;
                let n = s.len();
                s.swap(n - 1, n - arg);
            }
            PopJumpIfTrue | PopJumpIfFalse => {
                let Some(c) = self.truth(0)? else { return Ok(Flow::End) };
                self.pop_drop(1);
                let target = ins.target().expect("a jump");
                let (yes, no) = if ins.op == PopJumpIfTrue { (target, ins.next) } else { (ins.next, target) };
                return self.branch(c, yes, no);
            }
            PopJumpIfNone | PopJumpIfNotNone => return self.jump_if_none(),
            JumpForward | JumpBackward | JumpBackwardNoInterrupt => {
                self.goto(ins.target().expect("a jump"))?;
                return Ok(Flow::End);
            }
            _ => return self.operation(),
        }
        Ok(Flow::Next)
    }

    /// The instructions that do more than to move values or to go elsewhere.
    fn operation(&mut self) -> Res<Flow> {
        use Opcode::*;
        if self.split_operands() {
            return Ok(Flow::End);
        }
        let ins = self.ins;
        let arg = ins.arg as usize;
        match ins.op {
            BinaryOp => self.binary_op(ins.arg),
            BinarySlice => self.binary_slice(),
            StoreSlice => self.store_slice(),
            UnaryNegative => self.unary_negative(),
            UnaryInvert => self.unary_invert(),
            UnaryNot => {
                let Some(c) = self.truth(0)? else { return Ok(Flow::End) };
                self.pop_drop(1);
                let c = self.b.not(c);
                self.push(Val::Bool(c));
                Ok(Flow::Next)
            }
            ToBool => self.make_bool(),
            CompareOp => self.compare_op(ins.arg),
            IsOp => self.is_op(arg & 1 != 0),
            ContainsOp => self.contains_op(arg & 1 != 0),
            GetIter => self.get_iter(),
            ForIter => self.for_iter(),
            ReturnValue => self.return_value(),
            StoreSubscr => self.store_subscr(),
            DeleteSubscr => self.generic(RtId::DelItem, &[], 2),
            LoadAttr => self.load_attr(),
            StoreAttr => self.store_attr(),
            Call => self.call(arg),
            CallKw => self.call_kw(arg),
            BuildTuple => self.build_tuple(arg),
            BuildList => self.build_list(arg),
            BuildSet => self.build_sequence(RtId::BuildSet, arg),
            BuildMap => self.build_sequence(RtId::BuildMap, arg),
            BuildString => self.build_sequence(RtId::BuildString, arg),
            BuildSlice => self.build_slice(arg),
            UnpackSequence => self.unpack_sequence(arg),
            ListAppend => self.list_append_op(arg),
            ListExtend => self.list_extend_op(arg),
            SetAdd => self.set_add_op(arg),
            MapAdd => self.map_add_op(arg),
            FormatSimple => self.format_simple(),
            FormatWithSpec => self.format_with_spec(),
            ConvertValue => {
                let kind = self.b.i32(ins.arg as i32);
                self.generic(RtId::ConvertValue, &[kind], 1)
            }
            GetLen => self.get_len(),
            LoadDeref => self.load_deref(arg),
            StoreDeref => self.store_deref(arg),
            PushExcInfo => Ok(self.push_exc_info()),
            PopExcept => self.pop_except(),
            CheckExcMatch => self.check_exc_match(),
            Reraise => self.reraise(arg),
            RaiseVarargs => self.raise_varargs(arg),
            LoadSpecial => self.load_special(ins.arg),
            WithExceptStart => self.with_except_start(),
            LoadCommonConstant => Ok(self.load_common_constant(ins.arg)),
            DeleteDeref => self.delete_deref(arg),
            MakeCell => self.make_cell(arg),
            CallFunctionEx => self.call_function_ex(),
            CallIntrinsic1 => self.intrinsic(),
            UnpackEx => self.unpack_ex(),
            DictUpdate => self.update_container(RtId::DictUpdate, arg.max(1)),
            DictMerge => self.dict_merge(arg.max(1)),
            SetUpdate => self.update_container(RtId::SetUpdate, arg.max(1)),
            DeleteAttr => self.delete_attr(),
            DeleteGlobal | DeleteName => self.delete_global(),
            ImportName => self.import_name(),
            ImportFrom => self.import_from(),
            MatchSequence => self.match_kind(0),
            MatchMapping => self.match_kind(1),
            MatchKeys => self.match_keys(),
            MatchClass => self.match_class(arg),
            MakeFunction => self.make_function(),
            // Done with the one before.
            SetFunctionAttribute => Ok(self.leave_at_start(Reason::Unsupported)),
            LoadSuperAttr => self.load_super_attr(),
            CopyFreeVars => {
                // Cells of an inlined or compiled function are bound with its arguments; an
                // entry comes after this instruction.
                Ok(Flow::Next)
            }
            _ => Ok(self.leave_at_start(Reason::Unsupported)),
        }
    }

    fn make_bool(&mut self) -> Res<Flow> {
        if matches!(self.peek(0), Val::Bool(_)) {
            return Ok(Flow::Next);
        }
        if let Some(ty) = self.expect_type(0)
            && let Some(flow) = self.expected_operator(0, ty, "__bool__", &[0], 1)?
        {
            return Ok(flow);
        }
        let Some(c) = self.truth(0)? else { return Ok(Flow::End) };
        self.pop_drop(1);
        self.push(Val::Bool(c));
        Ok(Flow::Next)
    }

    fn jump_if_none(&mut self) -> Res<Flow> {
        let ins = self.ins;
        let target = ins.target().expect("a jump");
        let (none, other) = if ins.op == Opcode::PopJumpIfNone { (target, ins.next) } else { (ins.next, target) };
        let is_none = match self.peek(0).clone() {
            Val::Obj(o) if o.ty.is_none() => {
                let n = self.b.obj(self.o.known().none);
                Some(self.b.icmp(IntCC::Eq, o.v, n))
            }
            Val::Const(c) => {
                let is = c == self.o.known().none;
                self.pop_drop(1);
                self.goto(if is { none } else { other })?;
                return Ok(Flow::End);
            }
            _ => None,
        };
        self.pop_drop(1);
        let Some(c) = is_none else {
            self.goto(other)?;
            return Ok(Flow::End);
        };
        self.branch(c, none, other)
    }

    /// A constant as a value: numbers unboxed.
    pub(super) fn constant(&mut self, c: crate::ir::ObjId) -> Val {
        let k = *self.o.known();
        if let Some(i) = self.o.int(c) {
            return Val::Int(self.b.i64(i));
        }
        if let Some(f) = self.o.float(c) {
            return Val::Float(self.b.f64(f));
        }
        if c == k.true_ || c == k.false_ {
            return Val::Bool(self.b.bool(c == k.true_));
        }
        Val::Const(c)
    }

    /// Checks that a local is bound, and takes it into a register. False if the block has ended, because it never is.
    fn bind_local(&mut self, i: usize) -> bool {
        let bound = match self.ctx.frame().locals[i].clone() {
            Val::Maybe { v, ty, bound } => {
                let exit = self.exit_start(Reason::Error);
                self.b.guard(bound, true, exit);
                match ty {
                    crate::ir::Type::F64 => Val::Float(v),
                    crate::ir::Type::I32 => Val::Bool(v),
                    _ => Val::Int(v),
                }
            }
            Val::MaybeObj { v, ty } => {
                let exit = self.exit_start(Reason::Error);
                let null = self.b.null();
                self.b.guard_icmp(IntCC::Ne, v, null, exit);
                Val::Obj(super::abstract_state::ObjVal { v, ty, tok: None, own: Own::Owned, sample: None })
            }
            Val::Keep if self.has_frame() => {
                let v = self.kept_local(i);
                let exit = self.exit_start(Reason::Error);
                let null = self.b.null();
                self.b.guard_icmp(IntCC::Ne, v, null, exit);
                Val::object(v, Own::Home)
            }
            Val::Null => {
                self.leave_at_start(Reason::Error);
                return false;
            }
            Val::Keep => {
                // Nothing was known of it when the code was made.
                self.leave_at_start(Reason::Unseen);
                return false;
            }
            _ => return true,
        };
        self.ctx.frame_mut().locals[i] = bound;
        true
    }

    /// What the frame has in the slot of a local; null if it is unbound.
    fn kept_local(&mut self, i: usize) -> Value {
        let args = self.args.expect("a frame");
        self.b.load_arg(args, i as u32, crate::ir::Type::Ptr)
    }

    fn load_local(&mut self, i: usize) -> Res<Flow> {
        if !self.bind_local(i) {
            return Ok(Flow::End);
        }
        let v = Self::dup(&self.ctx.frame().locals[i]);
        self.push(v);
        Ok(Flow::Next)
    }

    fn store_local(&mut self, i: usize, mut val: Val) {
        if val.is_iterator() {
            // An iterator in a variable may be used in any way.
            self.push(val);
            self.materialize(0);
            val = self.pop();
        }
        self.set_local(i, val);
    }

    /// Ends the block with a branch to two bytecode positions.
    pub(super) fn branch(&mut self, cond: Value, yes: u32, no: u32) -> Res<Flow> {
        if let Some(c) = self.b.as_i32(cond) {
            self.goto(if c != 0 { yes } else { no })?;
            return Ok(Flow::End);
        }
        let (then, els) = (self.b.create_block(), self.b.create_block());
        self.b.br(cond, then, &[], els, &[]);
        let ctx = self.ctx.clone();
        self.b.switch_to(then);
        self.goto(yes)?;
        self.ctx = ctx;
        self.b.switch_to(els);
        self.goto(no)?;
        Ok(Flow::End)
    }

    fn return_value(&mut self) -> Res<Flow> {
        if self.has_frame() {
            // Who holds the frame reads its locals after it has returned: the interpreter returns.
            let frame = self.b.load_ctx(CtxField::Frame);
            let held = self.b.load(Field::FrameMaterialized, frame, None);
            let zero = self.b.i64(0);
            if self.frame_may_be_held() && self.can_sync_locals() {
                let free = self.b.icmp(IntCC::Eq, held, zero);
                self.return_held(free);
            } else {
                let exit = self.exit_start(Reason::Poll);
                self.b.guard_icmp(IntCC::Eq, held, zero, exit);
            }
        }
        self.return_now(false)
    }

    /// Returns; `held` says that somebody may hold the frame.
    pub(super) fn return_now(&mut self, held: bool) -> Res<Flow> {
        let val = self.pop();
        if self.ctx.frames.len() > 1 {
            return self.inlined_return(val);
        }
        if val.is_iterator() || matches!(val, Val::Keep) {
            self.push(val);
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        self.flush_globals();
        let entry = self.b.func().kind == FnKind::Entry;
        let result = if entry {
            Some(self.boxed_owned(&val))
        } else {
            let pass = self.pass_of(&val);
            let want = match self.ret {
                None => {
                    self.ret = Some(pass);
                    pass
                }
                Some(r) if r == pass => r,
                Some(Pass::Obj(None)) => Pass::Obj(None),
                Some(Pass::Obj(Some(_))) if matches!(pass, Pass::Obj(_)) => {
                    return Err(super::Refused::Returns(Pass::Obj(None)));
                }
                Some(_) => return Err(super::Refused::Returns(Pass::Obj(None))),
            };
            match (want, &val) {
                (Pass::None, _) => None,
                (Pass::Int, Val::Int(v)) | (Pass::Float, Val::Float(v)) | (Pass::Bool, Val::Bool(v)) => Some(*v),
                _ => Some(self.boxed_owned(&val)),
            }
        };
        // Everything else that the function owns goes.
        let mut owned = std::mem::take(&mut self.ctx.drops);
        self.ctx.slots(&mut |s| {
            if let Val::MaybeObj { v, ty } = s {
                owned.push(Dropped { v: *v, ty: *ty, nullable: true });
            }
            s.objects(&mut |o| {
                if o.own == Own::Owned {
                    owned.push(o.into());
                }
            })
        });
        for dropped in owned {
            self.if_there(dropped, |s| s.b.decref(dropped.v, None));
        }
        if self.framed && held {
            match result {
                Some(object) if self.b.ty(object) == crate::ir::Type::Ptr => {
                    self.b.call_rt(RtId::FrameReturn, &[object]);
                }
                _ => {
                    let (object, made) = self.boxed(&val);
                    self.b.call_rt(RtId::FrameReturn, &[object]);
                    if made {
                        self.b.decref(object, None);
                    }
                }
            }
        } else if self.framed {
            self.b.call_rt(RtId::FramePop, &[]);
        }
        if self.entered {
            self.b.leave();
        }
        self.b.ret(result);
        Ok(Flow::End)
    }

    /// How a value would be passed.
    pub(super) fn pass_of(&self, val: &Val) -> Pass {
        match val {
            Val::Int(_) => Pass::Int,
            Val::Float(_) => Pass::Float,
            Val::Bool(_) => Pass::Bool,
            Val::Const(c) if *c == self.o.known().none => Pass::None,
            other => Pass::Obj(self.ty_of(other)),
        }
    }

    /// The truth of the value at `depth`; `None` if the block has ended.
    pub(super) fn truth(&mut self, depth: usize) -> Res<Option<Value>> {
        let k = *self.o.known();
        if let Val::Obj(o) = self.peek(depth).clone()
            && o.ty.is_none()
            && let Some(t) = self.truth_type(depth)
        {
            self.want(depth, t);
        }
        Ok(Some(match self.peek(depth).clone() {
            Val::Bool(v) => v,
            Val::Int(v) => self.b.icmp_imm(IntCC::Ne, v, 0),
            Val::Float(v) => {
                let z = self.b.f64(0.0);
                self.b.fcmp(crate::ir::FloatCC::Ne, v, z)
            }
            Val::Const(c) => {
                if c == k.none {
                    self.b.bool(false)
                } else if self.o.type_of(c) == k.function || self.o.always_true(self.o.type_of(c)) {
                    self.b.bool(true)
                } else {
                    let o = self.b.obj(c);
                    return self.truth_generic(o, depth);
                }
            }
            Val::Virtual(v) if v.kind == VirtualKind::Tuple => self.b.bool(!v.parts.is_empty()),
            Val::Instance(n) => {
                let class = self.instance_class(n).filter(|c| self.o.always_true(*c));
                let Some(class) = class else {
                    self.make_instances_at(depth);
                    return self.truth(depth);
                };
                self.guard_version(class);
                self.b.bool(true)
            }
            Val::Obj(o) => match o.ty {
                Some(t) if [k.none_type, k.int, k.float, k.bool_].contains(&t) && !(self.distrusted() && t == k.int) => {
                    self.want(depth, t);
                    return self.truth(depth);
                }
                Some(t) if t == k.str_ => {
                    let tok = self.guard_type(o.v, t);
                    let n = self.b.load(Field::StrBytes, o.v, tok);
                    self.b.icmp_imm(IntCC::Ne, n, 0)
                }
                Some(t) if t == k.list => {
                    let tok = self.guard_type(o.v, t);
                    let n = self.b.load(Field::ListLen, o.v, tok);
                    self.b.icmp_imm(IntCC::Ne, n, 0)
                }
                Some(t) if t == k.tuple => {
                    let tok = self.guard_type(o.v, t);
                    let n = self.b.load(Field::TupleLen, o.v, tok);
                    self.b.icmp_imm(IntCC::Ne, n, 0)
                }
                Some(t) if t == k.dict => {
                    let tok = self.guard_type(o.v, t);
                    let n = self.b.load(Field::DictUsed, o.v, tok);
                    self.b.icmp_imm(IntCC::Ne, n, 0)
                }
                Some(t) if self.o.always_true(t) => {
                    self.guard_type(o.v, t);
                    self.guard_version(t);
                    self.b.bool(true)
                }
                _ => {
                    if self.unseen() && self.ins.op == Opcode::ToBool {
                        self.leave_at_start(Reason::Unseen);
                        return Ok(None);
                    }
                    return self.truth_generic(o.v, depth);
                }
            },
            _ => {
                self.leave_at_start(Reason::Unsupported);
                return Ok(None);
            }
        }))
    }

    fn truth_type(&self, depth: usize) -> Option<crate::ir::ObjId> {
        let k = self.o.known();
        let code = self.ctx.frame().code.id;
        if !self.o.observed(code, self.ins.pc).is_empty() {
            // Later than the interpreter's cache, which is never renewed.
            return self.expect_type(depth);
        }
        let fb = self.o.feedback(code, self.ins.op_pc);
        match fb.op {
            Opcode::ToBoolBool => Some(k.bool_),
            Opcode::ToBoolInt => Some(k.int),
            Opcode::ToBoolList => Some(k.list),
            Opcode::ToBoolStr => Some(k.str_),
            Opcode::ToBoolNone => Some(k.none_type),
            _ => self.expect_type(depth),
        }
    }

    /// Truth by the general protocol; the operand stays on the stack.
    fn truth_generic(&mut self, v: Value, _depth: usize) -> Res<Option<Value>> {
        self.before_python()?;
        let r = self.rt(RtId::ToBool, &[v]).expect("a result");
        Ok(Some(r))
    }

    fn load_deref(&mut self, i: usize) -> Res<Flow> {
        let Some((cell, tok)) = self.cell_of(i) else {
            return Ok(self.leave_at_start(Reason::Unsupported));
        };
        let (constant, sample) = match self.ctx.frame().locals[i].clone() {
            Val::Const(c) => (self.o.cell_constant(c), self.o.cell_sample(c)),
            Val::Obj(super::abstract_state::ObjVal { sample: Some(s), .. }) => self.o.sample_cell(s),
            _ => (None, None),
        };
        let v = self.b.load(Field::CellContent, cell, tok);
        if let Some(c) = constant
            && !self.distrusted()
        {
            let exit = self.exit_start(Reason::Value);
            self.b.guard_is(v, c, exit);
            self.push(Val::Const(c));
            return Ok(Flow::Next);
        }
        let exit = self.exit_start(Reason::Error);
        let null = self.b.null();
        self.b.guard_icmp(IntCC::Ne, v, null, exit);
        self.push(Val::object(v, Own::Transient));
        self.set_sample(sample);
        Ok(Flow::Next)
    }

    fn store_deref(&mut self, i: usize) -> Res<Flow> {
        self.promote();
        let Some((cell, tok)) = self.cell_of(i) else {
            return Ok(self.leave_at_start(Reason::Unsupported));
        };
        self.materialize(0);
        let old = self.b.load(Field::CellContent, cell, tok);
        let val = self.pop();
        let v = self.boxed_owned(&val);
        self.b.store(Field::CellContent, cell, v);
        self.drop_val(Val::MaybeObj { v: old, ty: None });
        Ok(Flow::Next)
    }

    fn delete_deref(&mut self, i: usize) -> Res<Flow> {
        self.promote();
        let Some((cell, tok)) = self.cell_of(i) else {
            return Ok(self.leave_at_start(Reason::Unsupported));
        };
        let old = self.b.load(Field::CellContent, cell, tok);
        let null = self.b.null();
        self.b.store(Field::CellContent, cell, null);
        self.drop_val(Val::MaybeObj { v: old, ty: None });
        Ok(Flow::Next)
    }

    /// A new cell with what the variable holds takes its place.
    pub(super) fn make_cell(&mut self, i: usize) -> Res<Flow> {
        let val = self.ctx.frame().locals[i].clone();
        if val.is_iterator() || matches!(val, Val::Keep | Val::Maybe { .. } | Val::MaybeObj { .. }) {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        self.push(Self::dup(&val));
        let content = match val {
            Val::Null => self.b.null(),
            _ => {
                self.make_instances_in_top();
                let val = self.peek(0).clone();
                self.argument(&val)
            }
        };
        let cell = self.b.call_rt_value(RtId::NewCell, &[content]);
        self.pop_drop(1);
        self.set_local(i, Val::typed(cell, self.o.known().cell, Own::Owned));
        Ok(Flow::Next)
    }

    /// `MAKE_CELL`s come before the first instruction of a function's compiled code.
    pub(super) fn make_cells(&mut self) -> Res {
        let code = self.ctx.frame().code.clone();
        for ins in code.instrs.iter().filter(|i| i.op == Opcode::MakeCell && i.pc < code.start) {
            self.make_cell(ins.arg as usize)?;
        }
        Ok(())
    }

    fn cell_of(&mut self, i: usize) -> Option<(Value, Option<Value>)> {
        let k = *self.o.known();
        if matches!(self.ctx.frame().locals.get(i)?, Val::Keep) && self.bind_local(i) {
            let Val::Obj(o) = &mut self.ctx.frame_mut().locals[i] else { return None };
            // The variables behind the locals are cells.
            o.ty = Some(k.cell);
        }
        match self.ctx.frame().locals.get(i)?.clone() {
            Val::Const(c) if self.o.type_of(c) == k.cell => Some((self.b.obj(c), None)),
            Val::Obj(o) if o.ty == Some(k.cell) => {
                let tok = self.guard_type(o.v, k.cell);
                Some((o.v, tok))
            }
            _ => None,
        }
    }

    /// Puts the cells of a closure into the free-variable slots.
    pub(super) fn bind_closure(
        &mut self,
        code: &crate::bytecode::CodeInfo,
        closure: &[crate::ir::ObjId],
        locals: &mut [Val],
    ) -> Res {
        let at = code.nlocals - code.freevars;
        if closure.len() != code.freevars {
            return Err(super::Refused::Unsupported("closure".into()));
        }
        for (i, c) in closure.iter().enumerate() {
            locals[at + i] = Val::Const(*c);
        }
        Ok(())
    }

    /// `len()` of the top of the stack, which stays.
    fn get_len(&mut self) -> Res<Flow> {
        let Some(n) = self.length(0) else {
            return Ok(self.leave_at_start(Reason::Unsupported));
        };
        self.push(Val::Int(n));
        Ok(Flow::Next)
    }

    /// The length of the value at `depth`, if it is of a type whose length is a field.
    pub(super) fn length(&mut self, depth: usize) -> Option<Value> {
        let k = *self.o.known();
        if let Some(items) = self.peek(depth).tuple_items() {
            let n = items.len() as i64;
            return Some(self.b.i64(n));
        }
        let (v, ty) = match self.peek(depth).clone() {
            Val::Obj(o) => {
                let t = match o.ty {
                    Some(t) => t,
                    None => self.expect_type(depth)?,
                };
                (o.v, t)
            }
            Val::Const(c) => {
                let v = self.b.obj(c);
                (v, self.o.type_of(c))
            }
            _ => return None,
        };
        let field = if ty == k.list {
            Field::ListLen
        } else if ty == k.tuple {
            Field::TupleLen
        } else if ty == k.dict {
            Field::DictUsed
        } else if ty == k.bytes {
            Field::BytesLen
        } else if ty == k.str_ {
            Field::StrChars
        } else {
            return None;
        };
        let tok = if matches!(self.peek(depth), Val::Const(_)) { None } else { self.guard_type(v, ty) };
        let n = self.b.load(field, v, tok);
        if field == Field::StrChars {
            // -1: not all ASCII, to be counted.
            let exit = self.exit_start(Reason::Unsupported);
            let zero = self.b.i64(0);
            self.b.guard_icmp(IntCC::SGe, n, zero, exit);
        }
        Some(n)
    }

    /// An item of an array of objects, borrowed from it.
    pub(super) fn load_item(&mut self, kind: ElemKind, base: Value, index: Value, tok: Option<Value>) -> Val {
        let v = self.b.load_elem(kind, base, index, tok);
        Val::object(v, Own::Transient)
    }
}
