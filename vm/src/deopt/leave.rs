//! From an exit record to the interpreter's frames: what compiled code does when it leaves.
//!
//! Order matters: everything is read from the records before anything is written, all frames and
//! globals are consistent before any reference is dropped, because a destructor may look at
//! them.

use super::calls::{self, Carried};
use super::frames::{CallSite, InnerFrame, LiveFrame, Next};
use super::materialize::Maker;
use super::traceback;
use crate::hook::driver::Driver;
use crate::hook::exits::ExitInfo;
use crate::hook::{Attached, Exited, Site, SiteVersion};
use crate::object::frame::FrameRef;
use crate::object::frame_stack::OwnFrame;
use crate::object::layout;
use psycore_jit::ir::{ExitKind, FrameDesc, GlobalWrite, Recipe};
use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyDict, PyFunction, PyStr};
use rustpython_vm::vm::thread::set_current_frame;
use rustpython_vm::{AsObject, Py, PyObjectRef, VirtualMachine};
use std::collections::VecDeque;
use std::rc::Rc;

/// The records of one way out, the entered function's first.
pub struct ExitRecords {
    records: Vec<ExitRecord>,
    /// How often compiled code has polled since it was entered.
    pub turns: u64,
}

struct ExitRecord {
    number: u32,
    info: Rc<ExitInfo>,
    words: Vec<u64>,
}

/// Copies the records between `base` and `top`.
///
/// # Safety
/// Compiled code has just left through registered exits and pushed their records there.
pub unsafe fn read_records(a: &Attached, top: *mut u64, base: *mut u64) -> ExitRecords {
    let mut records = Vec::with_capacity(1);
    let mut top = top;
    while top > base {
        // SAFETY: a record is its words and then its number.
        let number = unsafe { top.sub(1).read() } as u32;
        let Some(info) = a.exits.get(number) else {
            debug_assert!(false, "an exit that is not registered: {number}");
            break;
        };
        let n = info.words();
        // SAFETY: as above.
        let words = unsafe { std::slice::from_raw_parts(top.sub(1 + n), n) }.to_vec();
        // SAFETY: as above.
        top = unsafe { top.sub(1 + n) };
        let more = info.kind == ExitKind::Call;
        records.push(ExitRecord { number, info, words });
        if !more {
            break;
        }
    }
    ExitRecords { records, turns: 0 }
}

/// Compiled code that has left.
pub struct Leaving<'a> {
    pub attached: &'static Attached,
    pub site: &'a Site,
    pub version: &'a SiteVersion,
    pub records: ExitRecords,
    /// The owned address of what an entry point has raised, or 0.
    pub exception: usize,
}

/// What the live frame is to hold, slot by slot; `None` for what stays.
struct Rewritten {
    locals: Vec<Option<usize>>,
    stack: Vec<Option<usize>>,
    next: Next,
}

/// All that the records say, made.
#[derive(Default)]
struct Made<'a> {
    live: Option<Rewritten>,
    inner: VecDeque<InnerFrame>,
    /// Frames that compiled code has made and that others take the place of, the innermost last.
    dissolved: Vec<OwnFrame>,
    globals: Vec<(&'a Py<PyDict>, &'a Py<PyStr>, PyObjectRef)>,
    /// Owned references to be released at the end.
    rest: Vec<usize>,
}

