//! Calls, and the depth of calls, by the rule of `psycore_jit::lower::depth`: the counter is in the pinned register while
//! compiled code runs.

use super::abi::{
    CTX_DEPTH, CTX_EXIT_END, CTX_EXIT_TOP, CTX_SLOW_RESULT, NAMESPACE_LOCAL, NAMESPACE_RT, NAMESPACE_STUB, TRUSTED, signature,
};
use super::slow_path::stub_signature;
use super::translate::Translator;
use crate::code_memory::reaches;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self as clif, ExtFuncData, ExternalName, FuncRef, InstBuilder, SigRef, Signature, UserExternalName, types,
};
use psycore_jit::ir::{Callee, ElemKind, ExitId, Field, FnKind, Type, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::depth::{self, SPARE_LEVELS};
use psycore_jit::lower::slow_path::SLOW_PATHS;
use psycore_jit::rt::RtId;

impl Translator<'_> {
    fn import_signature(&mut self, signature: Signature) -> SigRef {
        if let Some((_, known)) = self.t.signatures.iter().find(|(s, _)| *s == signature) {
            return *known;
        }
        let sig = self.pos.func.import_signature(signature.clone());
        self.t.signatures.push((signature, sig));
        sig
    }

    fn import_function(&mut self, namespace: u32, index: u32, signature: SigRef) -> FuncRef {
        if let Some((_, known)) = self.t.functions.iter().find(|(name, _)| *name == (namespace, index)) {
            return *known;
        }
        let name = self.pos.func.declare_imported_user_function(UserExternalName { namespace, index });
        let function = self.pos.func.import_function(ExtFuncData {
            name: ExternalName::User(name),
            signature,
            colocated: true,
            patchable: false,
        });
        self.t.functions.push(((namespace, index), function));
        function
    }

    /// Calls an entry point with the context and `args`.
    pub(super) fn call_rt(&mut self, rt: RtId, args: &[clif::Value]) -> Result<Option<clif::Value>, LowerError> {
        if args.len() != rt.params().len() {
            return Err(LowerError(format!("{} with {} arguments", rt.name(), args.len())));
        }
        let sig = self.import_signature(signature(rt.params(), rt.ret(), None));
        let mut all = Vec::with_capacity(args.len() + 1);
        all.push(self.ctx);
        all.extend_from_slice(args);
        if depth::is_read_by(rt) {
            self.store_depth();
        }
        let address = (self.input.env.rt_address)(rt);
        let call = if reaches(self.input.range, address) {
            let function = self.import_function(NAMESPACE_RT, rt as u32, sig);
            self.pos.ins().call(function, &all)
        } else {
            let callee = self.pos.ins().iconst(types::I64, address as i64);
            self.pos.ins().call_indirect(sig, callee, &all)
        };
        Ok(self.pos.func.dfg.inst_results(call).first().copied())
    }

    /// `dict_find_name` of an index that is known: looks there, and calls where the name is not there.
    pub(super) fn find_name(&mut self, args: &[clif::Value], index: i64) -> Result<Option<clif::Value>, LowerError> {
        let layout = self.input.env.layout;
        let (stride, key) = layout.elem(ElemKind::DictKey);
        let mark = layout.dict_entry_mark as i32;
        let at =
            i64::from(stride).checked_mul(index).and_then(|at| i32::try_from(at).ok()).filter(|at| (0..1 << 20).contains(at));
        let (Some(at), [dict, name, _]) = (at, args) else { return self.call_rt(RtId::DictFindName, args) };
        let (here, missing, next) =
            (self.pos.func.dfg.make_block(), self.pos.func.dfg.make_block(), self.pos.func.dfg.make_block());
        let result = self.pos.func.dfg.append_block_param(next, types::I64);
        let filled = self.pos.ins().load(types::I64, TRUSTED, *dict, layout.offset(Field::DictFilled));
        let is_there = self.pos.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, filled, index);
        self.pos.ins().brif(is_there, here, &[], missing, &[]);
        self.continue_in(here);
        let entries = self.pos.ins().load(types::I64, TRUSTED, *dict, layout.offset(Field::DictEntries));
        let found = self.pos.ins().load(types::I64, TRUSTED, entries, at + key);
        let is_it = self.pos.ins().icmp(IntCC::Equal, found, *name);
        let known = self.pos.ins().iconst(types::I64, index);
        if mark == key {
            self.pos.ins().brif(is_it, next, &[known.into()], missing, &[]);
        } else {
            // The key of a deleted entry may still be there.
            let same = self.pos.func.dfg.make_block();
            self.pos.ins().brif(is_it, same, &[], missing, &[]);
            self.continue_in(same);
            let live = self.pos.ins().load(types::I64, TRUSTED, entries, at + mark);
            self.pos.ins().brif(live, next, &[known.into()], missing, &[]);
        }
        self.continue_cold(missing);
        let found = self.call_rt(RtId::DictFindName, args)?.unwrap_or(known);
        self.pos.ins().jump(next, &[found.into()]);
        self.continue_in(next);
        Ok(Some(result))
    }

    /// `replace_slot` of an index that is known: stores where the slot is empty, and calls where it is not.
    pub(super) fn replace_slot(&mut self, args: &[clif::Value], index: u32) -> Result<(), LowerError> {
        let [slots, _, value] = args else {
            return self.call_rt(RtId::ReplaceSlot, args).map(|_| ());
        };
        let offset = self.input.env.arg_offset(index)?;
        let (empty, full, next) =
            (self.pos.func.dfg.make_block(), self.pos.func.dfg.make_block(), self.pos.func.dfg.make_block());
        let old = self.pos.ins().load(types::I64, TRUSTED, *slots, offset);
        self.pos.ins().brif(old, full, &[], empty, &[]);
        self.continue_in(empty);
        self.pos.ins().store(TRUSTED, *value, *slots, offset);
        self.pos.ins().jump(next, &[]);
        self.continue_cold(full);
        self.call_rt(RtId::ReplaceSlot, args)?;
        self.pos.ins().jump(next, &[]);
        self.continue_in(next);
        Ok(())
    }

    /// Calls an entry point from a cold block, then goes to `next`, or to the exit if there is
    /// one and the entry point says so. See `slow_path`. The count of polls must be in memory;
    /// `next` is a merge block.
    pub(super) fn call_slow(&mut self, rt: RtId, args: &[clif::Value], exit: Option<ExitId>, next: clif::Block) {
        let index = SLOW_PATHS.iter().position(|stub| *stub == rt).unwrap_or_else(|| unreachable!("no stub of {rt:?}"));
        let sig = self.import_signature(stub_signature(rt));
        let stub = self.import_function(NAMESPACE_STUB, index as u32, sig);
        let mut all = Vec::with_capacity(args.len() + 1);
        all.push(self.ctx);
        all.extend_from_slice(args);
        self.store_depth();
        self.pos.ins().call(stub, &all);
        if self.count.is_some() {
            self.count = Some(self.load_count());
        }
        let count = self.count_arg();
        match exit {
            Some(exit) => {
                let leave = self.pos.ins().load(types::I32, TRUSTED, self.ctx, CTX_SLOW_RESULT);
                let out = self.exit_block(exit);
                self.pos.ins().brif(leave, out, &count, next, &count);
            }
            None => {
                self.pos.ins().jump(next, &count);
            }
        }
    }

    /// Calls compiled code; leaves if it left.
    pub(super) fn call_fn(
        &mut self,
        callee: Callee,
        args: &[Value],
        ret: Option<Type>,
        exit: ExitId,
    ) -> Result<Option<clif::Value>, LowerError> {
        let params: Vec<Type> = args.iter().map(|v| self.f.ty(*v)).collect();
        let sig = self.import_signature(signature(&params, Some(Type::I32), ret));
        let mut all = Vec::with_capacity(args.len() + 1);
        all.push(self.ctx);
        for arg in args {
            all.push(self.value(*arg)?);
        }
        let call = match callee {
            Callee::Local(index) => {
                let function = self.import_function(NAMESPACE_LOCAL, index, sig);
                self.pos.ins().call(function, &all)
            }
            Callee::Cell(cell) => {
                let address = (self.input.env.cell_address)(cell);
                let address = self.pos.ins().iconst(types::I64, address as i64);
                let code = self.pos.ins().load(types::I64, TRUSTED, address, 0);
                self.pos.ins().call_indirect(sig, code, &all)
            }
        };
        let results = self.pos.func.dfg.inst_results(call);
        let (status, value) = (results[0], results.get(1).copied());
        self.guard(status, false, exit);
        Ok(value)
    }

    /// Takes the depth counter into its register, if the function has a use for it. Run-time code
    /// keeps that register for us and expects us to keep it for it.
    pub(super) fn load_depth(&mut self) {
        if self.f.kind == FnKind::Entry && self.counts_depth {
            self.outer_pinned = Some(self.pos.ins().get_pinned_reg(types::I64));
            let depth = self.pos.ins().sload32(TRUSTED, self.ctx, CTX_DEPTH);
            let top = self.pos.ins().load(types::I64, TRUSTED, self.ctx, CTX_EXIT_TOP);
            let end = self.pos.ins().load(types::I64, TRUSTED, self.ctx, CTX_EXIT_END);
            let room = self.pos.ins().isub(end, top);
            let shift = self.pos.ins().iconst(types::I64, self.input.record_shift.as_ptr() as i64);
            let shift = self.pos.ins().load(types::I32, TRUSTED, shift, 0);
            let levels = self.pos.ins().ushr(room, shift);
            let levels = self.pos.ins().iadd_imm_s(levels, -i64::from(SPARE_LEVELS));
            let depth = self.pos.ins().smin(depth, levels);
            let zero = self.pos.ins().iconst(types::I64, 0);
            let depth = self.pos.ins().smax(depth, zero);
            self.pos.ins().set_pinned_reg(depth);
        }
    }

    /// Gives the register back, before an entry function returns.
    pub(super) fn restore_pinned(&mut self) {
        if let Some(outer) = self.outer_pinned {
            self.pos.ins().set_pinned_reg(outer);
        }
    }

    /// Writes the depth counter where the run time reads it.
    pub(super) fn store_depth(&mut self) {
        if self.counts_depth {
            let depth = self.pos.ins().get_pinned_reg(types::I64);
            self.pos.ins().istore32(TRUSTED, depth, self.ctx, CTX_DEPTH);
        }
    }

    pub(super) fn enter(&mut self, exit: ExitId) {
        let depth = self.pos.ins().get_pinned_reg(types::I64);
        let minus_one = self.pos.ins().iconst(types::I64, -1);
        // The sum carries unless the counter is 0: one addition and one jump. The level is taken
        // only once it is known to be there: nothing to give back.
        let (depth, carry) = self.pos.ins().uadd_overflow(depth, minus_one);
        self.guard(carry, true, exit);
        self.pos.ins().set_pinned_reg(depth);
    }

    pub(super) fn leave(&mut self) {
        let depth = self.pos.ins().get_pinned_reg(types::I64);
        let depth = self.pos.ins().iadd_imm_s(depth, 1);
        self.pos.ins().set_pinned_reg(depth);
    }
}
