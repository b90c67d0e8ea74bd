//! What a module is made for: the places and addresses that its code is tied to.

use crate::link::Slot;

/// What a module is made for.
pub(super) struct ModuleTarget<'a> {
    /// Where its functions will be. Without them, calls through cells don't look for the unit's own functions.
    pub slots: &'a [Slot],
    /// The address of the logarithm of the bytes that a level of calls may need on the exit stack.
    pub record_shift: u32,
    /// Whether to treat all control flow as irreducible.
    pub unstructured: bool,
}
