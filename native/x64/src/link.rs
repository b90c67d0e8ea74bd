//! Puts the compiled functions of a unit behind one another and resolves what they refer to:
//! each other, the run-time entry points, and the few library functions that Cranelift calls on
//! processors without the instruction.

use super::abi::{NAMESPACE_LOCAL, NAMESPACE_RT, NAMESPACE_STUB};
use super::relax::{Padding, relax};
use super::slow_path::StubAddresses;
use super::source_location::place_of;
use crate::code_memory::ALIGN;
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::function::FunctionParameters;
use cranelift_codegen::ir::{ExternalName, LibCall};
use cranelift_codegen::{CompiledCode, FinalizedRelocTarget};
use psycore_jit::ir::{Inst, Unit};
use psycore_jit::lower::slow_path::SLOW_PATHS;
use psycore_jit::lower::{CodeSpan, LowerEnv, LowerError};
use psycore_jit::rt::RtId;

/// What a relocation refers to.
enum RelocTarget {
    Function(usize),
    Rt(RtId),
    Stub(usize),
    Library(usize),
    /// An offset in the same function.
    Here(usize),
}

struct Relocation {
    function: usize,
    /// From the start of the unit's code.
    at: usize,
    kind: Reloc,
    target: RelocTarget,
    addend: i64,
}

struct FunctionSymbol {
    name: String,
    start: usize,
    len: usize,
}

/// A stretch of code, from the start of the unit's, and the instruction that it was made for.
struct InstSpan {
    function: usize,
    start: usize,
    end: usize,
    inst: Inst,
}

/// The code of a unit, not yet at its address.
#[derive(Default)]
pub(super) struct UnitCode {
    bytes: Vec<u8>,
    functions: Vec<FunctionSymbol>,
    relocations: Vec<Relocation>,
    insts: Vec<InstSpan>,
}

impl UnitCode {
    /// Appends a function. `relaxing` says whether its jumps are worth the work, and whether they
    /// need padding.
    pub(super) fn push(
        &mut self,
        name: &str,
        compiled: &CompiledCode,
        params: &FunctionParameters,
        relaxing: Option<Padding>,
    ) -> Result<(), LowerError> {
        let code = compiled.code_buffer();
        let cold =
            compiled.buffer.get_srclocs_sorted().iter().find(|s| place_of(s.loc).1).map_or(code.len(), |s| s.start as usize);
        // Code that can't be decoded is as good as it was.
        let relaxed = relaxing.and_then(|padding| relax(code, cold, padding).ok());
        let start = self.bytes.len().next_multiple_of(ALIGN.max(compiled.buffer.alignment as usize));
        self.bytes.resize(start, 0xcc);
        self.bytes.extend_from_slice(relaxed.as_ref().map_or(code, |r| &r.code));
        let function = self.functions.len();
        self.functions.push(FunctionSymbol { name: name.to_owned(), start, len: self.bytes.len() - start });
        let offset = |old: u32| relaxed.as_ref().map_or(old as usize, |r| r.offset(old as usize));
        for stretch in compiled.buffer.get_srclocs_sorted() {
            if let Some(inst) = place_of(stretch.loc).0 {
                let [start, end] = [stretch.start, stretch.end].map(|at| start + offset(at));
                self.insts.push(InstSpan { function, start, end, inst });
            }
        }
        for reloc in compiled.buffer.relocs() {
            let target = match &reloc.target {
                FinalizedRelocTarget::Func(old) => RelocTarget::Here(offset(*old)),
                FinalizedRelocTarget::ExternalName(ExternalName::User(name)) => {
                    let name = &params.user_named_funcs()[*name];
                    match name.namespace {
                        NAMESPACE_LOCAL => RelocTarget::Function(name.index as usize),
                        NAMESPACE_RT => {
                            RelocTarget::Rt(RtId::from_index(name.index as usize).ok_or_else(|| unknown(&reloc.target))?)
                        }
                        NAMESPACE_STUB => RelocTarget::Stub(name.index as usize),
                        _ => return Err(unknown(&reloc.target)),
                    }
                }
                FinalizedRelocTarget::ExternalName(ExternalName::LibCall(call)) => {
                    RelocTarget::Library(library(*call).ok_or_else(|| unknown(&reloc.target))?)
                }
                other => return Err(unknown(other)),
            };
            let at = start + offset(reloc.offset);
            self.relocations.push(Relocation { function, at, kind: reloc.kind, target, addend: reloc.addend });
        }
        Ok(())
    }

