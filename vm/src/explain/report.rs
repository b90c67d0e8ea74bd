//! Joins samples, units, exits and refusals, and orders them by file and line.

use crate::hook::Attached;
use crate::jit::Jit;
use crate::jit::named::named_in;
use crate::jit::samples::{Doing, Samples, Shares};
use crate::jit::unit::Compiled;
use crate::object::layout;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{ObjectOracle, Pass};
use psycore_jit::specialize::{Live, Request};
use rustpython_vm::builtins::PyCode;
use rustpython_vm::{AsObject, Py};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// All that is told of a run. Times are in milliseconds.
pub struct Report {
    pub title: String,
    pub shares: Option<Shares>,
    /// Numbers by name.
    pub numbers: Vec<(&'static str, String)>,
    /// Files whose source can be read, the one with the most time first.
    pub files: Vec<File>,
    /// Time by file for those whose source can't be read, and without a file.
    pub elsewhere: Vec<(String, u64)>,
}

impl Report {
    /// Whether no code of the program ran.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// A time as a share of all, from 0 to 1.
    pub fn share(&self, time: u64) -> f64 {
        time as f64 / self.shares.map_or(0, |s| s.total()).max(1) as f64
    }
}

/// What happened in one file.
#[derive(Default)]
pub struct File {
    pub path: String,
    pub source: Vec<String>,
    pub time: u64,
    /// By number, from 1.
    pub lines: BTreeMap<u32, Line>,
    pub units: Vec<UnitText>,
}

/// What happened in one line. Times are in milliseconds.
#[derive(Default)]
pub struct Line {
    /// Time in compiled code, in what it called from here, and in the interpreter.
    pub compiled: u64,
    pub called: u64,
    pub interpreted: u64,
    /// There is compiled code for it.
    pub has_code: bool,
    /// Compiled functions are called directly.
    pub calls_compiled: bool,
    pub types: BTreeSet<String>,
    pub calls: BTreeSet<&'static str>,
    /// Reason, instruction, how often; the most frequent first.
    pub exits: Vec<(&'static str, String, u64)>,
    /// Why code that begins here was not compiled.
    pub refusals: BTreeSet<String>,
}

impl Line {
    pub fn time(&self) -> u64 {
        self.compiled + self.called + self.interpreted
    }
}

/// A compiled unit as people read it.
pub struct UnitText {
    pub line: u32,
    pub title: String,
    /// A later one was compiled for the same.
    pub replaced: bool,
    pub time: u64,
    pub instrs: usize,
    pub bytes: usize,
    pub exits: u32,
    /// What the objects are that the IR names.
    pub objects: Vec<(String, String)>,
    pub ir: String,
    pub listing: String,
}

struct Collector<'a> {
    jit: &'a Jit,
    units: &'a [Rc<Compiled>],
    files: HashMap<String, File>,
    elsewhere: BTreeMap<String, u64>,
    unit_times: Vec<u64>,
}

/// What a piece of time is added to.
#[derive(Clone, Copy)]
enum Column {
    Compiled,
    Called,
    Interpreted,
}

pub fn collect(jit: &Jit, attached: &Attached, samples: Option<&Samples>, title: &str) -> Report {
    let units = jit.record.units();
    let mut c =
        Collector { jit, units: &units, files: HashMap::new(), elsewhere: BTreeMap::new(), unit_times: vec![0; units.len()] };
    let kept = attached.codes.kept();
    // Files whose code ran are there even if nothing was measured in them.
    for code in &kept {
        c.file(code);
    }
    let by_address: HashMap<usize, &Py<PyCode>> = kept.iter().map(|code| (layout::address(code.as_object()), &**code)).collect();
    for sample in samples.into_iter().flat_map(Samples::all) {
        c.sample(sample.doing, sample.time, &by_address);
    }
    c.places();
    c.exits();
    jit.record.each_refusal(|refusal| {
        let line = jit.line_of(refusal.code, refusal.pc.unwrap_or_else(|| c.start_of(refusal.code)));
        if let Some(line) = c.line(refusal.code, line) {
            line.refusals.insert(refusal.why.clone());
        }
    });
    c.unit_texts();
    let numbers = {
        let stats = jit.stats.counts();
        vec![
            ("units compiled", stats.units.to_string()),
            ("versions of functions among them", stats.functions.to_string()),
            ("compiled again for paths that became hot", stats.rebuilds.to_string()),
            ("refused", stats.refused.to_string()),
            ("time to compile", format!("{:.1} ms", stats.compile_time.as_secs_f64() * 1e3)),
            ("machine code", format!("{} bytes", stats.code_bytes)),
            ("entered from the interpreter", attached.activations.entered().to_string()),
            ("left for the interpreter", stats.exits.values().sum::<u64>().to_string()),
        ]
    };
    let (mut files, unreadable): (Vec<File>, Vec<File>) = c.files.into_values().partition(|f| !f.source.is_empty());
    files.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| a.path.cmp(&b.path)));
    let mut elsewhere: Vec<(String, u64)> = c.elsewhere.into_iter().collect();
    elsewhere.extend(unreadable.into_iter().filter(|f| f.time > 0).map(|f| (f.path, f.time)));
    elsewhere.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Report { title: title.to_owned(), shares: samples.map(Samples::shares), numbers, files, elsewhere }
}

