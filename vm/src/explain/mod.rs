//! What became of a program: where its time went, what was compiled, for which types, and why
//! compiled code was left.
//!
//! The JIT measures time and reads the IR while the program runs (`jit::samples`, `jit::detail`); `report` joins both with what it
//! counted and orders it by source line, `html` and `text` write it down. Nothing of it costs anything
//! unless it was asked for.

mod html;
mod report;
mod text;

pub use crate::jit::config::{Explanation, ExplanationForm};
pub use crate::jit::samples::{Clock, Shares, tick};
pub use report::{File, Line, Report, UnitText};

use crate::jit::Jit;
use rustpython_vm::VirtualMachine;

/// What became of the program so far; `None` unless [`JitConfig::explain`](crate::JitConfig::explain) is set and there is
/// a JIT. Time is not measured.
pub fn report(vm: &VirtualMachine) -> Option<Report> {
    let (attached, jit) = Jit::of(vm)?;
    jit.record.explains().then(|| report::collect(jit, attached, None, ""))
}

/// The program has ended: stops measuring, writes its explanation where one was asked for, and says on stderr what came of that.
pub fn finish(vm: &VirtualMachine) {
    let Some((attached, jit)) = Jit::of(vm) else { return };
    let samples = jit.record.samples();
    if let Some(samples) = samples {
        samples.stop();
        // A child that the program forked has nothing to tell.
        if !samples.is_mine() {
            return;
        }
    }
    let Some(explanation) = jit.record.take_explanation().filter(|e| e.form != ExplanationForm::Data) else { return };
    let report = report::collect(jit, attached, samples, &explanation.title);
    if report.is_empty() {
        // No code of the program ever ran; what it said about that is enough.
        return;
    }
    let text = match explanation.form {
        ExplanationForm::Html => html::page(&report),
        ExplanationForm::Text | ExplanationForm::Data => text::text(&report),
    };
    match &explanation.path {
        None => eprint!("{text}"),
        Some(path) => match std::fs::write(path, text) {
            Ok(()) => eprintln!("psycore: explained in {}", path.display()),
            Err(error) => eprintln!("psycore: {}: {error}", path.display()),
        },
    }
}
