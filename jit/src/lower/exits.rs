//! The exit plan: what exits have in common, so that their code is made once.
//!
//! An exit stores its record, which is its values, one word each, then the exit's global number, and returns
//! `status::EXITED`. There are many exits, and their records begin alike: with the locals that did not change in between.
//! So records are stored from the end to the start, and where the rest is the rest of others too, that is done in code
//! which they share. Say that three exits store
//!
//! ```text
//! exit0: a b c d      exit1: a b c e      exit2: a b c d
//! ```
//!
//! Then `exit0` and `exit2` are one *group*: they differ only in their numbers, as the guards of one instruction do. The
//! code of this group stores `d`, that of `exit1` stores `e`, and both go on with the code of the *prefix* `a b c`, which
//! ends the record and returns. The prefixes are a tree; one is shared if records go on from it in more than one way
//! and it is long enough to be worth a jump.

use crate::ir::{ExitId, ExitKind, Function, Value};
use rustc_hash::FxHashMap;

/// Bytes of a word of a record, on every target.
pub const RECORD_WORD: u32 = 8;

/// Prefixes of fewer values than these are not worth a jump to shared code.
const SHARED_AT_LEAST: u32 = 3;

/// The number of a beginning of records; that of the empty one is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrefixId(u32);

/// The first words of one or more records: those of `parent`, then `value`.
struct RecordPrefix {
    parent: PrefixId,
    value: Value,
    len: u32,
    /// In how many ways records go on, ending included.
    uses: u32,
}

/// An exit that is taken somewhere. One that is taken both from where the count of polls is in memory and from where it
/// is in a register (see `super::countdown`) may be two uses, or one if the count is written back before the group's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitUse {
    /// The exit.
    pub exit: ExitId,
    /// Whether the group's code has to write the count back.
    pub counted: bool,
}

/// Exits that do the same, but for their numbers.
pub struct ExitGroup {
    /// Where the values of the record end.
    pub record: PrefixId,
    /// As in [`ExitUse`].
    pub counted: bool,
    /// Whether the depth counter must be written to memory. A callee that left has done so.
    pub stores_depth: bool,
    /// In the order of their uses.
    pub exits: Vec<ExitId>,
}

/// A piece of code that stores words of a record.
pub struct RecordPiece {
    /// Values and the words that they go to, in the order of the stores: from the end of the record to its start.
    pub words: Vec<(u32, Value)>,
    /// The shared prefix that is to be stored next; if there is none, the record only lacks its number.
    pub rest: Option<PrefixId>,
}

/// All exits of a function that are taken.
#[derive(Default)]
pub struct ExitPlan {
    /// By number, less 1. Parents come first.
    prefixes: Vec<RecordPrefix>,
    /// In the order of the first use of each.
    pub groups: Vec<ExitGroup>,
}

impl ExitPlan {
    /// A plan for the exits in `uses`, whose records hold `values`.
    pub fn new<V: AsRef<[Value]>>(
        f: &Function,
        uses: impl IntoIterator<Item = ExitUse>,
        mut values: impl FnMut(ExitId) -> V,
    ) -> ExitPlan {
        let mut plan = ExitPlan::default();
        let mut children = FxHashMap::default();
        let mut alike = FxHashMap::default();
        for ExitUse { exit, counted } in uses {
            let record = plan.add_record(values(exit).as_ref(), &mut children);
            let stores_depth = f.exits[exit.index()].kind != ExitKind::Call;
            let place = *alike.entry((record, counted, stores_depth)).or_insert(plan.groups.len());
            if place == plan.groups.len() {
                plan.groups.push(ExitGroup { record, counted, stores_depth, exits: Vec::new() });
                plan.count_use(record);
            }
            plan.groups[place].exits.push(exit);
        }
        plan
    }

    /// The number of a record; its beginnings are there afterwards.
    fn add_record(&mut self, values: &[Value], children: &mut FxHashMap<(PrefixId, Value), PrefixId>) -> PrefixId {
        let mut at = PrefixId(0);
        for (len, &value) in (1..).zip(values) {
            let new = PrefixId(self.prefixes.len() as u32 + 1);
            let parent = at;
            at = *children.entry((parent, value)).or_insert(new);
            if at == new {
                self.prefixes.push(RecordPrefix { parent, value, len, uses: 0 });
                self.count_use(parent);
            }
        }
        at
    }

