//! The explanation as one HTML page: no scripts, nothing outside it, `<details>` to unfold.

use super::report::{File, Report, UnitText};
use super::text::{kind, notes};
use std::fmt::Write;

/// Longer texts of IR or machine code are cut.
const LONGEST: usize = 400_000;

const STYLE: &str = "
:root { color-scheme: light dark; --back: #fff; --fore: #1b1b1b; --dim: #767676; --rule: #ddd;
  --compiled: 46 160 67; --interpreted: 230 126 34; --mixed: 190 160 20; --other: 128 128 128 }
@media (prefers-color-scheme: dark) { :root { --back: #16181b; --fore: #e4e4e4; --dim: #9a9a9a; --rule: #333 } }
body { background: var(--back); color: var(--fore); font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 110em; padding: 0 1.5em }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em; overflow-wrap: anywhere }
.bar { display: flex; height: 1.2em; border-radius: 4px; overflow: hidden; margin: .5em 0 }
.bar span { display: block }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 1em }
table { border-collapse: collapse } td { padding: 0 1.5em 0 0 } td.n { text-align: right }
.source { font: 13px/1.5 ui-monospace, monospace; overflow-x: auto; border: 1px solid var(--rule); border-radius: 4px }
.line, summary.line { display: flex; white-space: pre; border-left: 4px solid transparent; min-width: max-content }
summary.line { cursor: pointer; list-style: none } summary.line::-webkit-details-marker { display: none }
.line .no { color: var(--dim); width: 5em; text-align: right; padding-right: 1em; flex: none }
.line .t { color: var(--dim); width: 5em; text-align: right; padding-right: 1.5em; flex: none }
summary.line .no::before { content: '+ ' } details[open] > summary.line .no::before { content: '- ' }
.notes { margin: 0; padding: .3em 1em .5em 12em; border-left: 4px solid var(--rule); list-style: none }
details.unit { border: 1px solid var(--rule); border-radius: 4px; margin: .4em 0; padding: .3em .8em }
details.unit summary { cursor: pointer } pre { font: 12px/1.4 ui-monospace, monospace; overflow-x: auto }
.dim { color: var(--dim) }
";

