//! What exits teach: which classes turn up where, which instructions raise, which handlers are met; when a unit
//! should be built again with that, and when it has to go.

use super::budget;
use super::profile::{Instruction, Profile};
use super::shapes::Met;
use super::state::Jit;
use super::stats::reason_name;
use super::unit::Compiled;
use crate::hook::exits::ExitInfo;
use crate::hook::{Exited, Site};
use crate::object::frame::FrameRef;
use crate::object::layout;
use psycore_jit::bytecode::{CodeInfo, Opcode, operand_count};
use psycore_jit::ir::{ExitKind, ObjId, Reason, Recipe, VirtualKind};
use psycore_jit::oracle::{GlobalOracle, ObjectOracle, Seen};
use psycore_jit::specialize::Request;
use std::cell::Cell;

/// An exit at a place is looked into when it was taken this often...
const HOT_EXIT: u32 = 16;
/// ...that often if it raises what its own frame handles...
const OFTEN_RAISED: u32 = 4;
/// ...not counting those after so many turns, which cost nothing beside them...
const SELDOM: u64 = 1_000_000;
/// ...and a unit is built again at most so many times.
pub const MAX_BUILDS: u32 = 16;
/// How often code is built again at a place because keys have changed, before it does without.
const MAX_RESHAPED: u32 = 6;
/// Calls and turns until code that was dropped may be compiled again.
const AFTER_USELESS: u32 = 200_000;
/// The same where it was to be built again, but compiling had taken its share of the time.
const AFTER_DENIED: u32 = 10_000;

impl Jit {
    /// Counts an exit that the code took at an instruction. `stack` are the classes of the
    /// topmost values, top first, and `turns` those that loops have made since the code was entered. Says whether the unit should be
    /// built again.
    pub fn exit_taken(&self, unit: &Compiled, at: Instruction, kind: ExitKind, stack: Vec<Seen>, turns: u64) -> bool {
        let reason = match kind {
            ExitKind::Guard(r) | ExitKind::After(r) => r,
            ExitKind::Raise | ExitKind::Call => return false,
        };
        self.stats.count_exit(at, reason_name(reason));
        if matches!(reason, Reason::Poll | Reason::Depth | Reason::Raise | Reason::Unsupported | Reason::Entry) {
            return false;
        }
        let now = self.compilations();
        if reason == Reason::Python {
            return self.profiles.update(at, |p| p.note_until(unit, HOT_EXIT, now, |p| &mut p.python));
        }
        if reason == Reason::Finalizer {
            return self.profiles.update(at, |p| p.note_until(unit, 4 * HOT_EXIT, now, |p| &mut p.finalizes));
        }
        let operands = self.code(at.0).and_then(|c| c.instr(at.1).map(|i| operand_count(i.op))).unwrap_or(0);
        self.profiles.update(at, |p| p.note_exit(unit, (kind, reason), operands, stack, turns, now))
    }

    /// Whether an exit leaves the return to the interpreter because somebody holds the frame.
    pub fn returns_held(&self, info: &ExitInfo) -> bool {
        let [only] = &info.state.frames[..] else { return false };
        let returns = |code: &CodeInfo| code.instr(only.pc).is_some_and(|i| i.op == Opcode::ReturnValue);
        matches!(info.kind, ExitKind::Guard(Reason::Poll))
            && self.code(only.code).is_some_and(|code| returns(&code))
            // SAFETY: the current frame is live.
            && FrameRef::current().is_some_and(|frame| unsafe { frame.is_materialized() })
    }

    /// Counts such an exit. Says whether the unit should be built again, to do the return itself.
    pub fn held_exit(&self, unit: &Compiled, code: ObjId, pc: u32) -> bool {
        self.profiles.update((code, pc), |p| p.note_until(unit, HOT_EXIT, self.compilations(), |p| &mut p.held))
    }

