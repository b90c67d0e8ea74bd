//! Whether an object can die without Python code noticing: no finalizer, no weak reference,
//! nothing that compiled code relies on.
//!
//! It plays the destruction through before it happens: each reference that would be
//! given back is counted, and an object all of whose references are given back dies in turn.
//! The answer is exact for the types listed here and "no" for all others.

use rustpython_vm::builtins::{PyBaseObject, PyDict, PyType};
use rustpython_vm::object::Traverse;
use rustpython_vm::{AsObject, Py, PyObject, VirtualMachine};

/// How many different objects that are not atoms one destruction may touch.
const MAX_TOUCHED: usize = 48;
/// How deep objects may lie in one another.
const MAX_DEPTH: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Holds no references but to its class, and nobody hears of its death.
    Atom,
    /// Reports all its references when traversed and does nothing else when it dies.
    Container,
    Function,
    Generator,
    Unknown,
}

fn kind(vm: &VirtualMachine, o: &PyObject) -> Kind {
    let class: &Py<PyType> = o.class();
    let t = &vm.ctx.types;
    let is = |known: &[&'static Py<PyType>]| known.iter().any(|k| class.is(*k));
    if is_atom(vm, class) {
        Kind::Atom
    } else if is(&[
        t.tuple_type,
        t.list_type,
        t.dict_type,
        t.bound_method_type,
        t.cell_type,
        t.list_iterator_type,
        t.tuple_iterator_type,
        t.set_type,
        t.slice_type,
        t.enumerate_type,
        t.zip_type,
        t.map_type,
        t.filter_type,
        t.frozenset_type,
        t.str_iterator_type,
        t.list_reverseiterator_type,
        t.reverse_iter_type,
        t.iter_type,
        t.builtin_function_or_method_type,
        t.object_type,
    ]) {
        Kind::Container
    } else if class.is(t.function_type) {
        Kind::Function
    } else if class.is(t.generator_type) {
        Kind::Generator
    } else if class.heaptype_ext.is_some()
        && class.slots.del.load().is_none()
        && o.downcast_ref::<PyBaseObject>().is_some()
    {
        Kind::Container
    } else {
        Kind::Unknown
    }
}

fn is_atom(vm: &VirtualMachine, class: &Py<PyType>) -> bool {
    let t = &vm.ctx.types;
    [
        t.float_type,
        t.int_type,
        t.str_type,
        t.range_iterator_type,
        t.bytes_type,
        t.bool_type,
        t.none_type,
        t.complex_type,
        t.range_type,
        t.long_range_iterator_type,
        t.ellipsis_type,
    ]
    .iter()
    .any(|k| class.is(*k))
}

struct Walk<'a> {
    vm: &'a VirtualMachine,
    /// Objects that lose references, with the number lost so far.
    touched: Vec<(*const PyObject, usize)>,
    depth: u32,
    quiet: bool,
}

impl Walk<'_> {
    /// One reference to `o` is given back.
    fn lose(&mut self, o: &PyObject) {
        if !self.quiet || o.is_immortal() || is_atom(self.vm, o.class()) {
            return;
        }
        let place = o.as_raw();
        let i = match self.touched.iter().position(|(p, _)| *p == place) {
            Some(i) => i,
            None if self.touched.len() < MAX_TOUCHED => {
                self.touched.push((place, 0));
                self.touched.len() - 1
            }
            None => {
                self.quiet = false;
                return;
            }
        };
        self.touched[i].1 += 1;
        if self.touched[i].1 >= o.strong_count() {
            self.die(o);
        }
    }

    /// `o` has lost its last reference.
    fn die(&mut self, o: &PyObject) {
        let kind = kind(self.vm, o);
        if kind == Kind::Atom {
            return;
        }
        if kind == Kind::Unknown
            || self.depth == MAX_DEPTH
            || o.weak_count().is_some_and(|n| n > 0)
            || (kind == Kind::Generator && !finished(o))
            || (kind == Kind::Function && !code_survives(self.vm, o))
        {
            self.quiet = false;
            return;
        }
        self.depth += 1;
        o.traverse(&mut |child| {
            // A function does not report its `__builtins__`, which its globals keep alive: they must
            // not die with it. Its own `__dict__` is mostly empty.
            if kind == Kind::Function
                && let Some(dict) = child.downcast_ref::<PyDict>()
                && dict.as_object().strong_count() <= 2
                && dict.__len__() > 0
            {
                self.quiet = false;
            }
            self.lose(child);
        });
        self.depth -= 1;
    }
}

/// Whether a generator has run to its end, so that closing it runs nothing.
fn finished(generator: &PyObject) -> bool {
    generator.class().slots.del_needed.load().is_some_and(|needed| !needed(generator))
}

/// Whether a function's code outlives it. (A function does not report its code either.)
fn code_survives(vm: &VirtualMachine, function: &PyObject) -> bool {
    // Two references would be the function's and the one just taken.
    function.get_attr("__code__", vm).is_ok_and(|code| code.strong_count() > 2)
}

/// Whether dropping the last reference to `o` can't run Python code.
pub fn dies_quietly(vm: &VirtualMachine, o: &PyObject) -> bool {
    if is_atom(vm, o.class()) {
        return true;
    }
    let mut walk = Walk {
        vm,
        touched: Vec::new(),
        depth: 0,
        quiet: true,
    };
    walk.die(o);
    walk.quiet
}
