//! What the objects are that IR names by number.

use super::state::Jit;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::ObjectOracle;
use rustpython_vm::builtins::PyStr;
use std::collections::BTreeSet;

/// The objects in a text of IR, each with a few words about it.
pub fn named_in(jit: &Jit, ir: &str) -> Vec<(String, String)> {
    numbers(ir).into_iter().map(|id| (id.to_string(), describe(jit, id))).collect()
}

/// Numbers and strings by their value, classes and code by their name.
fn describe(jit: &Jit, id: ObjId) -> String {
    if let Some(i) = jit.int(id) {
        return format!("int {i}");
    }
    match jit.object(id).downcast_ref::<PyStr>() {
        Some(s) => format!("str {:?}", s.to_string_lossy().chars().take(60).collect::<String>()),
        None => jit.describe(id),
    }
}

fn numbers(ir: &str) -> BTreeSet<ObjId> {
    ir.match_indices("obj")
        .filter_map(|(at, _)| {
            let before = ir[..at].chars().next_back();
            let digits: String = ir[at + 3..].chars().take_while(char::is_ascii_digit).collect();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_') {
                return None;
            }
            digits.parse().ok().map(ObjId)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_where_the_ir_names_them() {
        let found = numbers("v1 = obj obj12\nstate0 = frame obj3 at 2 [] []\nv2 = load obj.type v1 @4 of obj7");
        assert_eq!(found, [ObjId(3), ObjId(7), ObjId(12)].into());
    }
}
