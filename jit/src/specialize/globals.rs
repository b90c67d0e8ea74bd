//! Globals: functions, classes and modules as guarded constants, variables in registers.

use super::abstract_state::{GlobalVar, Own, Val};
use super::{Flow, Res, Specializer};
use crate::ir::{ElemKind, Field, IntCC, ObjId, Reason, Value};
use crate::oracle::{Extent, GlobalRef};
use crate::rt::RtId;

impl Specializer<'_> {
    pub(super) fn load_global(&mut self, arg: usize) -> Res<Flow> {
        let f = self.ctx.frame();
        let (name, globals, builtins) = (f.code.names[arg >> 1], f.globals, f.builtins);
        if !self.load_variable(globals, builtins, name, Extent::Wide) {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        if arg & 1 != 0 {
            self.push(Val::Null);
        }
        Ok(Flow::Next)
    }

    pub(super) fn load_name(&mut self, arg: usize) -> Res<Flow> {
        if !self.module || self.ctx.frames.len() > 1 {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        let f = self.ctx.frame();
        let (name, globals, builtins) = (f.code.names[arg], f.globals, f.builtins);
        if !self.load_variable(globals, builtins, name, Extent::Wide) {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        Ok(Flow::Next)
    }

    pub(super) fn store_name(&mut self, arg: usize) -> Res<Flow> {
        if self.ins.op == crate::bytecode::Opcode::StoreName && (!self.module || self.ctx.frames.len() > 1) {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        let f = self.ctx.frame();
        let (name, globals) = (f.code.names[arg], f.globals);
        let Some(entry) = self.o.dict_entry(globals, name) else {
            return Ok(self.leave_at_start(Reason::Unseen));
        };
        self.materialize(0);
        self.promote();
        let known = self.ctx.globals.iter().position(|g| g.dict == globals && g.name == name);
        let number = matches!(self.peek(0), Val::Int(_) | Val::Float(_) | Val::Bool(_));
        if let Some(i) = known
            && number
        {
            // The dict has a number, whose release nobody can see: it can wait.
            let val = self.pop();
            self.ctx.globals[i].val = val;
            self.ctx.globals[i].dirty = true;
            return Ok(Flow::Next);
        }
        let (d, tok, index) = self.variable_entry(&entry, name);
        let lock = self.b.load(Field::DictLock, d, tok);
        let exit = self.exit_start(Reason::Shape);
        let zero = self.b.i64(0);
        self.b.guard_icmp(IntCC::Eq, lock, zero, exit);
        let entries = self.b.load(Field::DictEntries, d, tok);
        let old = self.b.load_elem(ElemKind::DictValue, entries, index, tok);
        let val = self.pop();
        if let Some(i) = known {
            self.ctx.globals.remove(i);
        }
        self.replace_item(ElemKind::DictValue, entries, index, old, tok, &val);
        if number {
            self.keep_variable(globals, name, entry.index, val);
        }
        Ok(Flow::Next)
    }

    /// Holds a number that is a module variable's value in a register from now on.
    fn keep_variable(&mut self, dict: ObjId, name: ObjId, index: u32, val: Val) {
        let var = GlobalVar { dict, name, index, val, dirty: false };
        let at = self.ctx.globals.partition_point(|g| (g.dict, g.name) < (dict, name));
        self.ctx.globals.insert(at, var);
    }

    /// Takes a module variable into a register, if it exists and is no constant.
    pub(super) fn preload_variable(&mut self, dict: ObjId, name: ObjId, least: Extent) {
        let builtins = self.ctx.frame().builtins;
        if self.o.dict_entry(dict, name).is_some_and(|e| e.value.is_none() || self.distrusted())
            && self.load_variable(dict, builtins, name, least)
        {
            let v = self.pop();
            self.drop_val(v);
        }
    }

    /// Pushes a variable by name; `false` if there is none (yet). An int may be as far from zero as `least` at least, and as it
    /// is now.
    fn load_variable(&mut self, globals: ObjId, builtins: ObjId, name: ObjId, least: Extent) -> bool {
        if let Some(g) = self.ctx.globals.iter().find(|g| g.dict == globals && g.name == name) {
            let v = Self::dup(&g.val);
            self.push(v);
            return true;
        }
        let Some(found) = self.o.global(globals, builtins, name) else { return false };
        if let Some((dict, stamp)) = found.absent_from {
            self.guard_no_variable(dict, stamp, name);
        }
        let v = self.entry_value_of(&found, name);
        if let Some(value) = found.value
            && !self.distrusted()
        {
            let exit = self.exit_start(Reason::Value);
            self.b.guard_is(v, value, exit);
            let val = found.in_compiled.map_or(Val::Const(value), |c| self.constant(c));
            self.push(val);
            return true;
        }
        self.push(Val::object(v, Own::Transient));
        self.set_sample(found.sample);
        if !found.seen.big && !self.distrusted() {
            self.want_within(found.extent.map_or(least, |extent| extent.max(least)), 0, found.seen.ty);
            if let Val::Float(x) = *self.peek(0) {
                let exit = self.exit_start(Reason::Type);
                let c = self.b.fcmp(crate::ir::FloatCC::Eq, x, x);
                self.b.guard(c, true, exit);
            }
        }
        if found.absent_from.is_none() && matches!(self.peek(0), Val::Int(_) | Val::Float(_) | Val::Bool(_)) {
            let val = self.peek(0).clone();
            self.keep_variable(globals, name, found.index, val);
        }
        true
    }

    /// The value of a variable of a module, as a constant where it is one.
    pub(super) fn dict_constant(&mut self, dict: ObjId, name: ObjId) -> Option<Val> {
        // An inlined function of that module may have its variable in a register.
        if let Some(g) = self.ctx.globals.iter().find(|g| g.dict == dict && g.name == name) {
            return Some(Self::dup(&g.val));
        }
        let found = self.o.dict_entry(dict, name)?;
        let v = self.entry_value_of(&found, name);
        if let Some(value) = found.value
            && !self.distrusted()
        {
            let exit = self.exit_start(Reason::Value);
            self.b.guard_is(v, value, exit);
            return Some(Val::Const(value));
        }
        Some(Val::object(v, Own::Transient))
    }

    fn entry_value_of(&mut self, found: &GlobalRef, name: ObjId) -> Value {
        let (d, tok, i) = self.variable_entry(found, name);
        let entries = self.b.load(Field::DictEntries, d, tok);
        self.b.load_elem(ElemKind::DictValue, entries, i, tok)
    }

    /// The dict and the entry of a variable: where it was, or where it is if the dict gets new keys.
    fn variable_entry(&mut self, found: &GlobalRef, name: ObjId) -> (Value, Option<Value>, Value) {
        let d = self.b.obj(found.dict);
        if self.o.keys_change(found.dict) {
            return self.find_name(d, name, found.index);
        }
        let tok = self.guard_stamp(found.dict, found.stamp);
        (d, tok, self.b.i64(found.index as i64))
    }

    /// Checks that a dict lacks a variable, as it does while it has the stamp.
    fn guard_no_variable(&mut self, dict: ObjId, stamp: u32, name: ObjId) {
        if !self.o.keys_change(dict) {
            self.guard_stamp(dict, stamp);
            return;
        }
        let exit = self.exit_start(Reason::Shape);
        let (d, name) = (self.b.obj(dict), self.b.obj(name));
        let i = self.b.call_rt_value(RtId::DictFindStr, &[d, name]);
        let absent = self.b.i64(-1);
        self.b.guard_icmp(IntCC::Eq, i, absent, exit);
    }

    /// Checks that a dict has the keys that it had.
    fn guard_stamp(&mut self, dict: ObjId, stamp: u32) -> Option<Value> {
        let exit = self.exit_start(Reason::Shape);
        let d = self.b.obj(dict);
        let now = self.b.load(Field::DictStamp, d, None);
        let want = self.b.i32(stamp as i32);
        self.b.guard_icmp(IntCC::Eq, now, want, exit)
    }

    /// Checks that a dict is none whose variables are in registers (for reading: and differ there).
    pub(super) fn not_globals(&mut self, d: Value, write: bool) {
        let mut dicts: Vec<ObjId> = self.ctx.globals.iter().filter(|g| write || g.dirty).map(|g| g.dict).collect();
        dicts.dedup();
        for dict in dicts {
            let exit = self.exit_start(Reason::Unsupported);
            let other = self.b.obj(dict);
            self.b.guard_icmp(IntCC::Ne, d, other, exit);
        }
    }

    /// Writes module variables back.
    pub(super) fn flush_globals(&mut self) {
        self.write_globals();
        if self.ctx.globals.iter().any(|g| g.dirty) {
            self.ctx.globals.iter_mut().for_each(|g| g.dirty = false);
        }
    }

    /// Emits the writing back; what the abstract state says of the variables stays.
    pub(super) fn write_globals(&mut self) {
        for g in self.ctx.globals.clone() {
            if !g.dirty {
                continue;
            }
            let (v, made) = self.boxed(&g.val);
            let (d, n) = (self.b.obj(g.dict), self.b.obj(g.name));
            self.b.call_rt(RtId::DictSetStr, &[d, n, v]);
            if made {
                self.b.decref(v, None);
            }
        }
    }

    /// Forgets module variables (they were written back).
    pub(super) fn forget_globals(&mut self) {
        let vars = std::mem::take(&mut self.ctx.globals);
        for g in vars {
            self.drop_val(g.val);
        }
    }
}
