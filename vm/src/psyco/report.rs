//! What the module `psyco` tells: counters, and for one function what was made of it and why not more.

use crate::hook::{Attached, site};
use crate::jit::Jit;
use crate::jit::unit::Compiled;
use psycore_jit::ir::{ObjId, Unit};
use psycore_jit::lower::LowerEnv;
use psycore_jit::oracle::{ObjectOracle, Pass};
use psycore_jit::passes::{self, PassOptions};
use psycore_jit::specialize::{self, Live, Request};
use rustpython_vm::builtins::{PyCode, PyDictRef};
use rustpython_vm::convert::ToPyObject;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyResult, VirtualMachine};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write;
use std::rc::Rc;

/// The counters as a dict.
pub(super) fn stats(jit: &Jit, attached: &Attached, vm: &VirtualMachine) -> PyResult<PyDictRef> {
    let stats = jit.stats.counts();
    let dict = vm.ctx.new_dict();
    let set = |name: &str, value: PyObjectRef| dict.set_item(name, value, vm);
    set("mode", jit.policy.mode().to_pyobject(vm))?;
    set("backend", jit.lowering().name().to_pyobject(vm))?;
    let bound = bound(attached);
    let usage = jit.cache.usage();
    let exits: u64 = stats.exits.values().sum();
    let numbers: [(&str, u64); 15] = [
        ("waiting_profilers", jit.policy.waiting() as u64),
        ("bound", bound),
        ("units", stats.units),
        ("versions", stats.functions),
        ("rebuilds", stats.rebuilds),
        ("refused", stats.refused),
        ("live_units", (jit.entries.live().len() + jit.cache.functions().len()) as u64),
        ("freed_units", usage.freed_units),
        ("emptied", usage.emptied),
        ("code_bytes", usage.bytes as u64),
        ("code_bytes_total", stats.code_bytes),
        ("code_bytes_limit", usage.limit as u64),
        ("entered", attached.activations.entered()),
        ("left", exits),
        ("objects", jit.objects.len() as u64),
    ];
    for (name, n) in numbers {
        set(name, n.to_pyobject(vm))?;
    }
    set("compile_time", (stats.compile_time + stats.background_time).as_secs_f64().to_pyobject(vm))?;
    let by_reason = vm.ctx.new_dict();
    for (reason, n) in &stats.exits {
        by_reason.set_item(*reason, n.to_pyobject(vm), vm)?;
    }
    set("exits", by_reason.into())?;
    let mut places: Vec<_> = stats.exit_places.iter().collect();
    places.sort_by_key(|((code, pc, reason), n)| (Reverse(**n), code.index(), *pc, *reason));
    let places: Vec<PyObjectRef> = places
        .into_iter()
        .map(|((code, pc, reason), n)| {
            let parts: Vec<PyObjectRef> = vec![
                jit.describe(*code).to_pyobject(vm),
                jit.file_of(*code).to_pyobject(vm),
                jit.line_of(*code, *pc).to_pyobject(vm),
                reason.to_pyobject(vm),
                n.to_pyobject(vm),
            ];
            vm.ctx.new_tuple(parts).into()
        })
        .collect();
    set("exit_places", vm.ctx.new_list(places).into())?;
    Ok(dict)
}

fn bound(attached: &Attached) -> u64 {
    let mut n = 0;
    attached.codes.each_prepared(|p| n += u64::from(p.rules.is_bound()));
    n
}

/// The word `counted`, with its number.
fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

impl Jit {
    fn file_of(&self, code: ObjId) -> String {
        let code = self.object(code).downcast_ref::<PyCode>();
        code.map(|c| c.source_path().as_str().to_owned()).unwrap_or_default()
    }

    /// Name, file and first line of a code object.
    fn place_of(&self, code: ObjId) -> String {
        let line = self.object(code).downcast_ref::<PyCode>().and_then(|c| c.code.first_line_number);
        let line = line.map_or(0, |l| l.get());
        format!("{} ({}:{line})", self.describe(code), self.file_of(code))
    }

