//! The VM's answers to the specializer: what objects, classes, functions and globals are now.

pub mod builtins;
pub mod classes;
pub mod objects;
pub mod samples;

use super::driver::MANY_WITHOUT_STAMP;
use super::state::Jit;
use crate::hook::{lazy, site};
use crate::object::{layout, views};
use objects::code_info;
use psycore_jit::bytecode::{CodeInfo, Opcode};
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{
    AttrRef, Builtin, BuiltinMethod, Extent, Feedback, FnVersion, FuncInfo, GlobalRef, Init, Known, Oracle, Pass, Sample, Seen,
    Shape,
};
use rustpython_vm::builtins::descriptor::{MemberAccess, MemberKind, PyMemberDescriptor};
use rustpython_vm::builtins::{PyCode, PyDict, PyFloat, PyFunction, PyInt, PyList, PyModule, PyStr, PyTuple, PyType};
use rustpython_vm::bytecode::ADAPTIVE_WARMUP_VALUE;
use rustpython_vm::object::Traverse;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};
use std::rc::Rc;

impl Jit {
    fn code_object(&self, id: ObjId) -> Option<&Py<PyCode>> {
        self.object(id).downcast_ref::<PyCode>()
    }

    /// The same, as it will be when it runs.
    fn code_to_run(&self, id: ObjId) -> Option<&Py<PyCode>> {
        let code = self.code_object(id)?;
        if let Some(attached) = self.attached() {
            lazy::finish(attached, self.vm(), code);
        }
        Some(code)
    }

    fn class(&self, id: ObjId) -> Option<&Py<PyType>> {
        self.object(id).downcast_ref::<PyType>()
    }

    fn interned(&self, name: ObjId) -> Option<&'static rustpython_vm::builtins::PyStrInterned> {
        let s = self.object(name).downcast_ref::<PyStr>()?;
        Some(self.vm().ctx.intern_str(s.as_wtf8()))
    }

    /// Where a key is in a dict: entry index and value.
    fn entry_of(&self, dict: &Py<PyDict>, name: ObjId) -> Option<(u32, PyObjectRef)> {
        let name = self.object(name).downcast_ref::<PyStr>()?;
        let value = dict.get_item_opt(name.as_wtf8(), self.vm()).ok()??;
        let index = self.shapes.entry_index(dict, name)?;
        Some((index, value))
    }

    fn dict_ref(&self, dict: &PyObject, name: ObjId) -> Option<GlobalRef> {
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
}

impl Jit {
    /// The value of the builtin `__in_psyco__` as the interpreter reads it, and as compiled code does.
    fn in_psyco(&self, builtins: ObjId, name: ObjId) -> Option<(ObjId, ObjId)> {
        let vm = self.vm();
        if self.object(name).downcast_ref::<PyStr>()?.as_wtf8() != "__in_psyco__" {
            return None;
        }
        let (_, value) = self.entry_of(self.object(builtins).downcast_ref::<PyDict>()?, name)?;
        let zero = vm.ctx.new_int(0);
        value.is(&zero).then(|| (self.id_of(zero.as_object()), self.id_of(vm.ctx.new_int(1).as_object())))
    }

    /// Lets the specializer look at a live object until this compilation ends.
    pub fn take_sample(&self, obj: &PyObject) -> Sample {
        // The first instance of its class that anybody looks at.
        self.shapes.meet(obj, self.vm());
        self.samples.take(obj)
    }

    fn sampled(&self, sample: Sample) -> &PyObject {
        self.samples.get(sample)
    }

    /// What a cell holds.
    fn cell_content(&self, cell: &PyObject) -> Option<PyObjectRef> {
        if !cell.class().is(self.vm().ctx.types.cell_type) {
            return None;
        }
        let mut content = None;
        cell.traverse(&mut |o| content = Some(o.to_owned()));
        content
    }

    /// A value of a kind that programs rarely replace where it stands.
    fn lasting(&self, value: &PyObject) -> Option<ObjId> {
        let t = &self.vm().ctx.types;
        let class = value.class();
        let lasting = [t.function_type, t.builtin_function_or_method_type, t.module_type].iter().any(|c| class.is(*c))
            || value.downcast_ref::<PyType>().is_some();
        lasting.then(|| self.id_of(value))
    }

