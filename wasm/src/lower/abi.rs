//! What all of this backend agrees on: WebAssembly's types for those of the IR, signatures, and where the context is.
//! Addresses have 32 bits.

use psycore_jit::ir::{FnKind, Function, Type};
use psycore_jit::runtime_context::ContextOffsets;
use wasm_encoder::{MemArg, ValType};

/// Bytes of a word, which is an address.
pub(super) const WORD: u32 = 4;

/// The context's local.
pub(super) const CTX: u32 = 0;
/// The local of the depth counter in compiled functions.
pub(super) const DEPTH_PARAM: u32 = 1;

const CONTEXT: ContextOffsets = ContextOffsets::of(WORD);
pub(super) const CTX_RET: u64 = CONTEXT.ret as u64;
pub(super) const CTX_COUNTDOWN: u64 = CONTEXT.countdown as u64;
pub(super) const CTX_DEPTH: u64 = CONTEXT.depth as u64;
pub(super) const CTX_EXIT_TOP: u64 = CONTEXT.exit_top as u64;
pub(super) const CTX_EXIT_END: u64 = CONTEXT.exit_end as u64;

/// Parameters and results of a function.
pub(super) type WasmSignature = (Vec<ValType>, Vec<ValType>);

/// The wasm type of a value; tokens have none, and are never asked for.
pub(super) fn val_type(ty: Type) -> ValType {
    match ty {
        Type::I32 | Type::Ptr | Type::Tok => ValType::I32,
        Type::I64 => ValType::I64,
        Type::F64 => ValType::F64,
    }
}

/// The signature of a function: the context, and for compiled functions the depth counter, come first.
pub(super) fn signature(f: &Function) -> WasmSignature {
    let params = f.blocks[0].params.iter().map(|v| f.ty(*v));
    match f.kind {
        FnKind::Entry => (vec![ValType::I32, ValType::I32], vec![ValType::I32]),
        FnKind::Compiled => compiled_signature(params, f.ret),
    }
}

/// The same for compiled functions, by their types.
pub(super) fn compiled_signature(params: impl Iterator<Item = Type>, ret: Option<Type>) -> WasmSignature {
    let params = [ValType::I32, ValType::I32].into_iter().chain(params.map(val_type)).collect();
    let results = [ValType::I32].into_iter().chain(ret.map(val_type)).collect();
    (params, results)
}

/// A memory operand with its natural alignment, as the logarithm of bytes.
pub(super) fn mem(offset: u64, align: u32) -> MemArg {
    MemArg { offset, align, memory_index: 0 }
}
