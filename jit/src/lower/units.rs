//! The units that a lowering has made and not freed, by their handles.

use super::{CodeHandle, EntryFn};
use crate::runtime_context::RuntimeContext;
use rustc_hash::FxHashMap;

struct LoweredUnit<T> {
    entries: Vec<Option<EntryFn>>,
    code: T,
}

/// Units whose code is `T`, whatever a lowering needs to free it.
pub struct LoweredUnits<T> {
    units: FxHashMap<u32, LoweredUnit<T>>,
    next_handle: u32,
}

impl<T> Default for LoweredUnits<T> {
    fn default() -> Self {
        LoweredUnits { units: FxHashMap::default(), next_handle: 0 }
    }
}

impl<T> LoweredUnits<T> {
    /// Adds a unit with its entries, function by function.
    pub fn add(&mut self, entries: Vec<Option<EntryFn>>, code: T) -> CodeHandle {
        let handle = self.next_handle;
        self.next_handle = handle.wrapping_add(1);
        self.units.insert(handle, LoweredUnit { entries, code });
        CodeHandle(handle)
    }

    /// Forgets a unit; gives its code.
    pub fn remove(&mut self, handle: CodeHandle) -> Option<T> {
        self.units.remove(&handle.0).map(|unit| unit.code)
    }

    /// See `Lowering::enter`.
    ///
    /// # Safety
    /// That of `Lowering::enter`; and the entries that were added must be code until the unit is removed.
    pub unsafe fn enter(&self, handle: CodeHandle, func: usize, ctx: *mut RuntimeContext, args: *mut u64) -> i32 {
        let entry = self.units.get(&handle.0).and_then(|unit| unit.entries.get(func).copied().flatten());
        match entry {
            // SAFETY: the caller's promise; the unit is alive, else it would not be in the map.
            Some(entry) => unsafe { entry(ctx, args) },
            None => unreachable!("function {func} of {handle:?} is not an entry"),
        }
    }
}