    fn pass_name(&self, pass: Pass) -> String {
        match pass {
            Pass::Int => "int".into(),
            Pass::Float => "float".into(),
            Pass::Bool => "bool".into(),
            Pass::None => "None".into(),
            Pass::Obj(None) => "any".into(),
            Pass::Obj(Some(class)) => self.describe(class),
        }
    }

    fn live_name(&self, live: &Live) -> String {
        match live {
            Live::Null => "unset".into(),
            Live::Parts { ty, .. } => self.describe(*ty),
            Live::Any => "any".into(),
            Live::Int(_) => "int".into(),
            Live::Counting { .. } => "range_iterator".into(),
            Live::Obj { seen, .. } => {
                let name = self.describe(seen.ty);
                if seen.big { format!("{name} of more than 64 bits") } else { name }
            }
        }
    }

    /// What a unit was compiled for: the function's name with its arguments' types, and the loop.
    pub(crate) fn describe_request(&self, request: &Request) -> String {
        let code = self.code_of(request);
        let names: Vec<String> = self
            .object(code)
            .downcast_ref::<PyCode>()
            .map_or_else(Vec::new, |c| c.code.varnames.iter().map(|n| n.as_str().to_owned()).collect());
        let listed = |types: Vec<String>| {
            let pairs: Vec<String> = names.iter().zip(types).map(|(name, ty)| format!("{name}: {ty}")).collect();
            pairs.join(", ")
        };
        match request {
            Request::Function { args, .. } => {
                let types = args.iter().map(|a| self.pass_name(*a)).collect();
                format!("{}({}), called from compiled code", self.describe(code), listed(types))
            }
            Request::Entry { pc, locals, .. } => {
                let types = locals.iter().map(|l| self.live_name(l)).collect();
                let text = format!("{}({})", self.describe(code), listed(types));
                let is_loop = self.code(code).is_some_and(|c| c.start != *pc);
                if is_loop { format!("{text}, loop in line {}", self.line_of(code, *pc)) } else { text }
            }
        }
    }

    /// All units whose code exists and can be entered, in the order of their making.
    fn live_units(&self) -> Vec<Rc<Compiled>> {
        let mut units = self.entries.live();
        units.extend(self.cache.functions());
        units.sort_by_key(|u| u.exit_base);
        units
    }

    /// What was made of a function, where it left, and why not more was made.
    pub(super) fn explanation(&self, code: ObjId) -> String {
        let mut out = format!("{}\n", self.place_of(code));
        if let Some(c) = self.object(code).downcast_ref::<PyCode>() {
            match site::of(c) {
                Some(p) => {
                    if let Some(rule) = p.rules.text() {
                        let _ = writeln!(out, "  {rule}");
                    }
                    if site::sites(c).next().is_none() {
                        let _ = writeln!(out, "  has no place where compiled code could begin; it can only be inlined");
                    }
                }
                None => {
                    let _ = writeln!(out, "  can't be compiled by itself: it has no loop, or is no plain function");
                }
            }
            let (counted, entered) = passes_of(c);
            let _ = writeln!(out, "  interpreted: {counted} calls and turns of loops counted");
            let _ = writeln!(out, "  compiled code entered: {entered} times");
        }
        let units: Vec<_> = self.live_units().into_iter().filter(|u| u.code == code).collect();
        if units.is_empty() {
            let _ = writeln!(out, "  no compiled versions");
        }
        for u in &units {
            let _ = writeln!(
                out,
                "  compiled: {}: {}, {}, {}, left {} times",
                self.describe_request(&u.request),
                count(u.instrs, "bytecode instruction"),
                count(u.bytes, "byte"),
                count(u.exits as usize, "exit"),
                u.left.get(),
            );
        }
        let within = self.live_units().iter().filter(|u| u.code != code && u.depends.get(&code) == Some(&true)).count();
        if within > 0 {
            let _ = writeln!(out, "  inlined into or called by {}", count(within, "other unit"));
        }
        let stats = self.stats.counts();
        let mut places: Vec<_> = stats.exit_places.iter().filter(|((c, ..), _)| *c == code).collect();
        places.sort_by_key(|((_, pc, reason), n)| (Reverse(**n), *pc, *reason));
        for ((_, pc, reason), n) in places {
            let op = self.code(code).and_then(|c| c.instr(*pc).map(|i| format!("{:?}", i.op)));
            let line = self.line_of(code, *pc);
            let _ = writeln!(out, "  left {n} times in line {line}, {}: {reason}", op.unwrap_or_default());
        }
        for why in self.record.reasons(code) {
            let _ = writeln!(out, "  refused: {why}");
        }
        out
    }

