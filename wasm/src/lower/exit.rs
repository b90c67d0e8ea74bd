//! Exits: code behind that of the function, which stores the record and leaves.
//!
//! A record is the exit's values, one word each, then the exit's global number. There are many exits, and their records
//! begin alike. So records are stored from the end to the start, and where the rest is the rest of others too, that is done
//! in code which they share; exits that differ only in their number share all of it. Each piece of code is behind a wasm
//! block around everything that jumps there: those of exits are the innermost, then come the shared ones, the longer first,
//! and last of all the end, which returns.

use super::ctx;
use super::function::{CTX, Emitter, mem, val_type};
use super::locals::Locals;
use psycore_jit::ir::cfg::Cfg;
use psycore_jit::ir::{Block, ExitId, ExitKind, FnKind, Function, Op, Term, Value, status};
use psycore_jit::lower::LowerError;
use rustc_hash::FxHashMap;
use wasm_encoder::{Ieee64, ValType};

/// Fewer values than these are not worth a jump to shared code.
const SHARED_AT_LEAST: u32 = 3;

/// The first words of one or more records: those of `parent`, then `value`.
struct Prefix {
    /// Number of the prefix without the value; 0 is the empty one.
    parent: u32,
    value: Value,
    len: u32,
    /// In how many ways records go on, ending included.
    uses: u32,
}

impl Prefix {
    fn is_shared(&self) -> bool {
        self.uses > 1 && self.len >= SHARED_AT_LEAST
    }
}

/// A piece of code behind a label.
#[derive(Clone, Copy)]
enum Section {
    /// Writes the count of polls back, then does what the exit does where that is in memory.
    Counted(ExitId),
    /// Sets the exit's number, then stores its record with its group.
    Number { exit: ExitId, group: u32 },
    /// Stores the record of a group.
    Group(u32),
    /// Stores the words of a prefix.
    Prefix(u32),
    /// Ends the record and returns.
    End,
}

/// Exits that do the same, but for their numbers: the guards of one instruction.
struct Group {
    record: u32,
    called: bool,
    exits: Vec<ExitId>,
}

/// All exits of a function that are taken, and the code for them.
pub(super) struct Exits {
    /// By exit: the values of its record.
    values: Vec<Vec<Value>>,
    prefixes: Vec<Prefix>,
    groups: Vec<Group>,
    /// In the order of the code.
    sections: Vec<Section>,
    /// Two per exit: its section from where the count of polls is in memory, and from where not.
    of_exit: Vec<[Option<u32>; 2]>,
    of_group: Vec<u32>,
    of_prefix: FxHashMap<u32, u32>,
    /// The address where the record begins, that where it ends, the exit's number.
    top: u32,
    end: u32,
    number: u32,
}

impl Exits {
    pub(super) fn new(f: &Function, cfg: &Cfg, counted: &[bool], values: Vec<Vec<Value>>, locals: &mut Locals) -> Exits {
        let mut used = vec![[false; 2]; f.exits.len()];
        for &block in &cfg.rpo {
            each_exit(f, block, &mut |exit| used[exit.index()][usize::from(counted[block.index()])] = true);
        }
        let mut out = Exits {
            values,
            prefixes: Vec::new(),
            groups: Vec::new(),
            sections: Vec::new(),
            of_exit: vec![[None; 2]; f.exits.len()],
            of_group: Vec::new(),
            of_prefix: FxHashMap::default(),
            top: 0,
            end: 0,
            number: 0,
        };
        if used.iter().all(|u| *u == [false; 2]) {
            return out;
        }
        (out.top, out.end, out.number) = (locals.add(ValType::I32), locals.add(ValType::I32), locals.add(ValType::I64));
        out.group(f, &used);
        // First those that lead to other sections.
        let add = |sections: &mut Vec<Section>, section| {
            sections.push(section);
            sections.len() as u32 - 1
        };
        for (i, used) in used.iter().enumerate() {
            if used[1] {
                out.of_exit[i][1] = Some(add(&mut out.sections, Section::Counted(ExitId(i as u32))));
            }
        }
        for (g, group) in out.groups.iter().enumerate() {
            let alone = group.exits.len() == 1;
            if !alone {
                for &exit in &group.exits {
                    let section = add(&mut out.sections, Section::Number { exit, group: g as u32 });
                    out.of_exit[exit.index()][0] = Some(section);
                }
            }
        }
        for (g, group) in out.groups.iter().enumerate() {
            let section = add(&mut out.sections, Section::Group(g as u32));
            out.of_group.push(section);
            if let [exit] = group.exits[..] {
                out.of_exit[exit.index()][0] = Some(section);
            }
        }
        let numbers = 1..=out.prefixes.len() as u32;
        let mut shared: Vec<u32> = numbers.filter(|p| out.prefixes[*p as usize - 1].is_shared()).collect();
        shared.sort_by_key(|p| core::cmp::Reverse(out.prefixes[*p as usize - 1].len));
        for p in shared {
            let section = add(&mut out.sections, Section::Prefix(p));
            out.of_prefix.insert(p, section);
        }
        add(&mut out.sections, Section::End);
        out
    }

