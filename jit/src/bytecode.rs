//! Decoded bytecode: instructions with their arguments joined, basic blocks,
//! loops and the exception table. The opcodes are those before adaptive
//! specialization; what the interpreter learned comes from the oracle.

use crate::ir::ObjId;
use rustpython_compiler_core::bytecode::Instruction;
pub use rustpython_compiler_core::bytecode::{CodeFlags, Opcode};

/// The argument of `CALL_INTRINSIC_1` that makes a tuple of a list.
pub const LIST_TO_TUPLE: u32 = 6;
/// The number of `*` as a `BINARY_OP`.
const MULTIPLY: u32 = 5;

/// A code object as the specializer sees it.
#[derive(Clone, Debug)]
pub struct CodeInfo {
    pub id: ObjId,
    pub name: String,
    pub instrs: Vec<Instr>,
    /// Instruction index by code unit; `u32::MAX` inside an instruction.
    pub at: Vec<u32>,
    pub consts: Vec<ObjId>,
    pub names: Vec<ObjId>,
    /// Fast locals: variables, then cells, then free variables.
    pub nlocals: usize,
    pub cellvars: usize,
    pub freevars: usize,
    pub flags: CodeFlags,
    pub arg_count: u32,
    pub posonly_count: u32,
    pub kwonly_count: u32,
    pub varnames: Vec<ObjId>,
    pub handlers: Vec<Handler>,
    /// First unit to run when compiled code stands in for the function.
    pub start: u32,
    /// Loops by header.
    pub loops: Vec<BytecodeLoop>,
}

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instr {
    /// First unit (of an `EXTENDED_ARG` prefix, if it has one).
    pub pc: u32,
    /// The unit of the opcode itself.
    pub op_pc: u32,
    pub op: Opcode,
    pub arg: u32,
    /// First unit after the inline caches.
    pub next: u32,
}

/// A row of the exception table, in code units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    pub start: u32,
    pub end: u32,
    pub target: u32,
    pub depth: u32,
    pub lasti: bool,
}

/// A natural loop of the bytecode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytecodeLoop {
    pub header: u32,
    /// The code in it, as ranges of units in order: from where its header is reached again without leaving it,
    /// by way of exception handlers too (whose code stands behind everything else).
    pub body: Vec<(u32, u32)>,
    /// Locals that are assigned in it.
    pub stores: Vec<u32>,
    /// Those of them to which nothing but constants are added, as in `i += 1`.
    pub counters: Vec<u32>,
    /// Names (of globals or module variables) that are assigned in it.
    pub name_stores: Vec<u32>,
    /// Those of them to which nothing but constants are added.
    pub name_counters: Vec<u32>,
}

/// A unit as decoding takes it: the opcode before specialization, and its byte.
#[derive(Clone, Copy, Debug)]
pub struct RawUnit {
    pub op: Opcode,
    /// A byte, or (with `whole`) the whole argument, prefixes included.
    pub arg: u32,
    pub whole: bool,
}

/// How many of the topmost values of the stack say by their classes what an instruction does; none where it is not only they.
pub fn operand_count(op: Opcode) -> usize {
    use Opcode::*;
    match op {
        LoadAttr | ToBool | UnaryNegative | UnaryInvert | UnaryNot | GetIter | UnpackSequence | FormatSimple => 1,
        BinaryOp | CompareOp | ContainsOp | StoreAttr | StoreSubscr => 2,
        _ => 0,
    }
}

impl Instr {
    /// Where a jump goes.
    pub fn target(&self) -> Option<u32> {
        use Opcode::*;
        match self.op {
            JumpForward | PopJumpIfFalse | PopJumpIfTrue | PopJumpIfNone | PopJumpIfNotNone | ForIter | Send => {
                Some(self.next + self.arg)
            }
            JumpBackward | JumpBackwardNoInterrupt => self.next.checked_sub(self.arg),
            _ => None,
        }
    }
}

