//! Objects with a meaning of their own: those that the specializer knows by name, and functions and methods that it knows how to
//! compute.

use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{Builtin, BuiltinMethod, Known, StrMethod};
use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// The table of objects that the specializer knows by name.
pub fn known(vm: &VirtualMachine, mut id: impl FnMut(&PyObject) -> ObjId) -> Known {
    let t = &vm.ctx.types;
    let characters: PyObjectRef = vm.ctx.new_tuple((0..=255).map(|c| vm.ctx.latin1_char(c).into()).collect()).into();
    Known {
        none: id(vm.ctx.none.as_object()),
        true_: id(vm.ctx.true_value.as_object()),
        false_: id(vm.ctx.false_value.as_object()),
        not_implemented: id(vm.ctx.not_implemented.as_object()),
        int: id(t.int_type.as_object()),
        float: id(t.float_type.as_object()),
        bool_: id(t.bool_type.as_object()),
        str_: id(t.str_type.as_object()),
        bytes: id(t.bytes_type.as_object()),
        list: id(t.list_type.as_object()),
        tuple: id(t.tuple_type.as_object()),
        dict: id(t.dict_type.as_object()),
        set: id(t.set_type.as_object()),
        range: id(t.range_type.as_object()),
        slice: id(t.slice_type.as_object()),
        complex: id(t.complex_type.as_object()),
        none_type: id(t.none_type.as_object()),
        function: id(t.function_type.as_object()),
        bound_method: id(t.bound_method_type.as_object()),
        type_: id(t.type_type.as_object()),
        module: id(t.module_type.as_object()),
        object: id(t.object_type.as_object()),
        cell: id(t.cell_type.as_object()),
        range_iterator: id(t.range_iterator_type.as_object()),
        list_iterator: id(t.list_iterator_type.as_object()),
        tuple_iterator: id(t.tuple_iterator_type.as_object()),
        str_iterator: id(t.str_iterator_type.as_object()),
        enumerate: id(t.enumerate_type.as_object()),
        zip: id(t.zip_type.as_object()),
        reversed: id(t.reverse_iter_type.as_object()),
        dict_items: id(t.dict_items_type.as_object()),
        dict_keys: id(t.dict_keys_type.as_object()),
        dict_values: id(t.dict_values_type.as_object()),
        dict_itemiterator: id(t.dict_itemiterator_type.as_object()),
        dict_keyiterator: id(t.dict_keyiterator_type.as_object()),
        dict_valueiterator: id(t.dict_valueiterator_type.as_object()),
        list_reverseiterator: id(t.list_reverseiterator_type.as_object()),
        super_: id(t.super_type.as_object()),
        key_error: id(vm.ctx.exceptions.key_error.as_object()),
        index_error: id(vm.ctx.exceptions.index_error.as_object()),
        zero_division_error: id(vm.ctx.exceptions.zero_division_error.as_object()),
        value_error: id(vm.ctx.exceptions.value_error.as_object()),
        characters: id(&characters),
    }
}

/// Functions and methods with a known meaning.
pub struct Builtins {
    functions: RefCell<HashMap<ObjId, Builtin>>,
    methods: HashMap<ObjId, BuiltinMethod>,
    math_found: Cell<bool>,
}

impl Builtins {
    pub fn function(&self, obj: ObjId) -> Option<Builtin> {
        self.functions.borrow().get(&obj).copied()
    }

    /// The function of that meaning.
    pub fn named(&self, wanted: Builtin) -> Option<ObjId> {
        self.functions.borrow().iter().find(|(_, b)| **b == wanted).map(|(obj, _)| *obj)
    }

    pub fn method(&self, descr: ObjId) -> Option<BuiltinMethod> {
        self.methods.get(&descr).copied()
    }

