//! How deep the interpreter is: the word of the VM that counts frames, found at start-up, and what is left of the machine's
//! stack.

use rustpython_vm::VirtualMachine;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    static CANDIDATES: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Offset in the VM of the word that counts its frames; 0 while it is not known.
static DEPTH_OFFSET: AtomicUsize = AtomicUsize::new(0);

fn word_of(vm: &VirtualMachine, offset: usize) -> *mut usize {
    (&raw const *vm).cast::<u8>().wrapping_add(offset).cast::<usize>().cast_mut()
}

/// Begins to look for the word of the VM that counts frames: those that hold the count now.
pub fn find_depth(vm: &VirtualMachine) {
    if DEPTH_OFFSET.load(Ordering::Relaxed) != 0 {
        return;
    }
    let now = vm.current_recursion_depth();
    let size = size_of::<VirtualMachine>() / size_of::<usize>();
    let found = (1..size).map(|i| i * size_of::<usize>()).filter(|offset| {
        // SAFETY: an aligned word within the VM; what it means does not matter yet.
        unsafe { word_of(vm, *offset).read_volatile() == now }
    });
    CANDIDATES.set(found.collect());
}

/// Goes on where [`find_depth`] began, at another depth: one word may be left.
pub fn found_depth(vm: &VirtualMachine) {
    if CANDIDATES.with_borrow(Vec::is_empty) {
        return;
    }
    let now = vm.current_recursion_depth();
    // SAFETY: as above.
    let holds = |offset: &usize| unsafe { word_of(vm, *offset).read_volatile() == now };
    let left: Vec<usize> = CANDIDATES.take().into_iter().filter(holds).collect();
    // Without it calls go through the interpreter's own way.
    if let [offset] = left[..] {
        DEPTH_OFFSET.store(offset, Ordering::Relaxed);
    }
}

/// The VM's count of frames, to be changed.
pub fn depth_word(vm: &VirtualMachine) -> Option<&Cell<usize>> {
    let offset = DEPTH_OFFSET.load(Ordering::Relaxed);
    // SAFETY: found to be the counter, which is a `Cell<usize>`; and it still behaves like it.
    (offset != 0)
        .then(|| unsafe { &*word_of(vm, offset).cast::<Cell<usize>>() })
        .filter(|depth| depth.get() == vm.current_recursion_depth())
}

/// Whether compiled code had better not be entered: what it calls comes back to the interpreter, deeper in the machine's
/// stack, whereas the interpreter calls Python functions without using any.
#[cfg(not(target_family = "wasm"))]
#[inline]
pub fn stack_is_short() -> bool {
    false
}

/// In guests that stack is the engine's, which nobody can measure, and small. It is taken to be used up as the guest's own
/// is, which ends at the address 0.
#[cfg(target_family = "wasm")]
#[inline]
pub fn stack_is_short() -> bool {
    const KEPT: usize = 200_000;
    let here = 0u8;
    std::hint::black_box(&raw const here).addr() < KEPT
}
