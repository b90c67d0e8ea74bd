//! Shortens the jumps of a function and moves those of loops off bad places.
//!
//! Cranelift encodes each jump with a displacement of 32 bits, though most reach their target with
//! 8. Shorter code decodes faster and fills caches less.
//!
//! On processors of the Skylake family a jump that crosses or ends at a multiple of 32 bytes is
//! not kept in the cache of decoded instructions ("Mitigations for Jump Conditional Code Erratum",
//! Intel, 2019): a small loop then takes up to two thirds more time, depending on where it happens
//! to lie. There, jumps on the hot path are moved by padding.
//!
//! Nothing but displacements and padding changes. Functions must start at multiples of [`ALIGN`].

use crate::code_memory::ALIGN;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
use psycore_jit::lower::LowerError;

const LINE: usize = 32;

/// Whether jumps are moved off bad places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    None,
    HotJumps,
}

/// An instruction of the old code.
struct CodeItem {
    start: usize,
    len: usize,
    kind: CodeItemKind,
    /// The next instruction is a conditional jump that the processor fuses this one with.
    fused: bool,
}

enum CodeItemKind {
    Plain,
    /// A call, return or indirect jump.
    Transfer,
    /// A jump to the item of that index; conditional ones with their condition code.
    Jump {
        target: usize,
        condition: Option<u8>,
        short: bool,
    },
    /// Refers to a constant behind the code: where its displacement is, and the constant's offset.
    Constant {
        field: usize,
        target: usize,
    },
}

/// The new code.
pub(super) struct Relaxed {
    pub code: Vec<u8>,
    items: Vec<CodeItem>,
    offsets: Vec<usize>,
}

impl Relaxed {
    /// Where the byte of code at an old offset is now.
    pub(super) fn offset(&self, old: usize) -> usize {
        match self.items.partition_point(|item| item.start <= old).checked_sub(1) {
            Some(index) => self.offsets[index] + old - self.items[index].start,
            None => old,
        }
    }
}

/// `cold` is the offset where the cold blocks begin.
pub(super) fn relax(code: &[u8], cold: usize, padding: Padding) -> Result<Relaxed, LowerError> {
    let (mut items, end) = decode(code)?;
    let pad_before = if padding == Padding::HotJumps { hot(&items, cold) } else { vec![false; items.len()] };
    let mut offsets = vec![0; items.len() + 1];
    loop {
        place(&items, &pad_before, &mut offsets);
        let mut stable = true;
        for i in 0..items.len() {
            if let CodeItemKind::Jump { target, short: short @ true, .. } = &mut items[i].kind {
                let distance = offsets[*target] as i64 - (offsets[i] as i64 + 2);
                if i8::try_from(distance).is_err() {
                    *short = false;
                    stable = false;
                }
            }
        }
        if stable {
            break;
        }
    }
    let code = emit(code, &items, &offsets, end)?;
    Ok(Relaxed { code, items, offsets })
}

/// The instructions, and where they end.
fn decode(code: &[u8]) -> Result<(Vec<CodeItem>, usize), LowerError> {
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut items: Vec<CodeItem> = Vec::with_capacity(code.len() / 4);
    // Targets of jumps are offsets until all instructions are known.
    let mut end = code.len();
    while decoder.can_decode() && decoder.position() < end {
        let start = decoder.position();
        if code[start..end].iter().all(|byte| *byte == 0) {
            // Between the last instruction and the constants.
            break;
        }
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() {
            return Err(LowerError(format!("undecodable instruction at {start:#x}")));
        }
        let bytes = &code[start..decoder.position()];
        let mut condition = None;
        let kind = if instruction.op_count() == 1 && instruction.op0_kind() == OpKind::NearBranch64 {
            let target = instruction.near_branch_target() as usize;
            match bytes {
                [0xe8, ..] => CodeItemKind::Transfer,
                [0xe9, ..] => CodeItemKind::Jump { target, condition, short: true },
                [0x0f, opcode, ..] if opcode & 0xf0 == 0x80 => {
                    condition = Some(opcode & 15);
                    CodeItemKind::Jump { target, condition, short: true }
                }
                _ => return Err(LowerError(format!("unknown jump at {start:#x}"))),
            }
        } else if instruction.is_ip_rel_memory_operand() {
            let field = decoder.get_constant_offsets(&instruction).displacement_offset();
            let target = instruction.ip_rel_memory_address() as usize;
            end = end.min(target);
            CodeItemKind::Constant { field, target }
        } else if matches!(instruction.mnemonic(), Mnemonic::Call | Mnemonic::Ret | Mnemonic::Jmp) {
            CodeItemKind::Transfer
        } else {
            CodeItemKind::Plain
        };
        if let Some(before) = items.last_mut() {
            before.fused &= condition.is_some();
        }
        let fusible = matches!(
            instruction.mnemonic(),
            Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Add | Mnemonic::Sub | Mnemonic::And | Mnemonic::Inc | Mnemonic::Dec
        );
        items.push(CodeItem { start, len: instruction.len(), kind, fused: fusible });
    }
    if let Some(last) = items.last_mut() {
        last.fused = false;
    }
    let starts: Vec<usize> = items.iter().map(|item| item.start).collect();
    for item in &mut items {
        if let CodeItemKind::Jump { target, .. } = &mut item.kind {
            *target = starts
                .binary_search(target)
                .map_err(|_| LowerError(format!("jump to {target:#x}, which is not an instruction")))?;
        }
    }
    Ok((items, end))
}

