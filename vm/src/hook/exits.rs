//! Exits by global number: what an exit record holds and which frames it stands for.
//!
//! A unit's exits get consecutive numbers, function by function, in order; `LowerEnv::exit_base` is the
//! first. A record is `words` values in the order of `Function::exit_values`, then the number.
//! Recipes here name *words of the record* instead of SSA values, so that deopt reads
//! them without a search.

use psycore_jit::ir::{ExitKind, FrameState, Reason, Recipe, Type, Unit, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// One exit, ready to be replayed.
#[derive(Debug)]
pub struct ExitInfo {
    pub kind: ExitKind,
    /// As in the unit, except that each [`Value`] is an index into the record.
    pub state: FrameState,
    /// Words of the record that are owned references to be released at the end.
    pub drops: Vec<u32>,
    /// Types of the record's words.
    pub types: Vec<Type>,
    /// The first of its frames is one that compiled code has made.
    pub framed: bool,
    /// True if all that the exit does is to keep the frame of an entry as it is.
    pub keeps_frame: bool,
}

impl ExitInfo {
    /// Words of the record without the exit's number.
    pub fn words(&self) -> usize {
        self.types.len()
    }

    /// An exit that says that the entry does not fit the arguments: nothing has happened yet.
    pub fn is_entry_miss(&self) -> bool {
        self.kind == ExitKind::Guard(Reason::Entry) && self.keeps_frame
    }
}

/// The table of one VM.
#[derive(Default)]
pub struct Exits {
    /// By the number of a unit's first.
    units: RefCell<BTreeMap<u32, Vec<Rc<ExitInfo>>>>,
    next: Arc<AtomicU32>,
}

impl Exits {
    /// Where numbers come from. A unit takes as many as it has exits.
    pub fn numbers(&self) -> Arc<AtomicU32> {
        self.next.clone()
    }

    /// Enters all exits of a unit; gives the number of the first.
    pub fn register(&self, unit: &Unit) -> u32 {
        let first = self.next.fetch_add(unit.exit_count(), Ordering::Relaxed);
        self.enter(first, unit);
        first
    }

    /// Enters the exits of a unit that has its numbers.
    pub fn enter(&self, first: u32, unit: &Unit) {
        let infos: Vec<Rc<ExitInfo>> = unit
            .funcs
            .iter()
            .flat_map(|func| {
                (0..func.exits.len() as u32).map(move |e| {
                    let exit = psycore_jit::ir::ExitId(e);
                    let values = func.exit_values(exit);
                    let place = |v: Value| {
                        // Every value of the state and of the drops is in `exit_values`.
                        Value(values.iter().position(|w| *w == v).unwrap_or_default() as u32)
                    };
                    let e = &func.exits[exit.index()];
                    let mut state = func.states[e.state as usize].clone();
                    state.map_values(&mut |v| place(v));
                    Rc::new(ExitInfo {
                        kind: e.kind,
                        framed: func.framed,
                        keeps_frame: keeps_frame(&state) && e.drops.is_empty(),
                        state,
                        drops: e.drops.iter().map(|v| place(*v).0).collect(),
                        types: values.iter().map(|v| func.ty(*v)).collect(),
                    })
                })
            })
            .collect();
        self.units.borrow_mut().insert(first, infos);
    }

    /// Forgets a unit's exits. Its code must not be running.
    pub fn unregister(&self, first: u32) {
        self.units.borrow_mut().remove(&first);
    }

    /// The exit with a number, if its unit is registered.
    pub fn get(&self, number: u32) -> Option<Rc<ExitInfo>> {
        let units = self.units.borrow();
        let (first, exits) = units.range(..=number).next_back()?;
        exits.get((number - first) as usize).cloned()
    }
}

fn keeps_frame(state: &FrameState) -> bool {
    let keep = |r: &Recipe| matches!(r, Recipe::Keep);
    state.globals.is_empty()
        && state.frames.len() == 1
        && state.frames[0].locals.iter().all(keep)
        && state.frames[0].stack.iter().all(keep)
}
