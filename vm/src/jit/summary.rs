//! The counters of one JIT as text.

use super::state::Jit;
use crate::hook::Attached;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::ObjectOracle;
use std::fmt::Write;

impl Jit {
    /// Counters as text, one a line, with the places that compiled code left most often.
    pub fn statistics(&self, attached: &Attached) -> String {
        let stats = self.stats.counts();
        let mut out = String::new();
        let _ = writeln!(out, "units compiled      {} ({} versions of functions)", stats.units, stats.functions);
        let _ = writeln!(out, "compiled again      {}", stats.rebuilds);
        let _ = writeln!(out, "refused             {}", stats.refused);
        out += &self.record.shares();
        let _ = writeln!(
            out,
            "compile time        {:.1} ms, in the background {:.1} ms",
            stats.compile_time.as_secs_f64() * 1e3,
            stats.background_time.as_secs_f64() * 1e3
        );
        let _ = writeln!(out, "code                {} bytes", stats.code_bytes);
        let _ = writeln!(out, "entered             {}", attached.activations.entered());
        // SAFETY: the context is this thread's; compiled code waits while this runs.
        let _ = writeln!(out, "turns of loops      {} (and calls of functions)", unsafe { (*attached.ctx()).polls() });
        let mut exits: Vec<_> = stats.exits.iter().collect();
        exits.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), **name));
        for (name, n) in exits {
            let _ = writeln!(out, "exits: {name:<12} {n}");
        }
        let mut places: Vec<_> = stats.exit_places.iter().collect();
        places.sort_by_key(|((_, pc, name), n)| (std::cmp::Reverse(**n), *pc, *name));
        for ((code, pc, name), n) in places.into_iter().take(20) {
            let op = self.code(*code).and_then(|c| c.instr(*pc).map(|i| format!("{:?}", i.op)));
            let line = self.line_of(*code, *pc);
            let _ = writeln!(out, "  {n:>8} {name} in {}, line {line}, {}", self.describe(*code), op.unwrap_or_default());
        }
        out
    }

    /// The same for the end of the program, if it was asked for.
    pub fn final_statistics(&self, attached: &Attached) -> Option<String> {
        self.stats.are_printed().then(|| self.statistics(attached))
    }

    /// The source line of a position.
    pub fn line_of(&self, code: ObjId, pc: u32) -> u32 {
        self.object(code)
            .downcast_ref::<rustpython_vm::builtins::PyCode>()
            .and_then(|c| c.code.locations.get(pc as usize).map(|l| l.0.line.get() as u32))
            .unwrap_or(0)
    }
}