pub(super) fn page(report: &Report) -> String {
    let title = escape(&report.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} explained</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    summary(&mut out, report);
    for file in &report.files {
        write_file(&mut out, report, file);
    }
    if !report.elsewhere.is_empty() {
        out.push_str("<h2>Elsewhere, and modules without a source file</h2>\n<table>\n");
        for (name, time) in &report.elsewhere {
            let _ = writeln!(out, "<tr><td class=\"n\">{}</td><td>{}</td></tr>", percent(report.share(*time)), escape(name));
        }
        out.push_str("</table>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn summary(out: &mut String, report: &Report) {
    if let Some(s) = report.shares {
        let parts = [
            ("compiled code", "compiled", "1", s.compiled),
            ("what compiled code called", "compiled", ".5", s.called),
            ("interpreter", "interpreted", "1", s.interpreted),
            ("compiler", "mixed", "1", s.compiling),
            ("other", "other", "1", s.other),
        ];
        out.push_str("<div class=\"bar\">");
        for (name, colour, alpha, time) in parts {
            let share = report.share(time) * 100.0;
            let _ = write!(
                out,
                "<span title=\"{name}\" style=\"width:{share:.2}%;background:rgb(var(--{colour}) / {alpha})\"></span>"
            );
        }
        let _ = write!(out, "</div>\n<p>{} ms of processor time:", s.total());
        for (name, colour, alpha, time) in parts {
            let _ = write!(
                out,
                " <span class=\"key\" style=\"background:rgb(var(--{colour}) / {alpha})\"></span>{name} {}",
                percent(report.share(time))
            );
        }
        out.push_str("</p>\n<p class=\"dim\">Time is sampled: the program was looked at as often as the system's clock allows, every 1 to 4 ms. \
            A line is the darker the more of it was spent there; click on one with a + to see more.</p>\n");
    }
    out.push_str("<details><summary>Numbers</summary><table>\n");
    for (name, value) in &report.numbers {
        let _ = writeln!(out, "<tr><td>{name}</td><td class=\"n\">{}</td></tr>", escape(value));
    }
    out.push_str("</table></details>\n");
}

fn write_file(out: &mut String, report: &Report, file: &File) {
    let _ = write!(
        out,
        "<h2>{} <span class=\"dim\">{}</span></h2>\n<div class=\"source\">\n",
        escape(&file.path),
        percent(report.share(file.time))
    );
    // The hottest line is the darkest, whatever its share.
    let most = file.lines.values().map(|l| l.time()).max().unwrap_or(0).max(1);
    let nothing = super::report::Line::default();
    for (number, source) in (1..).zip(&file.source) {
        let line = file.lines.get(&number).unwrap_or(&nothing);
        let kind = kind(line);
        let style = match kind {
            "" => String::new(),
            _ => {
                let alpha = match line.time() {
                    0 => 0.0,
                    time => 0.06 + 0.5 * (time as f64 / most as f64).sqrt(),
                };
                format!(
                    " style=\"border-left-color:rgb(var(--{kind}));background:rgb(var(--{kind}) / {alpha:.2})\" title=\"{kind}\""
                )
            }
        };
        let time = if line.time() > 0 { percent(report.share(line.time())) } else { String::new() };
        let row = format!("<span class=\"no\">{number}</span><span class=\"t\">{time}</span><span>{}</span>", escape(source));
        let notes = notes(line);
        if notes.is_empty() && line.time() == 0 {
            let _ = writeln!(out, "<div class=\"line\"{style}>{row}</div>");
            continue;
        }
        let _ = write!(out, "<details><summary class=\"line\"{style}>{row}</summary><ul class=\"notes\">");
        if line.time() > 0 {
            let _ = write!(
                out,
                "<li>{} ms compiled, {} ms in what it called, {} ms interpreted</li>",
                line.compiled, line.called, line.interpreted
            );
        }
        for note in &notes {
            let _ = write!(out, "<li>{}</li>", escape(note));
        }
        out.push_str("</ul></details>\n");
    }
    out.push_str("</div>\n");
    for unit in &file.units {
        write_unit(out, report, unit);
    }
}

fn write_unit(out: &mut String, report: &Report, unit: &UnitText) {
    let _ = writeln!(
        out,
        "<details class=\"unit\"><summary>line {}: {} <span class=\"dim\">{}, {} bytecode instructions, {} bytes, {} exits{}</span></summary>",
        unit.line,
        escape(&unit.title),
        percent(report.share(unit.time)),
        unit.instrs,
        unit.bytes,
        unit.exits,
        if unit.replaced { ", replaced by a later one" } else { "" }
    );
    let mut objects = String::new();
    for (name, what) in &unit.objects {
        let _ = writeln!(objects, "{name} = {what}");
    }
    let (before, after) = unit.ir.split_once("\n; optimized\n").unwrap_or((&unit.ir, ""));
    for (name, text) in
        [("IR", after), ("IR before the passes", before), ("Objects", objects.as_str()), ("Machine code", unit.listing.as_str())]
    {
        if !text.is_empty() {
            let _ = writeln!(out, "<details><summary>{name}</summary><pre>{}</pre></details>", escape(cut(text)));
        }
    }
    out.push_str("</details>\n");
}

/// The beginning of a text that is too long.
fn cut(text: &str) -> &str {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => &text[..at],
        None => text,
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Text for elements and for attributes in quotes. Characters that no page may hold are replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_can_not_leave_its_element() {
        assert_eq!(escape("if a<b and \"</pre>\" & '\u{c}'"), "if a&lt;b and &quot;&lt;/pre&gt;&quot; &amp; &#39;\u{fffd}&#39;");
    }
}
