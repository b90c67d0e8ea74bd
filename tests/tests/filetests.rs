//! Runs the files of `tests/filetests/`; `psycore_ir_tests::filetest` describes them.

use psycore_ir_tests::filetest::check_file;
use psycore_tests::lowerings::lowerings;
use std::path::Path;

#[test]
fn filetests() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("filetests");
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|x| x == "ir"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no filetests in {}", dir.display());
    let only = std::env::var("PSYCORE_ONLY").unwrap_or_default();
    let mut failed = Vec::new();
    for file in &files {
        let name = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if !only.is_empty() && !only.split(',').any(|o| name.contains(o)) {
            continue;
        }
        if let Err(e) = check_file(file, &lowerings) {
            failed.push(e);
        }
    }
    assert!(failed.is_empty(), "{} of {} filetests failed:\n\n{}", failed.len(), files.len(), failed.join("\n\n"));
}
