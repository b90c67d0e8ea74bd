//! The house as its imports draw it: rooms of `vm/src` know only rooms below them, and nowhere in the workspace do more than a
//! few files import each other in a circle. `CONTRIBUTING.md` says what is in each room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `vm/src`, the top floor first.
const FLOORS: [&str; 10] = ["embed", "attach", "psyco", "explain", "jit", "runtime", "deopt", "hook", "code", "object"];

/// Files that may import each other in a circle.
const LARGEST_CIRCLE: usize = 4;

/// Where crates have their sources.
fn source_roots() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut roots = Vec::new();
    let mut todo: Vec<PathBuf> = ["vm", "jit", "native", "wasm"].iter().map(|d| root.join(d)).collect();
    while let Some(dir) = todo.pop() {
        if dir.join("Cargo.toml").is_file() && dir.join("src").is_dir() {
            roots.push(dir.join("src"));
        }
        let inner = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path());
        todo.extend(inner.filter(|p| p.is_dir() && !["src", "node_modules", "target"].iter().any(|n| p.ends_with(n))));
    }
    roots
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        // Tests look where they like.
        if name == "tests" || name.ends_with("_tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// A file's code without comments and without its tests, which come last.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The paths that a tree of `use` stands for.
fn expand(tree: &str, out: &mut Vec<String>) {
    let Some(open) = tree.find('{') else {
        out.push(tree.split(" as ").next().unwrap_or_default().trim().to_owned());
        return;
    };
    let (prefix, inner) = (&tree[..open], tree[open + 1..].trim_end());
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    let (mut depth, mut from) = (0, 0);
    for (i, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inner[from..i].trim();
                if !part.is_empty() {
                    expand(&format!("{}{part}", prefix.trim()), out);
                }
                from = i + 1;
            }
            _ => {}
        }
    }
}

/// The `use` declarations of some code: whether each is public, and its paths.
fn uses(code: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some(at) = statement.rfind("use ").filter(|at| statement[..*at].ends_with(['\n', ' ', ')']) || *at == 0) else {
            continue;
        };
        let public = statement[..at].lines().next_back().is_some_and(|line| line.trim_start().starts_with("pub"));
        let mut paths = Vec::new();
        expand(&statement[at + 4..].split_whitespace().collect::<Vec<_>>().join(" "), &mut paths);
        found.push((public, paths));
    }
    found
}

/// Paths that stand in the code itself.
fn inline_paths(code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    ["crate::", "super::"]
        .iter()
        .flat_map(|start| code.match_indices(start))
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| is_word(c) || c == ':'))
        .map(|(at, _)| code[at..].chars().take_while(|c| is_word(*c) || *c == ':').collect())
        .collect()
}

/// The modules of one crate.
struct Modules {
    /// Files by module path, such as `["hook", "site"]`.
    files: BTreeMap<Vec<String>, PathBuf>,
    /// What modules hand on: module and name to the path where it is.
    handed_on: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl Modules {
    fn of(root: &Path) -> Self {
        let mut modules = Modules { files: BTreeMap::new(), handed_on: BTreeMap::new() };
        for file in rust_files(root) {
            let mut path: Vec<String> =
                file.with_extension("").strip_prefix(root).unwrap().iter().map(|p| p.to_string_lossy().into_owned()).collect();
            if path.last().is_some_and(|l| ["mod", "lib", "main"].contains(&l.as_str())) {
                path.pop();
            }
            modules.files.entry(path).or_insert(file);
        }
        for (module, file) in &modules.files {
            for (_, paths) in uses(&code_of(file)).into_iter().filter(|(public, _)| *public) {
                for path in paths {
                    let full = modules.absolute(module, &path);
                    if let Some((name, full)) = full.and_then(|full| Some((full.last()?.clone(), full.clone()))) {
                        modules.handed_on.insert((module.clone(), name), full);
                    }
                }
            }
        }
        modules
    }

    /// A path from the root of the crate; `None` for what is in another one.
    fn absolute(&self, module: &[String], path: &str) -> Option<Vec<String>> {
        let mut parts = path.split("::").map(str::to_owned).collect::<Vec<_>>();
        let mut at = match parts[0].as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            // From the root of a room it is a module within the file that looks up.
            "super" if module.len() < 2 => module.to_vec(),
            "super" => module[..module.len() - 1].to_vec(),
            first => {
                let child = [module, &[first.to_owned()]].concat();
                return self.files.contains_key(&child).then(|| [module, &parts].concat());
            }
        };
        parts.remove(0);
        while parts.first().is_some_and(|p| p == "super") {
            at.pop()?;
            parts.remove(0);
        }
        at.extend(parts);
        Some(at)
    }