    /// A part of the code.
    pub(super) fn bytes(&self, start: usize, len: usize) -> &[u8] {
        &self.bytes[start..start + len]
    }

    /// The name of what the instruction at an offset refers to.
    pub(super) fn target_within(&self, at: usize, len: usize) -> Option<&str> {
        let relocation = self.relocations.iter().find(|r| (at..at + len).contains(&r.at))?;
        match relocation.target {
            RelocTarget::Function(index) => self.functions.get(index).map(|f| f.name.as_str()),
            RelocTarget::Rt(rt) => Some(rt.name()),
            RelocTarget::Stub(index) => Some(SLOW_PATHS[index].name()),
            RelocTarget::Library(_) | RelocTarget::Here(_) => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Offsets of the functions.
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> {
        self.functions.iter().map(|f| f.start)
    }

    /// Name, offset and size of the functions.
    pub(super) fn symbols(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        self.functions.iter().map(|f| (f.name.as_str(), f.start, f.len))
    }

    /// What the code was made for, once it stands at `base`.
    pub(super) fn spans(&self, unit: &Unit, base: usize) -> Vec<CodeSpan> {
        let mut spans: Vec<CodeSpan> = Vec::new();
        for place in &self.insts {
            let inst = &unit.funcs[place.function].insts[place.inst.index()];
            if inst.pc == u32::MAX {
                continue;
            }
            let (start, end) = (base + place.start, base + place.end);
            match spans.last_mut() {
                Some(last) if (last.end, last.pc, last.inlined) == (start, inst.pc, inst.inlined) => last.end = end,
                _ => spans.push(CodeSpan { start, end, pc: inst.pc, inlined: inst.inlined }),
            }
        }
        spans
    }

    /// The bytes as they must stand at `base`.
    pub(super) fn resolve(&mut self, base: usize, env: &LowerEnv<'_>, stubs: &StubAddresses) -> Result<&[u8], LowerError> {
        for r in &self.relocations {
            let target = match r.target {
                RelocTarget::Function(index) => {
                    let callee = self.functions.get(index);
                    base + callee.ok_or_else(|| LowerError(format!("no function {index} in the unit")))?.start
                }
                RelocTarget::Stub(index) => stubs[index],
                RelocTarget::Rt(rt) => (env.rt_address)(rt),
                RelocTarget::Library(address) => address,
                RelocTarget::Here(offset) => base + self.functions[r.function].start + offset,
            };
            let value = (target as i64).wrapping_add(r.addend);
            match r.kind {
                Reloc::Abs8 => self.bytes[r.at..r.at + 8].copy_from_slice(&value.to_le_bytes()),
                Reloc::X86PCRel4 | Reloc::X86CallPCRel4 | Reloc::X86CallPLTRel4 => {
                    let distance = value.wrapping_sub((base + r.at) as i64);
                    let distance =
                        i32::try_from(distance).map_err(|_| LowerError(format!("call target {target:#x} out of reach")))?;
                    self.bytes[r.at..r.at + 4].copy_from_slice(&distance.to_le_bytes());
                }
                other => return Err(LowerError(format!("relocation {other:?}"))),
            }
        }
        Ok(&self.bytes)
    }
}

fn unknown(target: &FinalizedRelocTarget) -> LowerError {
    LowerError(format!("relocation against {target:?}"))
}

fn library(call: LibCall) -> Option<usize> {
    extern "C" fn floor(x: f64) -> f64 {
        x.floor()
    }
    extern "C" fn ceil(x: f64) -> f64 {
        x.ceil()
    }
    extern "C" fn trunc(x: f64) -> f64 {
        x.trunc()
    }
    let f: extern "C" fn(f64) -> f64 = match call {
        LibCall::FloorF64 => floor,
        LibCall::CeilF64 => ceil,
        LibCall::TruncF64 => trunc,
        _ => return None,
    };
    Some(f as usize)
}
