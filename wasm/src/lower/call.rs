//! Calls, and the depth of calls, by the rule of `psycore_jit::lower::depth`: the counter is a parameter of compiled
//! functions, which they pass on less what they take, so callers still have what they had when a callee comes back.

use super::abi::{CTX, CTX_DEPTH, CTX_EXIT_END, CTX_EXIT_TOP, compiled_signature, mem};
use super::function::Emitter;
use super::memory;
use psycore_jit::ir::{Callee, ElemKind, ExitId, Field, FnKind, Type, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::depth::{self, SPARE_LEVELS};
use psycore_jit::rt::RtId;
use wasm_encoder::{BlockType, ValType};

impl Emitter<'_> {
    /// Calls an entry point; its result is on the stack.
    pub(super) fn call_rt(&mut self, rt: RtId, args: &[Value]) -> Result<(), LowerError> {
        if args.len() != rt.params().len() {
            return Err(LowerError(format!("{} with {} arguments", rt.name(), args.len())));
        }
        if let (RtId::DictFindName, [dict, name, index]) = (rt, args)
            && let Some(index) = memory::constant(self, *index)
        {
            return self.find_name(*dict, *name, index, args);
        }
        if let (RtId::ReplaceSlot, [slots, index, value]) = (rt, args)
            && let Some(index) = memory::constant(self, *index)
        {
            return self.replace_slot(*slots, index as u32, *value, args);
        }
        self.call_entry_point(rt, args)
    }

    /// `dict_find_name` of an index that is known: looks there, and calls where the name is not there.
    fn find_name(&mut self, dict: Value, name: Value, index: i64, args: &[Value]) -> Result<(), LowerError> {
        let layout = self.input.env.layout;
        let (stride, key) = layout.elem(ElemKind::DictKey);
        let at =
            i64::from(stride).checked_mul(index).and_then(|at| i32::try_from(at).ok()).filter(|at| (0..1 << 20).contains(at));
        let Some(at) = at else { return self.call_entry_point(RtId::DictFindName, args) };
        self.open_giving(ValType::I64);
        let found = self.nesting();
        self.open();
        let missing = self.nesting();
        self.load(Field::DictFilled, dict)?;
        let label = self.label(missing);
        self.sink().i64_const(index).i64_le_u().br_if(label);
        self.load(Field::DictEntries, dict)?;
        let memory = self.at(at + key, 2);
        self.sink().i32_load(memory);
        self.get(name)?;
        self.sink().i32_ne().br_if(label);
        let mark = layout.dict_entry_mark as i32;
        if mark != key {
            // The key of a deleted entry may still be there.
            self.load(Field::DictEntries, dict)?;
            let memory = self.at(at + mark, 2);
            self.sink().i32_load(memory).i32_eqz().br_if(label);
        }
        let label = self.label(found);
        self.sink().i64_const(index).br(label);
        self.close();
        self.call_entry_point(RtId::DictFindName, args)?;
        self.close();
        Ok(())
    }

    /// `replace_slot` of an index that is known: stores where the slot is empty, and calls where it is not.
    fn replace_slot(&mut self, slots: Value, index: u32, value: Value, args: &[Value]) -> Result<(), LowerError> {
        if !self.input.env.layout.args_are_words() {
            return self.call_entry_point(RtId::ReplaceSlot, args);
        }
        let offset = self.input.env.arg_offset(index)?;
        self.open();
        let done = self.nesting();
        self.open();
        let full = self.nesting();
        self.get(slots)?;
        self.sink().i32_load(mem(offset as u64, 2));
        let label = self.label(full);
        self.sink().br_if(label);
        self.store_arg(slots, index, value)?;
        let label = self.label(done);
        self.sink().br(label);
        self.close();
        self.call_entry_point(RtId::ReplaceSlot, args)?;
        self.close();
        Ok(())
    }

    fn call_entry_point(&mut self, rt: RtId, args: &[Value]) -> Result<(), LowerError> {
        if depth::is_read_by(rt) {
            self.store_depth();
        }
        let function = self.module.rt(rt)?;
        self.sink().local_get(CTX);
        for arg in args {
            self.get(*arg)?;
        }
        self.sink().call(function);
        Ok(())
    }

    /// Calls an entry point that says whether to leave, from a cold place where the count of polls is in memory.
    pub(super) fn call_slow(&mut self, rt: RtId, arg: Option<Value>, exit: Option<ExitId>) -> Result<(), LowerError> {
        let function = self.module.rt(rt)?;
        self.store_depth();
        self.sink().local_get(CTX);
        if let Some(arg) = arg {
            self.get(arg)?;
        }
        self.sink().call(function);
        if self.count.is_some() {
            self.load_count();
        }
        match exit {
            Some(exit) => self.leave_if(exit),
            None => {
                self.sink().drop();
            }
        }
        Ok(())
    }

    /// Calls compiled code; leaves if it left.
    pub(super) fn call_fn(
        &mut self,
        callee: Callee,
        args: &[Value],
        ret: Option<Type>,
        exit: ExitId,
        result: Option<Value>,
    ) -> Result<(), LowerError> {
        let depth = self.depth.ok_or_else(|| LowerError("a call without a depth counter".into()))?;
        self.sink().local_get(CTX).local_get(depth);
        for arg in args {
            self.get(*arg)?;
        }
        match callee {
            Callee::Local(index) => {
                let function = self.module.local(index);
                self.sink().call(function);
            }
            Callee::Cell(cell) => {
                let (params, results) = compiled_signature(args.iter().map(|v| self.f.ty(*v)), ret);
                let ty = self.module.signature(params, results);
                let address = (self.input.env.cell_address)(cell);
                let code = self.temp(ValType::I32, 0);
                self.sink().i32_const(address as i32).i32_load(mem(0, 2));
                match self.module.own(ty) {
                    // Most of what recursive functions call is themselves.
                    Some((function, slot)) => {
                        self.sink().local_tee(code).i32_const(slot as i32).i32_eq();
                        self.sink().if_(BlockType::FunctionType(ty)).call(function).else_();
                        self.sink().local_get(code).call_indirect(0, ty).end();
                    }
                    None => {
                        self.sink().call_indirect(0, ty);
                    }
                }
            }
        }
        match (ret, result) {
            (Some(_), Some(result)) => {
                let local = self.local(result)?;
                self.sink().local_set(local);
            }
            (Some(_), None) => {
                self.sink().drop();
            }
            (None, _) => {}
        }
        self.leave_if(exit);
        Ok(())
    }

    /// Takes the depth counter into its local, in entry functions that have a use for it.
    pub(super) fn load_depth(&mut self) {
        if let (FnKind::Entry, Some(depth)) = (self.f.kind, self.depth) {
            let (shift, spare) = (self.input.target.record_shift as i32, i32::from(SPARE_LEVELS));
            let (levels, most) = (self.temp(ValType::I32, 0), self.temp(ValType::I32, 1));
            self.sink().local_get(CTX).i32_load(mem(CTX_EXIT_END, 2));
            self.sink().local_get(CTX).i32_load(mem(CTX_EXIT_TOP, 2)).i32_sub();
            self.sink().i32_const(shift).i32_load(mem(0, 2)).i32_shr_u().i32_const(spare).i32_sub().local_tee(levels);
            self.sink().local_get(CTX).i32_load(mem(CTX_DEPTH, 2)).local_tee(most);
            self.sink().local_get(levels).local_get(most).i32_lt_s().select().local_tee(depth);
            self.sink().i32_const(0).local_get(depth).i32_const(0).i32_gt_s().select().local_set(depth);
        }
    }

    /// Writes the depth counter where the run time reads it.
    pub(super) fn store_depth(&mut self) {
        if let Some(depth) = self.depth {
            self.sink().local_get(CTX).local_get(depth).i32_store(mem(CTX_DEPTH, 2));
        }
    }

    pub(super) fn enter(&mut self, exit: ExitId) -> Result<(), LowerError> {
        let depth = self.depth.ok_or_else(|| LowerError("enter without a depth counter".into()))?;
        self.sink().local_get(depth).i32_eqz();
        self.leave_if(exit);
        self.sink().local_get(depth).i32_const(1).i32_sub().local_set(depth);
        Ok(())
    }

    pub(super) fn leave(&mut self) -> Result<(), LowerError> {
        let depth = self.depth.ok_or_else(|| LowerError("leave without a depth counter".into()))?;
        self.sink().local_get(depth).i32_const(1).i32_add().local_set(depth);
        Ok(())
    }
}
