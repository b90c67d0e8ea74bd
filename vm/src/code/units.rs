//! Units of bytecode as bits and back.

use psycore_jit::bytecode::Opcode;
use rustpython_compiler_core::bytecode::{CodeUnit, Instruction, OpArgByte};

/// Hooks are loaded by one unit, so their constants have numbers of one byte; 0 may be the docstring.
pub const MAX_HOOK_CONST: usize = 255;
/// Units behind lazy code. The largest pads: `RESUME`, an instruction with its prefixes and caches, a jump back of
/// four units, a return, a raise, and for inner frames two hooks of three units and a call of four.
pub const PAD_ROOM: usize = 31;
/// Units of a hook with a prefix.
pub const HOOK_UNITS: u32 = 3;
/// Units of the call: its own and its caches.
pub const CALL_UNITS: u32 = 4;

pub fn unit_of(bits: u16) -> CodeUnit {
    let [op, arg] = bits.to_ne_bytes();
    match Instruction::try_from(op) {
        Ok(op) => CodeUnit::new(op, OpArgByte::from(arg)),
        // Bits of a unit that was read as an instruction before; can't fail.
        Err(_) => CodeUnit::new(Instruction::from(Opcode::Nop), OpArgByte::from(0)),
    }
}

pub fn bits_of(unit: CodeUnit) -> u16 {
    u16::from_ne_bytes([u8::from(unit.op), u8::from(unit.arg)])
}

pub fn unit(op: Opcode, arg: u8) -> CodeUnit {
    CodeUnit::new(Instruction::from(op), OpArgByte::from(arg))
}

/// What reaches the hook in a constant.
pub fn hook_units(constant: u8) -> [CodeUnit; 2] {
    [unit(Opcode::LoadConst, constant), unit(Opcode::DeleteAttr, 0)]
}