/// Joins prefixes, finds instruction boundaries.
pub fn decode(units: &[RawUnit]) -> (Vec<Instr>, Vec<u32>) {
    let mut instrs = Vec::new();
    let mut at = vec![u32::MAX; units.len()];
    let mut i = 0;
    while i < units.len() {
        let pc = i;
        let mut arg = units[i].arg;
        while units[i].op == Opcode::ExtendedArg && i + 1 < units.len() {
            i += 1;
            arg = if units[i].whole { units[i].arg } else { (arg << 8) | units[i].arg };
        }
        let op = units[i].op;
        let next = i + 1 + op.cache_entries();
        at[pc] = instrs.len() as u32;
        // A jump may only go to the prefix, but `lasti` may name the opcode itself.
        at[i] = instrs.len() as u32;
        instrs.push(Instr { pc: pc as u32, op_pc: i as u32, op, arg, next: next as u32 });
        i = next;
    }
    (instrs, at)
}

/// Where the instruction with an index may go on, exception handlers included.
fn successors(instrs: &[Instr], at: &[u32], handlers: &[Handler], i: usize) -> Vec<usize> {
    use Opcode::*;
    let ins = &instrs[i];
    let index = |pc: u32| at.get(pc as usize).filter(|n| **n != u32::MAX).map(|n| *n as usize);
    let falls_through =
        !matches!(ins.op, JumpForward | JumpBackward | JumpBackwardNoInterrupt | ReturnValue | RaiseVarargs | Reraise);
    let next = (falls_through && i + 1 < instrs.len()).then_some(i + 1);
    let handler = handlers.iter().find(|h| h.start <= ins.op_pc && ins.op_pc < h.end);
    next.into_iter().chain(ins.target().and_then(index)).chain(handler.and_then(|h| index(h.target))).collect()
}

/// The immediate dominator of each instruction (of itself for the first; `usize::MAX` where none leads to it).
fn dominators(successors: &[Vec<usize>]) -> Vec<usize> {
    let n = successors.len();
    let mut order = Vec::with_capacity(n);
    let mut visited = vec![false; n];
    let mut stack = vec![(0, 0)];
    visited[0] = true;
    while let Some((i, k)) = stack.pop() {
        match successors[i].get(k) {
            Some(&next) => {
                stack.push((i, k + 1));
                if !std::mem::replace(&mut visited[next], true) {
                    stack.push((next, 0));
                }
            }
            None => order.push(i),
        }
    }
    let mut number = vec![usize::MAX; n];
    order.iter().enumerate().for_each(|(k, i)| number[*i] = k);
    let mut before = vec![Vec::new(); n];
    for &i in &order {
        successors[i].iter().for_each(|s| before[*s].push(i));
    }
    let mut dominator = vec![usize::MAX; n];
    dominator[0] = 0;
    let mut changed = true;
    while changed {
        changed = false;
        for &i in order.iter().rev().filter(|i| **i != 0) {
            let mut new = usize::MAX;
            for &p in before[i].iter().filter(|p| dominator[**p] != usize::MAX) {
                let (mut a, mut b) = (p, if new == usize::MAX { p } else { new });
                while a != b {
                    while number[a] < number[b] {
                        a = dominator[a];
                    }
                    while number[b] < number[a] {
                        b = dominator[b];
                    }
                }
                new = a;
            }
            changed |= std::mem::replace(&mut dominator[i], new) != new;
        }
    }
    dominator
}

