//! A unit on its way: specialized, and not yet lowered.

use super::detail::Detail;
use super::unit::Depends;
use super::units::VersionKey;
use crate::hook::SiteKey;
use psycore_jit::ir::{FnCell, ObjId};
use psycore_jit::oracle::Contract;
use psycore_jit::specialize::Request;
use std::time::Duration;

/// Where code goes.
#[derive(Clone)]
pub enum Destination {
    Version(VersionKey),
    /// A site, in place of the version with a tag if one is given.
    Site(SiteKey, Option<u64>),
}

/// Everything about a unit but its code.
pub struct Draft {
    pub request: Request,
    pub to: Destination,
    pub rebuilds: u32,
    pub code: ObjId,
    pub instrs: usize,
    /// What callers of the version rely on; `None` for an entry, and for what never returns.
    pub contract: Option<Contract>,
    /// The IR before the passes.
    pub text: Option<String>,
    pub detail: Option<Detail>,
    pub depends: Depends,
    pub made_at: u64,
    /// Cells that it calls through.
    pub calls: Vec<FnCell>,
    /// Time taken to specialize.
    pub took: Duration,
}
