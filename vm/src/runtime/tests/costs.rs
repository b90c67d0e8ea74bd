//! What entry points cost: `cargo test --release --workspace --lib costs -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use super::{Bench, bench};
use crate::runtime::abi::Raw;
use crate::runtime::int_float::arith;
use crate::runtime::{attr, build, call, dict_set, iter, poll, refs, subscr};

fn cost(name: &str, n: u32, mut step: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        (0..n).for_each(|_| step());
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(n));
    }
    println!("{name:28} {best:7.1} ns");
}

/// Drops a reference the way compiled code does.
unsafe fn release(t: &mut Bench<'_>, p: Raw) {
    // SAFETY: the caller owns the reference.
    unsafe {
        let word = std::sync::atomic::AtomicUsize::from_ptr(p.cast());
        let value = word.load(std::sync::atomic::Ordering::Relaxed);
        if value >> 60 & 1 == 0 {
            word.store(value - 1, std::sync::atomic::Ordering::Relaxed);
            if value & ((1 << 60) - 1) == 1 {
                refs::dealloc(t.ctx(), p);
            }
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn costs() {
    bench(|t| {
        t.run(
            "class A:\n    def __init__(self): self.x = 1\n    def m(self, y): return y\n\
             def f(x): return x\ndef g(x, y=2): return x\nbound = A().m\n",
        );
        let n = 200_000;
        // SAFETY: every call follows its entry point's contract; results are released.
        unsafe {
            cost("new_float + release", n, || {
                let p = refs::new_float(t.ctx(), black_box(1.5));
                release(t, p);
            });
            cost("new_int + release", n, || {
                let p = refs::new_int(t.ctx(), black_box(1 << 40));
                release(t, p);
            });
            cost("new_int cached", n, || {
                refs::new_int(t.ctx(), black_box(7));
            });
            cost("vm.new_float + drop", n, || drop(t.vm.ctx.new_float(black_box(1.5))));
            let (a, b) = (t.raw("1.5"), t.raw("2.5"));
            cost("binary_op float + float", n, || {
                let p = arith::binary_op(t.ctx(), 0, a, b);
                release(t, p);
            });
            cost("binary_op float / float", n, || {
                let p = arith::binary_op(t.ctx(), 11, a, b);
                release(t, p);
            });
            let (big, one) = (t.raw("10**30"), t.raw("1"));
            cost("binary_op big + int", n, || {
                let p = arith::binary_op(t.ctx(), 0, big, one);
                release(t, p);
            });
            let o = t.raw("A()");
            let x = t.raw("'x'");
            cost("get_attr", n, || {
                let p = attr::get_attr(t.ctx(), o, x);
                release(t, p);
            });
            cost("set_attr", n, || {
                attr::set_attr(t.ctx(), o, x, one);
            });
            let m = t.raw("'m'");
            cost("load_method", n, || {
                attr::load_method(t.ctx(), o, m);
                let p = t.ctx.scratch[0] as usize as Raw;
                release(t, p);
            });
            let list = t.raw("[1, 2, 3]");
            cost("get_item list", n, || {
                let p = subscr::get_item(t.ctx(), list, one);
                release(t, p);
            });
            let dict = t.raw("{'x': 1, 'y': 2}");
            cost("get_item dict", n, || {
                let p = subscr::get_item(t.ctx(), dict, x);
                release(t, p);
            });
            cost("dict_set_str", n, || dict_set::dict_set_str(t.ctx(), dict, x, one));
            cost("build_tuple(2) + release", n, || {
                t.ctx.scratch[0] = one as usize as u64;
                t.ctx.scratch[1] = one as usize as u64;
                let p = build::build_tuple(t.ctx(), 2);
                release(t, p);
            });
            let pair = || vec![t.vm.ctx.new_int(1).into(), t.vm.ctx.new_int(1).into()];
            cost("vm.new_tuple(2) + drop", n, || drop(t.vm.ctx.new_tuple(pair())));
            cost("vm.new_list(2) + drop", n, || drop(t.vm.ctx.new_list(pair())));
            cost("build_list(2) + release", n, || {
                let p = build::build_list(t.ctx(), 2);
                release(t, p);
            });
            cost("iterate a list of 3", n, || {
                let it = iter::get_iter(t.ctx(), list);
                loop {
                    let p = iter::iter_next(t.ctx(), it);
                    if p.is_null() {
                        break;
                    }
                    release(t, p);
                }
                release(t, it);
            });
            for (name, callable, args) in [
                ("call f(x)", t.raw("f"), 1),
                ("call g(x)", t.raw("g"), 1),
                ("call bound(x)", t.raw("bound"), 1),
                ("call A()", t.raw("A"), 0),
                ("call len(x)", t.raw("len"), 1),
                ("call float(x)", t.raw("float"), 1),
            ] {
                cost(name, n / 4, || {
                    t.ctx.scratch[0] = x as usize as u64;
                    if name.contains("float") {
                        t.ctx.scratch[0] = one as usize as u64;
                    }
                    let p = call::call(t.ctx(), callable, args);
                    assert!(!p.is_null());
                    release(t, p);
                });
            }
            let class = t.raw("A");
            cost("new instance + shape", n / 4, || {
                let p = call::call(t.ctx(), class, 0);
                let d = (*p).dict().unwrap();
                crate::runtime::dict_set::shape::shape(t.vm, &d);
                release(t, p);
            });
            cost("poll_slow", n, || {
                poll::poll_slow(t.ctx());
            });
        }
    });
}
