//! Calls: builtins inline, Python functions inlined or compiled, the rest through an entry point.

use super::abstract_state::{Frame, ObjVal, Own, Val, View};
use super::build::VIRTUAL_ITEMS;
use super::emit::Num;
use super::{Flow, Refused, Res, Specializer};
use crate::bytecode::{CodeFlags, CodeInfo, Opcode};
use crate::ir::{Awaits, Callee, ExitKind, Field, FloatCC, IntCC, ObjId, Reason, Value};
use crate::oracle::{Builtin, BuiltinMethod, Contract, FuncInfo, Init, Pass};
use crate::rt::RtId;
use crate::runtime_context::SCRATCH_WORDS;

/// A function to be inlined, with its arguments.
pub(super) struct InlineTarget {
    pub info: FuncInfo,
    pub code: std::rc::Rc<CodeInfo>,
    pub args: Vec<Val>,
}

impl Specializer<'_> {
    /// Stack: callable, self or NULL, `argc` arguments.
    pub(super) fn call(&mut self, argc: usize) -> Res<Flow> {
        let self_null = matches!(self.peek(argc), Val::Null);
        if let Val::Const(c) = *self.peek(argc + 1) {
            if self_null
                && let Some(b) = self.o.builtin(c)
                && let Some(flow) = self.call_builtin(b, argc)?
            {
                return Ok(flow);
            }
            if !self_null
                && let Some(m) = self.o.builtin_method(c)
                && let Some(flow) = self.call_method(m, argc)?
            {
                return Ok(flow);
            }
            if !self_null && argc == 0 && self.o.is_object_init(c) {
                // Without arguments there is nothing that it looks at.
                let none = self.const_none();
                return Ok(self.call_done(0, none).expect("a flow"));
            }
        }
        let at = self.ctx.frame().stack.len() - argc;
        let args: Vec<Val> = self.ctx.frame().stack[at..].to_vec();
        if let Some(flow) = self.call_arguments(argc + 1, args, argc + 2)? {
            return Ok(flow);
        }
        if self.unseen() && self.o.observed(self.ctx.frame().code.id, self.ins.pc).is_empty() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        self.call_generic(argc, None)
    }

    /// A call of the Python function, class or other object at `depth`, with `self` or NULL above it, and
    /// arguments that are in the topmost `operands` slots or borrowed from what is.
    pub(super) fn call_arguments(&mut self, depth: usize, mut args: Vec<Val>, operands: usize) -> Res<Option<Flow>> {
        let k = *self.o.known();
        let first = self.peek(depth - 1).clone();
        let has_self = !matches!(first, Val::Null);
        match *self.peek(depth) {
            Val::Const(c) if self.o.type_of(c) == k.function => {
                if has_self {
                    args.insert(0, first);
                }
                self.try_python(c, args, operands)
            }
            _ if has_self => Ok(None),
            Val::Const(c) if self.o.type_of(c) == k.type_ => self.call_class(c, args, operands),
            _ => self.call_object(depth, args, operands),
        }
    }

    /// A call of a bound method of a function, or of an instance of a Python class: the function with the object as
    /// first argument.
    fn call_object(&mut self, depth: usize, mut args: Vec<Val>, operands: usize) -> Res<Option<Flow>> {
        if self.distrusted() {
            return Ok(None);
        }
        let k = *self.o.known();
        let callable = self.peek(depth).clone();
        let Some(ty) = self.ty_of(&callable).or_else(|| self.sample_of(&callable).map(|s| self.o.sample_type(s).ty)) else {
            return Ok(None);
        };
        let (func, first) = if ty == k.bound_method {
            let Some(func) = self.sample_of(&callable).and_then(|s| self.o.sample_method(s)) else { return Ok(None) };
            self.want(depth, ty);
            let Val::Obj(o) = *self.peek(depth) else { return Ok(None) };
            let exit = self.exit_start(Reason::Value);
            let now = self.b.load(Field::MethodFunc, o.v, o.tok);
            self.b.guard_is(now, func, exit);
            let object = self.b.load(Field::MethodSelf, o.v, o.tok);
            // Borrowed from the method, which is held as long as the call lasts, or promoted when that goes.
            (func, Val::object(object, Own::Transient))
        } else {
            let Some(func) = self.o.operator_method(ty, "__call__").filter(|_| self.o.type_version(ty).is_some()) else {
                return Ok(None);
            };
            self.want(depth, ty);
            self.guard_version(ty);
            (func, self.peek(depth).clone())
        };
        args.insert(0, first);
        self.try_python(func, args, operands)
    }

    pub(super) fn call_kw(&mut self, argc: usize) -> Res<Flow> {
        if self.unseen() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        let Val::Const(names) = *self.peek(0) else {
            return Ok(self.leave_at_start(Reason::Unsupported));
        };
        let k = *self.o.known();
        if let Val::Const(c) = *self.peek(argc + 2)
            && self.o.type_of(c) == k.function
            && let Some(args) = self.bind_keywords(c, names, argc)
            && let Some(flow) = self.try_bound(c, args, argc + 3)?
        {
            return Ok(flow);
        }
        if let Val::Const(c) = *self.peek(argc + 2)
            && self.o.type_of(c) == k.type_
            && matches!(self.peek(argc + 1), Val::Null)
            && !self.distrusted()
            && self.o.type_version(c).is_some()
            && let Some(Init::Function(init)) = self.o.plain_class(c)
        {
            // `self`, which is not there yet, is the first parameter.
            *self.peek_mut(argc + 1) = Val::Const(k.none);
            let args = self.bind_keywords(init, names, argc);
            *self.peek_mut(argc + 1) = Val::Null;
            if let Some(args) = args
                && let Some(flow) = self.instantiate(c, args[1..].to_vec(), argc + 3)?
            {
                return Ok(flow);
            }
        }
        self.call_generic(argc, Some(names))
    }

    /// The arguments of a call with keywords in the order of the parameters.
    fn bind_keywords(&mut self, func: ObjId, names: ObjId, argc: usize) -> Option<Vec<Val>> {
        let names = self.o.tuple(names)?;
        let info = self.o.function(func)?;
        let code = self.o.code(info.code)?;
        let stack = &self.ctx.frame().stack;
        let top = stack.len() - 1;
        let mut given: Vec<Val> = stack[top - argc..top].to_vec();
        let selfv = &stack[top - argc - 1];
        if !matches!(selfv, Val::Null) {
            given.insert(0, selfv.clone());
        }
        let npos = given.len() - names.len();
        let (nargs, named) = (code.arg_count as usize, code.kwonly_count as usize);
        if named > 0 && (npos > nargs || code.flags.contains(CodeFlags::VARARGS)) {
            return None;
        }
        let mut slots: Vec<Option<Val>> = given[..npos].iter().cloned().map(Some).collect();
        slots.resize((nargs + named).max(npos), None);
        for (name, val) in names.iter().zip(&given[npos..]) {
            let i = code.varnames.iter().take(nargs + named).position(|v| v == name)?;
            if i < code.posonly_count as usize || slots[i].is_some() {
                return None;
            }
            slots[i] = Some(val.clone());
        }
        let ndef = info.defaults.len();
        let mut out = Vec::new();
        for (i, s) in slots.into_iter().enumerate() {
            out.push(match s {
                Some(v) => v,
                None if i >= nargs => self.keyword_default(&info, code.varnames[i])?,
                None => {
                    let d = (i + ndef).checked_sub(nargs)?;
                    let c = *info.defaults.get(d)?;
                    self.constant(c)
                }
            });
        }
        Some(out)
    }

    /// The default of a keyword-only parameter, read where the function has it: programs may change it in place.
    fn keyword_default(&mut self, info: &FuncInfo, name: ObjId) -> Option<Val> {
        let dict = info.kwdefaults.filter(|_| info.version != 0)?;
        let entry = self.o.dict_entry(dict, name)?;
        let d = self.b.obj(dict);
        let (d, tok, index) = self.find_name(d, name, entry.index);
        let entries = self.b.load(Field::DictEntries, d, tok);
        let mut val = self.load_item(crate::ir::ElemKind::DictValue, entries, index, tok);
        if let Val::Obj(o) = &mut val {
            o.sample = entry.sample;
        }
        Some(val)
    }

    /// Through the general protocol.
    pub(super) fn call_generic(&mut self, argc: usize, names: Option<ObjId>) -> Res<Flow> {
        if argc + 1 > SCRATCH_WORDS {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        if let Val::Const(c) = *self.peek(argc + 1 + usize::from(names.is_some()))
            && self.o.builtin(c) == Some(Builtin::Frames)
        {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        self.before_python()?;
        self.sync_locals();
        if names.is_some() {
            self.pop();
        }
        for d in 0..argc + 2 {
            self.materialize(d);
        }
        let args = self.pop_arguments(argc);
        let selfv = self.pop();
        let callable = self.pop();
        let mut all = Vec::new();
        if !matches!(selfv, Val::Null) {
            let v = self.argument(&selfv);
            all.push(v);
        }
        all.extend(args);
        let f = self.argument(&callable);
        self.drop_val(selfv);
        self.drop_val(callable);
        for (i, v) in all.iter().enumerate() {
            self.b.store_scratch(i as u32, *v);
        }
        let n = self.b.i32(all.len() as i32);
        let r = match names {
            None => self.rt(RtId::Call, &[f, n]),
            Some(names) => {
                let names = self.b.obj(names);
                self.rt(RtId::CallKw, &[f, n, names])
            }
        };
        self.push(Val::object(r.expect("a result"), Own::Owned));
        Ok(Flow::Next)
    }

    /// A call of a Python function with arguments that are not on the stack (any more).
    pub(super) fn call_python(&mut self, func: ObjId, args: Vec<Val>) -> Res<Option<Flow>> {
        let n = args.len();
        for a in &args {
            self.push(a.clone());
        }
        let flow = self.try_python(func, args, n)?;
        if flow.is_none() {
            // Nothing was emitted for the call: put the operands back as they were.
            let at = self.ctx.frame().stack.len() - n;
            self.ctx.frame_mut().stack.truncate(at);
            self.ctx = self.start.clone();
        }
        Ok(flow)
    }

    /// Inlines or calls directly, if it can; pops `operands` slots of the stack then.
    pub(super) fn try_python(&mut self, func: ObjId, args: Vec<Val>, operands: usize) -> Res<Option<Flow>> {
        let Some(info) = self.o.function(func) else { return Ok(None) };
        if !self.o.may_compile(info.code) {
            return Ok(None);
        }
        let Some(code) = self.o.code(info.code) else { return Ok(None) };
        let Some(args) = self.bind(&info, &code, args) else { return Ok(None) };
        self.enter_python(func, &info, code, args, operands)
    }

    /// The same with arguments that keywords have been sorted into, those of keyword-only parameters included.
    fn try_bound(&mut self, func: ObjId, args: Vec<Val>, operands: usize) -> Res<Option<Flow>> {
        let Some(info) = self.o.function(func) else { return Ok(None) };
        let Some(code) = self.o.code(info.code).filter(|_| self.o.may_compile(info.code)) else { return Ok(None) };
        if code.kwonly_count == 0 {
            return self.try_python(func, args, operands);
        }
        if !Self::is_bindable(&code, &args) {
            return Ok(None);
        }
        self.enter_python(func, &info, code, args, operands)
    }

    fn enter_python(
        &mut self,
        func: ObjId,
        info: &FuncInfo,
        code: std::rc::Rc<CodeInfo>,
        args: Vec<Val>,
        operands: usize,
    ) -> Res<Option<Flow>> {
        self.guard_function(func, info);
        if self.inlinable(&code) {
            return Ok(Some(self.inline(func, info, code, args, operands)?));
        }
        self.call_compiled(func, args, operands)
    }

    /// Whether a function's parameters can be given these arguments at all.
    fn is_bindable(code: &CodeInfo, args: &[Val]) -> bool {
        let odd = CodeFlags::VARKEYWORDS
            | CodeFlags::GENERATOR
            | CodeFlags::COROUTINE
            | CodeFlags::ASYNC_GENERATOR
            | CodeFlags::ITERABLE_COROUTINE;
        !code.flags.intersects(odd)
            && code.is_function()
            && !args.iter().any(|a| a.is_iterator() || matches!(a, Val::Keep | Val::Null))
    }

    /// What inlining a function takes, if it can be done. `args` gives the positional arguments.
    pub(super) fn inline_target(&mut self, func: ObjId, args: impl FnOnce(&mut Self) -> Vec<Val>) -> Option<InlineTarget> {
        let info = self.o.function(func)?;
        if !self.o.may_compile(info.code) {
            return None;
        }
        let code = self.o.code(info.code)?;
        if !self.inlinable(&code) {
            return None;
        }
        let args = args(self);
        let args = self.bind(&info, &code, args)?;
        Some(InlineTarget { info, code, args })
    }

    /// What the parameters become: positional arguments, defaults filled in, and the tuple of the others.
    fn bind(&mut self, info: &FuncInfo, code: &CodeInfo, mut args: Vec<Val>) -> Option<Vec<Val>> {
        if !Self::is_bindable(code, &args) {
            return None;
        }
        let want = code.arg_count as usize;
        let rest = args.split_off(want.min(args.len()));
        let takes_rest = code.flags.contains(CodeFlags::VARARGS);
        if args.len() + info.defaults.len() < want || rest.len() > if takes_rest { VIRTUAL_ITEMS } else { 0 } {
            return None;
        }
        let skip = info.defaults.len() - (want - args.len());
        for d in &info.defaults[skip..] {
            let v = self.constant(*d);
            args.push(v);
        }
        for name in code.varnames.iter().skip(want).take(code.kwonly_count as usize) {
            let v = self.keyword_default(info, *name)?;
            args.push(v);
        }
        if takes_rest {
            args.push(Val::tuple(rest));
        }
        Some(args)
    }

    /// Checks that the function is still what it was.
    pub(super) fn guard_function(&mut self, func: ObjId, info: &FuncInfo) {
        let exit = self.exit_start(Reason::Value);
        let f = self.b.obj(func);
        if info.version != 0 {
            let now = self.b.load(Field::FuncVersion, f, None);
            let want = self.b.i32(info.version as i32);
            self.b.guard_icmp(IntCC::Eq, now, want, exit);
        } else {
            let now = self.b.load(Field::FuncCode, f, None);
            self.b.guard_is(now, info.code, exit);
        }
    }

    fn inlinable(&self, code: &CodeInfo) -> bool {
        self.ctx.frames.len() <= self.limits.inline_depth
            && code.instrs.len() <= self.limits.inline_instrs
            && code.loops.is_empty()
            && code.handlers.is_empty()
            && !self.no_inline.contains(&code.id)
            && (!self.ctx.frames.iter().any(|f| f.code.id == code.id) || self.unrollable(code))
    }

    /// Whether it is a call of a small function by itself: levels are inlined, and counted, as long as
    /// they are small together.
    fn unrollable(&self, code: &CodeInfo) -> bool {
        let levels = self.ctx.frames.len();
        self.entered
            && self.ctx.frames.iter().all(|f| f.code.id == code.id)
            && code.instrs.len() * levels <= self.limits.unroll_instrs
    }

    pub(super) fn inline(
        &mut self,
        func: ObjId,
        info: &FuncInfo,
        code: std::rc::Rc<CodeInfo>,
        args: Vec<Val>,
        operands: usize,
    ) -> Res<Flow> {
        let mut locals = args;
        locals.resize(code.nlocals, Val::Null);
        self.bind_closure(&code, &info.closure, &mut locals)?;
        // What calls nothing can't be part of a recursion.
        let counted = code.instrs.iter().any(|i| matches!(i.op, Opcode::Call | Opcode::CallKw | Opcode::CallFunctionEx));
        if counted {
            let exit = self.exit_start(Reason::Depth);
            self.b.enter(exit);
        }
        // The arguments move to the new frame's locals; the rest of the operands goes.
        let at = self.ctx.frame().stack.len() - operands;
        let popped = self.ctx.frame_mut().stack.split_off(at);
        self.ctx.frame_mut().call_pc = self.ins.pc;
        let start = code.start;
        let moved: Vec<Value> = {
            let mut vs = Vec::new();
            locals.iter().for_each(|l| l.objects(&mut |o| vs.push(o.v)));
            vs
        };
        self.ctx.frames.push(Frame {
            code,
            func: Some(func),
            globals: info.globals,
            builtins: info.builtins,
            locals: locals.into(),
            home: Vec::new().into(),
            stack: Vec::new(),
            call_pc: 0,
            awaits: Awaits::Result,
            counted,
        });
        self.make_cells()?;
        for val in popped {
            let mut gone = true;
            val.objects(&mut |o| gone &= !moved.contains(&o.v));
            if gone {
                self.drop_val(val);
            }
        }
        self.goto(start)?;
        Ok(Flow::End)
    }

    /// Leaves an inlined function with its result.
    pub(super) fn inlined_return(&mut self, val: Val) -> Res<Flow> {
        let outer = self.ctx.frames.len() - 2;
        let awaits = self.ctx.frames[outer].awaits;
        let code = self.ctx.frame().code.id;
        if awaits != Awaits::Result && self.distrusted() {
            // What it gives is often something that only the interpreter knows what to do with.
            return Err(Refused::DontInline(code));
        }
        if awaits == Awaits::Init && !self.init_returned(&val) {
            return Ok(self.leave_at_start(Reason::Error));
        }
        let mut result = Some(val.clone());
        if let Awaits::Operator(_) = awaits {
            let caller = &self.ctx.frames[outer];
            let ins = *caller.code.instr(caller.call_pc).expect("an operator");
            match self.operator_result(ins, &val) {
                Ok(r) => result = r,
                Err(()) if self.o.observed(code, self.ins.pc).is_empty() => return Ok(self.leave_at_start(Reason::Value)),
                Err(()) => return Err(Refused::DontInline(code)),
            }
        }
        let mut frame = self.ctx.frames.pop().expect("an inlined frame");
        if frame.counted {
            self.b.leave();
        }
        frame.stack.clear();
        let call_pc = self.ctx.frame().call_pc;
        self.ctx.frame_mut().call_pc = 0;
        self.ctx.frame_mut().awaits = Awaits::Result;
        // The result may rely on a reference that a local of the frame holds.
        let locals = std::mem::take(&mut frame.locals);
        self.push(val.clone());
        for l in locals {
            self.drop_val(l);
        }
        match awaits {
            Awaits::Result => {}
            Awaits::Init => self.pop_drop(1),
            Awaits::Operator(operands) => {
                // The result may have changed hands: only a converted one is another value.
                let returned = self.pop();
                let n = self.ctx.frame().stack.len() - operands as usize;
                let gone = self.ctx.frame_mut().stack.split_off(n);
                let converted = result.as_ref() != Some(&val);
                match result {
                    Some(r) if converted => {
                        self.push(r);
                        self.drop_val(returned);
                    }
                    Some(_) => self.push(returned),
                    None => self.drop_val(returned),
                }
                gone.into_iter().for_each(|g| self.drop_val(g));
            }
        }
        let next = self.ctx.frame().code.instr(call_pc).expect("a call").next;
        self.goto(next)?;
        Ok(Flow::End)
    }

    /// Calls a compiled version, if there is one.
    fn call_compiled(&mut self, func: ObjId, args: Vec<Val>, operands: usize) -> Res<Option<Flow>> {
        let passes: Vec<Pass> = args.iter().map(|a| self.pass_of(a)).collect();
        let recursive = self.cell.as_ref().is_some_and(|(f, a, _)| *f == func && *a == passes);
        let itself = self.cell.as_ref().is_some_and(|(f, ..)| *f == func);
        if itself && self.framed && !self.limits.framed_recursion {
            return Ok(None);
        }
        let (callee, contract) = if recursive {
            let Some(ret) = self.ret.filter(|_| self.ret_fixed) else {
                // The first attempt only finds out what the function returns.
                return Ok(Some(self.leave_at_start(Reason::Unseen)));
            };
            (Callee::Local(0), Contract { ret, framed: self.framed, raises: self.raises })
        } else {
            let samples: Vec<_> = args.iter().map(|a| self.sample_of(a)).collect();
            match self.o.version(func, &passes, &samples) {
                Some(v) => (Callee::Cell(v.cell), v.contract),
                None => return Ok(None),
            }
        };
        // Objects that anybody may see.
        self.make_instances();
        let args: Vec<Val> = args.iter().map(|a| self.as_made(a)).collect();
        if contract.framed {
            if !self.has_frame() {
                return Err(self.no_frame());
            }
            self.before_python()?;
            self.sync_locals();
            self.called_out = true;
        } else {
            self.promote();
        }
        self.hold(&args);
        self.flush_globals();
        self.forget_globals();
        // `promote` may have changed who owns the operands.
        let at = self.ctx.frame().stack.len() - operands;
        let popped = self.ctx.frame_mut().stack.split_off(at);
        let mut values = Vec::new();
        for (arg, pass) in args.iter().zip(&passes) {
            match (pass, arg) {
                (Pass::None, _) => {}
                (Pass::Int, Val::Int(v)) | (Pass::Float, Val::Float(v)) | (Pass::Bool, Val::Bool(v)) => {
                    values.push(*v);
                }
                _ => {
                    let v = self.argument(arg);
                    values.push(v);
                }
            }
        }
        for val in popped {
            self.drop_val(val);
        }
        let exit = {
            let state = self.ctx.state(self.ins.pc);
            let drops = self.dropped();
            self.b.exit_to(ExitKind::Call, state, &drops)
        };
        let r = self.b.call_fn(callee, &values, contract.ret.ty(), exit);
        self.after_python();
        if let Some(r) = r.filter(|_| contract.raises) {
            let null = self.b.null();
            let ok = self.b.icmp(IntCC::Ne, r, null);
            self.unless_raised(ok);
        }
        let val = match (contract.ret, r) {
            (Pass::Int, Some(v)) => Val::Int(v),
            (Pass::Float, Some(v)) => Val::Float(v),
            (Pass::Bool, Some(v)) => Val::Bool(v),
            (Pass::Obj(ty), Some(v)) => Val::Obj(ObjVal { v, ty, tok: None, own: Own::Owned, sample: None }),
            _ => self.const_none(),
        };
        self.push(val);
        Ok(Some(Flow::Next))
    }

    /// Holds, until the end of the instruction, arguments that were borrowed and are in no slot.
    fn hold(&mut self, args: &[Val]) {
        let mut borrowed = Vec::new();
        args.iter().for_each(|arg| {
            arg.objects(&mut |o| {
                if o.own == Own::Transient {
                    borrowed.push(*o);
                }
            });
        });
        if borrowed.is_empty() {
            return;
        }
        self.ctx.slots(&mut |slot| slot.objects(&mut |o| borrowed.retain(|b| b.v != o.v)));
        for o in borrowed {
            self.b.incref(o.v);
            self.ctx.drops.push((&o).into());
        }
    }

    /// The operands of a call of a builtin are popped and the result pushed.
    pub(super) fn call_done(&mut self, argc: usize, val: Val) -> Option<Flow> {
        self.pop_drop(argc + 2);
        self.push(val);
        Some(Flow::Next)
    }

    fn call_builtin(&mut self, b: Builtin, argc: usize) -> Res<Option<Flow>> {
        if self.distrusted() && b != Builtin::Frames {
            return Ok(None);
        }
        match (b, argc) {
            (Builtin::Len, 1) => {
                let ty = self.expect_type(0);
                if let Some(ty) = ty
                    && let Some(flow) = self.expected_operator(0, ty, "__len__", &[0], 3)?
                {
                    return Ok(Some(flow));
                }
                let Some(n) = self.length(0) else { return Ok(None) };
                Ok(self.call_done(1, Val::Int(n)))
            }
            (Builtin::Abs, 1) => Ok(self.call_abs()),
            (Builtin::Min | Builtin::Max, 2) => Ok(self.extreme_of_two(b)),
            (Builtin::Min | Builtin::Max, 3..=8) => Ok(self.extreme_of(b, argc)),
            (Builtin::Sum | Builtin::Min | Builtin::Max | Builtin::Sorted, 1) => Ok(self.sequence_builtin(b)),
            (Builtin::Any | Builtin::All, 1) => Ok(self.sequence_truth(b)),
            (Builtin::List | Builtin::Tuple, 1) => self.call_sequence(b),
            (Builtin::Isinstance, 2) => Ok(self.call_isinstance()),
            (Builtin::Type, 1) => Ok(self.call_type()),
            (Builtin::Divmod, 2) => Ok(self.call_divmod()),
            (Builtin::Pow, 2) => self.call_pow(),
            (Builtin::Hasattr, 2) => Ok(self.call_hasattr()),
            (Builtin::Getattr, 2 | 3) => Ok(self.call_getattr(argc)),
            (Builtin::Range, 1..=3) => self.call_range(argc),
            (Builtin::Enumerate, 1 | 2) => Ok(self.call_enumerate(argc)),
            (Builtin::Zip, 1..=4) => Ok(self.call_zip(argc)),
            (Builtin::Reversed, 1) => Ok(self.call_reversed()),
            (Builtin::Int, 1) => match self.num(0) {
                Some(Num::Int(v)) => Ok(self.call_done(1, Val::Int(v))),
                Some(Num::Float(v)) => {
                    let exit = self.exit_start(Reason::Overflow);
                    let v = self.float_to_int(v, exit);
                    Ok(self.call_done(1, Val::Int(v)))
                }
                None => Ok(self.str_to_int()),
            },
            (Builtin::Float, 1) => match self.num(0) {
                Some(n) => {
                    let v = self.float(n);
                    Ok(self.call_done(1, Val::Float(v)))
                }
                None => Ok(None),
            },
            (Builtin::Bool, 1) => {
                if self.ty_of(self.peek(0)).is_none() {
                    return Ok(None);
                }
                if matches!(self.peek(0), Val::Obj(_)) && self.num(0).is_none() && self.length(0).is_none() {
                    return Ok(None);
                }
                let Some(c) = self.truth(0)? else { return Ok(Some(Flow::End)) };
                Ok(self.call_done(1, Val::Bool(c)))
            }
            (Builtin::MathFloor | Builtin::MathCeil, 1) => {
                let v = match self.num(0) {
                    Some(Num::Int(v)) => v,
                    Some(Num::Float(v)) => {
                        let r = if b == Builtin::MathFloor { self.b.ffloor(v) } else { self.b.fceil(v) };
                        let exit = self.exit_start(Reason::Overflow);
                        self.float_to_int(r, exit)
                    }
                    None => return Ok(None),
                };
                Ok(self.call_done(1, Val::Int(v)))
            }
            (
                Builtin::MathSqrt
                | Builtin::MathSin
                | Builtin::MathCos
                | Builtin::MathTan
                | Builtin::MathAtan
                | Builtin::MathTanh
                | Builtin::MathExp
                | Builtin::MathLog
                | Builtin::MathFabs,
                1,
            ) => {
                if matches!(self.peek(0), Val::Obj(o) if o.ty.is_none())
                    && let Some(t) = self.expect_type(0)
                {
                    self.want(0, t);
                }
                let Some(n) = self.num(0) else { return Ok(None) };
                let x = self.float(n);
                let v = self.math(b, x);
                Ok(self.call_done(1, Val::Float(v)))
            }
            (Builtin::MathAtan2, 2) => {
                let (Some(y), Some(x)) = (self.num(1), self.num(0)) else { return Ok(None) };
                let (y, x) = (self.float(y), self.float(x));
                let v = self.b.call_rt_value(RtId::MathAtan2, &[y, x]);
                Ok(self.call_done(2, Val::Float(v)))
            }
            (Builtin::Ord, 1) => Ok(self.ord()),
            (Builtin::Chr, 1) => Ok(self.chr()),
            (Builtin::Str, 1) => Ok(self.str_call()),
            (Builtin::Frames, _) => Ok(Some(self.leave_at_start(Reason::Unsupported))),
            _ => Ok(None),
        }
    }

    /// `abs` of a number.
    fn call_abs(&mut self) -> Option<Flow> {
        let v = match self.num(0) {
            Some(Num::Int(v)) => {
                let exit = self.exit_start(Reason::Overflow);
                let zero = self.b.i64(0);
                let neg = self.b.sub_ovf(zero, v, exit);
                let is_neg = self.b.icmp(IntCC::SLt, v, zero);
                Val::Int(self.b.select(is_neg, neg, v))
            }
            Some(Num::Float(v)) => Val::Float(self.b.fabs(v)),
            None => return None,
        };
        self.call_done(1, v)
    }

    /// `min` or `max` of two numbers.
    fn extreme_of_two(&mut self, b: Builtin) -> Option<Flow> {
        let (Some(x), Some(y)) = (self.num(1), self.num(0)) else { return None };
        let max = b == Builtin::Max;
        // The first wins unless the second is strictly beyond it.
        let v = match (x, y) {
            (Num::Int(x), Num::Int(y)) if !self.any_bool(2) => {
                let c = self.b.icmp(if max { IntCC::SGt } else { IntCC::SLt }, y, x);
                Val::Int(self.b.select(c, y, x))
            }
            (Num::Float(x), Num::Float(y)) => {
                let c = self.b.fcmp(if max { FloatCC::Gt } else { FloatCC::Lt }, y, x);
                Val::Float(self.b.select(c, y, x))
            }
            _ => return None,
        };
        self.call_done(2, v)
    }

    pub(super) fn any_bool(&self, n: usize) -> bool {
        (0..n).any(|d| matches!(self.peek(d), Val::Bool(_)))
    }

    /// `math` functions; those that can raise leave where they might.
    fn math(&mut self, b: Builtin, x: Value) -> Value {
        let exit = self.exit_start(Reason::Error);
        let rt = match b {
            Builtin::MathFabs => return self.b.fabs(x),
            Builtin::MathSqrt => {
                let zero = self.b.f64(0.0);
                let c = self.b.fcmp(FloatCC::Ge, x, zero);
                self.b.guard(c, true, exit);
                return self.b.fsqrt(x);
            }
            Builtin::MathSin | Builtin::MathCos | Builtin::MathTan => {
                // Infinities raise.
                let d = self.b.fsub(x, x);
                let c = self.b.fcmp(FloatCC::Eq, d, d);
                self.b.guard(c, true, exit);
                match b {
                    Builtin::MathSin => RtId::MathSin,
                    Builtin::MathCos => RtId::MathCos,
                    _ => RtId::MathTan,
                }
            }
            Builtin::MathAtan => RtId::MathAtan,
            Builtin::MathTanh => RtId::MathTanh,
            Builtin::MathExp => {
                let max = self.b.f64(700.0);
                let c = self.b.fcmp(FloatCC::Lt, x, max);
                self.b.guard(c, true, exit);
                RtId::MathExp
            }
            _ => {
                let zero = self.b.f64(0.0);
                let c = self.b.fcmp(FloatCC::Gt, x, zero);
                self.b.guard(c, true, exit);
                RtId::MathLog
            }
        };
        self.b.call_rt_value(rt, &[x])
    }

    /// Truncates a float that is in the range of 64-bit ints.
    fn float_to_int(&mut self, v: Value, exit: crate::ir::ExitId) -> Value {
        let lo = self.b.f64(-9.223372036854775e18);
        let hi = self.b.f64(9.223372036854775e18);
        let a = self.b.fcmp(FloatCC::Gt, v, lo);
        self.b.guard(a, true, exit);
        let c = self.b.fcmp(FloatCC::Lt, v, hi);
        self.b.guard(c, true, exit);
        self.b.f64_to_i64(v)
    }

    pub(super) fn next_is(&self, op: Opcode) -> bool {
        self.ctx.frame().code.instr(self.ins.next).is_some_and(|i| i.op == op)
    }

    fn call_method(&mut self, m: BuiltinMethod, argc: usize) -> Res<Option<Flow>> {
        if self.distrusted() {
            return Ok(None);
        }
        if let BuiltinMethod::Str(m) = m {
            return self.str_method(m, argc);
        }
        let k = *self.o.known();
        let Val::Obj(recv) = self.peek(argc).clone() else { return Ok(None) };
        match (m, argc) {
            (BuiltinMethod::ListAppend, 1) if recv.ty == Some(k.list) => {
                self.materialize(0);
                self.promote();
                self.guard_type(recv.v, k.list);
                let exit = self.exit_start(Reason::Error);
                let lock = self.b.load(Field::ListLock, recv.v, recv.tok);
                let zero = self.b.i64(0);
                self.b.guard_icmp(IntCC::Eq, lock, zero, exit);
                let item = self.pop();
                let v = self.boxed_owned(&item);
                self.b.call_rt(RtId::ListAppend, &[recv.v, v]);
                let none = self.const_none();
                Ok(self.call_done(0, none))
            }
            (BuiltinMethod::ListExtend, 1) if recv.ty == Some(k.list) => {
                // Others are iterated by the method itself.
                let Some(ty) = self.expect_type(0).filter(|ty| [k.list, k.tuple].contains(ty)) else { return Ok(None) };
                self.want(0, ty);
                self.guard_type(recv.v, k.list);
                self.update_container(RtId::ListExtend, 1)?;
                let none = self.const_none();
                Ok(self.call_done(0, none))
            }
            (BuiltinMethod::ListPop, 0) if recv.ty == Some(k.list) => {
                self.promote();
                let tok = self.guard_type(recv.v, k.list);
                let n = self.b.load(Field::ListLen, recv.v, tok);
                let zero = self.b.i64(0);
                let some = self.b.icmp(IntCC::SGt, n, zero);
                let class = Some(self.o.known().index_error);
                self.check(some, Reason::Error, class);
                let r = self.b.call_rt_value(RtId::ListPop, &[recv.v]);
                Ok(self.call_done(0, Val::object(r, Own::Owned)))
            }
            (BuiltinMethod::DictGet, 1 | 2) => self.dict_get(argc),
            (BuiltinMethod::DictItems, 0) => Ok(self.dict_view(View::Items)),
            (BuiltinMethod::DictKeys, 0) => Ok(self.dict_view(View::Keys)),
            (BuiltinMethod::DictValues, 0) => Ok(self.dict_view(View::Values)),
            (BuiltinMethod::SetAdd, 1) => Ok(self.set_add()),
            _ => Ok(None),
        }
    }
}