impl Collector<'_> {
    fn file(&mut self, code: &Py<PyCode>) -> &mut File {
        let path = code.code.source_path.as_str();
        self.files.entry(path.to_owned()).or_insert_with(|| {
            let source = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            let source = source.lines().map(str::to_owned).collect();
            File { path: path.to_owned(), source, ..File::default() }
        })
    }

    /// A line of the file that the code is in.
    fn line(&mut self, code: ObjId, line: u32) -> Option<&mut Line> {
        let jit = self.jit;
        let code = jit.object(code).downcast_ref::<PyCode>()?;
        Some(self.file(code).lines.entry(line).or_default())
    }

    fn start_of(&self, code: ObjId) -> u32 {
        self.jit.code(code).map_or(0, |c| c.start)
    }

    /// Where a unit begins.
    fn beginning(&self, unit: &Compiled) -> u32 {
        match &unit.request {
            Request::Entry { pc, .. } => *pc,
            Request::Function { .. } => self.start_of(unit.code),
        }
    }

    /// The unit whose machine code an address is in, and the position that it was made for.
    fn locate(&self, address: usize) -> Option<(usize, ObjId, u32)> {
        // The latest first: an older one may have been where it is now.
        let (index, unit, detail) = self.units.iter().enumerate().rev().find_map(|(index, unit)| {
            let detail = unit.detail.as_ref().filter(|d| d.range.contains(&address))?;
            Some((index, unit, detail))
        })?;
        let span = detail.spans.iter().find(|s| (s.start..s.end).contains(&address));
        Some(match span {
            Some(span) => (index, span.inlined.unwrap_or(unit.code), span.pc),
            // Code that belongs to no instruction: what begins a unit, or leaves it.
            None => (index, unit.code, self.beginning(unit)),
        })
    }

    fn sample(&mut self, doing: Doing, time: u64, kept: &HashMap<usize, &Py<PyCode>>) {
        // A return address may be the start of another instruction's code.
        let first = |c: &Self, callers: [usize; 2]| callers.into_iter().find_map(|at| c.locate(at.wrapping_sub(1)));
        let (column, place) = match doing {
            Doing::Compiled { pc, callers } => (Column::Compiled, self.locate(pc).or_else(|| first(self, callers))),
            Doing::Called { callers } => (Column::Called, first(self, callers)),
            Doing::Interpreted { code, lasti } => {
                let name = match kept.get(&code) {
                    Some(code) => {
                        let at = lasti.saturating_sub(1) as usize;
                        let line = code.code.locations.get(at).map_or(0, |l| l.0.line.get() as u32);
                        self.add(code, line, Column::Interpreted, time);
                        return;
                    }
                    None => "code without hooks",
                };
                *self.elsewhere.entry(name.to_owned()).or_default() += time;
                return;
            }
            Doing::Compiling => {
                *self.elsewhere.entry("the compiler".to_owned()).or_default() += time;
                return;
            }
            Doing::Other => {
                *self.elsewhere.entry("starting and ending".to_owned()).or_default() += time;
                return;
            }
        };
        let jit = self.jit;
        let Some((unit, code, pc)) = place else {
            *self.elsewhere.entry("compiled code, somewhere".to_owned()).or_default() += time;
            return;
        };
        self.unit_times[unit] += time;
        if let Some(c) = jit.object(code).downcast_ref::<PyCode>() {
            self.add(c, jit.line_of(code, pc), column, time);
        }
    }

    fn add(&mut self, code: &Py<PyCode>, line: u32, column: Column, time: u64) {
        let file = self.file(code);
        file.time += time;
        let line = file.lines.entry(line).or_default();
        *match column {
            Column::Compiled => &mut line.compiled,
            Column::Called => &mut line.called,
            Column::Interpreted => &mut line.interpreted,
        } += time;
    }

    /// What the units say of each place.
    fn places(&mut self) {
        for unit in self.units {
            let Some(detail) = &unit.detail else { continue };
            for ((code, pc), place) in &detail.places {
                let number = self.jit.line_of(*code, *pc);
                let Some(line) = self.line(*code, number) else { continue };
                line.has_code = true;
                line.calls_compiled |= place.calls_compiled;
                line.types.extend(place.types.iter().cloned());
                line.calls.extend(&place.calls);
            }
        }
    }

    fn exits(&mut self) {
        let jit = self.jit;
        let stats = jit.stats.counts();
        let mut all: Vec<_> = stats.exit_places.iter().collect();
        all.sort_by_key(|((code, pc, reason), n)| (std::cmp::Reverse(**n), *code, *pc, *reason));
        for ((code, pc, reason), n) in all {
            let op = jit.code(*code).and_then(|c| c.instr(*pc).map(|i| format!("{:?}", i.op))).unwrap_or_default();
            if let Some(line) = self.line(*code, jit.line_of(*code, *pc)) {
                line.exits.push((reason, op, *n));
            }
        }
    }

    fn unit_texts(&mut self) {
        let jit = self.jit;
        for (index, unit) in self.units.iter().enumerate() {
            let Some(code) = jit.object(unit.code).downcast_ref::<PyCode>() else { continue };
            let ir = unit.ir.clone().unwrap_or_default();
            let text = UnitText {
                line: jit.line_of(unit.code, self.beginning(unit)),
                title: self.title(unit, code),
                replaced: self.units[index + 1..].iter().any(|later| later.request == unit.request),
                time: self.unit_times[index],
                instrs: unit.instrs,
                bytes: unit.bytes,
                exits: unit.exits,
                objects: named_in(jit, &ir),
                ir,
                listing: unit.listing.clone().unwrap_or_default(),
            };
            self.file(code).units.push(text);
        }
        for file in self.files.values_mut() {
            file.units.sort_by_key(|u| u.line);
        }
    }

    fn title(&self, unit: &Compiled, code: &Py<PyCode>) -> String {
        let name = self.jit.describe(unit.code);
        let variables = |i: usize| code.code.varnames.get(i).map_or("?", |n| n.as_str());
        match &unit.request {
            Request::Entry { pc, locals, .. } => {
                let types: Vec<String> = locals
                    .iter()
                    .enumerate()
                    .filter_map(|(i, live)| {
                        let ty = match live {
                            Live::Null => return None,
                            Live::Parts { ty, .. } => self.jit.describe(*ty),
                            Live::Any => "any object".to_owned(),
                            Live::Int(_) => "int".to_owned(),
                            Live::Counting { .. } => "range_iterator".to_owned(),
                            Live::Obj { seen, .. } if seen.big => "int beyond 64 bits".to_owned(),
                            Live::Obj { seen, .. } => self.jit.describe(seen.ty),
                        };
                        Some(format!("{}: {ty}", variables(i)))
                    })
                    .collect();
                let what =
                    if self.jit.code(unit.code).is_some_and(|c| c.loop_at(*pc).is_some()) { "loop in" } else { "whole of" };
                let types = if types.is_empty() { String::new() } else { format!(" with {}", types.join(", ")) };
                format!("{what} {name}{types}")
            }
            Request::Function { args, .. } => {
                let one = |pass: &Pass| match pass {
                    Pass::Int => "int, unboxed".to_owned(),
                    Pass::Float => "float, unboxed".to_owned(),
                    Pass::Bool => "bool, unboxed".to_owned(),
                    Pass::None => "None".to_owned(),
                    Pass::Obj(None) => "any object".to_owned(),
                    Pass::Obj(Some(class)) => self.jit.describe(*class),
                };
                let args: Vec<String> =
                    args.iter().enumerate().map(|(i, pass)| format!("{}: {}", variables(i), one(pass))).collect();
                let ret = unit.contract.map_or(String::new(), |contract| format!(" -> {}", one(&contract.ret)));
                format!("{name}({}){ret}, for compiled callers", args.join(", "))
            }
        }
    }
}
