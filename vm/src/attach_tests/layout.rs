//! The probe finds every field, quickly, and finds the same again.

use super::with_vm;
use crate::object::layout;
use psycore_jit::ir::Field;

#[test]
fn finds_everything() {
    with_vm(|vm| {
        let start = std::time::Instant::now();
        let l = layout::probe(vm).unwrap();
        let took = start.elapsed();
        assert_eq!(l.fields.len(), Field::ALL.len());
        assert_eq!(l.offset(Field::ObjType), 40);
        println!("{l:#?}\nprobed in {took:?}");
        assert!(took.as_millis() < 20, "{took:?}");
    });
}
