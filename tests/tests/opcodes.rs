//! `docs/opcodes.md` holds what the specializer says of each opcode. `PSYCORE_BLESS=1` rewrites it. That the specializer
//! says the truth is tested beside it, in `jit/src/specialize/support.rs`.

use psycore_jit::specialize::support;
use psycore_tests::diff;
use std::path::Path;

const INTRODUCTION: &str = "\
# What is compiled

Generated from `jit/src/specialize/support.rs`; `PSYCORE_BLESS=1 ./x test --test opcodes` writes it anew.

Every opcode that a compiler of Python writes into bytecode, and what compiled code does with it:

- **specialized**: machine code for the types and values that were seen. What the text does not name takes the
  general way: an entry point of the run time, or an exit.
- **entry point**: a call of the run time, which does what the interpreter would do.
- **exit**: compiled code ends here and the interpreter goes on. A loop that comes by is compiled up to this point
  and entered again at its next turn.

Not in the table is that generators, coroutines and class bodies are always interpreted, whatever they are made of.

";

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/opcodes.md");
    let text = format!("{INTRODUCTION}{}", support::table());
    if std::env::var_os("PSYCORE_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = diff::texts(&text, &written).unwrap_or_default();
    assert!(difference.is_empty(), "docs/opcodes.md (PSYCORE_BLESS=1 rewrites it)\n{difference}");
}
