//! Machine code as people read it: addresses, instructions, names of what is called, and the bytecode
//! positions that it was made for.

use super::link::UnitCode;
use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter, Instruction, Mnemonic};
use psycore_jit::lower::CodeSpan;
use std::fmt::Write;

/// The code of a unit that stands at `base`.
pub(super) fn listing(code: &UnitCode, base: usize, spans: &[CodeSpan]) -> String {
    let mut out = String::new();
    let mut formatter = GasFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(true);
    formatter.options_mut().set_rip_relative_addresses(true);
    let mut text = String::new();
    for (name, start, len) in code.symbols() {
        let _ = writeln!(out, "{name}: {len} bytes");
        let mut decoder = Decoder::with_ip(64, code.bytes(start, len), (base + start) as u64, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        let mut constants = usize::MAX;
        let mut place = None;
        while decoder.can_decode() && (decoder.ip() as usize) < constants {
            decoder.decode_out(&mut instruction);
            if instruction.is_ip_rel_memory_operand() {
                constants = constants.min(instruction.ip_rel_memory_address() as usize);
            }
            if instruction.is_invalid() || instruction.mnemonic() == Mnemonic::Int3 {
                continue;
            }
            let here = spans.iter().find(|s| (s.start..s.end).contains(&(instruction.ip() as usize))).map(|s| (s.pc, s.inlined));
            if here != place {
                place = here;
                let _ = match here {
                    Some((pc, None)) => writeln!(out, " @{pc}"),
                    Some((pc, Some(inlined))) => writeln!(out, " @{pc} of {inlined}"),
                    None => writeln!(out, " @-"),
                };
            }
            text.clear();
            formatter.format(&instruction, &mut text);
            let _ = write!(out, "  {:x}: {text}", instruction.ip());
            let at = instruction.ip() as usize - base;
            if let Some(target) = code.target_within(at, instruction.len()) {
                let _ = write!(out, "  # {target}");
            }
            out.push('\n');
        }
        out.push('\n');
    }
    out
}
