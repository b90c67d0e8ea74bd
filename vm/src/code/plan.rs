//! What becomes of a code object's units: which two each hook replaces, and the pads behind the code.

use super::prepared::{EntryPad, Pads, Patch};
use super::units::{CALL_UNITS, MAX_HOOK_CONST, bits_of, hook_units, unit};
use psycore_jit::bytecode::{Opcode, base_opcode};
use rustpython_compiler_core::bytecode::{CodeFlags, CodeUnit, CodeUnits, find_exception_handler};
use rustpython_vm::Py;
use rustpython_vm::builtins::PyCode;
use std::sync::atomic::AtomicBool;

/// What a hook stands for. Positions are unit indexes of the original code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// Entry of a function; `start` is where its displaced first instruction lies.
    Entry { start: u32 },
    /// A back-edge and the loop header that it leads to.
    Loop { back_edge: u32, header: u32 },
    /// The pad that runs the inner frames of a forged one.
    Inner,
    /// The beginning of all code that is to be prepared when it first runs.
    Lazy,
}

/// What decoding finds in one pass.
pub struct Scan {
    units: Vec<CodeUnit>,
    /// First unit and header of each back-edge.
    back_edges: Vec<(u32, u32)>,
    /// Index of `RESUME` of an ordinary entry.
    resume: Option<u32>,
    /// Units of the instruction after it, prefixes and caches included; `None` if it can't be displaced.
    first_units: Option<u32>,
}

/// Decodes the first `n` units.
pub fn scan(units: &CodeUnits, n: usize) -> Option<Scan> {
    let mut out = Scan { units: Vec::with_capacity(n + 16), back_edges: Vec::new(), resume: None, first_units: None };
    let mut i = 0;
    let (mut start, mut ext) = (0, 0u32);
    let mut targets_first = false;
    while i < n {
        let raw = units.read_unit(i);
        if raw.op.is_instrumented() {
            return None;
        }
        let op = base_opcode(raw.op);
        let arg = u8::from(raw.arg);
        out.units.push(unit(op, arg));
        if op == Opcode::ExtendedArg {
            ext = (ext | u32::from(arg)) << 8;
            i += 1;
            continue;
        }
        let full = ext | u32::from(arg);
        ext = 0;
        let caches = op.cache_entries();
        for _ in 0..caches {
            out.units.push(unit(Opcode::Cache, 0));
        }
        let next = i + 1 + caches;
        match op {
            Opcode::Resume if out.resume.is_none() && full & 3 == 0 => out.resume = Some(i as u32),
            Opcode::JumpBackward | Opcode::JumpBackwardNoInterrupt => {
                let header = (next as u32).wrapping_sub(full);
                targets_first |= out.resume.is_some_and(|r| header <= r + 1);
                if op == Opcode::JumpBackward && (header as usize) < n {
                    out.back_edges.push((start as u32, header));
                }
            }
            _ => {}
        }
        if out.resume.is_some_and(|r| start as u32 == r + 1) && displaceable(op) {
            out.first_units = Some((next - start) as u32);
        }
        i = next;
        start = next;
    }
    if out.units.len() != n || targets_first {
        out.first_units = None;
    }
    (out.units.len() == n).then_some(out)
}

/// Instructions that begin a function and may run elsewhere: no jumps, and nothing that needs a stack.
fn displaceable(op: Opcode) -> bool {
    use Opcode::*;
    matches!(
        op,
        LoadFast
            | LoadFastBorrow
            | LoadFastCheck
            | LoadFastLoadFast
            | LoadFastBorrowLoadFastBorrow
            | LoadConst
            | LoadSmallInt
            | LoadGlobal
            | LoadDeref
            | LoadCommonConstant
            | LoadBuildClass
            | PushNull
            | Nop
            | BuildList
            | BuildMap
            | BuildTuple
    )
}

/// Code whose frames suspend: generators and coroutines.
pub const SUSPENDS: CodeFlags =
    CodeFlags::GENERATOR.union(CodeFlags::COROUTINE).union(CodeFlags::ASYNC_GENERATOR).union(CodeFlags::ITERABLE_COROUTINE);