/// Puts the interpreter in the place of compiled code that has left.
///
/// # Safety
/// `frame` is the current frame and has just passed the site; the records were read from what its version left.
pub unsafe fn leave(leaving: Leaving<'_>, frame: FrameRef, vm: &VirtualMachine) {
    let Leaving { attached, site, version, records: ExitRecords { records, turns }, exception } = leaving;
    let exception: Option<PyBaseExceptionRef> = (exception != 0)
        // SAFETY: an entry point put an owned exception there.
        .then(|| unsafe { layout::own(exception) })
        .and_then(|e| e.downcast().ok());
    let Some(innermost) = records.last() else { return };
    let exit = Exited {
        number: innermost.number,
        info: &innermost.info,
        record: &innermost.words,
        depth: records.len() - 1,
        version: *version,
        turns,
    };
    attached.driver().exited(site, frame, &exit, vm);

    // Everything is made before anything is written.
    let Made { live, inner, globals, dissolved, mut rest } = Made::new(&records, attached.driver(), vm);
    // SAFETY: what they held has been taken out of them.
    unsafe { unlink(frame, dissolved) };
    let Some(Rewritten { locals, stack, next }) = live else { return };
    // SAFETY: the frame is current; words are owned references or empty.
    unsafe { rewrite(frame, locals, stack, &mut rest) };
    // SAFETY: the caller's promise.
    let live = unsafe { LiveFrame::new(attached, frame, vm) };
    live.set_position(next);
    // Old values of globals are dropped with the rest.
    let mut old_values: Vec<PyObjectRef> = Vec::new();
    for (dict, name, value) in globals {
        if let Ok(Some(old)) = dict.get_item_opt(name, vm) {
            old_values.push(old);
        }
        // An exact str key of an existing entry: can't fail.
        let _ = dict.set_item(name, value, vm);
    }
    for word in rest {
        if word != 0 {
            // SAFETY: taken out of the frame, or owned by the record.
            drop(unsafe { layout::own(word) });
        }
    }
    drop(old_values);

    match next {
        Next::At(_) | Next::After(_) => {}
        Next::Raise(pc) => match exception {
            Some(e) => traceback::raise(&live, pc, e, false),
            None => debug_assert!(false, "a raise without an exception"),
        },
        Next::Call(call) => calls::finish_call(&live, call, inner, Carried { exception, interrupt: None }),
    }
}

impl<'a> Made<'a> {
    /// What comes of a frame that compiled code has made: the frame itself if it is held, else one that takes its place.
    ///
    /// # Safety
    /// The frame is live, and compiled code does not use it any more.
    unsafe fn rest_of(
        &mut self,
        own: OwnFrame,
        desc: &FrameDesc,
        next: Next,
        maker: &Maker<'_>,
        driver: &dyn Driver,
        held: bool,
    ) -> Option<InnerFrame> {
        let mut inner = inner_frame(desc, next, maker, driver)?;
        // SAFETY: the caller's promise; a frame of the same code.
        unsafe {
            let slots = own.0.slots();
            for (i, recipe) in desc.locals.iter().enumerate() {
                let old = slots.add(i).replace(0);
                match recipe {
                    Recipe::Keep => inner.slots[i] = old,
                    _ => self.rest.push(old),
                }
            }
            let now = maker.vm().current_exception();
            let is_now = |then: &Option<PyBaseExceptionRef>| match (then, &now) {
                (Some(then), Some(now)) => then.is(now),
                (then, now) => then.is_none() && now.is_none(),
            };
            inner.handled = own.take_handled().filter(|then| !is_now(then));
            if held {
                for (i, word) in inner.slots.drain(..).enumerate() {
                    slots.add(i).write(word);
                }
                for (i, word) in inner.stack.drain(..).enumerate() {
                    own.0.stack_slot(i).write(word);
                    own.0.set_stack_len(i + 1);
                }
                inner.own = Some(own);
            } else {
                self.dissolved.push(own);
            }
        }
        Some(inner)
    }

    fn new(records: &[ExitRecord], driver: &'a dyn Driver, vm: &VirtualMachine) -> Self {
        let mut made = Made::default();
        let innermost = records.len() - 1;
        let mut own = own_frames(records).into_iter();
        for (r, record) in records.iter().enumerate() {
            let info = &record.info;
            let maker = Maker::new(driver, &record.words, vm);
            let last = info.state.frames.len().saturating_sub(1);
            for (f, desc) in info.state.frames.iter().enumerate() {
                let call = CallSite { pc: desc.pc, awaits: desc.awaits };
                let next = match info.kind {
                    _ if f < last || r < innermost => Next::Call(call),
                    ExitKind::Guard(_) => Next::At(desc.pc),
                    ExitKind::After(_) => Next::After(desc.pc),
                    ExitKind::Raise => Next::Raise(desc.pc),
                    ExitKind::Call => Next::Call(call),
                };
                if r == 0 && f == 0 {
                    let slot = |recipe: &Recipe| (!matches!(recipe, Recipe::Keep)).then(|| maker.slot(recipe));
                    let [locals, stack] = [&desc.locals, &desc.stack].map(|slots| slots.iter().map(slot).collect());
                    made.live = Some(Rewritten { locals, stack, next });
                } else if f == 0
                    && info.framed
                    && let Some((frame, held)) = own.next()
                {
                    // SAFETY: the frame is live, and compiled code does not use it any more.
                    let inner = unsafe { made.rest_of(frame, desc, next, &maker, driver, held) };
                    made.inner.extend(inner);
                } else {
                    made.inner.extend(inner_frame(desc, next, &maker, driver));
                }
            }
            made.globals.extend(info.state.globals.iter().filter_map(|g| global(g, &maker, driver)));
            made.rest.extend(info.drops.iter().filter_map(|w| record.words.get(*w as usize)).map(|w| *w as usize));
        }
        made
    }
}

