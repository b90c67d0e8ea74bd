//! Filetests: a file of IR with directives in comments, checked by what they say.
//!
//! ```text
//! ; test verify            the unit is well formed, or has exactly the errors of the `; error` lines
//! ; test pass gvn, dce     what the passes make of it is what stands below the line `---`
//! ; test run               each `; run` gives the `; ->` below it, on every lowering
//! ; test run optimize      the same, and once more after all passes
//! ; object a int.mag=5 list.ptr=[@b, 7] slots=[@b] refs=2 finalizer
//! ; cell fn3 = 1           cell 3 holds function 1
//! ; ctx countdown=5 depth=3 exit_words=100 poll_leaves
//! ; run (@a, -1, 2.5)      function 0; `; run 2(..)` for another one
//! ; -> returned 5; calls dealloc(@a); then b.refs=2
//! ```
//!
//! Objects called `obj0`, `obj1`.. are those that the IR names; they are immortal unless declared.
//! With `PSYCORE_BLESS=1` in the environment, expectations are rewritten to what comes out.

use crate::ir_machine::{self, Datum, ObjectSpec, World};
use psycore_jit::ir::text::parse_unit;
use psycore_jit::ir::verify::verify;
use psycore_jit::ir::{Field, Unit};
use psycore_jit::lower::Lowering;
use std::path::Path;

/// Makes a fresh backend of each kind that the machine has, to run every test on; the reference comes first.
pub type Lowerings<'a> = &'a dyn Fn() -> Vec<Box<dyn Lowering>>;

/// Runs the tests of one file; an error says what is wrong, for people.
pub fn check_file(path: &Path, lowerings: Lowerings<'_>) -> Result<(), String> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| format!("{name}: {e}"))?;
    let bless = std::env::var_os("PSYCORE_BLESS").is_some();
    let after = check_text(&text, bless, lowerings).map_err(|e| format!("{name}: {e}"))?;
    if after == text {
        return Ok(());
    }
    if bless {
        return std::fs::write(path, after).map_err(|e| format!("{name}: {e}"));
    }
    Err(format!("{name}: the outcome is another one (PSYCORE_BLESS=1 accepts it)\n{}", difference(&text, &after)))
}