    /// The class of a value, and whether it is an int that needs more than 64 bits.
    /// How far from zero an exact int is that fits in 64 bits.
    pub fn extent(&self, obj: &PyObject) -> Option<Extent> {
        obj.downcast_ref_if_exact::<PyInt>(self.vm()).and_then(views::small_int).map(Extent::of)
    }

    pub fn seen(&self, obj: &PyObject) -> Seen {
        let big = obj.downcast_ref_if_exact::<PyInt>(self.vm()).is_some_and(|i| views::small_int(i).is_none());
        Seen { ty: self.id_of(obj.class().as_object()), big }
    }
}

impl Oracle for Jit {
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

    fn feedback(&self, code: ObjId, op_pc: u32) -> Feedback {
        let Some(c) = self.code_object(code) else {
            return Feedback { op: Opcode::Nop, seen: true };
        };
        let units = &c.code.instructions;
        let i = live_index(c, op_pc);
        let op = units.read_op(i).as_opcode();
        let caches = op.cache_entries();
        // An instruction that adapts and still has its first counter has not run.
        let seen = caches == 0
            || op.deopt().is_some()
            || !adapts(op)
            || (units.read_adaptive_counter(i + 1) != ADAPTIVE_WARMUP_VALUE && units.read_adaptive_counter(i + 1) != 0);
        Feedback { op, seen }
    }

    fn observed(&self, code: ObjId, pc: u32) -> Vec<Seen> {
        let seen = self.profiles.get((code, pc), |p| match p.seen.is_empty() {
            false => p.seen.clone(),
            // What earlier builds expected, as long as it is without gaps.
            true => p.expected.iter().map_while(|s| *s).collect(),
        });
        seen.unwrap_or_default()
    }

