//! What to compile: the live values of a frame as the specializer wants to hear of them.

use super::oracle::{divides, walks};
use super::state::Jit;
use crate::code::plan::SiteKind;
use crate::hook::Site;
use crate::object::frame::FrameRef;
use crate::object::{layout, views};
use psycore_jit::oracle::{Extent, ObjectOracle};
use psycore_jit::specialize::{self, Live, Request};
use rustpython_vm::object::Traverse;
use rustpython_vm::{AsObject, PyObject, VirtualMachine};

impl Jit {
    /// Lets the next compilation look at what the frame's locals hold.
    pub fn sample_locals(&self, frame: FrameRef) {
        // SAFETY: the frame is the current one; its slots hold live objects or nothing.
        let samples = unsafe {
            (0..frame.nlocals())
                .map(|i| match *frame.slots().add(i) {
                    0 => None,
                    w => Some(self.take_sample(layout::object_at(w))),
                })
                .collect()
        };
        self.samples.replace_locals(samples);
    }

    /// The request for an entry at a site, from the live frame.
    pub fn request(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Option<Request> {
        // SAFETY: the frame is the current one, and nothing runs while its slots are looked at.
        unsafe {
            let code = frame.code();
            let iframe = frame.get();
            let n = frame.nlocals();
            let slots = frame.slots();
            let live = |word: usize| match word {
                0 => Live::Null,
                w => {
                    let obj = layout::object_at(w);
                    match self.extent(obj) {
                        // What a loop makes of it may be anything.
                        Some(extent) => Live::Int(extent.max(Extent::Usual)),
                        None => Live::Obj { seen: self.seen(obj), unique: obj.strong_count() == 1 && divides(vm, obj) },
                    }
                }
            };
            let iterated = |word: usize| match word {
                0 => None,
                w => self.live_iterator(layout::object_at(w), vm),
            };
            let info = self.code(self.id_of(code.as_object()));
            let entered = info.as_ref().and_then(|info| info.loop_at(site.pc()));
            let locals = (0..n)
                .map(|i| match *slots.add(i) {
                    w if w != 0 && entered.is_some_and(|l| l.keeps_extent(i as u32)) => {
                        self.extent(layout::object_at(w)).map_or_else(|| live(w), Live::Int)
                    }
                    w => live(w),
                })
                .collect();
            let mut stack = Vec::new();
            for i in 0..frame.stack_len() {
                let slot = frame.stack_slot(i);
                if *slot & 1 != 0 {
                    // Borrowed from a local: compiled code takes references that stand by themselves.
                    let obj = layout::object_at(*slot & !1);
                    *slot = layout::disown(obj.to_owned());
                }
                let value = iterated(*slot).unwrap_or_else(|| live(*slot));
                stack.push(match value {
                    Live::Obj { seen, unique: true } if seen.ty == self.known.range_iterator => counting(*slot).unwrap_or(value),
                    _ => value,
                });
            }
            let globals = iframe.globals().as_object();
            let function = code.code.flags.contains(rustpython_vm::bytecode::CodeFlags::OPTIMIZED);
            let module = !function && iframe.locals.get().is_some_and(|l| l.as_object().is(globals));
            if matches!(site.kind, SiteKind::Inner) {
                return None;
            }
            Some(Request::Entry {
                code: self.id_of(code.as_object()),
                globals: self.id_of(globals),
                builtins: self.id_of(iframe.builtins()),
                module,
                pc: site.pc(),
                locals,
                stack,
            })
        }
    }

    /// An iterator that compiled code can step by itself, if nobody else has it.
    pub fn live_iterator(&self, obj: &PyObject, vm: &VirtualMachine) -> Option<Live> {
        if obj.strong_count() != 1 || !divides(vm, obj) {
            return None;
        }
        let t = &vm.ctx.types;
        let class = obj.class();
        if [t.range_iterator_type, t.list_iterator_type, t.str_iterator_type].iter().any(|c| class.is(*c)) {
            return Some(Live::Obj { seen: self.seen(obj), unique: true });
        }
        let mut parts = Vec::new();
        if class.is(t.enumerate_type) || class.is(t.zip_type) {
            obj.traverse(&mut |part| parts.push(self.live_iterator(part, vm)));
            if parts.is_empty() {
                return None;
            }
        } else if !walks(vm, obj) {
            return None;
        }
        let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Live::Parts { ty: self.id_of(class.as_object()), parts })
    }

    /// The request for another version: locals whose class varies are taken as any object. Numbers are told
    /// apart for as long as `numbers` says so, since they live in registers; with objects, a version for each
    /// class that a loop happens to be entered with would only be its first turn.
    pub fn generalize(&self, request: &mut Request, earlier: &[&Request], numbers: bool) {
        let Request::Entry { locals, .. } = request else { return };
        let k = self.known;
        let number = |l: &Live| match l {
            Live::Int(_) => true,
            Live::Obj { seen, .. } => [k.int, k.float, k.bool_].contains(&seen.ty),
            _ => false,
        };
        for e in earlier {
            let Request::Entry { locals: old, .. } = e else { continue };
            for (l, o) in locals.iter_mut().zip(old) {
                if let (Live::Int(now), Live::Int(then)) = (&mut *l, o) {
                    *now = *then.max(now);
                } else if *l != *o && *l != Live::Null && *o != Live::Null && !(numbers && (number(l) || number(o))) {
                    *l = Live::Any;
                }
            }
        }
    }
}

/// What a range iterator is if it is of the usual kind; see [`Live::Counting`].
///
/// # Safety
/// `address` is that of an exact range iterator.
unsafe fn counting(address: usize) -> Option<Live> {
    // SAFETY: the caller's promise.
    let [start, step, index, len] = unsafe { views::range_iterator(address) }?;
    let below = |limit| [start.wrapping_add(index), len.wrapping_sub(index)].iter().all(|x| (0..limit).contains(x));
    (step == 1 && below(specialize::FAR)).then(|| Live::Counting { near: below(Extent::Near.limit() as i64) })
}
