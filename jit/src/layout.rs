//! Where things lie in run-time objects: offsets that the VM finds at start-up
//! and a lowering turns [`Field`]s into.
//!
//! How wide a word of the target is, is said here and nowhere else: code may be made for another machine than the one
//! that makes it.

use crate::ir::{ElemKind, Field};
use crate::runtime_context::ContextOffsets;

/// Offsets in bytes from an object's address (or from the first element).
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Bytes of a machine word, which is what addresses and words of objects take.
    pub word: u32,
    /// By `Field as usize`.
    pub fields: Vec<i32>,
    /// Distance between the entries of a dict.
    pub dict_entry_stride: u32,
    /// Offset of the value and of the key in an entry.
    pub dict_entry_value: u32,
    pub dict_entry_key: u32,
    /// Offset of a word of an entry that is zero once the entry has been deleted; what else is there may be stale.
    pub dict_entry_mark: u32,
    /// Distance between the words of an entry's argument array: that of a frame's slots where they are the arguments.
    pub arg_stride: u32,
    /// Offset of the reference word of an object; it is one machine word.
    pub refcount: i32,
    /// Objects whose reference word has this bit are never counted.
    pub immortal_bit: u32,
    /// The value of `int.tag` that says that the magnitude is inline.
    pub int_small_tag: u64,
}

impl Layout {
    /// Offset of a field.
    pub fn offset(&self, field: Field) -> i32 {
        self.fields[field as usize]
    }

    /// Where the fields of the context are.
    pub const fn context(&self) -> ContextOffsets {
        ContextOffsets::of(self.word)
    }

    /// Whether an address fills its place among an entry's arguments; where that is wider, its upper bits are zero.
    pub fn args_are_words(&self) -> bool {
        self.arg_stride == self.word
    }

    /// The immortal bit, in its place.
    pub fn immortal(&self) -> i64 {
        1i64.wrapping_shl(self.immortal_bit)
    }

    /// How many bits of a reference word are not count: the immortal one and the flags above.
    pub fn refcount_flag_bits(&self) -> u32 {
        8 * self.word - self.immortal_bit
    }

    /// `(stride, offset)` of an element kind, in bytes.
    pub fn elem(&self, kind: ElemKind) -> (u32, i32) {
        match kind {
            ElemKind::ListItem | ElemKind::TupleItem => (self.word, 0),
            ElemKind::DictValue => (self.dict_entry_stride, self.dict_entry_value as i32),
            ElemKind::DictKey => (self.dict_entry_stride, self.dict_entry_key as i32),
            ElemKind::Byte | ElemKind::Slot => (1, 0),
        }
    }
}