/// The lines that differ, with a line before.
fn difference(want: &str, got: &str) -> String {
    let (want, got): (Vec<&str>, Vec<&str>) = (want.lines().collect(), got.lines().collect());
    let same_start = want.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let rest = want.len().min(got.len()) - same_start;
    let same_end = want.iter().rev().zip(got.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let from = same_start.saturating_sub(1);
    let mut out = String::new();
    for l in &want[from..want.len() - same_end] {
        out += &format!("  expected | {l}\n");
    }
    for l in &got[from..got.len() - same_end] {
        out += &format!("  got      | {l}\n");
    }
    out
}

/// The text with its expectations replaced by what comes out.
fn check_text(text: &str, bless: bool, lowerings: Lowerings<'_>) -> Result<String, String> {
    let (source, _) = text.split_once("\n---\n").unwrap_or((text, ""));
    let unit = parse_unit(source).map_err(|e| e.to_string())?;
    let printed = unit.to_string();
    let again = parse_unit(&printed).map_err(|e| format!("its printed form does not parse: {e}"))?;
    if again.to_string() != printed {
        return Err("its printed form reads as something else".into());
    }
    let tests: Vec<&str> = source.lines().filter_map(|l| l.strip_prefix("; test ")).map(str::trim).collect();
    if tests.is_empty() {
        return Err("no `; test` line".into());
    }
    let mut out = source.trim_end().to_string() + "\n";
    for test in tests {
        let (kind, rest) = test.split_once(' ').unwrap_or((test, ""));
        match kind {
            "verify" => out = check_verify(&out, &unit)?,
            "pass" => {
                well_formed(&unit, "the input")?;
                let mut unit = unit.clone();
                for pass in rest.split(',').map(str::trim) {
                    psycore_jit::passes::run_named(&mut unit, pass)?;
                    well_formed(&unit, &format!("the output of {pass}"))?;
                }
                out = format!("{out}---\n{unit}");
            }
            "run" => {
                well_formed(&unit, "the input")?;
                let mut optimized = unit.clone();
                if rest == "optimize" {
                    psycore_jit::passes::optimize(&mut optimized, &Default::default());
                    well_formed(&optimized, "the optimized unit")?;
                }
                out = check_runs(&out, &unit, &optimized, bless, lowerings)?;
            }
            other => return Err(format!("there is no test `{other}`")),
        }
    }
    Ok(out)
}

/// Times the runs of a file on each lowering but the reference, after the passes: `lowering nanoseconds result` by line.
pub fn time_file(path: &Path, lowerings: Lowerings<'_>) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut unit = parse_unit(&text).map_err(|e| e.to_string())?;
    well_formed(&unit, "the input")?;
    psycore_jit::passes::optimize(&mut unit, &Default::default());
    let mut out = String::new();
    let mut world = World::default();
    for line in text.lines() {
        let Some(directive) = line.strip_prefix("; ") else { continue };
        let mut r = DirectiveReader { text: directive };
        match r.word() {
            "object" => world.objects.push(r.object()?),
            "cell" => r.cell(&mut world)?,
            "ctx" => r.ctx(&mut world)?,
            "run" => {
                let func = r.run(&mut world)?;
                for mut l in lowerings().into_iter().skip(1) {
                    let mut best = u128::MAX;
                    let mut end = String::new();
                    for _ in 0..5 {
                        end = ir_machine::run(l.as_mut(), &unit, func, &world)?.end;
                        best = best.min(ir_machine::run_time().as_nanos());
                    }
                    out += &format!("{} {best} {end}\n", l.name());
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

fn well_formed(unit: &Unit, what: &str) -> Result<(), String> {
    verify(unit).map_err(|e| format!("{what} is not well formed:\n{e}\n{unit}"))
}

fn check_verify(text: &str, unit: &Unit) -> Result<String, String> {
    let mut out: String = text.lines().filter(|l| !l.starts_with("; error")).map(|l| format!("{l}\n")).collect();
    if let Err(errors) = verify(unit) {
        for e in &errors.0 {
            out += &format!("; error {e}\n");
        }
    }
    Ok(out)
}

fn check_runs(text: &str, unit: &Unit, optimized: &Unit, bless: bool, lowerings: Lowerings<'_>) -> Result<String, String> {
    let mut world = World::default();
    let mut out = String::new();
    let mut runs = 0;
    for (n, line) in text.lines().enumerate() {
        let at = |e: String| format!("line {}: {e}", n + 1);
        if line.starts_with("; ->") {
            continue;
        }
        out += &format!("{line}\n");
        let Some(directive) = line.strip_prefix("; ") else { continue };
        let mut r = DirectiveReader { text: directive };
        match r.word() {
            "object" => world.objects.push(r.object().map_err(at)?),
            "cell" => r.cell(&mut world).map_err(at)?,
            "ctx" => r.ctx(&mut world).map_err(at)?,
            "run" => {
                runs += 1;
                let func = r.run(&mut world).map_err(at)?;
                let mut results = Vec::new();
                for mut l in lowerings() {
                    for (unit, how) in [(unit, ""), (optimized, " optimized")] {
                        let got = ir_machine::run(l.as_mut(), unit, func, &world).map_err(at)?;
                        results.push((format!("{}{how}", l.name()), got.to_string()));
                        if unit == optimized {
                            break;
                        }
                    }
                }
                let first = results[0].1.clone();
                if let Some((name, other)) = results.iter().find(|r| r.1 != first) {
                    return Err(at(format!("{} gives\n  {first}\n{name} gives\n  {other}", results[0].0)));
                }
                out += &format!("; -> {first}\n");
            }
            _ => {}
        }
    }
    if runs == 0 && !bless {
        return Err("no `; run` line".into());
    }
    Ok(out)
}

/// Reads directives.
struct DirectiveReader<'a> {
    text: &'a str,
}

impl<'a> DirectiveReader<'a> {
    fn skip(&mut self) {
        self.text = self.text.trim_start();
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip();
        match self.text.strip_prefix(c) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    fn want(&mut self, c: char) -> Result<(), String> {
        if self.eat(c) { Ok(()) } else { Err(format!("expected `{c}` before `{}`", self.text)) }
    }

    fn word(&mut self) -> &'a str {
        self.skip();
        let end = self.text.find(|c: char| !(c.is_alphanumeric() || "_.-+".contains(c))).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        word
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, String> {
        let w = self.word();
        w.parse().map_err(|_| format!("`{w}` is not such a number"))
    }

    fn list(&mut self, close: char) -> Result<Vec<Datum>, String> {
        let mut out = Vec::new();
        while !self.eat(close) {
            if !out.is_empty() {
                self.want(',')?;
            }
            out.push(self.datum()?);
        }
        Ok(out)
    }

    fn datum(&mut self) -> Result<Datum, String> {
        if self.eat('@') {
            return Ok(Datum::Object(self.word().to_string()));
        }
        if self.eat('[') {
            return Ok(Datum::Array(self.list(']')?));
        }
        let w = self.word();
        if let Ok(x) = w.parse::<i64>() {
            return Ok(Datum::Word(x as u64));
        }
        let x: f64 = w.parse().map_err(|_| format!("`{w}` is not a value"))?;
        Ok(Datum::Word(x.to_bits()))
    }

    fn object(&mut self) -> Result<ObjectSpec, String> {
        let mut o = ObjectSpec { name: self.word().to_string(), refs: 1, ..ObjectSpec::default() };
        loop {
            let word = self.word();
            match word {
                "" => return if self.text.is_empty() { Ok(o) } else { Err(format!("what is `{}`?", self.text)) },
                "finalizer" => o.finalizer = true,
                "immortal" => o.refs = ir_machine::IMMORTAL,
                "refs" => {
                    self.want('=')?;
                    o.refs = self.number()?;
                }
                "slots" => {
                    self.want('=')?;
                    self.want('[')?;
                    o.slots = self.list(']')?;
                }
                _ => {
                    let field = Field::by_name(word).ok_or_else(|| format!("there is no field `{word}`"))?;
                    self.want('=')?;
                    let d = self.datum()?;
                    o.fields.push((field, d));
                }
            }
        }
    }

    fn cell(&mut self, world: &mut World) -> Result<(), String> {
        let w = self.word();
        let n = w.strip_prefix("fn").and_then(|d| d.parse().ok()).filter(|&n: &u32| n < 64);
        let n = n.ok_or_else(|| format!("`{w}` is not a cell"))?;
        self.want('=')?;
        let func = self.number()?;
        world.cells.insert(n, func);
        Ok(())
    }

    fn ctx(&mut self, world: &mut World) -> Result<(), String> {
        loop {
            let word = self.word();
            match word {
                "" => return Ok(()),
                "poll_leaves" => world.poll_leaves = true,
                _ => {
                    self.want('=')?;
                    match word {
                        "countdown" => world.countdown = self.number()?,
                        "depth" => world.depth = self.number()?,
                        "exit_words" => world.exit_words = self.number()?,
                        _ => return Err(format!("the context has no `{word}`")),
                    }
                }
            }
        }
    }

    fn run(&mut self, world: &mut World) -> Result<usize, String> {
        self.skip();
        let func = if self.text.starts_with('(') { 0 } else { self.number()? };
        self.want('(')?;
        world.args = self.list(')')?;
        Ok(func)
    }
}
