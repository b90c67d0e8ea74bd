//! What all of this backend agrees on: Cranelift's types for those of the IR, signatures, the names of what code calls,
//! and where the fields of the context are.

use cranelift_codegen::ir::{self as clif, AbiParam, MemFlagsData, Signature, types};
use cranelift_codegen::isa::CallConv;
use psycore_jit::ir::Type;
use psycore_jit::runtime_context::ContextOffsets;

/// Names of functions of the same unit, by index.
pub(super) const NAMESPACE_LOCAL: u32 = 0;
/// Names of run-time entry points, by `RtId as u32`.
pub(super) const NAMESPACE_RT: u32 = 1;
/// Names of stubs, by position in `SLOW_PATHS`.
pub(super) const NAMESPACE_STUB: u32 = 2;

/// Accesses of the IR are aligned and can't trap: their guards stand before them.
pub(super) const TRUSTED: MemFlagsData = MemFlagsData::trusted();

const CONTEXT: ContextOffsets = ContextOffsets::of(8);
pub(super) const CTX_RET: i32 = CONTEXT.ret as i32;
pub(super) const CTX_COUNTDOWN: i32 = CONTEXT.countdown as i32;
pub(super) const CTX_DEPTH: i32 = CONTEXT.depth as i32;
pub(super) const CTX_SLOW_RESULT: i32 = CONTEXT.slow_result as i32;
pub(super) const CTX_EXIT_TOP: i32 = CONTEXT.exit_top as i32;
pub(super) const CTX_EXIT_END: i32 = CONTEXT.exit_end as i32;

/// Cranelift's type; none for tokens.
pub(super) fn clif_type(ty: Type) -> Option<clif::Type> {
    match ty {
        Type::I32 => Some(types::I32),
        Type::I64 | Type::Ptr => Some(types::I64),
        Type::F64 => Some(types::F64),
        Type::Tok => None,
    }
}

/// `(context, params..) -> (first, second)`.
pub(super) fn signature(params: &[Type], first: Option<Type>, second: Option<Type>) -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.push(AbiParam::new(types::I64));
    signature.params.extend(params.iter().filter_map(|t| clif_type(*t)).map(AbiParam::new));
    signature.returns.extend([first, second].into_iter().flatten().filter_map(clif_type).map(AbiParam::new));
    signature
}