    fn lacks_stamps(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.without_stamp >= MANY_WITHOUT_STAMP)
    }

    fn distrusted(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.distrusted)
    }

    fn loads_no_method(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.no_method)
    }

    fn returns_held(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.held)
    }

    fn handler_met(&self, code: ObjId, target: u32) -> bool {
        if self.profiles.is((code, target), |p| p.handler_met) {
            return true;
        }
        // The interpreter leaves its marks on the first instruction that adapts.
        let Some(info) = self.code(code) else { return false };
        let Some(first) = info.at.get(target as usize) else { return false };
        let of_handler = info.instrs.iter().skip(*first as usize).take(4);
        of_handler.take_while(|i| i.target().is_none()).any(|i| adapts(i.op) && self.feedback(code, i.op_pc).seen)
    }

    fn raises(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.raises)
    }

    fn exception_class(&self, obj: ObjId) -> bool {
        let vm = self.vm();
        self.class(obj)
            .is_some_and(|c| c.class().is(vm.ctx.types.type_type) && c.fast_issubclass(vm.ctx.exceptions.base_exception_type))
    }

    fn catches(&self, class: ObjId, raised: ObjId) -> bool {
        self.exception_class(class)
            && matches!((self.class(class), self.class(raised)), (Some(c), Some(r)) if r.fast_issubclass(c))
    }

    fn special_method(&self, which: u32) -> Option<ObjId> {
        Some(self.id_of(crate::runtime::special_method(self.vm(), which)?.as_object()))
    }

    fn common_constant(&self, which: u32) -> Option<ObjId> {
        let vm = self.vm();
        // By the numbers of `CommonConstant`; `all` and `any` are not to be had here.
        let object = match which {
            0 => vm.ctx.exceptions.assertion_error.as_object(),
            1 => vm.ctx.exceptions.not_implemented_error.as_object(),
            2 => vm.ctx.types.tuple_type.as_object(),
            5 => vm.ctx.types.list_type.as_object(),
            6 => vm.ctx.types.set_type.as_object(),
            _ => return None,
        };
        Some(self.id_of(object))
    }

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

    fn module_dict(&self, module: ObjId) -> Option<ObjId> {
        let m = self.object(module).downcast_ref_if_exact::<PyModule>(self.vm())?;
        Some(self.id_of(m.dict().as_object()))
    }

    fn attr(&self, class: ObjId, name: ObjId) -> Option<AttrRef> {
        let vm = self.vm();
        let cls = self.class(class)?;
        if !self.plain_getattr(cls) {
            return None;
        }
        let name = self.interned(name)?;
        let Some(value) = cls.get_attr(name) else {
            return Some(AttrRef::Dict { class_value: None });
        };
        let t = value.class();
        if t.is(vm.ctx.types.function_type) {
            return Some(AttrRef::Method { func: self.id_of(&value) });
        }
        if t.is(vm.ctx.types.method_descriptor_type) {
            return Some(AttrRef::Descriptor { descr: self.id_of(&value) });
        }
        if t.is(vm.ctx.types.property_type) {
            let getter = value.get_attr("fget", vm).ok()?;
            if getter.class().is(vm.ctx.types.function_type) {
                return Some(AttrRef::Property { getter: self.id_of(&getter) });
            }
            return None;
        }
        if let Some(m) = value.downcast_ref::<PyMemberDescriptor>() {
            let object = matches!(m.access, MemberAccess::Offset)
                && matches!(m.member.kind, MemberKind::ObjectEx)
                && m.member.flags.is_empty();
            let offset = i32::try_from(m.member.offset).ok()?;
            return object.then_some(AttrRef::Slot { offset });
        }
        let slots = t.slots();
        if slots.descr_get.load().is_some() || slots.descr_set.load().is_some() {
            return None;
        }
        // What the class has and no descriptor guards, an instance may have too.
        if self.shapes.usual(cls).iter().any(|u| u.index_of(name).is_some()) {
            return Some(AttrRef::Dict { class_value: Some(self.id_of(&value)) });
        }
        Some(AttrRef::ClassValue { value: self.id_of(&value) })
    }

    fn owner_type(&self, code: ObjId, op_pc: u32) -> Option<ObjId> {
        let c = self.code_object(code)?;
        let units = &c.code.instructions;
        let i = live_index(c, op_pc);
        let op = units.read_op(i).as_opcode();
        op.deopt()?;
        let version = units.read_cache_u32(i + 2);
        self.class_of_version(version)
    }

    fn class_attr(&self, class: ObjId, name: ObjId) -> Option<ObjId> {
        let vm = self.vm();
        let cls = self.class(class)?;
        if !cls.class().is(vm.ctx.types.type_type) {
            return None;
        }
        let name = self.interned(name)?;
        if vm.ctx.types.type_type.get_attr(name).is_some() {
            return None;
        }
        let value = cls.get_attr(name)?;
        let t = value.class();
        if t.slots().descr_get.load().is_some() && !t.is(vm.ctx.types.function_type) {
            return None;
        }
        Some(self.id_of(&value))
    }

    fn instance_shape(&self, class: ObjId, name: ObjId) -> Shape {
        let Some(cls) = self.class(class) else { return Shape::Unknown };
        if !self.instances_have_dict(cls) {
            return Shape::NoDict;
        }
        let Some(name) = self.interned(name) else { return Shape::Unknown };
        let usual = self.shapes.usual(cls);
        // Instances that still lack the name are in the making; others count.
        let Some(latest) = usual.iter().find(|u| u.index_of(name).is_some()).or(usual.first()) else {
            return Shape::Unknown;
        };
        let place = latest.index_of(name);
        // Other shapes count as far as the name is in the same place there.
        let mut stamps = [latest.stamp; 4];
        for (slot, u) in stamps.iter_mut().zip(usual.iter().filter(|u| u.index_of(name) == place)) {
            *slot = u.stamp;
        }
        match place {
            Some(index) => Shape::Entry { stamps, index },
            None => Shape::Absent { stamps },
        }
    }

    fn int_small_tag(&self) -> u64 {
        self.layout.int_small_tag
    }

    fn type_version(&self, class: ObjId) -> Option<u32> {
        let cls = self.class(class)?;
        let tag = || cls.tp_version_tag().load(std::sync::atomic::Ordering::Acquire);
        if tag() == 0 {
            // Looking something up gives the class a version.
            let _ = cls.get_attr(self.vm().ctx.intern_str("__class__"));
        }
        match tag() {
            0 => None,
            v => Some(v),
        }
    }

    fn is_subclass(&self, class: ObjId, of: ObjId) -> Option<bool> {
        let (class, of) = (self.class(class)?, self.class(of)?);
        crate::runtime::is_subclass(self.vm(), class, of)
    }

    fn super_attr(&self, class: ObjId, of: ObjId, name: ObjId) -> Option<AttrRef> {
        let vm = self.vm();
        let (class, of) = (self.class(class)?, self.class(of)?);
        let name = self.interned(name)?;
        let mro = of.mro_map_collect(|c| c.to_owned());
        let after = mro.iter().position(|c| c.is(class))? + 1;
        let found = mro[after..].iter().find_map(|c| c.get_direct_attr(name))?;
        let t = found.class();
        if t.is(vm.ctx.types.function_type) {
            return Some(AttrRef::Method { func: self.id_of(&found) });
        }
        if self.is_object_init(self.id_of(&found)) {
            return Some(AttrRef::Descriptor { descr: self.id_of(&found) });
        }
        if t.is(vm.ctx.types.property_type) {
            let getter = found.get_attr("fget", vm).ok()?;
            return getter.class().is(vm.ctx.types.function_type).then(|| AttrRef::Property { getter: self.id_of(&getter) });
        }
        (t.slots().descr_get.load().is_none()).then(|| AttrRef::ClassValue { value: self.id_of(&found) })
    }

    fn class_method(&self, class: ObjId, name: ObjId) -> Option<(ObjId, bool)> {
        let vm = self.vm();
        let cls = self.class(class).filter(|c| c.class().is(vm.ctx.types.type_type))?;
        let name = self.interned(name)?;
        if vm.ctx.types.type_type.get_attr(name).is_some() {
            return None;
        }
        let found = cls.get_attr(name)?;
        let takes_class = found.class().is(vm.ctx.types.classmethod_type);
        if !takes_class && !found.class().is(vm.ctx.types.staticmethod_type) {
            return None;
        }
        let func = found.get_attr("__func__", vm).ok()?;
        func.class().is(vm.ctx.types.function_type).then(|| (self.id_of(&func), takes_class))
    }

    fn is_object_init(&self, func: ObjId) -> bool {
        let vm = self.vm();
        let init = vm.ctx.types.object_type.get_attr(vm.ctx.intern_str("__init__"));
        init.is_some_and(|i| i.is(self.object(func)))
    }

    fn property_setter(&self, class: ObjId, name: ObjId) -> Option<ObjId> {
        let vm = self.vm();
        let value = self.class(class)?.get_attr(self.interned(name)?)?;
        if !value.class().is(vm.ctx.types.property_type) {
            return None;
        }
        let setter = value.get_attr("fset", vm).ok()?;
        setter.class().is(vm.ctx.types.function_type).then(|| self.id_of(&setter))
    }

    fn cell_constant(&self, cell: ObjId) -> Option<ObjId> {
        self.cell_content(self.object(cell)).and_then(|v| self.lasting(&v))
    }

    fn cell_sample(&self, cell: ObjId) -> Option<Sample> {
        self.cell_content(self.object(cell)).map(|v| self.take_sample(&v))
    }

    fn sample_cell(&self, sample: Sample) -> (Option<ObjId>, Option<Sample>) {
        match self.cell_content(self.sampled(sample)) {
            Some(v) => (self.lasting(&v), Some(self.take_sample(&v))),
            None => (None, None),
        }
    }

    fn sample_method(&self, sample: Sample) -> Option<ObjId> {
        let vm = self.vm();
        let method = self.sampled(sample);
        if !method.class().is(vm.ctx.types.bound_method_type) {
            return None;
        }
        let f = method.get_attr("__func__", vm).ok()?;
        f.class().is(vm.ctx.types.function_type).then(|| self.id_of(&f))
    }

    fn operator_method(&self, class: ObjId, name: &str) -> Option<ObjId> {
        let vm = self.vm();
        let cls = self.class(class).filter(|c| c.slots().flags.has_feature(PyTypeFlags::HEAPTYPE))?;
        let found = cls.get_attr(vm.ctx.intern_str(name))?;
        found.class().is(vm.ctx.types.function_type).then(|| self.id_of(&found))
    }

    fn has_attr(&self, class: ObjId, name: &str) -> bool {
        self.class(class).is_none_or(|c| c.get_attr(self.vm().ctx.intern_str(name)).is_some())
    }

    fn plain_class(&self, class: ObjId) -> Option<Init> {
        let vm = self.vm();
        let cls = self.class(class)?;
        let find = |name: &'static str| cls.get_attr(vm.ctx.intern_str(name));
        let plain = cls.class().is(vm.ctx.types.type_type)
            && crate::runtime::has_plain_new(vm, cls)
            && cls.slots().del.load().is_none()
            && find("__abstractmethods__").is_none();
        let init = find("__init__").filter(|_| plain)?;
        if vm.ctx.types.object_type.get_attr(vm.ctx.intern_str("__init__")).is_some_and(|i| i.is(&init)) {
            return Some(Init::Object);
        }
        init.class().is(vm.ctx.types.function_type).then(|| Init::Function(self.id_of(&init)))
    }

    fn has_dict(&self, class: ObjId) -> bool {
        self.class(class).is_some_and(|c| self.instances_have_dict(c))
    }

    fn instance_template(&self, class: ObjId, names: &[ObjId]) -> ObjId {
        let vm = self.vm();
        let template = self.classes.template(names, || {
            let dict = vm.ctx.new_dict();
            for name in names {
                if let Some(name) = self.interned(*name) {
                    // A new exact dict and a str: nothing can fail.
                    let _ = dict.set_item(name, vm.ctx.none(), vm);
                }
            }
            let _ = self.shapes.stamp(&dict, vm);
            self.id_of(dict.as_object())
        });
        if let (Some(cls), Some(dict)) = (self.class(class), self.object(template).downcast_ref::<PyDict>()) {
            self.shapes.expect(cls, dict, vm);
        }
        template
    }

    fn always_true(&self, class: ObjId) -> bool {
        let vm = self.vm();
        self.class(class).is_some_and(|c| ["__bool__", "__len__"].iter().all(|n| c.get_attr(vm.ctx.intern_str(*n)).is_none()))
    }

    fn may_compile(&self, code: ObjId) -> bool {
        let may = self.code_to_run(code).is_some_and(|c| self.policy.may_include(c));
        self.cache.depends_on(code, may);
        may
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
            has_kwdefaults: !vm.is_none(&kw),
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

    fn version(&self, func: ObjId, args: &[Pass], samples: &[Option<Sample>]) -> Option<FnVersion> {
        self.compile_version(func, args, samples)
    }

    fn classes(&self, code: ObjId, pc: u32) -> Vec<ObjId> {
        self.profiles.get((code, pc), |p| p.classes.clone()).unwrap_or_default()
    }

    fn relatives(&self, classes: &[ObjId]) -> Vec<ObjId> {
        let object = self.vm().ctx.types.object_type;
        let known: Option<Vec<&Py<PyType>>> = classes.iter().map(|c| self.class(*c)).collect();
        let Some((first, others)) = known.as_deref().and_then(|k| k.split_first()) else { return Vec::new() };
        let mro: Vec<_> = first.mro_map_collect(|c| c.to_owned());
        let base = mro.iter().find(|base| !base.is(object) && others.iter().all(|c| c.fast_issubclass(*base)));
        let Some(base) = base else { return Vec::new() };
        let mut relatives: Vec<ObjId> = self
            .shapes
            .sampled()
            .into_iter()
            .filter_map(|address| {
                // SAFETY: the registry of objects keeps sampled classes alive.
                let class = unsafe { layout::object_at(address) }.downcast_ref::<PyType>()?;
                class.fast_issubclass(&**base).then(|| self.id_of(class.as_object()))
            })
            .filter(|class| !classes.contains(class))
            .collect();
        relatives.sort_unstable_by_key(|class| class.0);
        relatives
    }

    fn local_sample(&self, i: usize) -> Option<Sample> {
        self.samples.local(i)
    }

    fn sample_type(&self, sample: Sample) -> Seen {
        self.seen(self.sampled(sample))
    }

    fn sample_attr(&self, sample: Sample, name: ObjId) -> Option<Sample> {
        let obj = self.sampled(sample);
        self.shapes.sample(obj, self.vm());
        let dict = obj.dict()?;
        let (_, value) = self.entry_of(&dict, name)?;
        Some(self.take_sample(&value))
    }

    fn sample_item(&self, sample: Sample) -> Option<Sample> {
        let obj = self.sampled(sample);
        if let Some(l) = obj.downcast_ref_if_exact::<PyList>(self.vm()) {
            let items = l.borrow_vec();
            return items.first().map(|o| self.take_sample(o));
        }
        let t = obj.downcast_ref_if_exact::<PyTuple>(self.vm())?;
        t.as_slice().first().map(|o| self.take_sample(o))
    }

    fn sample_items(&self, sample: Sample, most: usize) -> Option<Vec<Sample>> {
        let take = |items: &[PyObjectRef]| (items.len() <= most).then(|| items.iter().map(|o| self.take_sample(o)).collect());
        let obj = self.sampled(sample);
        if let Some(l) = obj.downcast_ref_if_exact::<PyList>(self.vm()) {
            return take(&l.borrow_vec());
        }
        take(obj.downcast_ref_if_exact::<PyTuple>(self.vm())?.as_slice())
    }

    fn sample_entry(&self, sample: Sample) -> Option<(Sample, Sample)> {
        let dict = self.sampled(sample).downcast_ref_if_exact::<PyDict>(self.vm())?;
        let (_, key, value) = dict.next_entry(0)?;
        Some((self.take_sample(&key), self.take_sample(&value)))
    }

    fn sample_strs(&self) -> Option<Sample> {
        let vm = self.vm();
        Some(self.take_sample(vm.ctx.new_list(vec![vm.ctx.empty_str.to_owned().into()]).as_object()))
    }

    fn note_expected(&self, code: ObjId, pc: u32, depth: usize, seen: Seen) {
        self.profiles.update((code, pc), |p| {
            if p.expected.len() <= depth {
                p.expected.resize(depth + 1, None);
            }
            p.expected[depth] = Some(seen);
        });
    }
}

