//! Exits: code behind that of the function, which stores the record and leaves.
//!
//! Which of them share code is the business of the exit plan (`psycore_jit::lower::exits`). Each piece of code is a section
//! behind a wasm block around everything that jumps there: those of exits are the innermost, then come the groups, then the
//! shared prefixes, the longer first, and last of all the end, which returns.

use super::abi::{CTX, CTX_EXIT_TOP, mem, val_type};
use super::function::Emitter;
use super::locals::Locals;
use psycore_jit::ir::cfg::Cfg;
use psycore_jit::ir::{Block, ExitId, FnKind, Function, Op, Term, Value, status};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::exits::{ExitPlan, ExitUse, PrefixId, RECORD_WORD, RecordPiece};
use rustc_hash::FxHashMap;
use wasm_encoder::{Ieee64, ValType};

/// A piece of code behind a label.
#[derive(Clone, Copy)]
enum ExitSection {
    /// Writes the count of polls back, then does what the exit does where that is in memory.
    Counted(ExitId),
    /// Sets the exit's number, then stores its record with its group.
    Number { exit: ExitId, group: u32 },
    /// Stores the record of a group.
    Group(u32),
    /// Stores the words of a prefix.
    Prefix(PrefixId),
    /// Ends the record and returns.
    End,
}

/// All exits of a function that are taken, and the code for them.
pub(super) struct ExitSections {
    plan: ExitPlan,
    /// In the order of the code.
    sections: Vec<ExitSection>,
    /// Two per exit: its section from where the count of polls is in memory, and from where not.
    of_exit: Vec<[Option<u32>; 2]>,
    of_group: Vec<u32>,
    of_prefix: FxHashMap<PrefixId, u32>,
    /// The address where the record begins, that where it ends, the exit's number.
    top: u32,
    end: u32,
    number: u32,
}

impl ExitSections {
    pub(super) fn new(f: &Function, cfg: &Cfg, counted: &[bool], values: &[Vec<Value>], locals: &mut Locals) -> ExitSections {
        let mut used = vec![[false; 2]; f.exits.len()];
        for &block in &cfg.rpo {
            each_exit(f, block, &mut |exit| used[exit.index()][usize::from(counted[block.index()])] = true);
        }
        let exits = || (0..).map(ExitId).zip(&used);
        // The count is written back before the group's code.
        let uses = exits().filter(|(_, used)| **used != [false; 2]).map(|(exit, _)| ExitUse { exit, counted: false });
        let mut out = ExitSections {
            plan: ExitPlan::new(f, uses, |exit| &values[exit.index()]),
            sections: Vec::new(),
            of_exit: vec![[None; 2]; f.exits.len()],
            of_group: Vec::new(),
            of_prefix: FxHashMap::default(),
            top: 0,
            end: 0,
            number: 0,
        };
        if out.plan.groups.is_empty() {
            return out;
        }
        (out.top, out.end, out.number) = (locals.add(ValType::I32), locals.add(ValType::I32), locals.add(ValType::I64));
        // First those that lead to other sections.
        let add = |sections: &mut Vec<ExitSection>, section| {
            sections.push(section);
            sections.len() as u32 - 1
        };
        for (exit, _) in exits().filter(|(_, used)| used[1]) {
            out.of_exit[exit.index()][1] = Some(add(&mut out.sections, ExitSection::Counted(exit)));
        }
        for (group, exits) in (0..).zip(out.plan.groups.iter().map(|g| &g.exits)).filter(|(_, exits)| exits.len() > 1) {
            for &exit in exits {
                out.of_exit[exit.index()][0] = Some(add(&mut out.sections, ExitSection::Number { exit, group }));
            }
        }
        for (group, exits) in (0..).zip(out.plan.groups.iter().map(|g| &g.exits)) {
            let section = add(&mut out.sections, ExitSection::Group(group));
            out.of_group.push(section);
            if let [exit] = exits[..] {
                out.of_exit[exit.index()][0] = Some(section);
            }
        }
        for prefix in out.plan.shared_prefixes() {
            let section = add(&mut out.sections, ExitSection::Prefix(prefix));
            out.of_prefix.insert(prefix, section);
        }
        add(&mut out.sections, ExitSection::End);
        out
    }
}

fn each_exit(f: &Function, block: Block, g: &mut impl FnMut(ExitId)) {
    let data = &f.blocks[block.index()];
    for inst in &data.insts {
        let op: &Op = &f.insts[inst.index()].op;
        op.exit().into_iter().for_each(&mut *g);
    }
    if let Term::Exit(exit) = data.term {
        g(exit);
    }
}