    /// Notes one more way in which records go on.
    fn count_use(&mut self, prefix: PrefixId) {
        if let Some(index) = prefix.0.checked_sub(1) {
            self.prefixes[index as usize].uses += 1;
        }
    }

    fn get(&self, prefix: PrefixId) -> Option<&RecordPrefix> {
        prefix.0.checked_sub(1).map(|index| &self.prefixes[index as usize])
    }

    /// How many values a prefix has.
    pub fn len(&self, prefix: PrefixId) -> u32 {
        self.get(prefix).map_or(0, |p| p.len)
    }

    /// Bytes of the longest record, its number included; 0 without exits.
    pub fn longest_record(&self) -> u32 {
        self.groups.iter().map(|g| RECORD_WORD * (self.len(g.record) + 1)).max().unwrap_or(0)
    }

    fn is_shared(&self, prefix: PrefixId) -> bool {
        self.get(prefix).is_some_and(|p| p.uses > 1 && p.len >= SHARED_AT_LEAST)
    }

    /// The prefixes that have code of their own, the longer first: each one's code leads to that of a shorter one.
    pub fn shared_prefixes(&self) -> Vec<PrefixId> {
        let mut shared: Vec<PrefixId> = (1..=self.prefixes.len() as u32).map(PrefixId).filter(|p| self.is_shared(*p)).collect();
        shared.sort_by_key(|p| core::cmp::Reverse(self.len(*p)));
        shared
    }

    /// What the code of a group stores.
    pub fn group_piece(&self, group: &ExitGroup) -> RecordPiece {
        self.piece(group.record, Vec::new())
    }

    /// What the code of a shared prefix stores.
    pub fn shared_piece(&self, prefix: PrefixId) -> RecordPiece {
        match self.get(prefix) {
            Some(p) => self.piece(p.parent, vec![(p.len - 1, p.value)]),
            None => self.piece(prefix, Vec::new()),
        }
    }

    fn piece(&self, mut prefix: PrefixId, mut words: Vec<(u32, Value)>) -> RecordPiece {
        while let Some(p) = self.get(prefix) {
            if self.is_shared(prefix) {
                return RecordPiece { words, rest: Some(prefix) };
            }
            words.push((p.len - 1, p.value));
            prefix = p.parent;
        }
        RecordPiece { words, rest: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::text::parse_unit;

    /// The example above.
    #[test]
    fn records_share_what_they_begin_with() {
        let text = "function entry \"f\" -> ptr {
            block0(v0: ptr):
                v1 = guard v0, exit0
                v2 = guard v0, exit1
                v3 = guard v0, exit2
                ret v0
            exit0 = guard(type) state0
            exit1 = guard(type) state0
            exit2 = guard(type) state0
            state0 = frame obj0 at 1 [] []
            }";
        let unit = parse_unit(text).unwrap_or_else(|e| panic!("{e}"));
        let records = [[10, 11, 12, 13], [10, 11, 12, 14], [10, 11, 12, 13]].map(|r| r.map(Value));
        let uses = (0..3).map(|i| ExitUse { exit: ExitId(i), counted: false });
        let plan = ExitPlan::new(&unit.funcs[0], uses, |exit| records[exit.index()]);
        assert_eq!(plan.longest_record(), 40);
        let [first, second] = &plan.groups[..] else { panic!("{} groups", plan.groups.len()) };
        assert_eq!((&first.exits[..], &second.exits[..]), (&[ExitId(0), ExitId(2)][..], &[ExitId(1)][..]));
        let shared = plan.shared_prefixes();
        let (first, second) = (plan.group_piece(first), plan.group_piece(second));
        assert_eq!((first.words, second.words), (vec![(3, Value(13))], vec![(3, Value(14))]));
        assert_eq!([first.rest, second.rest], [Some(shared[0]); 2]);
        let rest = plan.shared_piece(shared[0]);
        assert_eq!((rest.words, rest.rest), (vec![(2, Value(12)), (1, Value(11)), (0, Value(10))], None));
    }
}
