//! Frames and what makes them: functions, cells, bound methods. A native function that Python code calls looks at the
//! running frame's words.

use super::{Fail, Found, address_of_ref, fail, find_in, find_word, words};
use crate::object::frame::{FRAME_WORDS, FrameLayout, FrameRef};
use crate::object::layout::{WORD, address, half, may_be_address, word};
use psycore_jit::ir::Field;
use rustpython_vm::builtins::{PyBoundMethod, PyCode, PyDict, PyFunction, PyTuple};
use rustpython_vm::frame::InterpreterFrame;
use rustpython_vm::object::payload_offset;
use rustpython_vm::{Py, PyObject, PyObjectRef, PyPayload, PyRef, VirtualMachine};
use std::cell::RefCell;
use std::mem::offset_of;

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

fn frame_offset(seen: &SeenFrame, value: usize, what: &str) -> Result<usize, Fail> {
    seen.words.iter().position(|&w| w == value && w != 0).map(|i| i * WORD).ok_or_else(|| fail(what))
}

/// Gives the probe's own module the function that looks.
pub(super) fn prepare(vm: &VirtualMachine, globals: &Py<PyDict>) -> Result<(), Fail> {
    globals.set_item("grab", vm.new_function("grab", grab).into(), vm).map_err(|_| fail("the probe's own function"))
}

pub(super) fn frame(vm: &VirtualMachine, found: &mut Found, globals: &Py<PyDict>) -> Result<FrameLayout, Fail> {
    let layout = frame_layout(vm, globals)?;
    found.set(Field::FrameLasti, offset_of!(InterpreterFrame, lasti));
    found.set(Field::FrameGlobals, layout.globals);
    found.set(Field::FrameMaterialized, layout.materialized);
    found.set(Field::FrameBuiltins, layout.builtins);
    Ok(layout)
}

fn frame_layout(vm: &VirtualMachine, scope: &Py<PyDict>) -> Result<FrameLayout, Fail> {
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
    let code_obj = code_of(&f, vm)?;
    let gen_code = code_of(&g, vm)?;
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
    let func_offset = |seen: fn(&SeenFrame) -> usize, what: &str| {
        let (in_f, in_g) = (find_in::<PyFunction>(&f, seen(on_stack)), find_in::<PyFunction>(&g, seen(on_heap)));
        let both: Vec<usize> = in_f.into_iter().filter(|offset| in_g.contains(offset)).collect();
        if let [one] = both[..] { Ok(one) } else { Err(fail(what)) }
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
        func_globals: func_offset(|s| s.globals, "func.globals")?,
        func_builtins: func_offset(|s| s.builtins, "func.builtins")?,
        template: on_stack.words,
    })
}

/// The code of a function.
fn code_of(f: &PyObject, vm: &VirtualMachine) -> Result<PyRef<PyCode>, Fail> {
    f.get_attr("__code__", vm).ok().and_then(|c| c.downcast::<PyCode>().ok()).ok_or_else(|| fail("function.__code__"))
}

/// Functions, cells and bound methods; `outer` makes a function with a cell.
pub(super) fn function(vm: &VirtualMachine, found: &mut Found, outer: &PyObject) -> Result<(), Fail> {
    let ctx = &vm.ctx;
    let value: PyObjectRef = ctx.new_int(1_234_567).into();
    let inner = outer.call((value.clone(),), vm).map_err(|_| fail("func.closure"))?;
    let closure = inner.get_attr("__closure__", vm).map_err(|_| fail("func.closure"))?;
    let cell =
        closure.downcast_ref::<PyTuple>().and_then(|t| t.as_slice().first().cloned()).ok_or_else(|| fail("func.closure"))?;
    // A cell is a lock byte and the content: two words.
    found.narrow(Field::CellContent, &find_word(&cell, 2, address(&value)));
    found.narrow(Field::FuncCode, &find_in::<PyFunction>(&inner, address_of_ref(&code_of(&inner, vm)?)));
    found.narrow(Field::FuncClosure, &find_in::<PyFunction>(&inner, address(&closure)));
    let versions = |f: &PyObject| -> Result<Vec<usize>, Fail> {
        let version = f.downcast_ref::<PyFunction>().ok_or_else(|| fail("func.version"))?.get_version_for_current_state();
        Ok((0..words::<PyFunction>() * WORD / 4)
            .map(|i| payload_offset::<PyFunction>() + i * 4)
            // SAFETY: as above.
            .filter(|&o| unsafe { half(address(f), o) } == version)
            .collect())
    };
    found.narrow(Field::FuncVersion, &versions(&inner)?);
    found.narrow(Field::FuncVersion, &versions(outer)?);
    let method: PyObjectRef = PyBoundMethod::new(value.clone(), inner.clone()).into_ref(ctx).into();
    found.narrow(Field::MethodFunc, &find_in::<PyBoundMethod>(&method, address(&inner)));
    found.narrow(Field::MethodSelf, &find_in::<PyBoundMethod>(&method, address(&value)));
    found.kept.extend([method, inner]);
    Ok(())
}
