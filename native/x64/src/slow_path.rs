//! Calls of the run time from cold paths, by way of stubs that keep every register.
//!
//! A call destroys half of the registers, all that hold floats included. In a loop that polls, the
//! register allocator would keep values in memory for the sake of a call that almost never
//! happens. A stub saves the registers instead, and the loop around it does not notice. A
//! convention that keeps all registers has no room for a result, so that goes through the context.

use super::abi::{CTX_SLOW_RESULT, TRUSTED, signature};
use crate::code_memory::{CodeBlock, CodeMemory};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature, types};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use psycore_jit::lower::slow_path::SLOW_PATHS;
use psycore_jit::lower::{LowerEnv, LowerError};
use psycore_jit::rt::RtId;

/// Addresses of the stubs, in the order of [`SLOW_PATHS`].
pub(super) type StubAddresses = [usize; SLOW_PATHS.len()];

/// The stubs that were made, by what they call.
#[derive(Default)]
pub(super) struct Stubs {
    made: Vec<(usize, CodeBlock)>,
}

/// The signature of a stub: context and arguments, no result.
pub(super) fn stub_signature(rt: RtId) -> Signature {
    let mut signature = Signature::new(CallConv::PreserveAll);
    signature.params.resize(1 + rt.params().len(), AbiParam::new(types::I64));
    signature
}

/// The code of a stub, and the address that it calls.
pub(super) type StubCode = (usize, Vec<u8>);

/// The code of all stubs, as far as it can be made.
pub(super) fn all(rt_address: fn(RtId) -> usize, isa: &dyn TargetIsa) -> Vec<StubCode> {
    let stub = |rt| Some((rt_address(rt), code(rt, rt_address(rt), isa).ok()?));
    SLOW_PATHS.into_iter().filter_map(stub).collect()
}

impl Stubs {
    /// Puts stubs that were made elsewhere into memory.
    pub(super) fn add(&mut self, stubs: Vec<StubCode>, memory: &mut CodeMemory) -> Result<(), LowerError> {
        for (target, code) in stubs {
            if self.find(target).is_none() {
                self.made.push((target, put(&code, memory)?));
            }
        }
        Ok(())
    }

    /// The stubs for a run time, made if they are not there yet.
    pub(super) fn addresses(
        &mut self,
        env: &LowerEnv<'_>,
        isa: &dyn TargetIsa,
        memory: &mut CodeMemory,
    ) -> Result<StubAddresses, LowerError> {
        let mut out = StubAddresses::default();
        for (stub, rt) in out.iter_mut().zip(SLOW_PATHS) {
            let target = (env.rt_address)(rt);
            let block = match self.find(target) {
                Some(block) => block,
                None => {
                    let block = put(&code(rt, target, isa)?, memory)?;
                    self.made.push((target, block));
                    block
                }
            };
            *stub = memory.address(block);
        }
        Ok(out)
    }

    fn find(&self, target: usize) -> Option<CodeBlock> {
        self.made.iter().find(|(of, _)| *of == target).map(|(_, block)| *block)
    }
}

fn put(code: &[u8], memory: &mut CodeMemory) -> Result<CodeBlock, LowerError> {
    let block = memory.alloc(code.len()).ok_or_else(|| LowerError("out of code memory".into()))?;
    memory.write(block, code).map_err(|e| LowerError(format!("code memory: {e}")))?;
    Ok(block)
}

fn code(rt: RtId, target: usize, isa: &dyn TargetIsa) -> Result<Vec<u8>, LowerError> {
    let failed = |e: &dyn std::fmt::Display| LowerError(format!("stub of {}: {e}", rt.name()));
    let mut context = Context::new();
    context.func.signature = stub_signature(rt);
    let mut pos = FuncCursor::new(&mut context.func);
    let block = pos.func.dfg.make_block();
    pos.insert_block(block);
    let args: Vec<_> = (0..=rt.params().len()).map(|_| pos.func.dfg.append_block_param(block, types::I64)).collect();
    let signature = signature(rt.params(), rt.ret(), None);
    let signature = pos.func.import_signature(signature);
    let callee = pos.ins().iconst(types::I64, target as i64);
    let call = pos.ins().call_indirect(signature, callee, &args);
    let result = pos.func.dfg.first_result(call);
    pos.ins().store(TRUSTED, result, args[0], CTX_SLOW_RESULT);
    pos.ins().return_(&[]);
    let compiled = context.compile(isa, &mut ControlPlane::default()).map_err(|e| failed(&format!("{:?}", e.inner)))?;
    if !compiled.buffer.relocs().is_empty() {
        return Err(failed(&"it has relocations"));
    }
    Ok(compiled.code_buffer().to_vec())
}
