//! Places in the host's tables, used again after they were freed.

use crate::link::{Linker, Slot, TableKind};

/// How many places are asked for at once.
const CHUNK: u32 = 32;

/// The places of both tables that are ours.
pub(super) struct SlotPool {
    free: [Vec<u32>; 2],
    /// How many more may be asked for, both tables together.
    left: u32,
}

impl SlotPool {
    /// A pool of at most `limit` places.
    pub(super) fn new(limit: u32) -> Self {
        SlotPool { free: [Vec::new(), Vec::new()], left: limit }
    }

    pub(super) fn take(&mut self, linker: &mut dyn Linker, table: TableKind) -> Option<Slot> {
        let free = &mut self.free[table as usize];
        if free.is_empty() {
            let count = CHUNK.min(self.left);
            let first = if count == 0 { None } else { linker.reserve(table, count) }?;
            self.left -= count;
            // Place 0 would look like an empty cell. The lowest one is taken first.
            free.extend((first..first + count).rev().filter(|index| *index != 0));
        }
        free.pop().map(|index| Slot::new(table, index))
    }

    /// Gives places back, which the linker has emptied.
    pub(super) fn give_back(&mut self, slots: &[Slot]) {
        for slot in slots {
            self.free[slot.table() as usize].push(slot.index());
        }
    }
}