    /// Counts an exit by which an exception is raised, if a frame that compiled code knows handles it. Says whether
    /// the unit should be built again: with the handler in it, or without the function that raises.
    pub fn raising_exit(&self, unit: &Compiled, exit: &Exited<'_>) -> Option<bool> {
        let kind = exit.info.kind;
        let (inner, outer) = exit.info.state.frames.split_last()?;
        let handler = |f: &psycore_jit::ir::FrameDesc| self.code(f.code).and_then(|c| c.handler(f.pc).copied());
        let here = handler(inner);
        let raises = match kind {
            ExitKind::Raise | ExitKind::Guard(Reason::Error | Reason::Raise) => true,
            // Numbers in strs that are no numbers.
            ExitKind::Guard(Reason::Overflow) => {
                here.is_some() && self.code(inner.code).and_then(|c| c.instr(inner.pc).map(|i| i.op)) == Some(Opcode::Call)
            }
            _ => false,
        };
        let innermost = outer.is_empty() && exit.depth == 0;
        // What nobody handles is raised by compiled code itself, where its frame is the live one.
        let handled = here.is_some() || exit.depth > 0 || outer.iter().any(|f| handler(f).is_some());
        let out = innermost && matches!(kind, ExitKind::Raise | ExitKind::Guard(Reason::Raise));
        if !raises || !handled && !out {
            return None;
        }
        let name = if let ExitKind::Guard(r) = kind { reason_name(r) } else { "raise" };
        let at = (inner.code, inner.pc);
        self.stats.count_exit(at, name);
        let enough = match kind {
            ExitKind::Raise if here.is_some() => OFTEN_RAISED,
            _ if handled => HOT_EXIT,
            _ => HOT_EXIT * 4,
        };
        let (again, first) = self.profiles.update(at, |p| {
            let before = p.raises;
            (p.note_until(unit, enough, self.compilations(), |p| &mut p.raises), p.raises && !before)
        });
        if first && let Some(nearest) = exit.info.state.frames.iter().rev().find_map(|f| Some((f.code, handler(f)?.target))) {
            self.profiles.update(nearest, |p| p.handler_met = true);
        }
        Some(again)
    }

    /// The classes of the topmost stack values at an exit, top first; instances among them tell
    /// the usual shape of their class. Also what the shape of the topmost one is to those known before.
    pub fn observe(&self, info: &ExitInfo, record: &[u64], frame: FrameRef) -> (Vec<Seen>, Met) {
        let Some(inner) = info.state.frames.last() else { return (Vec::new(), Met::Known) };
        let met = Cell::new(None);
        let k = self.known;
        let word = |v: &psycore_jit::ir::Value| record[v.index()];
        let object = |w: u64| {
            // SAFETY: an object word of a record is a live object.
            let obj = unsafe { layout::object_at(w as usize) };
            let shape = self.shapes.sample(obj, self.vm());
            met.set(met.get().or(Some(shape)));
            self.seen(obj)
        };
        let plain = |ty| Seen { ty, big: false };
        let depth = inner.stack.len();
        let stack = inner
            .stack
            .iter()
            .enumerate()
            .rev()
            .take(4)
            .map(|(i, r)| match r {
                Recipe::Owned(v) | Recipe::Borrowed(v) if word(v) != 0 => object(word(v)),
                Recipe::Int(_) => plain(k.int),
                Recipe::Float(_) => plain(k.float),
                Recipe::Bool(_) => plain(k.bool_),
                Recipe::Const(c) => self.seen(self.object(*c)),
                Recipe::Virtual { kind: VirtualKind::Tuple, .. } => plain(k.tuple),
                Recipe::Virtual { kind: VirtualKind::List, .. } => plain(k.list),
                Recipe::Instance { class, .. } => plain(*class),
                Recipe::Keep if info.state.frames.len() == 1 => {
                    // SAFETY: the frame is live and has not been changed yet.
                    let w = unsafe { if i < frame.stack_len() { *frame.stack_slot(i) & !1 } else { 0 } };
                    if w == 0 { plain(k.object) } else { object(w as u64) }
                }
                _ => plain(k.object),
            })
            .take(depth)
            .collect();
        (stack, met.get().unwrap_or(Met::Known))
    }

    /// An exit because a dict had not the keys that were expected. Since when the shapes of the instance's class, or of the
    /// variables, are known to vary.
    pub fn surprised(&self, exit: &Exited<'_>, stack: &[Seen], met: Met) -> Option<u64> {
        let inner = exit.info.state.frames.last()?;
        let now = self.compilations();
        let changed = |dict: ObjId| self.shapes.surprised(self.object(dict), Met::New, now);
        match self.code(inner.code)?.instr(inner.pc)?.op {
            Opcode::LoadGlobal | Opcode::LoadName | Opcode::StoreGlobal | Opcode::StoreName => {
                let request = &self.entries.of(&exit.version).request;
                changed(match (inner.func, request) {
                    (Some(func), _) => self.function(func)?.globals,
                    (None, Request::Entry { globals, .. }) => *globals,
                    (None, Request::Function { .. }) => return None,
                })
            }
            Opcode::LoadAttr | Opcode::StoreAttr => match inner.stack.last() {
                Some(Recipe::Const(c)) => changed(self.module_dict(*c)?),
                _ => self.shapes.surprised(self.object(stack.first()?.ty), met, now),
            },
            _ => None,
        }
    }