/// Before which instructions there may be padding: all hot ones if the function has no loop, else
/// those in loops.
fn hot(items: &[CodeItem], cold: usize) -> Vec<bool> {
    let hot = items.partition_point(|item| item.start < cold);
    let mut in_loop = vec![false; items.len()];
    let mut loops = false;
    for (i, item) in items[..hot].iter().enumerate() {
        if let CodeItemKind::Jump { target, .. } = item.kind
            && target <= i
        {
            in_loop[target..=i].fill(true);
            loops = true;
        }
    }
    if !loops {
        in_loop[..hot].fill(true);
    }
    in_loop
}

fn new_len(item: &CodeItem) -> usize {
    match item.kind {
        CodeItemKind::Jump { short: true, .. } => 2,
        CodeItemKind::Jump { condition: Some(_), .. } => 6,
        CodeItemKind::Jump { condition: None, .. } => 5,
        _ => item.len,
    }
}

/// Gives each instruction its offset.
fn place(items: &[CodeItem], pad_before: &[bool], offsets: &mut [usize]) {
    let mut at = 0;
    for (i, item) in items.iter().enumerate() {
        if pad_before[i] {
            let after_fused = i > 0 && items[i - 1].fused;
            let len = match item.kind {
                CodeItemKind::Jump { .. } | CodeItemKind::Transfer if !after_fused => new_len(item),
                _ if item.fused => new_len(item) + items.get(i + 1).map_or(0, new_len),
                _ => 0,
            };
            if len > 0 && at / LINE != (at + len) / LINE {
                at = at.next_multiple_of(LINE);
            }
        }
        offsets[i] = at;
        at += new_len(item);
    }
    offsets[items.len()] = at;
}

fn emit(old: &[u8], items: &[CodeItem], offsets: &[usize], end: usize) -> Result<Vec<u8>, LowerError> {
    let mut out: Vec<u8> = Vec::with_capacity(old.len() + ALIGN);
    // Constants keep their alignment.
    let code_len = offsets[items.len()];
    let constants = code_len + (end + ALIGN - code_len % ALIGN) % ALIGN;
    let displacement =
        |distance: i64| i32::try_from(distance).map(i32::to_le_bytes).map_err(|_| LowerError("function too large".into()));
    for (i, item) in items.iter().enumerate() {
        pad(&mut out, offsets[i]);
        let bytes = &old[item.start..item.start + item.len];
        let next = (offsets[i] + new_len(item)) as i64;
        match item.kind {
            CodeItemKind::Plain | CodeItemKind::Transfer => out.extend_from_slice(bytes),
            CodeItemKind::Jump { target, condition, short } => {
                let distance = offsets[target] as i64 - next;
                match (short, condition) {
                    (true, Some(condition)) => out.extend([0x70 | condition, distance as u8]),
                    (true, None) => out.extend([0xeb, distance as u8]),
                    (false, Some(condition)) => {
                        out.extend([0x0f, 0x80 | condition]);
                        out.extend(displacement(distance)?);
                    }
                    (false, None) => {
                        out.push(0xe9);
                        out.extend(displacement(distance)?);
                    }
                }
            }
            CodeItemKind::Constant { field, target } => {
                let start = out.len();
                out.extend_from_slice(bytes);
                let distance = (constants + target - end) as i64 - next;
                out[start + field..start + field + 4].copy_from_slice(&displacement(distance)?);
            }
        }
    }
    if end < old.len() {
        out.resize(constants, 0xcc);
        out.extend_from_slice(&old[end..]);
    }
    Ok(out)
}

/// Fills up to `to` with instructions that do nothing, as few as possible.
fn pad(out: &mut Vec<u8>, to: usize) {
    const NOPS: [&[u8]; 9] = [
        &[0x90],
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0x00],
        &[0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
        &[0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    ];
    while out.len() < to {
        let len = (to - out.len()).min(NOPS.len());
        out.extend_from_slice(NOPS[len - 1]);
    }
}

/// What this processor needs.
pub(super) fn padding() -> Padding {
    use std::arch::x86_64::__cpuid;
    let vendor = __cpuid(0);
    let intel = (vendor.ebx, vendor.edx, vendor.ecx) == (0x756e_6547, 0x4965_6e69, 0x6c65_746e);
    let signature = __cpuid(1).eax;
    let family = signature >> 8 & 15;
    let model = (signature >> 4 & 15) | (signature >> 12 & 0xf0);
    let affected = matches!(model, 0x4e | 0x55 | 0x5e | 0x8e | 0x9e | 0xa5 | 0xa6);
    if intel && family == 6 && affected { Padding::HotJumps } else { Padding::None }
}