    /// The module that a path leads into.
    fn target(&self, mut path: Vec<String>) -> Option<Vec<String>> {
        for _ in 0..8 {
            let depth = (0..=path.len()).rev().find(|n| self.files.contains_key(&path[..*n]))?;
            let module = path[..depth].to_vec();
            let Some(name) = path.get(depth) else { return Some(module) };
            match self.handed_on.get(&(module.clone(), name.clone())) {
                Some(onward) if *onward != path => path = [&onward[..], &path[depth + 1..]].concat(),
                _ => return Some(module),
            }
        }
        None
    }

    /// The modules that a module imports from.
    fn imports(&self, module: &[String]) -> BTreeSet<Vec<String>> {
        let code = code_of(&self.files[module]);
        let used = uses(&code).into_iter().filter(|(public, _)| !*public).flat_map(|(_, paths)| paths);
        let paths = used.chain(inline_paths(&code).into_iter().filter(|p| !p.ends_with("::")));
        let targets = paths.filter_map(|path| self.target(self.absolute(module, &path)?));
        targets.filter(|target| target != module).collect()
    }
}

#[test]
fn rooms_know_only_rooms_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vm/src");
    let modules = Modules::of(&root);
    let floor = |module: &[String]| module.first().and_then(|room| FLOORS.iter().position(|f| f == room));
    let mut wrong = Vec::new();
    for module in modules.files.keys().filter(|m| !m.is_empty()) {
        let name = module.join("::");
        let Some(own) = floor(module) else {
            wrong.push(format!("{name} is on no floor"));
            continue;
        };
        for target in modules.imports(module) {
            if floor(&target).is_none_or(|other| other < own) {
                wrong.push(format!(
                    "{name} imports {}",
                    if target.is_empty() { "the root".to_owned() } else { target.join("::") }
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "imports go up:\n{}", wrong.join("\n"));
}

#[test]
fn circles_are_small() {
    let mut wrong = Vec::new();
    for root in source_roots() {
        let modules = Modules::of(&root);
        let imports: BTreeMap<_, _> = modules.files.keys().map(|m| (m.clone(), modules.imports(m))).collect();
        let reached = |from: &Vec<String>| {
            let mut seen = BTreeSet::new();
            let mut todo: Vec<&Vec<String>> = vec![from];
            while let Some(module) = todo.pop() {
                todo.extend(imports[module].iter().filter(|next| seen.insert((*next).clone())));
            }
            seen
        };
        let reach: BTreeMap<_, _> = imports.keys().map(|m| (m, reached(m))).collect();
        let mut done = BTreeSet::new();
        for (module, seen) in &reach {
            if done.contains(*module) {
                continue;
            }
            let circle: Vec<_> = seen.iter().filter(|other| reach[other].contains(*module)).collect();
            done.extend(circle.iter().copied());
            if circle.len() > LARGEST_CIRCLE {
                let names: Vec<_> = circle.iter().map(|m| m.join("::")).collect();
                wrong.push(format!("{}: {} files in a circle: {}", root.display(), circle.len(), names.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let code = "use a::{b, c::{d as e, f}};\npub use g::H;\nfn x() { crate::i::j(); super::k }";
    let used = uses(code);
    assert_eq!(used[0], (false, vec!["a::b".to_owned(), "a::c::d".to_owned(), "a::c::f".to_owned()]));
    assert_eq!(used[1], (true, vec!["g::H".to_owned()]));
    assert_eq!(inline_paths(code), ["crate::i::j", "super::k"]);
}
