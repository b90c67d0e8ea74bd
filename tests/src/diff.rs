//! Says in few lines how two texts or two runs differ. It is for people who read a failed test, not a patch format.

use crate::process::Outcome;
use std::fmt::Write;

const SHOWN_LINES: usize = 12;
const CONTEXT: usize = 2;

/// The lines between the common beginning and the common end of both texts, or `None` when they are equal.
pub fn texts(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let left: Vec<&str> = expected.split_inclusive('\n').collect();
    let right: Vec<&str> = actual.split_inclusive('\n').collect();
    let same_start = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let same_end = left[same_start..].iter().rev().zip(right[same_start..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut out = String::new();
    let _ = writeln!(out, "  first difference in line {}", same_start + 1);
    for line in &left[same_start.saturating_sub(CONTEXT)..same_start] {
        let _ = writeln!(out, "    {}", line.trim_end_matches('\n'));
    }
    for (sign, lines) in [('-', &left), ('+', &right)] {
        let changed = &lines[same_start..lines.len() - same_end];
        for line in changed.iter().take(SHOWN_LINES) {
            let missing_newline = if line.ends_with('\n') { "" } else { " (no newline at the end)" };
            let _ = writeln!(out, "  {sign} {}{missing_newline}", line.trim_end_matches('\n'));
        }
        if changed.len() > SHOWN_LINES {
            let _ = writeln!(out, "  {sign} ... {} more lines", changed.len() - SHOWN_LINES);
        }
    }
    Some(out)
}

/// How two runs differ in exit code, stdout or stderr; `None` when nothing does.
pub fn outcomes(expected: &Outcome, actual: &Outcome) -> Option<String> {
    let mut out = String::new();
    if expected.end != actual.end {
        let _ = writeln!(out, " end: expected {}, got {}", expected.end, actual.end);
    }
    // For `a += b` the interpreter itself says `+` or `+=` in this message, depending on whether
    // it has specialized the instruction by then; so for the other operators that it specializes.
    let plain = |text: &str| {
        ["+", "-", "*"].iter().fold(text.to_owned(), |text, op| {
            text.replace(&format!("operand type(s) for {op}=:"), &format!("operand type(s) for {op}:"))
        })
    };
    let pairs =
        [("stdout", plain(&expected.stdout), plain(&actual.stdout)), ("stderr", plain(&expected.stderr), plain(&actual.stderr))];
    for (name, a, b) in &pairs {
        if let Some(text) = texts(a, b) {
            let _ = write!(out, " {name}:\n{text}");
        }
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_do_not_differ() {
        assert_eq!(texts("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn shows_only_what_differs_with_a_little_context() {
        let shown = texts("1\n2\n3\n4\n5\n", "1\n2\n3\nx\n5\n").unwrap();
        assert_eq!(shown, "  first difference in line 4\n    2\n    3\n  - 4\n  + x\n");
    }

    #[test]
    fn a_missing_last_line_and_a_missing_newline_are_seen() {
        assert!(texts("a\nb\n", "a\n").unwrap().contains("- b"));
        assert!(texts("a\n", "a").unwrap().contains("+ a (no newline at the end)"));
    }

    #[test]
    fn a_crash_is_a_difference_even_when_the_output_is_the_same() {
        let fine = Outcome { end: "exit status: 0".into(), stdout: "x\n".into(), stderr: String::new() };
        let crashed = Outcome { end: "signal: 11 (SIGSEGV)".into(), ..fine.clone() };
        assert!(outcomes(&fine, &crashed).unwrap().contains("SIGSEGV"));
    }
}