/// The frames that compiled code has made, the outermost first; whether each must stay, since somebody may hold it or one
/// that it has called.
fn own_frames(records: &[ExitRecord]) -> Vec<(OwnFrame, bool)> {
    let count = records.iter().skip(1).filter(|record| record.info.framed).count();
    let mut frames = Vec::with_capacity(count);
    let (mut next, mut held) = (FrameRef::current(), false);
    for _ in 0..count {
        let Some(frame) = next else {
            debug_assert!(false, "a frame that compiled code has made is not in the chain");
            break;
        };
        // SAFETY: frames of the chain are live.
        unsafe {
            held |= frame.is_materialized();
            frames.push((OwnFrame(frame), held));
            next = frame.previous();
        }
    }
    frames.reverse();
    frames
}

/// Makes the entered frame the current one again, and frees frames inside of it.
///
/// # Safety
/// The frames hold nothing any more, and all others inside of it lie outside of them.
unsafe fn unlink(entered: FrameRef, dissolved: Vec<OwnFrame>) {
    if FrameRef::current() != Some(entered) {
        let _ = set_current_frame(entered.0);
    }
    for own in dissolved.into_iter().rev() {
        // SAFETY: the caller's promise.
        unsafe { own.free() };
    }
}

fn inner_frame(desc: &FrameDesc, next: Next, maker: &Maker<'_>, driver: &dyn Driver) -> Option<InnerFrame> {
    let func = desc.func.and_then(|id| driver.object(id).downcast_ref::<PyFunction>().map(ToOwned::to_owned));
    let code = driver.object(desc.code).downcast_ref::<PyCode>().map(ToOwned::to_owned);
    let (Some(func), Some(code)) = (func, code) else {
        debug_assert!(false, "a frame without function or code");
        return None;
    };
    let [slots, stack] = [&desc.locals, &desc.stack].map(|slots| slots.iter().map(|r| maker.slot(r)).collect());
    Some(InnerFrame { code, func, slots, stack, next, own: None, handled: None })
}

fn global<'a>(
    write: &GlobalWrite,
    maker: &Maker<'_>,
    driver: &'a dyn Driver,
) -> Option<(&'a Py<PyDict>, &'a Py<PyStr>, PyObjectRef)> {
    let value = maker.slot(&write.value);
    let dict = driver.object(write.dict).downcast_ref::<PyDict>()?;
    let name = driver.object(write.name).downcast_ref::<PyStr>()?;
    // SAFETY: recipes give owned references.
    (value != 0).then(|| (dict, name, unsafe { layout::own(value) }))
}

/// Writes the slots of the live frame; what was in them goes to `rest`.
///
/// # Safety
/// The frame is the current one; words are owned references or empty.
unsafe fn rewrite(frame: FrameRef, locals: Vec<Option<usize>>, stack: Vec<Option<usize>>, rest: &mut Vec<usize>) {
    // SAFETY: the caller's promise.
    unsafe {
        let at = frame.slots();
        let nlocals = frame.nlocals();
        let old_depth = frame.stack_len();
        for i in 0..old_depth {
            frame.promote(i);
        }
        for (i, word) in locals.into_iter().enumerate().take(nlocals) {
            if let Some(word) = word {
                rest.push(at.add(i).replace(word));
            }
        }
        let depth = stack.len();
        for (i, word) in stack.into_iter().enumerate() {
            if let Some(word) = word {
                let old = frame.stack_slot(i).replace(word);
                if i < old_depth {
                    rest.push(old);
                }
            }
        }
        for i in depth..old_depth {
            rest.push(frame.stack_slot(i).replace(0));
        }
        frame.set_stack_len(depth);
    }
}