/// Whether compiled code can take an iterator apart that it finds on the stack.
pub fn divides(vm: &VirtualMachine, obj: &PyObject) -> bool {
    let t = &vm.ctx.types;
    let (of_list, of_str) = (obj.class().is(t.list_iterator_type), obj.class().is(t.str_iterator_type));
    if !of_list && !of_str {
        return true;
    }
    let mut plain = false;
    obj.traverse(&mut |seq| {
        plain |= if of_list {
            seq.class().is(t.list_type)
        } else {
            seq.downcast_ref_if_exact::<PyStr>(vm).is_some_and(|s| s.isascii())
        };
    });
    plain
}

/// Whether an object is an iterator over a dict, a tuple or (backwards) a list, not at its end.
pub fn walks(vm: &VirtualMachine, obj: &PyObject) -> bool {
    let t = &vm.ctx.types;
    let class = obj.class();
    if [t.dict_itemiterator_type, t.dict_keyiterator_type, t.dict_valueiterator_type].iter().any(|c| class.is(*c)) {
        return true;
    }
    let over = if class.is(t.list_reverseiterator_type) {
        t.list_type
    } else if class.is(t.tuple_iterator_type) || class.is(t.reverse_iter_type) {
        t.tuple_type
    } else {
        return false;
    };
    let mut plain = false;
    obj.traverse(&mut |seq| plain |= seq.class().is(over));
    plain
}

