//! What names of modules and entries of dicts stand for now.

use crate::jit::state::Jit;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{GlobalOracle, GlobalRef};
use rustpython_vm::builtins::{PyDict, PyModule, PyStr, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef};

impl GlobalOracle for Jit {
    fn global(&self, globals: ObjId, builtins: ObjId, name: ObjId) -> Option<GlobalRef> {
        let g = self.object(globals);
        if let Some(found) = self.dict_ref(g, name) {
            return Some(found);
        }
        let d = g.downcast_ref_if_exact::<PyDict>(self.vm())?;
        let stamp = self.shapes.stamp(d, self.vm())?;
        let mut found = self.dict_ref(self.object(builtins), name)?;
        if let Some((outside, inside)) = self.in_psyco(builtins, name) {
            (found.value, found.in_compiled) = (Some(outside), Some(inside));
        }
        Some(GlobalRef { absent_from: Some((globals, stamp)), ..found })
    }

    fn dict_entry(&self, dict: ObjId, name: ObjId) -> Option<GlobalRef> {
        self.dict_ref(self.object(dict), name)
    }

    fn keys_change(&self, dict: ObjId) -> bool {
        self.shapes.vary(self.object(dict))
    }

    fn module_dict(&self, module: ObjId) -> Option<ObjId> {
        let m = self.object(module).downcast_ref_if_exact::<PyModule>(self.vm())?;
        Some(self.id_of(m.dict().as_object()))
    }
}

impl Jit {
    /// Where a key is in a dict: entry index and value.
    pub fn entry_of(&self, dict: &Py<PyDict>, name: ObjId) -> Option<(u32, PyObjectRef)> {
        let name = self.object(name).downcast_ref::<PyStr>()?;
        let value = dict.get_item_opt(name.as_wtf8(), self.vm()).ok()??;
        let index = self.shapes.entry_index(dict, name)?;
        Some((index, value))
    }

    pub fn dict_ref(&self, dict: &PyObject, name: ObjId) -> Option<GlobalRef> {
        let d = dict.downcast_ref::<PyDict>()?;
        if !d.class().is(self.vm().ctx.types.dict_type) {
            return None;
        }
        let (index, value) = self.entry_of(d, name)?;
        let stamp = self.shapes.stamp(d, self.vm())?;
        let t = &self.vm().ctx.types;
        let class = value.class();
        let lasting =
            [t.function_type, t.builtin_function_or_method_type, t.module_type, t.none_type].iter().any(|c| class.is(*c))
                || value.downcast_ref::<PyType>().is_some();
        Some(GlobalRef {
            dict: self.id_of(dict),
            stamp,
            index,
            // Registering keeps alive: other values must be free to go.
            value: lasting.then(|| self.id_of(&value)),
            seen: self.seen(&value),
            extent: self.extent(&value),
            sample: Some(self.take_sample(&value)),
            absent_from: None,
            in_compiled: None,
        })
    }

    /// The value of the builtin `__in_psyco__` as the interpreter reads it, and as compiled code does.
    pub fn in_psyco(&self, builtins: ObjId, name: ObjId) -> Option<(ObjId, ObjId)> {
        let vm = self.vm();
        if self.object(name).downcast_ref::<PyStr>()?.as_wtf8() != "__in_psyco__" {
            return None;
        }
        let (_, value) = self.entry_of(self.object(builtins).downcast_ref::<PyDict>()?, name)?;
        let zero = vm.ctx.new_int(0);
        value.is(&zero).then(|| (self.id_of(zero.as_object()), self.id_of(vm.ctx.new_int(1).as_object())))
    }
}
