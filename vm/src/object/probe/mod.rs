//! The search itself, once per process: known objects are made, and the words of each looked through for what is known
//! of it. What compiled code needs is found at start-up and ends in a [`Layout`]; what only entry points need is found
//! when it is first asked for.

pub mod dict;
mod frame;
mod int_str;
pub mod iter;
pub mod list;

pub use int_str::{NO_HASH, hash_of_str};

use super::frame::FrameLayout;
use super::layout::{WORD, address, word};
use psycore_jit::ir::Field;
use psycore_jit::layout::Layout;
use rustpython_vm::builtins::{PyCode, PyType};
use rustpython_vm::object::{SIZEOF_PYOBJECT_HEAD, dict_member_offset, payload_offset};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyPayload, PyRef, VirtualMachine, py_compile};
use std::mem::{offset_of, size_of};

/// What was not where it was looked for.
type Fail = String;

fn fail(what: &str) -> Fail {
    format!("{what} is not where it is expected in this build of the interpreter")
}

/// Offsets of the words of a payload of type `T` that are `value`.
fn find_in<T>(obj: &PyObject, value: usize) -> Vec<usize> {
    find_from(payload_offset::<T>(), obj, words::<T>(), value)
}

/// The same where the payload has a private type, which is known to have `count` words and no greater alignment.
fn find_word(obj: &PyObject, count: usize, value: usize) -> Vec<usize> {
    find_from(SIZEOF_PYOBJECT_HEAD, obj, count, value)
}

fn find_from(base: usize, obj: &PyObject, count: usize, value: usize) -> Vec<usize> {
    // SAFETY: the caller says how many words the payload has.
    (0..count).map(|i| base + i * WORD).filter(|offset| unsafe { word(address(obj), *offset) } == value).collect()
}

/// Words of a payload of type `T`.
const fn words<T>() -> usize {
    size_of::<T>() / WORD
}

/// How many objects of each kind are looked at. What lies between two fields is what the memory held before, which may
/// look like what is sought in one object, but not in all.
const ROUNDS: usize = 4;

/// The offsets at which fields can be.
struct Found {
    /// `None` while nothing is known.
    offsets: Vec<Option<Vec<i32>>>,
    /// Objects that must not lend their memory to later ones.
    kept: Vec<PyObjectRef>,
}

impl Found {
    /// A field is at one of these offsets.
    fn narrow(&mut self, field: Field, offsets: &[usize]) {
        let offsets = offsets.iter().map(|o| *o as i32);
        let known = &mut self.offsets[field as usize];
        *known = Some(match known.take() {
            Some(before) => offsets.filter(|o| before.contains(o)).collect(),
            None => offsets.collect(),
        });
    }

    fn set(&mut self, field: Field, offset: usize) {
        self.narrow(field, &[offset]);
    }

    /// Where a field is.
    fn only(&self, field: Field) -> Result<i32, Fail> {
        match self.offsets[field as usize].as_deref() {
            Some([one]) => Ok(*one),
            _ => Err(fail(field.name())),
        }
    }
}

fn address_of_ref<T: PyPayload>(r: &PyRef<T>) -> usize {
    address(r.as_object())
}

/// All that compiled code needs.
///
/// # Errors
/// What was not where it was looked for.
pub fn find(vm: &VirtualMachine) -> Result<(Layout, FrameLayout), Fail> {
    let mut found = Found { offsets: vec![None; Field::ALL.len()], kept: Vec::new() };
    let scope = vm.new_scope_with_builtins();
    // Made by Python: classes, functions and frames with known contents.
    let code = py_compile!(file = "layout_probe.py", mode = "exec", module_name = "<psycore layout>");
    let code = PyCode::new_ref_from_frozen(vm, code);
    let globals = scope.globals.clone();
    frame::prepare(vm, &globals)?;
    vm.run_code_obj(code, scope).map_err(|_| fail("the probe's own module"))?;
    let global = |name: &str| globals.get_item(name, vm).map_err(|_| fail("the probe's own objects"));

    let class = global("C")?;
    let immortal_bit = header(vm, &mut found, &class)?;
    let int_small_tag = int_str::int(vm, &mut found)?;
    let outer = global("outer")?;
    for round in 0..ROUNDS {
        int_str::float(vm, &mut found, round);
        int_str::str(vm, &mut found, round)?;
        int_str::bytes(vm, &mut found, round);
        list::list(vm, &mut found, round)?;
        list::tuple(vm, &mut found, round);
        frame::function(vm, &mut found, &outer)?;
        iter::sequence_iterators(vm, &mut found, round)?;
        iter::dict_iterators(vm, &mut found, round)?;
    }
    let shape = global("shape")?;
    let entry = dict::dict(vm, &mut found, &shape, &class)?;
    let frame = frame::frame(vm, &mut found, &globals)?;

    let fields = Field::ALL.iter().map(|field| found.only(*field)).collect::<Result<Vec<i32>, Fail>>()?;
    let layout = Layout {
        fields,
        dict_entry_stride: entry.stride as u32,
        dict_entry_value: entry.value as u32,
        dict_entry_key: entry.key as u32,
        dict_entry_mark: entry.mark as u32,
        refcount: 0,
        immortal_bit,
        word: size_of::<usize>() as u32,
        arg_stride: size_of::<usize>() as u32,
        int_small_tag,
    };
    Ok((layout, frame))
}

/// The words before each payload. Returns the bit of the reference count that says "never dies".
fn header(vm: &VirtualMachine, found: &mut Found, class: &PyObject) -> Result<u32, Fail> {
    let ctx = &vm.ctx;
    let list_obj: PyObjectRef = ctx.new_list(vec![]).into();
    let list_at = address(&list_obj);
    // SAFETY: here and below, headers and payloads of live objects are readable.
    let (one, two) = unsafe {
        let one = word(list_at, 0);
        let second = list_obj.clone();
        let two = word(list_at, 0);
        drop(second);
        (one, two)
    };
    if one != 1 || two != 2 {
        return Err(fail("obj.refcount"));
    }
    let immortal_bit = usize::BITS - 4;
    let none = ctx.none();
    // SAFETY: as above.
    if unsafe { word(address(&none), 0) } >> immortal_bit & 1 != 1 || one >> immortal_bit & 1 != 0 {
        return Err(fail("obj.immortal"));
    }
    let list_type = ctx.types.list_type;
    let header_type = (0..SIZEOF_PYOBJECT_HEAD / WORD)
        // SAFETY: as above.
        .find(|&i| unsafe { word(list_at, i * WORD) } == address(list_type.as_object()))
        .ok_or_else(|| fail("obj.type"))?;
    found.set(Field::ObjType, header_type * WORD);
    // Instance dict: null or absent on a fresh instance is allowed, the dict's address after it was asked for.
    let inst = class.call((), vm).map_err(|_| fail("obj.dict"))?;
    inst.set_attr("x", ctx.new_int(1), vm).map_err(|_| fail("obj.dict"))?;
    let dict = inst.dict().ok_or_else(|| fail("obj.dict"))?;
    let member = dict_member_offset();
    // SAFETY: an instance of a class with a dict has the prefix.
    let at = unsafe { ((address(&inst) as isize + member) as *const usize).read_volatile() };
    if at != address_of_ref(&dict) {
        return Err(fail("obj.dict"));
    }
    // Before the object, unlike all others.
    found.offsets[Field::ObjDict as usize] = Some(vec![member as i32]);
    found.set(Field::TypeVersion, payload_offset::<PyType>() + offset_of!(PyType, tp_version_tag));
    Ok(immortal_bit)
}