    /// Fills the tables of builtins with a known meaning.
    pub fn new(vm: &VirtualMachine, id_of: impl Fn(&PyObject) -> ObjId) -> Self {
        let mut table = HashMap::new();
        let builtins: &[(&str, Builtin)] = &[
            ("len", Builtin::Len),
            ("abs", Builtin::Abs),
            ("min", Builtin::Min),
            ("max", Builtin::Max),
            ("range", Builtin::Range),
            ("int", Builtin::Int),
            ("float", Builtin::Float),
            ("bool", Builtin::Bool),
            ("str", Builtin::Str),
            ("isinstance", Builtin::Isinstance),
            ("ord", Builtin::Ord),
            ("chr", Builtin::Chr),
            ("enumerate", Builtin::Enumerate),
            ("zip", Builtin::Zip),
            ("reversed", Builtin::Reversed),
            ("any", Builtin::Any),
            ("all", Builtin::All),
            ("sorted", Builtin::Sorted),
            ("list", Builtin::List),
            ("tuple", Builtin::Tuple),
            ("type", Builtin::Type),
            ("sum", Builtin::Sum),
            ("round", Builtin::Round),
            ("divmod", Builtin::Divmod),
            ("hasattr", Builtin::Hasattr),
            ("getattr", Builtin::Getattr),
            ("pow", Builtin::Pow),
            ("locals", Builtin::Frames),
            ("vars", Builtin::Frames),
            ("dir", Builtin::Frames),
            ("eval", Builtin::Frames),
            ("exec", Builtin::Frames),
            ("super", Builtin::Frames),
        ];
        for (name, b) in builtins {
            if let Ok(o) = vm.builtins.get_attr(*name, vm) {
                table.insert(id_of(&o), *b);
            }
        }
        let mut methods = HashMap::new();
        let t = &vm.ctx.types;
        let list: &[(&Py<PyType>, &str, BuiltinMethod)] = &[
            (t.list_type, "append", BuiltinMethod::ListAppend),
            (t.list_type, "extend", BuiltinMethod::ListExtend),
            (t.list_type, "pop", BuiltinMethod::ListPop),
            (t.dict_type, "get", BuiltinMethod::DictGet),
            (t.dict_type, "items", BuiltinMethod::DictItems),
            (t.dict_type, "keys", BuiltinMethod::DictKeys),
            (t.dict_type, "values", BuiltinMethod::DictValues),
            (t.set_type, "add", BuiltinMethod::SetAdd),
        ];
        let of_strs = StrMethod::ALL.iter().map(|m| (t.str_type, m.name(), BuiltinMethod::Str(*m)));
        for (ty, name, m) in list.iter().copied().chain(of_strs) {
            if let Some(d) = ty.get_attr(vm.ctx.intern_str(name)) {
                methods.insert(id_of(&d), m);
            }
        }
        Builtins { functions: RefCell::new(table), methods, math_found: Cell::new(false) }
    }

    /// Learns the functions of `math` once the program has imported it.
    pub fn find_math(&self, vm: &VirtualMachine, id_of: impl Fn(&PyObject) -> ObjId) {
        if self.math_found.get() {
            return;
        }
        let Ok(modules) = vm.sys_module.get_attr("modules", vm) else { return };
        let mut table = self.functions.borrow_mut();
        if let Ok(sys) = modules.get_item("sys", vm)
            && let Ok(f) = sys.get_attr("_getframe", vm)
        {
            table.insert(id_of(&f), Builtin::Frames);
        }
        // It must see the references that the interpreter would hold.
        if let Ok(sys) = modules.get_item("sys", vm)
            && let Ok(f) = sys.get_attr("getrefcount", vm)
        {
            table.insert(id_of(&f), Builtin::Frames);
        }
        let Ok(math) = modules.get_item("math", vm) else { return };
        let list: &[(&str, Builtin)] = &[
            ("sqrt", Builtin::MathSqrt),
            ("sin", Builtin::MathSin),
            ("cos", Builtin::MathCos),
            ("tan", Builtin::MathTan),
            ("atan", Builtin::MathAtan),
            ("atan2", Builtin::MathAtan2),
            ("tanh", Builtin::MathTanh),
            ("exp", Builtin::MathExp),
            ("log", Builtin::MathLog),
            ("floor", Builtin::MathFloor),
            ("ceil", Builtin::MathCeil),
            ("fabs", Builtin::MathFabs),
        ];
        for (name, b) in list {
            if let Ok(o) = math.get_attr(*name, vm) {
                table.insert(id_of(&o), *b);
            }
        }
        self.math_found.set(true);
    }
}
