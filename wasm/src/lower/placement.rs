//! Which values are computed where they are used, and which need a local.
//!
//! Constants are made anew at each use. A value that is used once, in its own block, is left for its user to compute, as
//! an operand on the wasm stack, if nothing in between changes what it reads. Everything else goes to a local.

use psycore_jit::ir::cfg::Cfg;
use psycore_jit::ir::{BinOp, Block, ExitId, Function, Inst, Op, Term, Type, Value};
use psycore_jit::rt::Effect;

/// Where a value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// Nobody uses it.
    Nowhere,
    /// Its instruction is emitted at each use.
    Const(Inst),
    /// Its instruction is emitted at its only use.
    Stack(Inst),
    /// In a local; which one is the business of `locals`.
    Local,
}

/// Operands within operands at most: they are emitted by recursion.
const MAX_DEPTH: u8 = 30;

pub(super) struct Placements {
    /// By value.
    pub of: Vec<Placement>,
    /// By instruction: the place in its block at which it is emitted, that of the user if that is where.
    pub at: Vec<u32>,
}

/// How a value is used.
#[derive(Clone, Copy)]
struct ValueUse {
    count: u32,
    /// The block and place of a use that may compute it.
    user: Option<(Block, u32)>,
}

impl Placements {
    pub(super) fn new(f: &Function, cfg: &Cfg, exit_values: &[Vec<Value>]) -> Placements {
        let mut uses = vec![ValueUse { count: 0, user: None }; f.values.len()];
        for &block in &cfg.rpo {
            count_uses(f, block, exit_values, &mut uses);
        }
        let mut out = Placements {
            of: uses.iter().map(|u| if u.count == 0 { Placement::Nowhere } else { Placement::Local }).collect(),
            at: vec![0; f.insts.len()],
        };
        // By place in the block: how many instructions before it write memory.
        let mut writes: Vec<u32> = Vec::new();
        let mut depths = vec![0u8; f.values.len()];
        for &block in &cfg.rpo {
            let insts = &f.blocks[block.index()].insts;
            writes.clear();
            writes.push(0);
            writes.extend(insts.iter().scan(0, |sum, i| {
                *sum += u32::from(writes_memory(&f.insts[i.index()].op));
                Some(*sum)
            }));
            for (place, &inst) in insts.iter().enumerate().rev() {
                out.at[inst.index()] = place as u32;
                let data = &f.insts[inst.index()];
                let Some(result) = data.result else { continue };
                if uses[result.index()].count == 0 {
                    continue;
                }
                if is_const(&data.op) {
                    out.of[result.index()] = Placement::Const(inst);
                    continue;
                }
                let ValueUse { count: 1, user: Some((in_block, user)) } = uses[result.index()] else { continue };
                if in_block != block {
                    continue;
                }
                // The user may itself be left for its own user.
                let at = insts.get(user as usize).map_or(user, |i| out.at[i.index()]);
                let moves = match movable(f, &data.op) {
                    Movable::No => false,
                    Movable::Anywhere => true,
                    Movable::UpToWrites => writes[place + 1] == writes[at as usize],
                };
                if moves {
                    out.of[result.index()] = Placement::Stack(inst);
                    out.at[inst.index()] = at;
                }
            }
            // What is nested too deeply gets a local after all. It is then emitted earlier than its operands
            // were told; that only shortens how far these move.
            for (place, &inst) in insts.iter().enumerate() {
                let data = &f.insts[inst.index()];
                let Some(result) = data.result else { continue };
                let mut depth = 0;
                data.op.operands(&mut |v| {
                    if matches!(out.of[v.index()], Placement::Stack(_)) {
                        depth = depth.max(depths[v.index()] + 1);
                    }
                });
                if depth >= MAX_DEPTH && matches!(out.of[result.index()], Placement::Stack(_)) {
                    out.of[result.index()] = Placement::Local;
                    out.at[inst.index()] = place as u32;
                }
                depths[result.index()] = depth;
            }
            // Where their users are now emitted.
            for &inst in insts.iter().rev() {
                let data = &f.insts[inst.index()];
                if let Some(Placement::Stack(_)) = data.result.map(|r| out.of[r.index()])
                    && let Some(ValueUse { user: Some((_, user)), .. }) = data.result.map(|r| uses[r.index()])
                {
                    out.at[inst.index()] = insts.get(user as usize).map_or(user, |i| out.at[i.index()]);
                }
            }
        }
        out
    }
}

fn count_uses(f: &Function, block: Block, exit_values: &[Vec<Value>], uses: &mut [ValueUse]) {
    let data = &f.blocks[block.index()];
    let exit = |uses: &mut [ValueUse], exit: ExitId| {
        for v in &exit_values[exit.index()] {
            uses[v.index()] = ValueUse { count: uses[v.index()].count + 1, user: None };
        }
    };
    for (place, &inst) in data.insts.iter().enumerate() {
        let op = &f.insts[inst.index()].op;
        // These read an operand more than once, or after they have written.
        let needs_local = matches!(op, Op::Ovf(..) | Op::Bin(BinOp::SDiv | BinOp::SRem, ..) | Op::Incref(_) | Op::Decref(..));
        op.operands(&mut |v| {
            if f.ty(v) != Type::Tok {
                let user = (!needs_local).then_some((block, place as u32));
                uses[v.index()] = ValueUse { count: uses[v.index()].count + 1, user };
            }
        });
        if let Some(e) = op.exit() {
            exit(uses, e);
        }
    }
    let end = data.insts.len() as u32;
    data.term.operands(&mut |v| {
        uses[v.index()] = ValueUse { count: uses[v.index()].count + 1, user: Some((block, end)) };
    });
    if let Term::Exit(e) = data.term {
        exit(uses, e);
    }
}

fn is_const(op: &Op) -> bool {
    matches!(op, Op::I64Const(_) | Op::I32Const(_) | Op::F64Const(_) | Op::Obj(_) | Op::Null)
}

enum Movable {
    No,
    Anywhere,
    /// Nor past the end of objects that it reads.
    UpToWrites,
}

/// How far an operation may move down in its block.
fn movable(f: &Function, op: &Op) -> Movable {
    let mut reads_objects = false;
    op.operands(&mut |v| reads_objects |= f.ty(v) == Type::Ptr);
    match op {
        Op::Bin(BinOp::SDiv | BinOp::SRem, ..) => Movable::No,
        Op::Bin(..) | Op::Un(..) | Op::Icmp(..) | Op::Fcmp(..) | Op::Select(..) => Movable::Anywhere,
        // What never changes can still be freed.
        Op::CallRt { rt, .. } if rt.effect() == Effect::Pure && reads_objects => Movable::UpToWrites,
        Op::CallRt { rt, .. } if rt.effect() == Effect::Pure => Movable::Anywhere,
        Op::Load { .. } | Op::LoadElem { .. } | Op::LoadArg { .. } | Op::LoadCtx(_) | Op::IsUnique(_) => Movable::UpToWrites,
        _ => Movable::No,
    }
}

/// Whether an operation may change what loads give, reference words included.
fn writes_memory(op: &Op) -> bool {
    match op {
        Op::Store { .. }
        | Op::StoreElem { .. }
        | Op::StoreArg { .. }
        | Op::Incref(_)
        | Op::Decref(..)
        | Op::CallFn { .. }
        | Op::Poll { .. } => true,
        Op::CallRt { rt, .. } => rt.effect() != Effect::Pure,
        _ => false,
    }
}
