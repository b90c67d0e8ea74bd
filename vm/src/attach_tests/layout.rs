//! The probe finds every field.

use super::with_vm;
use crate::object::layout;
use psycore_jit::ir::Field;

#[test]
fn finds_everything() {
    with_vm(|vm| {
        let l = layout::probe(vm).unwrap();
        assert_eq!(l.fields.len(), Field::ALL.len());
        assert_eq!(l.offset(Field::ObjType), 40);
        println!("{l:#?}");
    });
}