pub fn is_function(code: &Py<PyCode>) -> bool {
    code.flags.contains(CodeFlags::OPTIMIZED | CodeFlags::NEWLOCALS) && !code.flags.intersects(SUSPENDS)
}

/// A code object with its hooks and pads, before it is written.
pub struct HookPlan {
    pub units: Vec<CodeUnit>,
    /// What the hooks stand for, in the order of their constants.
    pub sites: Vec<(u32, SiteKind)>,
    pub patches: Vec<Patch>,
    pub pads: Pads,
    /// Number of the first hook's constant.
    pub first_const: usize,
    /// The unit whose position the pads have.
    pub place: usize,
}

/// Places the hooks of code with so many constants of its own. `None` if there is nothing to hook, or no way to.
pub fn plan(code: &Py<PyCode>, scan: Scan, consts: usize) -> Option<HookPlan> {
    let function = is_function(code);
    if !function && scan.back_edges.is_empty() {
        return None;
    }
    let mut units = scan.units;
    let displaced = scan
        .resume
        .zip(scan.first_units)
        .filter(|(r, _)| function && find_exception_handler(&code.exceptiontable, r + 1).is_none());

    let first_const = consts.max(1);
    let mut sites: Vec<(u32, SiteKind)> = Vec::new();
    let room = |sites: &Vec<(u32, SiteKind)>| first_const + sites.len() <= MAX_HOOK_CONST;
    let mut entry = None;
    if let Some((r, len)) = displaced.filter(|_| room(&sites)) {
        let resume = units.len() as u32;
        let x = (r + 1) as usize;
        let copy: Vec<CodeUnit> = units[r as usize..x + len as usize].to_vec();
        units.extend(copy);
        // Back to the instruction after the displaced one.
        let target = r + 1 + len;
        let mut extended = 0;
        let distance = loop {
            let d = units.len() as u32 + extended + 1 - target;
            let need = if d > 0xff_ffff {
                3
            } else if d > 0xffff {
                2
            } else {
                u32::from(d > 0xff)
            };
            if need <= extended {
                break d;
            }
            extended = need;
        };
        for k in (1..=extended).rev() {
            units.push(unit(Opcode::ExtendedArg, (distance >> (8 * k)) as u8));
        }
        units.push(unit(Opcode::JumpBackwardNoInterrupt, distance as u8));
        entry = Some(EntryPad { first: r, units: len, resume });
        sites.push((r, SiteKind::Entry { start: resume + 1 }));
    }
    for &(at, header) in &scan.back_edges {
        if !room(&sites) {
            break;
        }
        sites.push((at, SiteKind::Loop { back_edge: at, header }));
    }
    let return_value = units.len() as u32;
    units.push(unit(Opcode::ReturnValue, 0));
    let reraise = units.len() as u32;
    units.push(unit(Opcode::Reraise, 1));
    let resume_inner = units.len() as u32;
    let inner_const = first_const + sites.len();
    if inner_const > 0xffff {
        return None;
    }
    let [load, reach] = hook_units(inner_const as u8);
    let hook = [unit(Opcode::ExtendedArg, (inner_const >> 8) as u8), load, reach];
    units.extend(hook);
    let call = units.len() as u32;
    units.push(unit(Opcode::CallPyExactArgs, 0));
    units.resize((call + CALL_UNITS) as usize, unit(Opcode::Cache, 0));
    let raised = units.len() as u32;
    units.extend(hook);

    let mut patches = Vec::with_capacity(sites.len());
    for (i, (at, _)) in sites.iter().enumerate() {
        let at_i = *at as usize;
        let armed = hook_units((first_const + i) as u8);
        patches.push(Patch {
            at: *at,
            live: AtomicBool::new(true),
            original: [bits_of(units[at_i]), bits_of(units[at_i + 1])],
            armed: armed.map(bits_of),
        });
        units[at_i] = armed[0];
        units[at_i + 1] = armed[1];
    }
    Some(HookPlan {
        units,
        sites,
        patches,
        pads: Pads { entry, return_value, reraise, resume_inner, call, raised },
        first_const,
        // All pads lie where the function begins.
        place: displaced.map_or(0, |(r, len)| (r + len) as usize),
    })
}
