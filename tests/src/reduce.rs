//! Makes a failing Python program smaller: takes away lines, together with what is indented under them, for as long as
//! it still fails. It knows nothing of Python but the indentation; what it breaks, the test of the caller rejects.

/// The shortest text found for which `fails` is true; `text` itself must fail.
pub fn lines(text: &str, mut fails: impl FnMut(&str) -> bool) -> String {
    let mut kept: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    loop {
        let before = kept.len();
        let mut level = 0;
        // Outer blocks first, and several at once: most of a generated program has nothing to do with its failure.
        while kept.iter().any(|line| indentation(line) >= level) {
            for together in [8, 2, 1] {
                kept = pass(kept, level, together, &mut fails);
            }
            level += 4;
        }
        if kept.len() == before {
            return join(&kept);
        }
    }
}

/// Tries to take away every group of `together` neighbouring blocks of one level. It begins at the end, because later
/// lines depend on earlier ones.
fn pass<'a>(mut kept: Vec<&'a str>, level: usize, together: usize, fails: &mut impl FnMut(&str) -> bool) -> Vec<&'a str> {
    let mut index = kept.len();
    while index > 0 {
        index -= 1;
        if indentation(kept[index]) != level {
            continue;
        }
        let mut end = block_end(&kept, index);
        for _ in 1..together {
            if kept.get(end).is_some_and(|line| indentation(line) == level) {
                end = block_end(&kept, end);
            }
        }
        let unwrapped = if together == 1 { unwrapped(&kept, index, end) } else { None };
        let candidates = [without(&kept, index, end), unwrapped];
        if let Some(shorter) = candidates.into_iter().flatten().find(|candidate| fails(&join(candidate))) {
            kept = shorter;
            index = index.min(kept.len());
        }
    }
    kept
}

fn join(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// One past the last line that is indented under line `index`.
fn block_end(lines: &[&str], index: usize) -> usize {
    let own = indentation(lines[index]);
    let inside = lines[index + 1..].iter().take_while(|line| indentation(line) > own).count();
    index + 1 + inside
}

fn without<'a>(lines: &[&'a str], start: usize, end: usize) -> Option<Vec<&'a str>> {
    let mut shorter = lines[..start].to_vec();
    shorter.extend(&lines[end..]);
    (!shorter.is_empty()).then_some(shorter)
}

/// A block's body in place of the block, for `if`, `try`, `with` and loops that are not needed.
fn unwrapped<'a>(lines: &[&'a str], start: usize, end: usize) -> Option<Vec<&'a str>> {
    if end == start + 1 {
        return None;
    }
    let outdent = indentation(lines[start + 1]) - indentation(lines[start]);
    let mut shorter = lines[..start].to_vec();
    shorter.extend(lines[start + 1..end].iter().map(|line| &line[outdent..]));
    shorter.extend(&lines[end..]);
    Some(shorter)
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn keeps_only_what_the_failure_needs() {
        let program =
            "a = 1\n\ndef f():\n    x = 1\n    for i in range(3):\n        y = 2\n        bad()\n    return x\nprint(f())\n";
        assert_eq!(lines(program, |text| text.contains("bad()")), "bad()\n");
    }

    #[test]
    fn a_line_goes_with_what_is_indented_under_it() {
        let program = "if a:\n    if b:\n        c\nelse:\n    d\nkeep\n";
        let mut tried = Vec::new();
        let reduced = lines(program, |text| {
            tried.push(text.to_owned());
            text.contains("keep") && text.contains("else:\n    d")
        });
        assert_eq!(reduced, "else:\n    d\nkeep\n");
        assert!(tried.iter().all(|text| !text.is_empty()));
    }
}