impl Emitter<'_> {
    /// Opens the blocks around the function's code.
    pub(super) fn open_exits(&mut self) {
        for _ in 0..self.exits.sections.len() {
            self.open();
        }
    }

    /// The nesting of a section's block.
    fn section_nesting(&self, section: u32) -> u32 {
        self.exits.sections.len() as u32 - section
    }

    /// Where to branch to leave through an exit.
    pub(super) fn exit_label(&self, exit: ExitId) -> u32 {
        let section = self.exits.of_exit[exit.index()][usize::from(self.count.is_some())];
        self.label(self.section_nesting(section.unwrap_or_else(|| unreachable!("{exit} is not among those used"))))
    }

    /// Ends these blocks, each with the code behind it. Gives the bytes of the longest record.
    pub(super) fn close_exits(&mut self) -> Result<u32, LowerError> {
        for i in 0..self.exits.sections.len() {
            self.close();
            self.count = None;
            match self.exits.sections[i] {
                ExitSection::Counted(exit) => {
                    self.count = Some(self.count_local());
                    self.store_count();
                    self.count = None;
                    match self.exits.of_exit[exit.index()][0] {
                        Some(section) => self.go_on(i, section),
                        None => return Err(LowerError(format!("{exit} has no code"))),
                    }
                }
                ExitSection::Number { exit, group } => {
                    self.number(exit);
                    self.go_on(i, self.exits.of_group[group as usize]);
                }
                ExitSection::Group(group) => self.store_group(i, group)?,
                ExitSection::Prefix(prefix) => self.store_piece(i, &self.exits.plan.shared_piece(prefix))?,
                ExitSection::End => self.end_record(),
            }
        }
        Ok(self.exits.plan.longest_record())
    }

    /// Goes from section `i` to another one that stands behind it.
    fn go_on(&mut self, i: usize, section: u32) {
        if section != i as u32 + 1 {
            let label = self.label(self.section_nesting(section));
            self.sink().br(label);
        }
    }

    fn number(&mut self, exit: ExitId) {
        let number = i64::from(self.input.exit_base + exit.0);
        let local = self.exits.number;
        self.sink().i64_const(number).local_set(local);
    }

    fn store_group(&mut self, i: usize, group: u32) -> Result<(), LowerError> {
        let plan = &self.exits.plan;
        let group = &plan.groups[group as usize];
        let (stores_depth, len, piece) = (group.stores_depth, plan.len(group.record), plan.group_piece(group));
        if let [exit] = group.exits[..] {
            self.number(exit);
        }
        if stores_depth {
            self.store_depth();
        }
        let (top, end) = (self.exits.top, self.exits.end);
        self.sink().local_get(CTX).i32_load(mem(CTX_EXIT_TOP, 2));
        if len == 0 {
            self.sink().local_set(end);
        } else {
            self.sink().local_tee(top).i32_const((RECORD_WORD * len) as i32).i32_add().local_set(end);
        }
        self.store_piece(i, &piece)
    }

    /// Stores words of a record in section `i`, and goes on with the rest.
    fn store_piece(&mut self, i: usize, piece: &RecordPiece) -> Result<(), LowerError> {
        for &(word, value) in &piece.words {
            let top = self.exits.top;
            self.sink().local_get(top);
            self.word(value)?;
            self.store_word(value, u64::from(RECORD_WORD * word));
        }
        let end = self.exits.sections.len() as u32 - 1;
        self.go_on(i, piece.rest.map_or(end, |prefix| self.exits.of_prefix[&prefix]));
        Ok(())
    }

    fn end_record(&mut self) {
        let (end, number) = (self.exits.end, self.exits.number);
        self.sink().local_get(end).local_get(number).i64_store(mem(0, 3));
        self.sink().local_get(CTX).local_get(end).i32_const(RECORD_WORD as i32).i32_add().i32_store(mem(CTX_EXIT_TOP, 2));
        self.sink().i32_const(status::EXITED);
        if let (FnKind::Compiled, Some(ty)) = (self.f.kind, self.f.ret) {
            // Nobody reads the value of a function that left.
            match val_type(ty) {
                ValType::I64 => self.sink().i64_const(0),
                ValType::F64 => self.sink().f64_const(Ieee64::new(0)),
                _ => self.sink().i32_const(0),
            };
        }
        self.sink().return_();
    }
}