/// Finds the natural loops: targets of backward jumps that all ways to the jump come by (a handler that goes on in
/// the middle of a loop jumps backward too), with what they assign.
pub fn find_loops(instrs: &[Instr], at: &[u32], handlers: &[Handler]) -> Vec<BytecodeLoop> {
    use Opcode::*;
    let is_backward = |ins: &Instr| matches!(ins.op, JumpBackward | JumpBackwardNoInterrupt);
    if !instrs.iter().any(is_backward) {
        return Vec::new();
    }
    let successors: Vec<Vec<usize>> = (0..instrs.len()).map(|i| successors(instrs, at, handlers, i)).collect();
    let dominator = dominators(&successors);
    let mut before = vec![Vec::new(); instrs.len()];
    for (i, next) in successors.iter().enumerate().filter(|(i, _)| dominator[*i] != usize::MAX) {
        next.iter().for_each(|s| before[*s].push(i));
    }
    let mut inside: Vec<(usize, Vec<bool>)> = Vec::new();
    for (i, ins) in instrs.iter().enumerate() {
        if !is_backward(ins) || dominator[i] == usize::MAX {
            continue;
        }
        let Some(header) = ins.target().and_then(|pc| at.get(pc as usize)).map(|n| *n as usize) else { continue };
        let mut up = i;
        while up > 0 && up != header {
            up = dominator[up];
        }
        if up != header {
            continue;
        }
        let found = inside.iter().position(|(h, _)| *h == header).unwrap_or_else(|| {
            let mut body = vec![false; instrs.len()];
            body[header] = true;
            inside.push((header, body));
            inside.len() - 1
        });
        let body = &mut inside[found].1;
        let mut work = vec![i];
        while let Some(i) = work.pop() {
            if !std::mem::replace(&mut body[i], true) {
                work.extend(&before[i]);
            }
        }
    }
    let mut loops: Vec<BytecodeLoop> = inside.iter().map(|(header, body)| describe_loop(instrs, *header, body)).collect();
    loops.sort_by_key(|l| l.header);
    loops
}

fn describe_loop(instrs: &[Instr], header: usize, inside: &[bool]) -> BytecodeLoop {
    use Opcode::*;
    let mut l = BytecodeLoop {
        header: instrs[header].pc,
        body: Vec::new(),
        stores: Vec::new(),
        counters: Vec::new(),
        name_stores: Vec::new(),
        name_counters: Vec::new(),
    };
    let (mut others, mut other_names) = (Vec::new(), Vec::new());
    for (i, ins) in instrs.iter().enumerate().filter(|(i, _)| inside[*i]) {
        match l.body.last_mut() {
            Some((_, end)) if *end == ins.pc => *end = ins.next,
            _ => l.body.push((ins.pc, ins.next)),
        }
        match ins.op {
            StoreFast if adds_a_constant(&instrs[..i], Variable::Local(ins.arg)) => l.counters.push(ins.arg),
            StoreFastLoadFast if adds_a_constant(&instrs[..i], Variable::Local(ins.arg >> 4)) => l.counters.push(ins.arg >> 4),
            StoreName | StoreGlobal if adds_a_constant(&instrs[..i], Variable::Name(ins.arg)) => l.name_counters.push(ins.arg),
            StoreFast | DeleteFast | LoadFastAndClear | MakeCell => others.push(ins.arg),
            StoreFastLoadFast => others.push(ins.arg >> 4),
            StoreFastStoreFast => others.extend([ins.arg >> 4, ins.arg & 15]),
            StoreName | StoreGlobal | DeleteName | DeleteGlobal => other_names.push(ins.arg),
            _ => {}
        }
    }
    l.stores.extend(l.counters.iter().chain(&others));
    l.counters.retain(|local| !others.contains(local));
    l.name_stores.extend(l.name_counters.iter().chain(&other_names));
    l.name_counters.retain(|name| !other_names.contains(name));
    for v in [&mut l.stores, &mut l.counters, &mut l.name_stores, &mut l.name_counters] {
        v.sort_unstable();
        v.dedup();
    }
    l
}

#[derive(PartialEq)]
enum Variable {
    Local(u32),
    Name(u32),
}

/// Whether the instructions end with a small constant being added to, or subtracted from, a variable.
fn adds_a_constant(instrs: &[Instr], variable: Variable) -> bool {
    use Opcode::*;
    let [.., load, constant, op] = instrs else { return false };
    let loaded = match load.op {
        LoadFast | LoadFastCheck | LoadFastBorrow => Variable::Local(load.arg),
        LoadFastLoadFast | LoadFastBorrowLoadFastBorrow => Variable::Local(load.arg & 15),
        LoadName => Variable::Name(load.arg),
        LoadGlobal => Variable::Name(load.arg >> 1),
        _ => return false,
    };
    // `+`, `-`, `+=` and `-=`.
    loaded == variable && constant.op == LoadSmallInt && op.op == BinaryOp && [0, 10, 13, 23].contains(&op.arg)
}

