//! The search itself, once per process: known objects are made by `layout_probe.py`, and the words of each looked
//! through for what is known of it.

use super::frame::{FRAME_WORDS, FrameLayout, FrameRef};
use super::layout::{DICT_ITER_WORDS, WORD, address, half, may_be_address, word};
use psycore_jit::ir::Field;
use psycore_jit::layout::Layout;
use rustpython_vm::builtins::{
    PyBoundMethod, PyBytes, PyCode, PyDict, PyFloat, PyFunction, PyInt, PyList, PyRange, PyStr, PyTuple, PyType,
};
use rustpython_vm::frame::InterpreterFrame;
use rustpython_vm::object::{SIZEOF_PYOBJECT_HEAD, dict_member_offset, payload_offset};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, VirtualMachine, py_compile};
use std::cell::RefCell;
use std::mem::{offset_of, size_of};

/// What was not where it was looked for.
type Fail = String;

fn fail(what: &str) -> Fail {
    format!("{what} is not where it is expected in this build of the interpreter")
}

/// Offset of the only word of a payload of type `T` that is `value`.
fn find_in<T>(obj: usize, value: usize, what: &str) -> Result<usize, Fail> {
    find_from(payload_offset::<T>(), obj, words::<T>(), value, what)
}

/// The same where the payload has a private type, which is known to have `count` words and no greater alignment.
fn find_word(obj: usize, count: usize, value: usize, what: &str) -> Result<usize, Fail> {
    find_from(SIZEOF_PYOBJECT_HEAD, obj, count, value, what)
}

fn find_from(base: usize, obj: usize, count: usize, value: usize, what: &str) -> Result<usize, Fail> {
    let mut found = None;
    for i in 0..count {
        // SAFETY: the caller says how many words the payload has.
        if unsafe { word(obj, base + i * WORD) } == value {
            if found.is_some() {
                return Err(fail(what));
            }
            found = Some(base + i * WORD);
        }
    }
    found.ok_or_else(|| fail(what))
}

/// Words of a payload of type `T`.
const fn words<T>() -> usize {
    size_of::<T>() / WORD
}

/// What the native function `grab` saw.
#[derive(Clone, Debug)]
struct SeenFrame {
    words: [usize; FRAME_WORDS],
    address: usize,
    code: usize,
    func: usize,
    globals: usize,
    builtins: usize,
    lasti_ok: bool,
    previous: usize,
    data: Vec<usize>,
    data_offset: Option<usize>,
    materialized: Option<usize>,
}

