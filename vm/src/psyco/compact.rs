//! `psyco.compact`: instances that keep their attributes in a list of values; the names are shared.
//!
//! The names form a tree: each node stands for a sequence of attribute names, its children for those
//! with one more (the hidden classes of Self, as Psyco had them). Beyond [`SHARED_NAMES`] names an
//! instance keeps a sequence of its own. A deleted attribute leaves a hole at its place.

use rustpython_vm::builtins::{PyStr, PyStrInterned, PyType, PyTypeRef};
use rustpython_vm::common::lock::PyRwLock;
use rustpython_vm::function::{FuncArgs, PySetterValue};
use rustpython_vm::object::{Traverse, TraverseFn};
use rustpython_vm::types::{Constructor, GetAttr, SetAttr};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyPayload, PyResult, VirtualMachine, pyclass};
use std::sync::{Arc, LazyLock, Mutex};

/// Longer sequences of names are not shared, so that names made at run time don't stay for ever.
const SHARED_NAMES: usize = 40;

type Name = &'static PyStrInterned;

#[derive(Default)]
struct Names {
    list: Vec<Name>,
    longer: Mutex<Vec<(Name, Arc<Names>)>>,
}

static NO_NAMES: LazyLock<Arc<Names>> = LazyLock::new(Arc::default);

impl Names {
    fn place(&self, name: Name) -> Option<usize> {
        self.list.iter().position(|n| std::ptr::eq(*n, name))
    }

    /// The sequence with one more name.
    fn with(&self, name: Name) -> Arc<Names> {
        let make = || {
            let mut list = Vec::with_capacity(self.list.len() + 1);
            list.extend_from_slice(&self.list);
            list.push(name);
            Arc::new(Names { list, longer: Mutex::default() })
        };
        if self.list.len() >= SHARED_NAMES {
            return make();
        }
        let Ok(mut longer) = self.longer.lock() else { return make() };
        if let Some((_, names)) = longer.iter().find(|(n, _)| std::ptr::eq(*n, name)) {
            return names.clone();
        }
        let names = make();
        longer.push((name, names.clone()));
        names
    }
}

struct Attributes {
    names: Arc<Names>,
    values: Box<[Option<PyObjectRef>]>,
}

/// An instance.
#[pyclass(module = "psyco", name = "_Compact", traverse = "manual")]
#[derive(PyPayload)]
pub(crate) struct Compact {
    attributes: PyRwLock<Attributes>,
}

impl std::fmt::Debug for Compact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("compact")
    }
}

// SAFETY: visits each reference that an instance owns, once.
unsafe impl Traverse for Compact {
    fn traverse(&self, visit: &mut TraverseFn<'_>) {
        if let Some(attributes) = self.attributes.try_read() {
            attributes.values.iter().flatten().for_each(|v| v.traverse(visit));
        }
    }

    fn clear(&mut self, out: &mut Vec<PyObjectRef>) {
        if let Some(mut attributes) = self.attributes.try_write() {
            attributes.names = NO_NAMES.clone();
            out.extend(std::mem::take(&mut attributes.values).into_iter().flatten());
        }
    }
}

/// The class.
pub(super) fn class() -> PyTypeRef {
    use rustpython_vm::class::PyClassImpl;
    Compact::make_static_type()
}

impl Compact {
    pub(super) fn get(&self, name: &Py<PyStr>, vm: &VirtualMachine) -> Option<PyObjectRef> {
        // What is not interned is no attribute's name.
        let name = vm.ctx.interned_str(name)?;
        let attributes = self.attributes.read();
        attributes.names.place(name).and_then(|i| attributes.values[i].clone())
    }

