//! Calls entry points by address from the interpreter: one typed call for each
//! signature, since some machines (wasm) check it at the call.

use crate::ir::Type;
use crate::rt::RtId;
use crate::runtime_context::RuntimeContext;
use core::ffi::c_void;

/// An argument or result as the interpreter keeps it: a register's 64 bits.
trait Word: Copy {
    fn from_word(word: u64) -> Self;
    fn to_word(self) -> u64;
}

impl Word for i32 {
    fn from_word(word: u64) -> Self {
        word as i32
    }
    fn to_word(self) -> u64 {
        self as u32 as u64
    }
}

impl Word for i64 {
    fn from_word(word: u64) -> Self {
        word as i64
    }
    fn to_word(self) -> u64 {
        self as u64
    }
}

impl Word for f64 {
    fn from_word(word: u64) -> Self {
        f64::from_bits(word)
    }
    fn to_word(self) -> u64 {
        self.to_bits()
    }
}

impl Word for *mut c_void {
    fn from_word(word: u64) -> Self {
        word as usize as Self
    }
    fn to_word(self) -> u64 {
        self as usize as u64
    }
}

impl Word for () {
    fn from_word(_: u64) -> Self {}
    fn to_word(self) -> u64 {
        0
    }
}

/// Whether `call_rt` can call an entry point with this signature.
pub fn is_callable(rt: RtId) -> bool {
    match rt.params().len() {
        0..=3 => rt.params().iter().all(|&t| t != Type::Tok),
        // All combinations would be many.
        4 => rt.params().iter().all(|&t| matches!(t, Type::Ptr | Type::I32 | Type::I64)),
        _ => false,
    }
}

/// Runs `$body` with `$name` standing for the Rust type of an IR type.
macro_rules! with_type {
    ($ty:expr, $name:ident => $body:expr) => {
        match $ty {
            Type::I32 => {
                type $name = i32;
                $body
            }
            Type::I64 => {
                type $name = i64;
                $body
            }
            Type::F64 => {
                type $name = f64;
                $body
            }
            Type::Ptr | Type::Tok => {
                type $name = *mut c_void;
                $body
            }
        }
    };
}

/// The same for types that entry points with many parameters have.
macro_rules! with_word_type {
    ($ty:expr, $name:ident => $body:expr) => {
        if $ty == Type::I32 {
            type $name = i32;
            $body
        } else if $ty == Type::I64 {
            type $name = i64;
            $body
        } else {
            type $name = *mut c_void;
            $body
        }
    };
}

/// Calls the entry point `rt` at `address` with `args` as register contents; gives the result likewise.
///
/// # Safety
/// `address` must be that of a function with the signature that `rt` declares, `ctx` and `args` must be
/// what it wants, and [`is_callable`] must hold.
pub unsafe fn call_rt(rt: RtId, address: usize, ctx: *mut RuntimeContext, args: &[u64]) -> u64 {
    match rt.ret() {
        None => call_by_params::<()>(rt, address, ctx, args),
        Some(ty) => with_type!(ty, R => call_by_params::<R>(rt, address, ctx, args)),
    }
}

fn call_by_params<R: Word>(rt: RtId, address: usize, ctx: *mut RuntimeContext, args: &[u64]) -> u64 {
    let address = address as *const ();
    // SAFETY: the caller of `call_rt` vouches for address and signature; the test
    // `signatures_are_called_as_declared` calls a function of each shape.
    unsafe {
        match (rt.params(), args) {
            ([], _) => {
                let f = core::mem::transmute::<*const (), extern "C" fn(*mut RuntimeContext) -> R>(address);
                f(ctx).to_word()
            }
            (&[a], &[x]) => with_type!(a, A => {
                let f = core::mem::transmute::<*const (), extern "C" fn(*mut RuntimeContext, A) -> R>(address);
                f(ctx, A::from_word(x)).to_word()
            }),
            (&[a, b], &[x, y]) => with_type!(a, A => with_type!(b, B => {
                let f = core::mem::transmute::<*const (), extern "C" fn(*mut RuntimeContext, A, B) -> R>(address);
                f(ctx, A::from_word(x), B::from_word(y)).to_word()
            })),
            (&[a, b, c], &[x, y, z]) => with_type!(a, A => with_type!(b, B => with_type!(c, C => {
                let f = core::mem::transmute::<*const (), extern "C" fn(*mut RuntimeContext, A, B, C) -> R>(address);
                f(ctx, A::from_word(x), B::from_word(y), C::from_word(z)).to_word()
            }))),
            (&[a, b, c, d], &[x, y, z, w]) => with_word_type!(a, A => with_word_type!(b, B =>
                with_word_type!(c, C => with_word_type!(d, D => {
                    let f = core::mem::transmute::<*const (), extern "C" fn(*mut RuntimeContext, A, B, C, D) -> R>(address);
                    f(ctx, A::from_word(x), B::from_word(y), C::from_word(z), D::from_word(w)).to_word()
                }))
            )),
            _ => unreachable!("{} has a signature that `is_callable` refuses", rt.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_entry_points_are_callable() {
        for &rt in RtId::ALL {
            assert!(is_callable(rt), "{}: `call_by_params` needs a case for its parameters", rt.name());
        }
    }

    #[test]
    fn signatures_are_called_as_declared() {
        extern "C" fn compare(_: *mut RuntimeContext, op: i32, a: i64, b: f64) -> i32 {
            op * 100 + a as i32 * 10 + b as i32
        }
        extern "C" fn floordiv(_: *mut RuntimeContext, a: f64, b: f64) -> f64 {
            (a / b).floor()
        }
        extern "C" fn poll(ctx: *mut RuntimeContext) -> i32 {
            // SAFETY: the test passes a context.
            unsafe { (*ctx).countdown }
        }
        let mut ctx = RuntimeContext::new();
        ctx.countdown = -5;
        // SAFETY: the functions have the signatures that the entry points declare.
        unsafe {
            let args = [3, 4, 5f64.to_bits()];
            assert_eq!(call_rt(RtId::IntFloatCompare, compare as *const () as usize, &mut ctx, &args), 345);
            let args = [7f64.to_bits(), 2f64.to_bits()];
            let r = call_rt(RtId::FloatFloorDiv, floordiv as *const () as usize, &mut ctx, &args);
            assert_eq!(f64::from_bits(r), 3.0);
            assert_eq!(call_rt(RtId::PollSlow, poll as *const () as usize, &mut ctx, &[]), -5i32 as u32 as u64);
        }
    }
}