thread_local! {
    static SEEN: RefCell<Vec<SeenFrame>> = const { RefCell::new(Vec::new()) };
    static EXPECT: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Looks at the running frame; called from the snippet.
fn grab(vm: &VirtualMachine) -> bool {
    let Some(frame) = FrameRef::current() else { return false };
    let address = frame.address();
    let mut words = [0usize; FRAME_WORDS];
    for (i, w) in words.iter_mut().enumerate() {
        // SAFETY: within the running frame.
        *w = unsafe { word(address, i * WORD) };
    }
    let expect = EXPECT.with_borrow(|e| e.clone());
    let start = offset_of!(InterpreterFrame, lasti) / WORD;
    let mut data_offset = None;
    let mut data = Vec::new();
    for (i, &w) in words.iter().enumerate() {
        // The data pointer lies between the four identity pointers and `locals` (whose own words may
        // be uninitialized). Only what looks like a pointer is followed.
        if i < 4 || i >= offset_of!(InterpreterFrame, locals) / WORD || !may_be_address(w) {
            continue;
        }
        // SAFETY: the only pointer among these words is that of the slots, which are as many as locals.
        let slots: Vec<usize> = (0..expect.len()).map(|k| unsafe { word(w, k * WORD) }).collect();
        if slots == expect {
            data_offset = Some(i * WORD);
            // SAFETY: the stack follows the locals; the snippet's frames have at least 8 entries.
            data = (0..expect.len() + 6).map(|k| unsafe { word(w, k * WORD) }).collect();
            break;
        }
    }
    // SAFETY: the frame is running.
    let f = unsafe { frame.get() };
    let mut seen = SeenFrame {
        words,
        address,
        code: f.code() as *const _ as usize,
        func: f.func_obj().map_or(0, |o| o as *const PyObject as usize),
        globals: f.globals() as *const _ as usize,
        builtins: f.builtins() as *const PyObject as usize,
        lasti_ok: f.get_lasti() != 0 && words[start] as u32 == f.get_lasti(),
        previous: f.previous() as usize,
        data,
        data_offset,
        materialized: None,
    };
    let object = vm.current_frame();
    for (i, &before) in seen.words.iter().enumerate() {
        // SAFETY: as above.
        let now = unsafe { word(address, i * WORD) };
        if now != before && object.as_ref().is_some_and(|o| address_of_ref(o) == now) {
            seen.materialized = Some(i * WORD);
        }
    }
    SEEN.with_borrow_mut(|s| s.push(seen));
    true
}

fn address_of_ref<T: PyPayload>(r: &PyRef<T>) -> usize {
    address(r.as_object())
}

fn frame_offset(seen: &SeenFrame, value: usize, what: &str) -> Result<usize, Fail> {
    seen.words.iter().position(|&w| w == value && w != 0).map(|i| i * WORD).ok_or_else(|| fail(what))
}

fn probe_frames(vm: &VirtualMachine, scope: &Py<PyDict>) -> Result<FrameLayout, Fail> {
    let get = |name: &str| scope.get_item(name, vm).map_err(|_| fail("the probe's own function"));
    let args: Vec<PyObjectRef> = (0..7).map(|i| vm.ctx.new_int(100_000 + i).into()).collect();
    EXPECT.with_borrow_mut(|e| *e = args.iter().map(|a| address(a)).collect());
    SEEN.with_borrow_mut(Vec::clear);
    let f = get("frame_probe")?;
    f.call(args.clone(), vm).map_err(|_| fail("a function's frame"))?;
    let g = get("gen_probe")?;
    let it = g.call(args.clone(), vm).map_err(|_| fail("a generator's frame"))?;
    vm.call_method(&it, "__next__", ()).map_err(|_| fail("a generator's frame"))?;
    // Through another function, so that there is a frame before it.
    let caller = get("frame_caller")?;
    caller.call(args.clone(), vm).map_err(|_| fail("a called function's frame"))?;
    let seen = SEEN.with_borrow_mut(std::mem::take);
    EXPECT.with_borrow_mut(Vec::clear);
    let [on_stack, on_heap, called] = &seen[..] else { return Err(fail("the running frame")) };

    let mut data = None;
    let mut tops = Vec::new();
    for s in [on_stack, on_heap] {
        if !s.lasti_ok {
            return Err(fail("frame.lasti"));
        }
        let d = s.data_offset.ok_or_else(|| fail("frame.slots"))?;
        if *data.get_or_insert(d) != d {
            return Err(fail("frame.slots of generators"));
        }
        // The stack's depth is the number of entries that are set: popped ones are cleared.
        tops.push(s.data[7..].iter().take_while(|w| **w != 0).count());
    }
    let data = data.ok_or_else(|| fail("frame.slots"))?;
    let code = frame_offset(on_stack, on_stack.code, "frame.code")?;
    let code_obj = g_code(&f, vm)?;
    let gen_code = g_code(&g, vm)?;
    // SAFETY (all `half`): within the copied words.
    let half_at = |s: &SeenFrame, i: usize| (s.words[i * 4 / WORD] >> (i * 32 % usize::BITS as usize)) as u32;
    let region = (4 * WORD)..offset_of!(InterpreterFrame, locals);
    let find_half = |value: [u32; 2], what: &str| {
        let hits: Vec<usize> = (region.start / 4..region.end / 4)
            .filter(|&i| i * 4 / WORD * WORD != data && half_at(on_stack, i) == value[0] && half_at(on_heap, i) == value[1])
            .collect();
        match hits[..] {
            [one] => Ok(one * 4),
            _ => Err(fail(what)),
        }
    };
    let nlocals = find_half([7, 7], "frame.nlocals")?;
    let stack_top = find_half([tops[0] as u32, tops[1] as u32], "frame.stack_top")?;
    let caps = [7 + code_obj.max_stackdepth as usize, 7 + gen_code.max_stackdepth as usize];
    let capacity = (region.start / WORD..region.end / WORD)
        .find(|&i| on_stack.words[i] == caps[0] && on_heap.words[i] == caps[1])
        .map(|i| i * WORD)
        .ok_or_else(|| fail("frame.capacity"))?;
    let materialized = on_stack.materialized.ok_or_else(|| fail("frame.materialized"))?;
    let lasti = offset_of!(InterpreterFrame, lasti);
    let after = |frame: &SeenFrame, value: usize, what: &str| {
        (lasti / WORD + 1..FRAME_WORDS)
            .find(|&i| value != 0 && frame.words[i] == value)
            .map(|i| i * WORD)
            .ok_or_else(|| fail(what))
    };
    Ok(FrameLayout {
        code,
        func: frame_offset(on_stack, on_stack.func, "frame.func")?,
        globals: frame_offset(on_stack, on_stack.globals, "frame.globals")?,
        builtins: frame_offset(on_stack, on_stack.builtins, "frame.builtins")?,
        data,
        capacity,
        nlocals,
        stack_top,
        previous: after(called, called.previous, "frame.previous")?,
        materialized,
        datastack_base: after(on_stack, on_stack.address, "frame.datastack_base")?,
        func_globals: find_in::<PyFunction>(address(&f), on_stack.globals, "func.globals")?,
        func_builtins: find_in::<PyFunction>(address(&f), on_stack.builtins, "func.builtins")?,
        template: on_stack.words,
    })
}

fn g_code(f: &PyObject, vm: &VirtualMachine) -> Result<PyRef<PyCode>, Fail> {
    f.get_attr("__code__", vm).ok().and_then(|c| c.downcast::<PyCode>().ok()).ok_or_else(|| fail("function.__code__"))
}

#[expect(clippy::too_many_lines, reason = "one kind of object after another")]
pub fn find(vm: &VirtualMachine) -> Result<(Layout, FrameLayout), Fail> {
    let mut fields: Vec<Option<i32>> = vec![None; Field::ALL.len()];
    let mut set = |f: Field, offset: usize| fields[f as usize] = Some(offset as i32);
    let ctx = &vm.ctx;

    let scope = vm.new_scope_with_builtins();
    let code = py_compile!(file = "layout_probe.py", mode = "exec", module_name = "<psycore layout>");
    let code = PyCode::new_ref_from_frozen(vm, code);
    let globals = scope.globals.clone();
    globals.set_item("grab", vm.new_function("grab", grab).into(), vm).map_err(|_| fail("the probe's own function"))?;
    vm.run_code_obj(code, scope).map_err(|_| fail("the probe's own module"))?;
    let global = |name: &str| globals.get_item(name, vm).map_err(|_| fail("the probe's own objects"));

    // Header.
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
    set(Field::ObjType, header_type * WORD);
    // Instance dict: null or absent on a fresh instance is allowed, the dict's address after it was asked for.
    let class = global("C")?;
    let inst = class.call((), vm).map_err(|_| fail("obj.dict"))?;
    inst.set_attr("x", ctx.new_int(1), vm).map_err(|_| fail("obj.dict"))?;
    let dict = inst.dict().ok_or_else(|| fail("obj.dict"))?;
    let member = dict_member_offset();
    // SAFETY: an instance of a class with a dict has the prefix.
    let at = unsafe { ((address(&inst) as isize + member) as *const usize).read_volatile() };
    if at != address_of_ref(&dict) {
        return Err(fail("obj.dict"));
    }
    fields[Field::ObjDict as usize] = Some(member as i32);
    let mut set = |f: Field, offset: usize| fields[f as usize] = Some(offset as i32);
    set(Field::TypeVersion, payload_offset::<PyType>() + offset_of!(PyType, tp_version_tag));

    // int
    let big = 0x0012_3456_789a_bcde_i64;
    let (pos, neg): (PyObjectRef, PyObjectRef) = (ctx.new_int(big).into(), ctx.new_int(-big).into());
    let other: PyObjectRef = ctx.new_int(77_777).into();
    let n = words::<PyInt>();
    let mag = find_in::<PyInt>(address(&pos), big as usize, "int.mag")?;
    if find_in::<PyInt>(address(&neg), big as usize, "int.mag")? != mag {
        return Err(fail("int.mag"));
    }
    set(Field::IntMag, mag);
    let huge: PyObjectRef = vm.ctx.new_bigint(&(rustpython_vm::builtins::PyInt::from(big).as_bigint().clone().pow(5))).into();
    let mut tag = None;
    let mut sign = None;
    for i in 0..n {
        let offset = payload_offset::<PyInt>() + i * WORD;
        // SAFETY: as above.
        let w = |o: &PyObject| unsafe { word(address(o), offset) };
        if offset != mag && w(&pos) == w(&neg) && w(&pos) == w(&other) && w(&huge) != w(&pos) && tag.is_none() {
            tag = Some((offset, w(&pos) as u64));
        }
        for b in 0..WORD {
            // SAFETY: as above.
            let byte = |o: &PyObject| unsafe { ((address(o) + offset + b) as *const u8).read_volatile() };
            if offset != mag && byte(&pos) == 1 && byte(&neg) == 0 && byte(&other) == 1 {
                sign = Some(offset + b);
            }
        }
    }
    let (tag_offset, int_small_tag) = tag.ok_or_else(|| fail("int.tag"))?;
    // A capacity that no vector has, or where words are short a word of its own.
    if int_small_tag != if WORD == 8 { 1 << 63 } else { 0 } {
        return Err(fail("int.tag"));
    }
    set(Field::IntTag, tag_offset);
    set(Field::IntSign, sign.ok_or_else(|| fail("int.sign"))?);

    // float
    let float: PyObjectRef = ctx.new_float(1.234_567_891e77).into();
    set(Field::FloatValue, find_in::<PyFloat>(address(&float), 1.234_567_891e77_f64.to_bits() as usize, "float.value")?);

    // list
    let items: Vec<PyObjectRef> = (0..3).map(|_| none.clone()).collect();
    let list = ctx.new_list(items);
    let (ptr, len, cap) = {
        let mut v = list.borrow_vec_mut();
        v.reserve(20);
        (v.as_ptr() as usize, v.len(), v.capacity())
    };
    let at = address_of_ref(&list);
    let n = words::<PyList>();
    set(Field::ListPtr, find_in::<PyList>(at, ptr, "list.ptr")?);
    set(Field::ListLen, find_in::<PyList>(at, len, "list.len")?);
    set(Field::ListCap, find_in::<PyList>(at, cap, "list.cap")?);
    let lock = {
        let before: Vec<usize> =
            // SAFETY: as above.
            (0..n).map(|i| unsafe { word(at, payload_offset::<PyList>() + i * WORD) }).collect();
        // Reading locks too, and unlike writing leaves the count of mutations alone.
        let guard = list.borrow_vec();
        let changed: Vec<usize> = (0..n)
            // SAFETY: as above.
            .filter(|&i| unsafe { word(at, payload_offset::<PyList>() + i * WORD) } != before[i])
            .collect();
        drop(guard);
        match changed[..] {
            [i] if before[i] == 0 => payload_offset::<PyList>() + i * WORD,
            _ => return Err(fail("list.lock")),
        }
    };
    set(Field::ListLock, lock);

    // tuple
    let tuple = ctx.new_tuple(vec![none.clone(), none.clone(), none.clone()]);
    set(Field::TuplePtr, find_in::<PyTuple>(address_of_ref(&tuple), tuple.as_slice().as_ptr() as usize, "tuple.ptr")?);
    set(Field::TupleLen, find_in::<PyTuple>(address_of_ref(&tuple), 3, "tuple.len")?);

    // str
    let text = ctx.new_str("a string that is long");
    let accent = ctx.new_str("\u{e9}t\u{e9}");
    let n = words::<PyStr>();
    let at = address_of_ref(&text);
    set(Field::StrPtr, find_in::<PyStr>(at, text.as_bytes().as_ptr() as usize, "str.ptr")?);
    // Bytes and characters have the same number here; the order is told apart by another string.
    let hits: Vec<usize> = (0..n)
        .map(|i| payload_offset::<PyStr>() + i * WORD)
        // SAFETY: as above.
        .filter(|&o| unsafe { word(at, o) } == text.as_bytes().len())
        .collect();
    // SAFETY: as above.
    let accent_word = |o: usize| unsafe { word(address_of_ref(&accent), o) };
    let [a, b] = hits[..] else { return Err(fail("str.bytes")) };
    let (bytes, chars) = if accent_word(a) == accent.as_bytes().len() { (a, b) } else { (b, a) };
    if accent_word(bytes) != accent.as_bytes().len() || accent_word(chars) == accent.as_bytes().len() {
        return Err(fail("str.chars"));
    }
    set(Field::StrBytes, bytes);
    set(Field::StrChars, chars);

    // bytes
    let blob = ctx.new_bytes(b"some bytes here".to_vec());
    set(Field::BytesPtr, find_in::<PyBytes>(address_of_ref(&blob), blob.as_bytes().as_ptr() as usize, "bytes.ptr")?);
    let mut exact = Vec::with_capacity(64);
    exact.extend_from_slice(b"seventeen bytes!!");
    let blob = ctx.new_bytes(exact);
    set(Field::BytesLen, find_in::<PyBytes>(address_of_ref(&blob), 17, "bytes.len")?);

    // functions, cells, methods
    let outer = global("outer")?;
    let value: PyObjectRef = ctx.new_int(1_234_567).into();
    let inner = outer.call((value.clone(),), vm).map_err(|_| fail("func.closure"))?;
    let closure = inner.get_attr("__closure__", vm).map_err(|_| fail("func.closure"))?;
    let cell =
        closure.downcast_ref::<PyTuple>().and_then(|t| t.as_slice().first().cloned()).ok_or_else(|| fail("func.closure"))?;
    // A cell is a lock byte and the content: two words.
    set(Field::CellContent, find_word(address(&cell), 2, address(&value), "cell.content")?);
    let n = words::<PyFunction>();
    let code_obj = g_code(&inner, vm)?;
    set(Field::FuncCode, find_in::<PyFunction>(address(&inner), address_of_ref(&code_obj), "func.code")?);
    set(Field::FuncClosure, find_in::<PyFunction>(address(&inner), address(&closure), "func.closure")?);
    let versions = |f: &PyObject| -> Result<Vec<usize>, Fail> {
        let version = f.downcast_ref::<PyFunction>().ok_or_else(|| fail("func.version"))?.get_version_for_current_state();
        Ok((0..n * WORD / 4)
            .map(|i| payload_offset::<PyFunction>() + i * 4)
            // SAFETY: as above.
            .filter(|&o| unsafe { half(address(f), o) } == version)
            .collect())
    };
    let (a, b) = (versions(&inner)?, versions(&outer)?);
    let both: Vec<usize> = a.into_iter().filter(|o| b.contains(o)).collect();
    let [version] = both[..] else { return Err(fail("func.version")) };
    set(Field::FuncVersion, version);
    let method: PyObjectRef = PyBoundMethod::new(value.clone(), inner.clone()).into_ref(ctx).into();
    set(Field::MethodFunc, find_in::<PyBoundMethod>(address(&method), address(&inner), "method.func")?);
    set(Field::MethodSelf, find_in::<PyBoundMethod>(address(&method), address(&value), "method.self")?);

    // iterators
    let list_ref: PyObjectRef = list.clone().into();
    let iter = list_ref.get_iter(vm).map_err(|_| fail("list_iter"))?;
    let iter: PyObjectRef = iter.into();
    let next = |it: &PyObject| vm.call_method(it, "__next__", ()).map_err(|_| fail("an iterator"));
    next(&iter)?;
    next(&iter)?;
    // Lock, list, position: three words.
    set(Field::ListIterList, find_word(address(&iter), 3, address(&list_ref), "list_iter.list")?);
    set(Field::ListIterIndex, find_word(address(&iter), 3, 2, "list_iter.index")?);
    let text: PyObjectRef = ctx.new_str("\u{e9}\u{e9}\u{e9}\u{e9}").into();
    let iter: PyObjectRef = text.get_iter(vm).map_err(|_| fail("str_iter"))?.into();
    next(&iter)?;
    next(&iter)?;
    // Lock, str, position in characters, position in bytes: four words.
    set(Field::StrIterStr, find_word(address(&iter), 4, address(&text), "str_iter.str")?);
    set(Field::StrIterIndex, find_word(address(&iter), 4, 2, "str_iter.index")?);
    let range = vm.builtins.get_attr("range", vm).and_then(|r| r.call((1000, 2003, 7), vm)).map_err(|_| fail("range_iter"))?;
    let iter: PyObjectRef = range.get_iter(vm).map_err(|_| fail("range_iter"))?.into();
    next(&iter)?;
    next(&iter)?;
    let at = address(&iter);
    set(Field::RangeIterIndex, find_word(at, 4, 2, "range_iter.index")?);
    set(Field::RangeIterStart, find_word(at, 4, 1000, "range_iter.start")?);
    set(Field::RangeIterStep, find_word(at, 4, 7, "range_iter.step")?);
    set(Field::RangeIterLen, find_word(at, 4, 144, "range_iter.len")?);

    for (field, offset) in [
        (Field::RangeStart, offset_of!(PyRange, start)),
        (Field::RangeStop, offset_of!(PyRange, stop)),
        (Field::RangeStep, offset_of!(PyRange, step)),
    ] {
        set(field, payload_offset::<PyRange>() + offset);
    }
    let dict = ctx.new_dict();
    for i in 0..9 {
        dict.set_item(&*ctx.new_str(format!("iterated {i}")), none.clone(), vm).map_err(|_| fail("dict_iter"))?;
    }
    let dict_ref: PyObjectRef = dict.into();
    let mut places = Vec::new();
    for view in ["keys", "values", "items"] {
        let iter = vm.call_method(&dict_ref, view, ()).and_then(|view| view.get_iter(vm)).map_err(|_| fail("dict_iter"))?;
        let iter: PyObjectRef = iter.into();
        for _ in 0..3 {
            next(&iter)?;
        }
        // The size of the dict (four words), whether it changed, lock, dict, position.
        let dict = find_word(address(&iter), DICT_ITER_WORDS, address(&dict_ref), "dict_iter.dict")?;
        places.push((dict, find_word(address(&iter), DICT_ITER_WORDS, 3, "dict_iter.position")?));
    }
    if places[0] != places[1] || places[0] != places[2] {
        return Err(fail("dict_iter"));
    }
    set(Field::DictIterDict, places[0].0);
    set(Field::DictIterPosition, places[0].1);
    set(Field::FrameLasti, offset_of!(InterpreterFrame, lasti));

    let [dict_entry_stride, dict_entry_value, dict_entry_key, dict_entry_mark] = {
        let shape = global("shape")?;
        probe_dict(vm, &mut set, &shape, &class)?
    };
    let frame = probe_frames(vm, &globals)?;
    set(Field::FrameGlobals, frame.globals);
    set(Field::FrameMaterialized, frame.materialized);
    set(Field::FrameBuiltins, frame.builtins);

    let fields = fields
        .iter()
        .enumerate()
        .map(|(i, f)| f.ok_or_else(|| fail(Field::ALL[i].name())))
        .collect::<Result<Vec<i32>, Fail>>()?;
    Ok((
        Layout {
            fields,
            dict_entry_stride,
            dict_entry_value,
            dict_entry_key,
            dict_entry_mark,
            refcount: 0,
            immortal_bit,
            word: size_of::<usize>() as u32,
            arg_stride: size_of::<usize>() as u32,
            int_small_tag,
        },
        frame,
    ))
}

/// Stride of dict entries, offsets of value, key and mark in them; the fields of dicts go to `set`.
fn probe_dict(
    vm: &VirtualMachine,
    set: &mut impl FnMut(Field, usize),
    shape: &PyObject,
    class: &PyObject,
) -> Result<[u32; 4], Fail> {
    let ctx = &vm.ctx;
    let bad = |_| fail("dict");
    let dict = ctx.new_dict();
    let keys: Vec<PyObjectRef> = (0..5).map(|i| ctx.new_str(format!("probe key {i}")).into()).collect();
    let values: Vec<PyObjectRef> = (0..5).map(|i| ctx.new_int(500_000 + i).into()).collect();
    for (k, v) in keys.iter().zip(&values) {
        dict.set_item(&**k, v.clone(), vm).map_err(bad)?;
    }
    dict.del_item(&*keys[2], vm).map_err(bad)?;
    // Now: 4 used, 5 entry slots, one of them deleted; index table of at least 8.
    let at = address_of_ref(&dict);
    let n = words::<PyDict>();
    // SAFETY: as all reads by it, within the payload.
    let w = |i: usize| unsafe { word(at, payload_offset::<PyDict>() + i * WORD) };
    let mut entries = None;
    for i in 1..n - 1 {
        let p = w(i);
        // A vector is capacity, pointer, length. The words at the ends may hold padding.
        if !may_be_address(p) || w(i - 1) > 64 || w(i + 1) > 64 {
            continue;
        }
        // SAFETY: the only pointers of a dict are those of its two vectors, each of at least
        // 8 words here (8 indices; 5 entries of 4 words, or of 24 bytes where words have 4).
        let hit = |value: usize| (0..if WORD == 8 { 8 } else { 12 }).find(|&k| unsafe { word(p, k * WORD) } == value);
        if let (Some(k0), Some(v0), Some(k1)) = (hit(address(&keys[0])), hit(address(&values[0])), hit(address(&keys[1]))) {
            entries = Some((i, k0 * WORD, v0 * WORD, (k1 - k0) * WORD));
        }
    }
    let (ptr_word, key, value, stride) = entries.ok_or_else(|| fail("dict.entries"))?;
    // SAFETY: five entries.
    let part = |entry: usize, offset: usize| unsafe { word(w(ptr_word), entry * stride + offset) };
    if part(4, value) != address(&values[4]) {
        return Err(fail("dict.entries"));
    }
    // What says that an entry was deleted: key or value is null, by what the compiler makes of the size of a word. No other word
    // will do, though it may seem to: the index of an entry is zero where the hash of its key says so.
    let tells = |offset: &usize| (0..5).all(|entry| (part(entry, *offset) == 0) == (entry == 2));
    let mark = [key, value].into_iter().find(tells).ok_or_else(|| fail("dict.entries"))?;
    set(Field::DictEntries, payload_offset::<PyDict>() + ptr_word * WORD);
    // `used` is the only 4. Two words are 5: the vector's length and a count of index slots in use, which
    // counts deleted ones that were reused only once; a rebuild tells them apart, the length
    // of the vector being what grows with each insertion of a new key.
    set(Field::DictUsed, find_in::<PyDict>(at, 4, "dict.used")?);
    let fives: Vec<usize> = (0..n).filter(|&i| w(i) == 5).collect();
    let filled = fives.iter().copied().find(|&i| i > ptr_word && i <= ptr_word + 1).ok_or_else(|| fail("dict.filled"))?;
    set(Field::DictFilled, payload_offset::<PyDict>() + filled * WORD);

    // The stamp: given by a method call that was specialized, gone after a new key.
    let inst = class.call((), vm).map_err(bad)?;
    shape.call((inst.clone(),), vm).map_err(bad)?;
    let d = inst.dict().ok_or_else(|| fail("dict.stamp"))?;
    let d_at = address_of_ref(&d);
    let halves = |at: usize| -> Vec<u32> {
        // SAFETY: within the payload.
        (0..n * WORD / 4).map(|i| unsafe { half(at, payload_offset::<PyDict>() + i * 4) }).collect()
    };
    let before = halves(d_at);
    let twin = class.call((), vm).map_err(bad)?;
    shape.call((twin.clone(),), vm).map_err(bad)?;
    let twin_dict = twin.dict().ok_or_else(|| fail("dict.stamp"))?;
    let same = halves(address_of_ref(&twin_dict));
    d.set_item("another", ctx.none(), vm).map_err(bad)?;
    let after = halves(d_at);
    let known: Vec<usize> = [ptr_word, filled].into_iter().collect();
    let stamps: Vec<usize> = (0..n * WORD / 4)
        .filter(|&i| !known.contains(&(i * 4 / WORD)) && before[i] != 0 && before[i] == same[i] && after[i] == 0)
        .collect();
    let [stamp] = stamps[..] else { return Err(fail("dict.stamp")) };
    set(Field::DictStamp, payload_offset::<PyDict>() + stamp * 4);

    // The lock can't be held from here; it is the one word that is zero whatever the dict holds,
    // and it comes first, as it does in lists.
    let zero: Vec<usize> = (0..n).filter(|&i| w(i) == 0 && i != stamp * 4 / WORD).collect();
    let [lock] = zero[..] else { return Err(fail("dict.lock")) };
    if lock != 0 {
        return Err(fail("dict.lock"));
    }
    set(Field::DictLock, payload_offset::<PyDict>());
    Ok([stride, value, key, mark].map(|offset| offset as u32))
}