/// Where the unit of the original code at a position runs.
fn live_index(code: &Py<PyCode>, pc: u32) -> usize {
    site::of(code).map_or(pc, |p| p.live_index(pc)) as usize
}

/// Whether the interpreter counts runs of the instruction in order to specialize it.
fn adapts(op: Opcode) -> bool {
    use Opcode::*;
    matches!(
        op,
        BinaryOp
            | Call
            | CallKw
            | CompareOp
            | ContainsOp
            | ForIter
            | LoadAttr
            | LoadGlobal
            | StoreAttr
            | StoreSubscr
            | ToBool
            | UnpackSequence
            | LoadSuperAttr
            | Send
    )
}

impl Jit {
    /// The class that has a version tag, if it still has it.
    fn class_of_version(&self, version: u32) -> Option<ObjId> {
        self.classes.of_version(version, self.vm(), |class| self.id_of(class))
    }

    /// Attribute reading by the ordinary rules.
    fn plain_getattr(&self, cls: &Py<PyType>) -> bool {
        let object = self.vm().ctx.types.object_type;
        let (a, b) = (cls.slots().getattro.load(), object.slots().getattro.load());
        let (c, d) = (cls.slots().setattro.load(), object.slots().setattro.load());
        match (a, b, c, d) {
            (Some(a), Some(b), Some(c), Some(d)) => a as usize == b as usize && c as usize == d as usize,
            _ => false,
        }
    }

    fn instances_have_dict(&self, cls: &Py<PyType>) -> bool {
        cls.slots().flags.has_feature(PyTypeFlags::HAS_DICT)
    }
}
