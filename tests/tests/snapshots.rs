//! Python in, IR out: each `tests/snapshots/NAME.py` runs in the executable, and the IR of what is compiled, after the
//! passes, must be what `NAME.ir` holds. `PSYCORE_BLESS=1` writes it. What a case is about stands in its first lines, and
//! holds whatever is written:
//!
//! ```text
//! # in the loop: mul_ovf, poll       these occur in the loops of the last unit, cold blocks not counted
//! # not in the loop: call_rt         these do not
//! # contains: call_fn                these occur anywhere
//! ```

use psycore_jit::ir::text::parse_unit;
use psycore_jit::ir::{Function, Term};
use psycore_tests::process::{self, LIMIT};
use psycore_tests::{diff, modes, parallel, programs};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

#[test]
fn snapshots() {
    let executable = modes::executable().unwrap_or_else(|problem| panic!("{problem}"));
    let cases = programs::in_directory("snapshots");
    assert!(!cases.is_empty());
    let failures: Vec<String> =
        parallel::map(&cases, |case| check(&case.path, &executable).err()).into_iter().flatten().collect();
    assert!(failures.is_empty(), "{} of {} snapshots\n\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn check(path: &Path, executable: &Path) -> Result<(), String> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let units = compile(path, executable).map_err(|problem| format!("{name}: {problem}"))?;
    let actual: String = units.iter().map(|u| format!("; {}\n{}\n", u.title, u.text)).collect();
    check_promises(path, &units).map_err(|problem| format!("{name}: {problem}\n{actual}"))?;
    let file = path.with_extension("ir");
    if std::env::var_os("PSYCORE_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&file, &actual).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    match diff::texts(&expected, &actual) {
        Some(difference) => Err(format!("{name}: another IR (PSYCORE_BLESS=1 accepts it)\n{difference}")),
        None => Ok(()),
    }
}

/// A unit in the order in which it was compiled.
struct UnitSnapshot {
    /// What it is, as the log calls it.
    title: String,
    /// Objects by their names, positions and numbers that differ from run to run left out.
    text: String,
    /// As the log has it.
    raw: String,
}

fn compile(path: &Path, executable: &Path) -> Result<Vec<UnitSnapshot>, String> {
    let log = std::env::temp_dir().join(format!(
        "psycore-snapshot-{}-{}.log",
        std::process::id(),
        path.file_stem().unwrap_or_default().to_string_lossy()
    ));
    let mut command = Command::new(executable);
    command.args(["-I", "-S", "--jit=auto"]).arg(format!("--jit-log={}", log.display())).arg(path);
    command
        .env("PSYCORE_JIT_SYNCHRONOUS", "1")
        .env("PSYCORE_JIT_LOG_IR", "1")
        .env("PYTHONHASHSEED", "0")
        .env_remove("PSYCORE_LOWERING")
        .env_remove("PSYCORE_JIT_THRESHOLD");
    let outcome = process::run(&mut command, LIMIT).map_err(|error| error.to_string())?;
    let text = std::fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    // A log that stays behind in the temporary directory hurts nobody.
    let _ = std::fs::remove_file(&log);
    if outcome.end != "exit status: 0" {
        return Err(format!("{}\n{}", outcome.end, outcome.stderr));
    }
    let mut units = Vec::new();
    for part in text.split("\n; optimized\n").skip(1) {
        let (raw, rest) = part.split_once("\n}\n").ok_or("the IR has no end")?;
        let raw = format!("{raw}\n}}\n");
        let mut names = HashMap::new();
        let mut lines = rest.lines().skip_while(|line| line.is_empty());
        let title = loop {
            let line = lines.next().ok_or("the log says nothing of a unit")?;
            match line.strip_prefix("; ").and_then(|line| line.split_once(" = ")) {
                Some((object, what)) => names.insert(object.to_owned(), what.to_owned()),
                None if line.is_empty() => None,
                None => break line.split(" (").next().unwrap_or_default().to_owned(),
            };
        };
        units.push(UnitSnapshot { title, text: normalize(&raw, &names)?, raw });
    }
    if units.is_empty() {
        return Err("nothing was compiled".into());
    }
    Ok(units)
}

/// Fields that number things in the order in which the process made them.
const STAMPS: [&str; 3] = ["type.version", "dict.stamp", "func.version"];

fn normalize(raw: &str, names: &HashMap<String, String>) -> Result<String, String> {
    // Values that hold a stamp, and constants that stamps are compared with.
    let defined: HashMap<&str, &str> =
        raw.lines().filter_map(|line| line.trim().split_once(" = ")).filter(|(v, _)| v.starts_with('v')).collect();
    let is_stamp = |v: &str| defined.get(v).is_some_and(|op| STAMPS.iter().any(|f| op.starts_with(&format!("load {f} "))));
    let mut stamps = Vec::new();
    for op in defined.values() {
        let words: Vec<&str> = op.split([' ', ',']).filter(|w| !w.is_empty()).collect();
        if let ["icmp", _, a, b, ..] = words[..] {
            stamps.extend([(a, b), (b, a)].into_iter().filter(|(x, _)| is_stamp(x)).map(|(_, constant)| constant));
        }
    }
    let mut order: Vec<String> = Vec::new();
    let mut out = String::new();
    for line in raw.lines() {
        let mut line = line.split(" @").next().unwrap_or_default().to_owned();
        if let Some((v, op)) = line.trim().split_once(" = ")
            && stamps.contains(&v)
            && (op.starts_with("i32 ") || op.starts_with("i64 "))
        {
            line = format!("    {v} = {} STAMP", &op[..3]);
        }
        out.push_str(&number_objects(&line, &mut order));
        out.push('\n');
    }
    for (i, object) in order.iter().enumerate() {
        let what = names.get(object).ok_or_else(|| format!("the log does not say what {object} is"))?;
        let _ = writeln!(out, "; obj{i} = {what}");
    }
    Ok(out)
}

/// Numbers objects, and the cells of functions, in the order of their appearance.
fn number_objects(line: &str, order: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("obj") {
        let digits = rest[at + 3..].chars().take_while(char::is_ascii_digit).count();
        let word_before = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        let end = at + 3 + digits;
        if digits == 0 || word_before {
            out.push_str(&rest[..end]);
        } else {
            let object = &rest[at..end];
            let number = order.iter().position(|o| o == object).unwrap_or_else(|| {
                order.push(object.to_owned());
                order.len() - 1
            });
            let _ = write!(out, "{}obj{number}", &rest[..at]);
        }
        rest = &rest[end..];
    }
    out + rest
}

fn check_promises(path: &Path, units: &[UnitSnapshot]) -> Result<(), String> {
    let source = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let all: String = units.iter().map(|u| u.text.as_str()).collect();
    let last = units.last().map(|u| u.raw.as_str()).unwrap_or_default();
    let unit = parse_unit(last).map_err(|error| format!("{error:?}"))?;
    let looped: String = unit.funcs.iter().map(loops).collect();
    let mut promises = 0;
    for line in source.lines().take_while(|line| line.starts_with('#')) {
        let Some((key, items)) = line.trim_start_matches("# ").split_once(": ") else { continue };
        let (text, wanted) = match key {
            "in the loop" => (&looped, true),
            "not in the loop" => (&looped, false),
            "contains" => (&all, true),
            _ => continue,
        };
        for item in items.split(", ") {
            promises += 1;
            if has(text, item) != wanted {
                return Err(format!("{key}: {item}: it is {}\n{text}", if wanted { "not there" } else { "there" }));
            }
        }
    }
    if promises == 0 {
        return Err("the first lines promise nothing".into());
    }
    Ok(())
}

/// Whether words occur in a text, whole.
fn has(text: &str, words: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(words)
        .any(|(at, _)| !inside(text[..at].chars().next_back()) && !inside(text[at + words.len()..].chars().next()))
}

/// The instructions of all blocks that can come back to themselves without passing a cold one.
fn loops(f: &Function) -> String {
    let successors = |b: usize| -> Vec<usize> {
        let targets = match &f.blocks[b].term {
            Term::Jump(call) => vec![call.block.index()],
            Term::Br { then, els, .. } => vec![then.block.index(), els.block.index()],
            Term::Ret(_) | Term::Exit(_) | Term::None => Vec::new(),
        };
        targets.into_iter().filter(|t| !f.blocks[*t].cold).collect()
    };
    let comes_back = |b: usize| {
        let mut seen = vec![false; f.blocks.len()];
        let mut work = successors(b);
        while let Some(next) = work.pop() {
            if !std::mem::replace(&mut seen[next], true) {
                work.extend(successors(next));
            }
        }
        seen[b]
    };
    let mut out = String::new();
    for b in (0..f.blocks.len()).filter(|b| !f.blocks[*b].cold && comes_back(*b)) {
        for inst in &f.blocks[b].insts {
            let _ = writeln!(out, "{}", f.insts[inst.index()]);
        }
    }
    out
}
