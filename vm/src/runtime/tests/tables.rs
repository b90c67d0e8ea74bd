//! Lookups that read the tables of dicts and sets.

use rustpython_vm::AsObject;

use super::bench;
use crate::runtime::abi::{give, take};
use crate::runtime::dict_set::tables::{
    ABSENT, ODD, dict_find_int, dict_find_str, dict_insert, set_find_int, set_find_str, set_insert,
};

#[test]
fn lookups_agree_with_the_interpreter() {
    bench(|b| {
        b.run(
            "d, s = {}, set()\n\
             for i in range(3000):\n\
            \x20   k = 'key %d' % i if i % 3 else i * 77 - 5000\n\
            \x20   d[k] = i; s.add(k)\n\
            \x20   if i % 7 == 0: del d[k]; s.remove(k)\n\
             for k in (-1, -2, 0, 2**61 - 1, 2**61, -2**63, '', 'é', 'x' * 40): d[k] = 0; s.add(k)",
        );
        let (d, s) = (b.raw("d"), b.raw("s"));
        let ctx = b.ctx();
        for i in -20..3100i64 {
            let (text, number) = (format!("'key %d' % {i}"), i * 77 - 5000);
            let key = b.eval(&text);
            let raw = key.as_object().as_raw().cast_mut();
            // SAFETY: live objects of the classes that the entry points want.
            let found = unsafe {
                [
                    dict_find_str(ctx, d, raw) >= 0,
                    set_find_str(ctx, s, raw) >= 0,
                    dict_find_int(ctx, d, number) >= 0,
                    set_find_int(ctx, s, number) >= 0,
                ]
            };
            let want = [format!("{text} in d"), format!("{text} in s"), format!("{number} in d"), format!("{number} in s")]
                .map(|e| b.eval(&e).is(&b.vm.ctx.true_value));
            assert_eq!(found, want, "{i}");
        }
        for source in ["''", "'é'", "'x' * 40", "'x' * 41"] {
            let key = b.eval(source);
            let raw = key.as_object().as_raw().cast_mut();
            // SAFETY: as above.
            let found = unsafe { dict_find_str(ctx, d, raw) >= 0 };
            assert_eq!(found, source != "'x' * 41", "{source}");
        }
        for i in [-1, -2, 0, (1 << 61) - 1, 1 << 61, i64::MIN] {
            // SAFETY: as above.
            assert!(unsafe { dict_find_int(ctx, d, i) >= 0 && set_find_int(ctx, s, i) >= 0 }, "{i}");
        }
        // SAFETY: as above.
        assert_eq!(unsafe { dict_find_int(ctx, d, i64::MAX) }, ABSENT);
        drop(unsafe { (take(d), take(s)) });
    });
}

#[test]
fn keys_of_other_classes_are_left_to_the_interpreter() {
    bench(|b| {
        b.run("class S(str): pass\nd = {S('a'): 1, 1.0: 2, True: 3}");
        let (d, a) = (b.raw("d"), b.raw("'a'"));
        let ctx = b.ctx();
        // SAFETY: live objects of the classes that the entry points want.
        unsafe {
            assert_eq!(dict_find_str(ctx, d, a), ODD);
            assert_eq!(dict_find_int(ctx, d, 1), ODD);
            assert_eq!(dict_find_int(ctx, d, 2), ABSENT);
            drop((take(d), take(a)));
        }
    });
}

#[test]
fn insertions_are_seen() {
    bench(|b| {
        b.run("d, s = {'a': 1}, {'a'}");
        let (d, s) = (b.raw("d"), b.raw("s"));
        let ctx = b.ctx();
        for i in 0..200 {
            let key = b.eval(&format!("'k{i}'"));
            let raw = key.as_object().as_raw().cast_mut();
            // SAFETY: live objects of the classes that the entry points want.
            unsafe {
                dict_insert(ctx, d, raw, give(b.eval("None")));
                set_insert(ctx, s, raw);
                assert!(dict_find_str(ctx, d, raw) >= 0 && set_find_str(ctx, s, raw) >= 0);
            }
        }
        assert_eq!(b.outcome(b.try_eval("len(d), len(s), 'k199' in d, 'k77' in s")), "tuple (201, 201, True, True)");
        // SAFETY: as above.
        drop(unsafe { (take(d), take(s)) });
    });
}
