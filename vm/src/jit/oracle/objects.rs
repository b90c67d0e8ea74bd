//! What objects, code objects and functions are.

use super::tables::codes::code_info;
use crate::hook::lazy;
use crate::jit::state::Jit;
use crate::object::views;
use psycore_jit::bytecode::CodeInfo;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{Builtin, BuiltinMethod, Extent, FuncInfo, Known, ObjectOracle, Seen};
use rustpython_vm::builtins::{PyCode, PyDict, PyFloat, PyFunction, PyInt, PyStr, PyStrInterned, PyTuple, PyType};
use rustpython_vm::object::Traverse;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef};
use std::rc::Rc;

impl ObjectOracle for Jit {
    fn known(&self) -> &Known {
        &self.known
    }

    fn code(&self, code: ObjId) -> Option<Rc<CodeInfo>> {
        if let Some(c) = self.codes.get(code) {
            return c;
        }
        let info = self.code_to_run(code).map(|c| Rc::new(code_info(code, c, |o| self.id_of(o))));
        self.codes.insert(code, info.clone());
        info
    }

    fn type_of(&self, obj: ObjId) -> ObjId {
        self.id_of(self.object(obj).class().as_object())
    }

    fn is_immortal(&self, obj: ObjId) -> bool {
        self.object(obj).is_immortal()
    }

    fn int(&self, obj: ObjId) -> Option<i64> {
        let o = self.object(obj).downcast_ref_if_exact::<PyInt>(self.vm())?;
        o.try_to_primitive::<i64>(self.vm()).ok()
    }

    fn float(&self, obj: ObjId) -> Option<f64> {
        Some(self.object(obj).downcast_ref_if_exact::<PyFloat>(self.vm())?.to_f64())
    }

    fn tuple(&self, obj: ObjId) -> Option<Vec<ObjId>> {
        let t = self.object(obj).downcast_ref_if_exact::<PyTuple>(self.vm())?;
        Some(t.as_slice().iter().map(|o| self.id_of(o)).collect())
    }

    fn describe(&self, obj: ObjId) -> String {
        let o = self.object(obj);
        if let Some(t) = o.downcast_ref::<PyType>() {
            return t.name().to_string();
        }
        if let Some(c) = o.downcast_ref::<PyCode>() {
            return c.code.qualname.as_str().to_owned();
        }
        format!("<{}>", o.class().name())
    }

    fn special_method(&self, which: u32) -> Option<ObjId> {
        Some(self.id_of(crate::runtime::special_method(self.vm(), which)?.as_object()))
    }

    fn common_constant(&self, which: u32) -> Option<ObjId> {
        let vm = self.vm();
        // By the numbers of `CommonConstant`.
        let object = match which {
            0 => vm.ctx.exceptions.assertion_error.as_object(),
            1 => vm.ctx.exceptions.not_implemented_error.as_object(),
            2 => vm.ctx.types.tuple_type.as_object(),
            3 => return self.builtins.named(Builtin::All),
            4 => return self.builtins.named(Builtin::Any),
            5 => vm.ctx.types.list_type.as_object(),
            6 => vm.ctx.types.set_type.as_object(),
            _ => return None,
        };
        Some(self.id_of(object))
    }

    fn int_small_tag(&self) -> u64 {
        self.layout.int_small_tag
    }

    fn is_object_init(&self, func: ObjId) -> bool {
        let vm = self.vm();
        let init = vm.ctx.types.object_type.get_attr(vm.ctx.intern_str("__init__"));
        init.is_some_and(|i| i.is(self.object(func)))
    }

    fn cell_constant(&self, cell: ObjId) -> Option<ObjId> {
        self.cell_content(self.object(cell)).and_then(|v| self.lasting(&v))
    }

    fn function(&self, func: ObjId) -> Option<FuncInfo> {
        let vm = self.vm();
        let obj = self.object(func);
        let f = obj.downcast_ref_if_exact::<PyFunction>(vm)?;
        let get = |n: &'static str| -> Option<PyObjectRef> { obj.get_attr(n, vm).ok() };
        let code = get("__code__")?;
        let items = |o: Option<PyObjectRef>| -> Option<Vec<ObjId>> {
            let o = o?;
            if vm.is_none(&o) {
                return Some(Vec::new());
            }
            let t = o.downcast_ref::<PyTuple>()?;
            Some(t.as_slice().iter().map(|x| self.id_of(x)).collect())
        };
        let kw = get("__kwdefaults__")?;
        let (globals, builtins) = (get("__globals__")?, get("__builtins__")?);
        self.cache.depends_on(self.id_of(&code), false);
        Some(FuncInfo {
            code: self.id_of(&code),
            globals: self.id_of(&globals),
            builtins: self.id_of(&builtins),
            defaults: items(get("__defaults__"))?,
            kwdefaults: kw.downcast_ref_if_exact::<PyDict>(vm).map(|d| self.id_of(d.as_object())),
            closure: items(get("__closure__"))?,
            version: f.get_version_for_current_state(),
        })
    }

    fn builtin(&self, obj: ObjId) -> Option<Builtin> {
        self.builtins.function(obj)
    }

    fn builtin_method(&self, descr: ObjId) -> Option<BuiltinMethod> {
        self.builtins.method(descr)
    }
}

impl Jit {
    pub fn code_object(&self, id: ObjId) -> Option<&Py<PyCode>> {
        self.object(id).downcast_ref::<PyCode>()
    }

    /// The same, as it will be when it runs.
    pub fn code_to_run(&self, id: ObjId) -> Option<&Py<PyCode>> {
        let code = self.code_object(id)?;
        if let Some(attached) = self.attached() {
            lazy::finish(attached, self.vm(), code);
        }
        Some(code)
    }

    pub fn class(&self, id: ObjId) -> Option<&Py<PyType>> {
        self.object(id).downcast_ref::<PyType>()
    }

    pub fn interned(&self, name: ObjId) -> Option<&'static PyStrInterned> {
        let s = self.object(name).downcast_ref::<PyStr>()?;
        Some(self.vm().ctx.intern_str(s.as_wtf8()))
    }

    /// What a cell holds.
    pub fn cell_content(&self, cell: &PyObject) -> Option<PyObjectRef> {
        if !cell.class().is(self.vm().ctx.types.cell_type) {
            return None;
        }
        let mut content = None;
        cell.traverse(&mut |o| content = Some(o.to_owned()));
        content
    }

    /// A value of a kind that programs rarely replace where it stands.
    pub fn lasting(&self, value: &PyObject) -> Option<ObjId> {
        let t = &self.vm().ctx.types;
        let class = value.class();
        let lasting = [t.function_type, t.builtin_function_or_method_type, t.module_type].iter().any(|c| class.is(*c))
            || value.downcast_ref::<PyType>().is_some();
        lasting.then(|| self.id_of(value))
    }

    /// How far from zero an exact int is that fits in 64 bits.
    pub fn extent(&self, obj: &PyObject) -> Option<Extent> {
        obj.downcast_ref_if_exact::<PyInt>(self.vm()).and_then(views::small_int).map(Extent::of)
    }

    /// The class of a value, and whether it is an int that needs more than 64 bits.
    pub fn seen(&self, obj: &PyObject) -> Seen {
        let big = obj.downcast_ref_if_exact::<PyInt>(self.vm()).is_some_and(|i| views::small_int(i).is_none());
        Seen { ty: self.id_of(obj.class().as_object()), big }
    }
}
