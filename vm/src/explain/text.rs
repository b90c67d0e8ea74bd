//! The explanation for a terminal: the lines that took time or have something to say.

use super::report::{File, Line, Report};
use std::fmt::Write;

pub(super) fn text(report: &Report) -> String {
    let mut out = format!("explain {}\n", report.title);
    if let Some(s) = report.shares {
        let percent = |n: u64| report.share(n) * 100.0;
        let _ = writeln!(
            out,
            "{} ms: compiled code {:.1} %, what it called {:.1} %, interpreter {:.1} %, compiler {:.1} %",
            s.total(),
            percent(s.compiled),
            percent(s.called),
            percent(s.interpreted + s.other),
            percent(s.compiling)
        );
    }
    for (name, value) in &report.numbers {
        let _ = writeln!(out, "{name}: {value}");
    }
    for file in &report.files {
        write_file(&mut out, report, file);
    }
    for (name, time) in &report.elsewhere {
        let _ = writeln!(out, "{:5.1} %  {name}", report.share(*time) * 100.0);
    }
    out
}

fn write_file(out: &mut String, report: &Report, file: &File) {
    let _ = writeln!(out, "\n{} ({:.1} %)", file.path, report.share(file.time) * 100.0);
    for (number, line) in &file.lines {
        let source = (*number as usize).checked_sub(1).and_then(|i| file.source.get(i)).map_or("", String::as_str);
        let _ = writeln!(out, "{number:5} {:5.1} %  {:11}  {source}", report.share(line.time()) * 100.0, kind(line));
        for note in notes(line) {
            let _ = writeln!(out, "                |   {note}");
        }
    }
    for unit in &file.units {
        let _ = writeln!(
            out,
            "      line {}: {}: {} bytecode instructions, {} bytes, {:.1} %{}",
            unit.line,
            unit.title,
            unit.instrs,
            unit.bytes,
            report.share(unit.time) * 100.0,
            if unit.replaced { ", replaced by a later one" } else { "" }
        );
    }
}

/// What a line mostly is, in a word.
pub(super) fn kind(line: &Line) -> &'static str {
    match (line.compiled + line.called, line.interpreted, line.has_code) {
        (c, i, _) if c > 0 && i > c => "mixed",
        (c, _, _) if c > 0 => "compiled",
        (_, i, false) if i > 0 => "interpreted",
        // An occasional sample before it was compiled, or after an exit.
        (_, i, true) if i > 0 => "mixed",
        (_, _, true) => "compiled",
        _ => "",
    }
}

/// What there is to say of a line, a sentence each.
pub(super) fn notes(line: &Line) -> Vec<String> {
    let mut notes = Vec::new();
    let join = |items: Vec<&str>| items.join(", ");
    if !line.types.is_empty() {
        notes.push(format!("specialized to {}", join(line.types.iter().map(String::as_str).collect())));
    }
    if line.calls_compiled {
        notes.push("calls a compiled function directly".to_owned());
    }
    if !line.calls.is_empty() {
        notes.push(format!("calls the run time: {}", join(line.calls.iter().copied().collect())));
    }
    for (reason, op, n) in &line.exits {
        let times = if *n == 1 { "once".to_owned() } else { format!("{n} times") };
        notes.push(format!("left {times}: {}{op}", reason_text(reason)));
    }
    for why in &line.refusals {
        notes.push(format!("not compiled: {why}"));
    }
    notes
}

/// A reason of an exit in a few words, before the name of the instruction.
fn reason_text(reason: &str) -> String {
    let text = match reason {
        "type" => "another type than expected",
        "shape" => "a class, a module or an object's attributes changed",
        "value" => "another value than the one taken as constant",
        "overflow" => "an integer beyond 64 bits",
        "error" => "an error for the interpreter to raise",
        "unseen" => "a path that had not run before",
        "unsupported" => "an instruction that is not compiled",
        "entry" => "other types at the entry",
        "poll" => "time to look for signals, threads or the collector",
        "depth" => "the recursion limit",
        "finalizer" => "a destructor ran",
        "iteration" => "the iterator is not what it was",
        other => other,
    };
    format!("{text} ({reason}), ")
}
