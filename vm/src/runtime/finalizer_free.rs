//! Whether an object can die without Python code noticing: no finalizer, no weak reference,
//! nothing that compiled code relies on.
//!
//! It plays the destruction through before it happens: each reference that would be
//! given back is counted, and an object all of whose references are given back dies in turn.
//! The answer is exact for the types listed here and "no" for all others.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyBaseException, PyBaseObject, PyDict, PyFloat, PyInt, PyList, PySet, PyStr, PyTuple, PyType};
use rustpython_vm::object::{SIZEOF_PYOBJECT_HEAD, Traverse};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, VirtualMachine};

/// How many different objects that are not atoms one destruction may touch.
const MAX_TOUCHED: usize = 48;
/// How deep objects may lie in one another.
const MAX_DEPTH: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum DeathKind {
    /// Holds no references but to its class, and nobody hears of its death.
    Atom,
    /// Reports all its references when traversed and does nothing else when it dies.
    Container,
    Function,
    Generator,
    /// A match of a regular expression, which does not report its subject.
    Match,
    /// Holds a dict or a set that it does not report.
    View,
    Unknown,
}

fn kind(vm: &VirtualMachine, o: &PyObject) -> DeathKind {
    let class: &Py<PyType> = o.class();
    let t = &vm.ctx.types;
    let is = |known: &[&'static Py<PyType>]| known.iter().any(|k| class.is(*k));
    if is_atom(vm, class) {
        DeathKind::Atom
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
        t.super_type,
        t.builtin_function_or_method_type,
        t.object_type,
        t.traceback_type,
        t.frame_type,
    ]) {
        DeathKind::Container
    } else if is(&[
        t.dict_keyiterator_type,
        t.dict_valueiterator_type,
        t.dict_itemiterator_type,
        t.set_iterator_type,
        t.dict_keys_type,
        t.dict_values_type,
        t.dict_items_type,
    ]) {
        DeathKind::View
    } else if class.is(t.function_type) {
        DeathKind::Function
    } else if class.is(t.generator_type) {
        DeathKind::Generator
    } else if class.heaptype_ext.is_some() && class.slots.del.load().is_none() && is_plain_payload(o) {
        DeathKind::Container
    } else if class.slots.del.load().is_none() && o.downcast_ref::<PyBaseException>().is_some() {
        // Those with more than the base has report that too.
        DeathKind::Container
    } else if &*class.slot_name() == "re.Match" {
        DeathKind::Match
    } else {
        DeathKind::Unknown
    }
}

/// Whether what an instance of a Python class is built on reports all its references.
fn is_plain_payload(o: &PyObject) -> bool {
    o.downcast_ref::<PyBaseObject>().is_some()
        || o.downcast_ref::<PyTuple>().is_some()
        || o.downcast_ref::<PyList>().is_some()
        || o.downcast_ref::<PyDict>().is_some()
        || o.downcast_ref::<PyInt>().is_some()
        || o.downcast_ref::<PyStr>().is_some()
        || o.downcast_ref::<PyFloat>().is_some()
        || o.downcast_ref::<PySet>().is_some()
}

pub(super) fn is_atom(vm: &VirtualMachine, class: &Py<PyType>) -> bool {
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
        t.bytearray_type,
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
        if kind == DeathKind::Atom {
            return;
        }
        if kind == DeathKind::Unknown
            || self.depth == MAX_DEPTH
            || o.weak_count().is_some_and(|n| n > 0)
            || (kind == DeathKind::Generator && !finished(o))
            || (kind == DeathKind::Match && !matches_text(self.vm, o))
            || (kind == DeathKind::Function && !code_survives(self.vm, o))
        {
            self.quiet = false;
            return;
        }
        self.depth += 1;
        if kind == DeathKind::View {
            match viewed(self.vm, o) {
                // Exhausted iterators have let go of what they walked over.
                Some(None) => {}
                Some(Some(container)) => self.lose(container),
                None => self.quiet = false,
            }
        }
        o.traverse(&mut |child| {
            // A function does not report its `__builtins__`, which its globals keep alive: they must
            // not die with it. Its own `__dict__` is mostly empty.
            if kind == DeathKind::Function
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

/// How far into a view the reference to its container is looked for.
const VIEW_WORDS: usize = 6;

/// The container of a dict or set view or iterator, as the view holds it: a word that is the
/// container's address or, in an exhausted iterator, zero. None if the word's place is not known.
fn viewed<'a>(vm: &VirtualMachine, view: &'a PyObject) -> Option<Option<&'a PyObject>> {
    static PLACES: OnceLock<Vec<(usize, usize)>> = OnceLock::new();
    let class = view.class().as_object().as_raw().addr();
    let places = PLACES.get_or_init(|| view_places(vm));
    let (_, offset) = places.iter().find(|(c, _)| *c == class)?;
    // SAFETY: the place was found in an object of the same class; the word is null or the address of
    // an object that the view keeps alive.
    Some(unsafe { view.as_raw().byte_add(*offset).cast::<*const PyObject>().read().as_ref() })
}

/// By class of view: where the reference to the container lies.
fn view_places(vm: &VirtualMachine) -> Vec<(usize, usize)> {
    let dict = vm.ctx.new_dict();
    let set = PySet::default().into_ref(&vm.ctx);
    let mut samples: Vec<(PyObjectRef, PyObjectRef)> = Vec::new();
    for method in ["keys", "values", "items"] {
        if let Ok(view) = vm.call_method(dict.as_object(), method, ()) {
            if let Ok(iter) = view.get_iter(vm) {
                samples.push((iter.into(), dict.clone().into()));
            }
            samples.push((view, dict.clone().into()));
        }
    }
    if let Ok(iter) = set.as_object().get_iter(vm) {
        samples.push((iter.into(), set.into()));
    }
    let place = |view: &PyObject, container: &PyObject| {
        // SAFETY: the payload holds the reference somewhere, and the search ends there.
        (0..VIEW_WORDS)
            .map(|i| SIZEOF_PYOBJECT_HEAD + i * size_of::<usize>())
            .find(|offset| unsafe { view.as_raw().byte_add(*offset).cast::<*const PyObject>().read() == container.as_raw() })
    };
    samples.iter().filter_map(|(view, c)| Some((view.class().as_object().as_raw().addr(), place(view, c)?))).collect()
}

/// Whether a generator has run to its end, so that closing it runs nothing.
fn finished(generator: &PyObject) -> bool {
    generator.class().slots.del_needed.load().is_some_and(|needed| !needed(generator))
}

/// Whether a match was found in a str or bytes. (Patterns live on in the cache of `re`, and hold nothing
/// that Python code would miss.)
fn matches_text(vm: &VirtualMachine, found: &PyObject) -> bool {
    found.get_attr("string", vm).is_ok_and(|s| is_atom(vm, s.class()))
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
    let mut walk = Walk { vm, touched: Vec::new(), depth: 0, quiet: true };
    walk.die(o);
    walk.quiet
}