    /// Code that leaves all the time, for a reason that building it again does not remove, goes.
    pub fn count_useless(&self, site: &Site, exit: &Exited<'_>) {
        if !matches!(
            exit.info.kind,
            ExitKind::Guard(r) | ExitKind::After(r) if !matches!(r, Reason::Poll | Reason::Depth | Reason::Raise)
        ) {
            return;
        }
        let unit = self.entries.of(&exit.version);
        unit.left.set(unit.left.get() + 1);
        let suspends = self.suspends(exit);
        let cost = match exit.turns {
            _ if !suspends => budget::EXIT,
            0 => budget::SUSPENSION,
            _ => budget::SUSPENSION_AFTER_TURNS,
        };
        if !unit.ledger.exit(cost, exit.turns, site.entered(), unit.instrs) {
            return;
        }
        self.log.write(format_args!("dropped {}: it leaves all the time", self.name_of(&unit.request)));
        let rest: Vec<_> = site.versions().iter().filter(|v| v.tag != exit.version.tag).copied().collect();
        let none = rest.is_empty();
        site.set_versions(rest);
        if none {
            if suspends {
                // It will go on like this, and counting costs.
                site.give_up();
            } else {
                // Much later it may do something else. What waits for better code may have it sooner.
                site.set_counter(if unit.outdated.get() { AFTER_DENIED } else { AFTER_USELESS });
            }
        }
    }

    /// Whether the instruction that compiled code was left at suspends a generator.
    pub fn suspends(&self, exit: &Exited<'_>) -> bool {
        let Some(inner) = exit.info.state.frames.last() else { return false };
        let code = self.code(inner.code);
        code.and_then(|c| c.instr(inner.pc).map(|i| i.op)).is_some_and(|op| matches!(op, Opcode::YieldValue | Opcode::Send))
    }
}

impl Profile {
    /// Learns from an exit of a unit. Says whether that should be built again; `now` counts compilations.
    /// The classes of the topmost `operands` values say what the instruction does.
    fn note_exit(
        &mut self,
        unit: &Compiled,
        (kind, reason): (ExitKind, Reason),
        operands: usize,
        stack: Vec<Seen>,
        turns: u64,
        now: u64,
    ) -> bool {
        let p = self;
        p.exits += u32::from(turns < SELDOM);
        for (operand, seen) in p.operands[..operands].iter_mut().zip(&stack) {
            p.grown |= operand.meet(seen.ty);
            p.distrusted |= operand.are_many();
        }
        let known = if operands > 0 { !p.grown } else { p.rebuilt_for.as_ref() == Some(&stack) };
        // A unit that is older than what was learned here only has to catch up.
        let outdated = unit.made_at <= p.rebuilt_at;
        p.seen = stack;
        let limit = match reason {
            Reason::Error => HOT_EXIT * 20,
            Reason::Unseen => 3,
            _ => HOT_EXIT,
        };
        if p.exits < limit || unit.rebuilds.get() >= MAX_BUILDS {
            return false;
        }
        p.exits = 0;
        if matches!(kind, ExitKind::After(Reason::Value)) {
            p.no_method = true;
        }
        // The keys of a namespace change while a program begins.
        let known = known && !(reason == Reason::Shape && p.reshaped < MAX_RESHAPED);
        if reason == Reason::Shape {
            p.reshaped += 1;
        }
        if outdated && known {
            return true;
        }
        if known || reason == Reason::Overflow || reason == Reason::Error {
            if p.distrusted {
                return outdated;
            }
            p.distrusted = true;
        }
        p.rebuilt_for = Some(p.seen.clone());
        p.rebuilt_at = now;
        p.grown = false;
        true
    }

    /// Counts an exit towards building again what was built without `learned`. Says whether to.
    fn note_until(&mut self, unit: &Compiled, enough: u32, now: u64, learned: impl Fn(&mut Profile) -> &mut bool) -> bool {
        self.exits += 1;
        if self.exits < enough || unit.rebuilds.get() >= MAX_BUILDS {
            return false;
        }
        self.exits = 0;
        // A unit that is older than what was learned here only has to catch up.
        let outdated = unit.made_at <= self.rebuilt_at;
        if std::mem::replace(learned(self), true) {
            return outdated;
        }
        self.rebuilt_at = now;
        true
    }
}
