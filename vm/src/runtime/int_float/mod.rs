//! Numbers: operators on any objects, with short ways for ints and floats; comparisons; arithmetic on unboxed numbers.

pub mod arith;
pub mod compare;
pub mod math;