    /// Sets or deletes; false if there is nothing to delete.
    pub(super) fn set(&self, name: &Py<PyStr>, value: Option<PyObjectRef>, vm: &VirtualMachine) -> bool {
        let name = vm.ctx.intern_str(name.as_wtf8());
        let mut attributes = self.attributes.write();
        let old = match (attributes.names.place(name), value) {
            (Some(i), value) => {
                let deletes = value.is_none();
                let old = std::mem::replace(&mut attributes.values[i], value);
                if deletes && old.is_none() {
                    return false;
                }
                old
            }
            (None, None) => return false,
            (None, value) => {
                let names = attributes.names.with(name);
                let mut values = std::mem::take(&mut attributes.values).into_vec();
                values.reserve_exact(1);
                values.push(value);
                attributes.values = values.into_boxed_slice();
                attributes.names = names;
                None
            }
        };
        // A destructor may look at this instance.
        drop(attributes);
        drop(old);
        true
    }

    pub(super) fn names(&self) -> Vec<Name> {
        let attributes = self.attributes.read();
        let pairs = attributes.names.list.iter().zip(&attributes.values);
        pairs.filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect()
    }
}

impl Constructor for Compact {
    type Args = FuncArgs;

    fn py_new(cls: &Py<PyType>, args: FuncArgs, vm: &VirtualMachine) -> PyResult<Self> {
        if !args.is_empty() {
            let init = vm.ctx.intern_str("__init__");
            let (own, plain) = (cls.get_attr(init), vm.ctx.types.object_type.get_attr(init));
            if own.zip(plain).is_some_and(|(own, plain)| own.is(&plain)) {
                return Err(vm.new_type_error(format!("{}() takes no arguments", cls.name())));
            }
        }
        if let Some(methods) = cls.get_attr(vm.ctx.intern_str("__abstractmethods__"))
            && methods.length(vm)? > 0
        {
            return Err(vm.new_type_error(format!("class {} has abstract methods", cls.name())));
        }
        Ok(Compact { attributes: PyRwLock::new(Attributes { names: NO_NAMES.clone(), values: Box::default() }) })
    }
}

impl GetAttr for Compact {
    fn getattro(zelf: &Py<Self>, name: &Py<PyStr>, vm: &VirtualMachine) -> PyResult {
        let cls = zelf.class();
        let of_class = vm.ctx.interned_str(name).and_then(|n| cls.get_attr(n));
        let bind = |descriptor: &PyObjectRef| {
            let get = descriptor.class().slots().descr_get.load();
            get.map(|get| get(descriptor, Some(zelf.as_object()), Some(cls.as_object()), vm))
        };
        if let Some(descriptor) = &of_class
            && descriptor.class().slots().descr_set.load().is_some()
            && let Some(result) = bind(descriptor)
        {
            return result;
        }
        if let Some(value) = zelf.get(name, vm) {
            return Ok(value);
        }
        match of_class {
            Some(value) => bind(&value).unwrap_or(Ok(value)),
            None => Err(vm.new_no_attribute_error(zelf.as_object().to_owned(), name.to_owned())),
        }
    }
}

impl SetAttr for Compact {
    fn setattro(zelf: &Py<Self>, name: &Py<PyStr>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        let of_class = vm.ctx.interned_str(name).and_then(|n| zelf.class().get_attr(n));
        if let Some(descriptor) = of_class
            && let Some(set) = descriptor.class().slots().descr_set.load()
        {
            return set(&descriptor, zelf.as_object().to_owned(), value, vm);
        }
        let value = match value {
            PySetterValue::Assign(value) => Some(value),
            PySetterValue::Delete => None,
        };
        if zelf.set(name, value, vm) {
            return Ok(());
        }
        Err(vm.new_no_attribute_error(zelf.as_object().to_owned(), name.to_owned()))
    }
}

#[pyclass(flags(BASETYPE), with(Constructor, GetAttr, SetAttr))]
impl Compact {
    #[pymethod]
    fn __sizeof__(zelf: &Py<Self>) -> usize {
        let values = zelf.attributes.read().values.len();
        std::mem::size_of::<Self>() + 3 * std::mem::size_of::<usize>() + values * std::mem::size_of::<usize>()
    }
}