    /// IR and machine code of the units that are chosen. Where no text was kept they are
    /// compiled once more for it, with what is known now.
    pub(super) fn disassembly(&self, attached: &Attached, chosen: impl Fn(&Compiled) -> bool) -> String {
        let mut out = String::new();
        for unit in self.live_units().iter().filter(|u| chosen(u)) {
            let _ = writeln!(
                out,
                "; {}\n; {}: {} of code, {}",
                self.place_of(unit.code),
                self.describe_request(&unit.request),
                count(unit.bytes, "byte"),
                count(unit.exits as usize, "exit")
            );
            match (&unit.ir, &unit.listing) {
                (Some(ir), Some(listing)) => {
                    let _ = writeln!(out, "{ir}\n{listing}");
                }
                _ => match self.text_of(attached, unit) {
                    Ok((ir, listing)) => {
                        let _ = writeln!(out, "{ir}\n{listing}");
                    }
                    Err(why) => {
                        let _ = writeln!(out, "; would not be compiled now: {why}\n");
                    }
                },
            }
        }
        out
    }

    fn text_of(&self, _attached: &Attached, unit: &Compiled) -> Result<(String, String), String> {
        self.cache.begin();
        let out = specialize::specialize(self, &unit.request, self.limits(), &self.joins);
        self.cache.end();
        self.samples.clear();
        let mut ir = Unit { funcs: vec![out.map_err(|e| format!("{e:?}"))?.func] };
        psycore_jit::ir::verify::verify(&ir).map_err(|e| e.to_string())?;
        passes::optimize(&mut ir, &PassOptions::default());
        let obj_address = |o: ObjId| self.objects.address(o);
        let rt_address = crate::runtime::address;
        let cell_address = |c| self.versions.cell_address(c);
        let env = LowerEnv {
            layout: &self.layout,
            obj_address: &obj_address,
            rt_address: &rt_address,
            cell_address: &cell_address,
            exit_base: unit.exit_base,
        };
        // This code is only to be read: nothing enters it.
        let mut lowering = self.lowering();
        let lowered = lowering.lower(&ir, &env, true).map_err(|e| e.to_string())?;
        lowering.free(lowered.handle);
        let listing = lowered.listing.unwrap_or_else(|| format!("; the backend {} gives no listing\n", lowering.name()));
        Ok((ir.to_string(), listing))
    }

    /// The functions that ran most, one a line.
    pub(super) fn charges(&self, attached: &Attached, top: usize) -> String {
        let mut bytes: HashMap<usize, usize> = HashMap::new();
        for unit in self.live_units() {
            *bytes.entry(self.objects.address(unit.code)).or_default() += unit.bytes;
        }
        let mut rows = Vec::new();
        attached.codes.each(|code, _| {
            let (counted, entered) = passes_of(code);
            if counted + entered > 0 && !crate::jit::policy::is_own(code) {
                let line = code.code.first_line_number.map_or(0, |l| l.get());
                let name = format!("{} ({}:{line})", code.code.qualname.as_str(), code.source_path().as_str());
                let size = bytes.get(&crate::object::layout::address(code.as_object())).copied().unwrap_or(0);
                rows.push((counted, entered, size, name));
            }
        });
        rows.sort_by(|a, b| (b.0 + b.1).cmp(&(a.0 + a.1)).then_with(|| a.3.cmp(&b.3)));
        let mut out = String::from("interpreted   compiled      bytes  function\n");
        for (counted, entered, size, name) in rows.into_iter().take(top) {
            let _ = writeln!(out, "{counted:11} {entered:10} {size:10}  {name}");
        }
        out
    }
}

/// Passes of a code object's hooks in the interpreter, and entries of compiled code.
fn passes_of(code: &Py<PyCode>) -> (u64, u64) {
    site::sites(code).fold((0, 0), |(c, e), s| (c + s.counted(), e + s.entered()))
}
