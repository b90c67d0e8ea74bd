//! What the lowering asks of the host: places in tables, and that a module is compiled and put there.
//!
//! There are two tables. Functions that the guest calls go to the guest's own, of which a function pointer is an index.
//! Compiled functions, which only compiled code calls, go to a small one of the host's, since importing the guest's table
//! of some thousand functions takes a host up to a millisecond per module.

pub use psycore_abi::{Slot, TableKind};

/// The host.
pub trait Linker {
    /// Makes a table longer by `count` places; gives the first, or none where the host refuses.
    fn reserve(&mut self, table: TableKind, count: u32) -> Option<u32>;

    /// Compiles a module, makes an instance of it and puts its exports `f0`, `f1`.. into the slots.
    ///
    /// # Errors
    /// The host refuses, for people: the module is not valid, or there is no room for more.
    fn link(&mut self, module: &[u8], slots: &[Slot]) -> Result<(), String>;

    /// Whether the host compiles modules on another thread.
    fn has_thread(&mut self) -> bool {
        false
    }

    /// Begins to compile a module on another thread. False where the host does not.
    fn begin(&mut self, _module: &[u8]) -> bool {
        false
    }

    /// How many of the modules begun are compiled and not yet linked: the first ones.
    fn ready(&mut self) -> usize {
        0
    }

    /// The same as `link` for the first of the modules begun; waits where it is not compiled.
    ///
    /// # Errors
    /// As for `link`.
    fn link_begun(&mut self, _slots: &[Slot]) -> Result<(), String> {
        Err("no module has been begun".into())
    }

    /// Empties slots, whose functions must not be running.
    fn unlink(&mut self, slots: &[Slot]);
}

/// The host by the functions that a guest imports from it.
#[cfg(target_arch = "wasm32")]
pub struct HostLinker;

#[cfg(target_arch = "wasm32")]
mod imports {
    use super::Slot;

    #[link(wasm_import_module = "psycore")]
    unsafe extern "C" {
        /// Makes table `kind` longer; the index of the first new place, or -1.
        pub safe fn reserve(kind: i32, count: i32) -> i32;
        /// Links the module in `len` bytes; 0, or negative where the host refuses.
        pub fn link(bytes: *const u8, len: i32, slots: *const Slot, count: i32) -> i32;
        /// Begins to compile the module in `len` bytes on another thread; 0, or negative where the host does not do that.
        pub fn begin(bytes: *const u8, len: i32) -> i32;
        /// How many of those are compiled and not yet linked.
        pub safe fn ready() -> i32;
        /// As `link`, for the first of those.
        pub fn link_begun(slots: *const Slot, count: i32) -> i32;
        pub fn unlink(slots: *const Slot, count: i32);
    }
}

#[cfg(target_arch = "wasm32")]
impl Linker for HostLinker {
    fn reserve(&mut self, table: TableKind, count: u32) -> Option<u32> {
        u32::try_from(imports::reserve(table as i32, count as i32)).ok()
    }

    fn link(&mut self, module: &[u8], slots: &[Slot]) -> Result<(), String> {
        // SAFETY: the host reads what the slices hold while it is called.
        match unsafe { imports::link(module.as_ptr(), module.len() as i32, slots.as_ptr(), slots.len() as i32) } {
            0 => Ok(()),
            code => Err(format!("the host refuses a module of {} bytes ({code})", module.len())),
        }
    }

    fn has_thread(&mut self) -> bool {
        self.begin(&[])
    }

    fn begin(&mut self, module: &[u8]) -> bool {
        // SAFETY: as above.
        unsafe { imports::begin(module.as_ptr(), module.len() as i32) == 0 }
    }

    fn ready(&mut self) -> usize {
        imports::ready().max(0) as usize
    }

    fn link_begun(&mut self, slots: &[Slot]) -> Result<(), String> {
        // SAFETY: as above.
        match unsafe { imports::link_begun(slots.as_ptr(), slots.len() as i32) } {
            0 => Ok(()),
            code => Err(format!("the host refuses a module begun before ({code})")),
        }
    }

    fn unlink(&mut self, slots: &[Slot]) {
        // SAFETY: as above.
        unsafe { imports::unlink(slots.as_ptr(), slots.len() as i32) }
    }
}
