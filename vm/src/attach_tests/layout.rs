//! The probe finds every field.

use super::with_vm;
use crate::object::layout;
use psycore_jit::ir::Field;
use rustpython_vm::AsObject;

#[test]
fn finds_everything() {
    with_vm(|vm| {
        let l = layout::probe(vm).unwrap();
        assert_eq!(l.fields.len(), Field::ALL.len());
        assert_eq!(l.offset(Field::ObjType), 40);
        println!("{l:#?}");
    });
}

/// Between fields lies what the memory held before; it must not pass for what is sought.
#[test]
fn finds_the_same_in_used_memory() {
    with_vm(|vm| {
        let expected = layout::probe(vm).unwrap();
        for round in 0..100 {
            // Addresses of dicts and ints where iterators and functions will be, some overwritten in part.
            let garbage: Vec<_> = (0..200)
                .map(|i| {
                    let dict = vm.ctx.new_dict();
                    dict.set_item("item", vm.ctx.new_int(i * round).into(), vm).unwrap();
                    let view = vm.call_method(dict.as_object(), ["keys", "values", "items"][i % 3], ()).unwrap();
                    (dict, view)
                })
                .collect();
            drop(garbage);
            let (found, _) = crate::object::probe::find(vm).unwrap();
            assert_eq!(&found, expected, "round {round}");
        }
    });
}
