//! Hooks: where compiled code gets its turn, and what they share per interpreter.
//!
//! Code that is about to run gets hooks (`prepare`; functions when they are first called, `lazy`), users see the original
//! (`code_view`), and tools that watch instructions see no hooks at all (`watch`). A hook object stands for a site (`site`) that
//! counts; what decides is the driver (`driver`), what all sites of an interpreter share is `attached`. What happens when a frame
//! comes to a hook is not here but a floor above, in `runtime::enter`.

pub mod attached;
pub mod charge;
pub mod code_registry;
pub mod code_view;
pub mod driver;
pub mod exits;
pub mod interrupts;
pub mod jobs;
pub mod lazy;
pub mod prepare;
pub mod site;
pub mod watch;

pub use attached::Attached;
pub use driver::{Driver, Exited, Hot, SiteVersion, Thresholds};
pub use site::{Hook, Site, SiteKey};
