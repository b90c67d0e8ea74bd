//! What classes are: their attributes and methods, and how their instances look.

use crate::jit::state::Jit;
use crate::object::layout;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{AttrRef, ClassOracle, Init, InstanceShape, ObjectOracle};
use rustpython_vm::builtins::descriptor::{MemberAccess, MemberKind, PyMemberDescriptor};
use rustpython_vm::builtins::{PyDict, PyType};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py};

impl ClassOracle for Jit {
    fn exception_class(&self, obj: ObjId) -> bool {
        let vm = self.vm();
        self.class(obj)
            .is_some_and(|c| c.class().is(vm.ctx.types.type_type) && c.fast_issubclass(vm.ctx.exceptions.base_exception_type))
    }

    fn catches(&self, class: ObjId, raised: ObjId) -> bool {
        self.exception_class(class)
            && matches!((self.class(class), self.class(raised)), (Some(c), Some(r)) if r.fast_issubclass(c))
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

    fn instance_shape(&self, class: ObjId, name: ObjId) -> InstanceShape {
        let Some(cls) = self.class(class) else { return InstanceShape::Unknown };
        if !self.instances_have_dict(cls) {
            return InstanceShape::NoDict;
        }
        let Some(name) = self.interned(name) else { return InstanceShape::Unknown };
        let usual = self.shapes.usual(cls);
        // Instances that still lack the name are in the making; others count.
        let Some(latest) = usual.iter().find(|u| u.index_of(name).is_some()).or(usual.first()) else {
            return InstanceShape::Unknown;
        };
        let place = latest.index_of(name);
        // Other shapes count as far as the name is in the same place there.
        let mut stamps = [latest.stamp; 4];
        for (slot, u) in stamps.iter_mut().zip(usual.iter().filter(|u| u.index_of(name) == place)) {
            *slot = u.stamp;
        }
        match place {
            Some(index) => InstanceShape::Entry { stamps, index },
            None => InstanceShape::Absent { stamps },
        }
    }

    fn shapes_vary(&self, class: ObjId) -> bool {
        self.shapes.vary(self.object(class))
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

    fn property_setter(&self, class: ObjId, name: ObjId) -> Option<ObjId> {
        let vm = self.vm();
        let value = self.class(class)?.get_attr(self.interned(name)?)?;
        if !value.class().is(vm.ctx.types.property_type) {
            return None;
        }
        let setter = value.get_attr("fset", vm).ok()?;
        setter.class().is(vm.ctx.types.function_type).then(|| self.id_of(&setter))
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
}

impl Jit {
    /// The class that has a version tag, if it still has it.
    pub fn class_of_version(&self, version: u32) -> Option<ObjId> {
        self.classes.of_version(version, self.vm(), |class| self.id_of(class))
    }

    /// Attribute reading by the ordinary rules.
    pub fn plain_getattr(&self, cls: &Py<PyType>) -> bool {
        let object = self.vm().ctx.types.object_type;
        let (a, b) = (cls.slots().getattro.load(), object.slots().getattro.load());
        let (c, d) = (cls.slots().setattro.load(), object.slots().setattro.load());
        match (a, b, c, d) {
            (Some(a), Some(b), Some(c), Some(d)) => a as usize == b as usize && c as usize == d as usize,
            _ => false,
        }
    }

    pub fn instances_have_dict(&self, cls: &Py<PyType>) -> bool {
        cls.slots().flags.has_feature(PyTypeFlags::HAS_DICT)
    }
}