    fn group(&mut self, f: &Function, used: &[[bool; 2]]) {
        let mut by_parent: FxHashMap<(u32, Value), u32> = FxHashMap::default();
        let mut alike: FxHashMap<(u32, bool), usize> = FxHashMap::default();
        for (i, used) in used.iter().enumerate() {
            if *used == [false; 2] {
                continue;
            }
            let mut record = 0;
            for (len, &value) in (1..).zip(&self.values[i]) {
                let new = self.prefixes.len() as u32 + 1;
                let parent = record;
                record = *by_parent.entry((parent, value)).or_insert(new);
                if record == new {
                    self.prefixes.push(Prefix { parent, value, len, uses: 0 });
                    if parent != 0 {
                        self.prefixes[parent as usize - 1].uses += 1;
                    }
                }
            }
            let called = f.exits[i].kind == ExitKind::Call;
            let at = *alike.entry((record, called)).or_insert(self.groups.len());
            if at == self.groups.len() {
                self.groups.push(Group { record, called, exits: Vec::new() });
                if record != 0 {
                    self.prefixes[record as usize - 1].uses += 1;
                }
            }
            self.groups[at].exits.push(ExitId(i as u32));
        }
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
        let longest = self.exits.groups.iter().map(|g| 8 * self.record_len(g.record) + 8).max().unwrap_or(0);
        for i in 0..self.exits.sections.len() {
            self.close();
            self.count = None;
            match self.exits.sections[i] {
                Section::Counted(exit) => {
                    self.count = Some(self.count_local());
                    self.store_count();
                    self.count = None;
                    match self.exits.of_exit[exit.index()][0] {
                        Some(section) => self.go_on(i, section),
                        None => return Err(LowerError(format!("{exit} has no code"))),
                    }
                }
                Section::Number { exit, group } => {
                    self.number(exit);
                    self.go_on(i, self.exits.of_group[group as usize]);
                }
                Section::Group(group) => self.store_group(i, group)?,
                Section::Prefix(prefix) => self.store_values(i, prefix, true)?,
                Section::End => self.end_record(),
            }
        }
        Ok(longest)
    }

    /// Goes from section `i` to another one that stands behind it.
    fn go_on(&mut self, i: usize, section: u32) {
        if section != i as u32 + 1 {
            let label = self.label(self.section_nesting(section));
            self.sink().br(label);
        }
    }

    fn record_len(&self, record: u32) -> u32 {
        record.checked_sub(1).map_or(0, |p| self.exits.prefixes[p as usize].len)
    }

    fn number(&mut self, exit: ExitId) {
        let number = i64::from(self.input.exit_base + exit.0);
        let local = self.exits.number;
        self.sink().i64_const(number).local_set(local);
    }

    fn store_group(&mut self, i: usize, group: u32) -> Result<(), LowerError> {
        let Group { record, called, ref exits } = self.exits.groups[group as usize];
        if let [exit] = exits[..] {
            self.number(exit);
        }
        if !called {
            self.store_depth();
        }
        let bytes = 8 * self.record_len(record) as i32;
        let (top, end) = (self.exits.top, self.exits.end);
        self.sink().local_get(CTX).i32_load(mem(ctx::EXIT_TOP, 2));
        if bytes == 0 {
            self.sink().local_set(end);
        } else {
            self.sink().local_tee(top).i32_const(bytes).i32_add().local_set(end);
        }
        self.store_values(i, record, false)
    }

    /// Stores the values of a prefix, the last one first, until a shared section can do the rest. `own` where this is the
    /// section of the prefix itself.
    fn store_values(&mut self, i: usize, mut prefix: u32, mut own: bool) -> Result<(), LowerError> {
        while prefix != 0 {
            if let (Some(&section), false) = (self.exits.of_prefix.get(&prefix), own) {
                self.go_on(i, section);
                return Ok(());
            }
            own = false;
            let Prefix { parent, value, len, .. } = self.exits.prefixes[prefix as usize - 1];
            let top = self.exits.top;
            self.sink().local_get(top);
            self.word(value)?;
            self.store_word(value, 8 * u64::from(len - 1));
            prefix = parent;
        }
        self.go_on(i, self.exits.sections.len() as u32 - 1);
        Ok(())
    }

    fn end_record(&mut self) {
        let (end, number) = (self.exits.end, self.exits.number);
        self.sink().local_get(end).local_get(number).i64_store(mem(0, 3));
        self.sink().local_get(CTX).local_get(end).i32_const(8).i32_add().i32_store(mem(ctx::EXIT_TOP, 2));
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