impl BytecodeLoop {
    /// Whether a local is about as far from zero each time that the loop is entered: nothing but constants are added to it.
    pub fn keeps_extent(&self, local: u32) -> bool {
        self.stores.binary_search(&local).is_err() || self.counters.binary_search(&local).is_ok()
    }

    /// The same of a name.
    pub fn keeps_extent_of_name(&self, name: u32) -> bool {
        self.name_stores.binary_search(&name).is_err() || self.name_counters.binary_search(&name).is_ok()
    }

    /// Whether the instruction that begins at a unit is a part of it.
    pub fn contains(&self, pc: u32) -> bool {
        let i = self.body.partition_point(|(start, _)| *start <= pc);
        i > 0 && pc < self.body[i - 1].1
    }
}

/// Decodes an exception table (entries of start, length, target, `depth << 1 | lasti` as
/// variable-length numbers of 6 bits, most significant first, all in code units).
pub fn decode_handlers(table: &[u8]) -> Vec<Handler> {
    let mut bytes = table.iter().copied();
    let mut out = Vec::new();
    let mut number = || -> Option<u32> {
        let mut b = bytes.next()?;
        let mut n = u32::from(b & 63);
        while b & 64 != 0 {
            b = bytes.next()?;
            n = (n << 6) | u32::from(b & 63);
        }
        Some(n)
    };
    while let (Some(start), Some(len), Some(target), Some(dl)) = (number(), number(), number(), number()) {
        out.push(Handler { start, end: start + len, target, depth: dl >> 1, lasti: dl & 1 != 0 });
    }
    out
}

impl CodeInfo {
    /// The instruction that begins at (or has its opcode at) a unit.
    pub fn instr(&self, pc: u32) -> Option<&Instr> {
        let i = *self.at.get(pc as usize)?;
        self.instrs.get(i as usize)
    }

    /// The loop with that header.
    pub fn loop_at(&self, header: u32) -> Option<&BytecodeLoop> {
        self.loops.iter().find(|l| l.header == header)
    }

    /// Where to go on if the instruction loads an attribute to call it with `*`, which can be done as for a call without:
    /// a method and its object in place of a bound method and NULL.
    pub fn loads_method(&self, ins: &Instr) -> Option<u32> {
        let null = self.instr(ins.next).filter(|null| ins.op == Opcode::LoadAttr && null.op == Opcode::PushNull)?;
        // There NULL stands for keyword arguments.
        self.instr(null.next).is_some_and(|i| i.op != Opcode::CallFunctionEx).then_some(null.next)
    }

    /// Whether the list that the instruction at `pc` makes is only filled for a tuple, as in `f(a, *b)` and `(a, *b)`, or
    /// multiplied, as in `[a] * b`.
    pub fn is_list_used_up(&self, pc: u32) -> bool {
        let first = self.at.get(pc as usize).map_or(self.instrs.len(), |i| *i as usize + 1);
        // Stack slots above the list.
        let mut above = 0;
        for ins in self.instrs.get(first..).unwrap_or_default() {
            match ins.op {
                Opcode::ListExtend | Opcode::ListAppend if above == 1 && ins.arg == 1 => above = 0,
                Opcode::CallIntrinsic1 if above == 0 => return ins.arg == LIST_TO_TUPLE,
                Opcode::BinaryOp if above == 1 => return ins.arg == MULTIPLY,
                op => {
                    let effect = op.stack_effect_info(ins.arg);
                    if ins.target().is_some() || op.is_terminator() || above < effect.popped() {
                        return false;
                    }
                    above = above - effect.popped() + effect.pushed();
                }
            }
        }
        false
    }

    /// Whether the names of this code are module globals: locals are no fast locals, and the
    /// caller says that they are the globals.
    pub fn is_function(&self) -> bool {
        self.flags.contains(CodeFlags::OPTIMIZED)
    }

    /// The handler that covers a unit.
    pub fn handler(&self, pc: u32) -> Option<&Handler> {
        self.handlers.iter().find(|h| h.start <= pc && pc < h.end)
    }
}

/// The opcode before adaptive specialization or instrumentation.
pub fn base_opcode(op: Instruction) -> Opcode {
    op.as_opcode().deoptimize()
}
