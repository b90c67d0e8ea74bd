//! What `psycore.wasm` and its hosts agree on, as far as it is numbers and names. `docs/guest-abi.md` says what they mean.

#![no_std]
#![warn(missing_docs)]

/// Version of the interface, which the guest tells. A host refuses a guest of another one.
pub const VERSION: u32 = 4;

/// Values may be nested this deep.
pub const MAX_DEPTH: usize = 200;

/// Tags of CBOR. The first three are registered with IANA.
pub mod tag {
    /// An integer of 2^64 or more, by its bytes.
    pub const BIG_POSITIVE: u64 = 2;
    /// The integer -1 - n, by the bytes of n.
    pub const BIG_NEGATIVE: u64 = 3;
    /// A set: an array of its members.
    pub const SET: u64 = 258;
    /// A function of the host: its number and its name.
    pub const HOST_FUNCTION: u64 = 50001;
    /// An object of the guest: handle, class, whether it can be called, repr.
    pub const OBJECT: u64 = 50002;
}

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// The guest's: exported as `__indirect_function_table`.
    Entries = 0,
    /// The host's: modules import it as `env.code`.
    Code = 1,
}

/// A place in a table, as guest and host tell one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Slot(pub u32);

impl Slot {
    /// Set in slots of the code table.
    pub const IN_CODE: u32 = 1 << 31;

    /// Place `index` of a table.
    pub fn new(table: TableKind, index: u32) -> Slot {
        Slot(if table == TableKind::Code { index | Slot::IN_CODE } else { index })
    }

    /// The table that it is in.
    pub fn table(self) -> TableKind {
        if self.0 & Slot::IN_CODE != 0 { TableKind::Code } else { TableKind::Entries }
    }

    /// Its place there.
    pub fn index(self) -> u32 {
        self.0 & !Slot::IN_CODE
    }
}
