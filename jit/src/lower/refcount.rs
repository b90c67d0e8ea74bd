//! Reference counting, inline.
//!
//! The word at `Layout::refcount` holds the count below the immortal bit and flags above. Immortal objects must not be
//! written. Plain loads and stores do: while compiled code runs there is only one Python thread.
//!
//! ```text
//! incref: word = load object            decref: word = load object
//!         if word & immortal == 0:              if word & immortal == 0:
//!             store object, word + 1                word = word - 1
//!                                                   store object, word
//!                                                   if word << flag_bits == 0:     (cold)
//!                                                       write the count of polls back
//!                                                       call dealloc; leave if it says so
//! ```
//!
//! The functions here are these sequences; a lowering says how each step is emitted.

use super::LowerError;
use crate::ir::{ExitId, Value};
use crate::layout::Layout;

/// What a lowering emits of a sequence.
pub trait RefcountSteps {
    /// An object whose count changes: the places of its address and its word.
    type Counted;

    /// Loads the word. What is emitted from here to the end of the sequence runs only if no bit of `immortal` is set.
    fn begin(&mut self, object: Value, immortal: i64) -> Result<Self::Counted, LowerError>;

    /// Adds `by` to the word and stores it.
    fn add(&mut self, counted: &mut Self::Counted, by: i8) -> Result<(), LowerError>;

    /// Ends a sequence.
    fn end(&mut self, counted: Self::Counted);

    /// Ends a sequence with a slow path that destroys the object, if the word without its upper `flag_bits` is 0: flags above
    /// the count don't keep an object alive. The slow path leaves through `exit`, if there is one and the run time wants it.
    fn end_releasing(&mut self, counted: Self::Counted, flag_bits: u32, exit: Option<ExitId>) -> Result<(), LowerError>;
}

/// One more reference.
///
/// # Errors
/// Those of the steps.
pub fn incref<S: RefcountSteps>(steps: &mut S, layout: &Layout, object: Value) -> Result<(), LowerError> {
    let mut counted = steps.begin(object, layout.immortal())?;
    steps.add(&mut counted, 1)?;
    steps.end(counted);
    Ok(())
}

/// One reference less.
///
/// # Errors
/// Those of the steps.
pub fn decref<S: RefcountSteps>(steps: &mut S, layout: &Layout, object: Value, exit: Option<ExitId>) -> Result<(), LowerError> {
    let mut counted = steps.begin(object, layout.immortal())?;
    steps.add(&mut counted, -1)?;
    steps.end_releasing(counted, layout.refcount_flag_bits(), exit)
}
