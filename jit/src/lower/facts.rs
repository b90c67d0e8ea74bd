//! What lowerings want to know of values: constants, and which integers are not negative.
//!
//! Signs make overflow checks and remainders cheaper. The analysis is
//! optimistic: parameters of blocks count as not negative until an edge passes something else,
//! so counters of loops are found. Only facts that selection of machine code needs are here; what
//! changes the IR is the business of its passes.

use crate::ir::{BinOp, Block, BlockCall, ElemKind, Field, Function, IntCC, Op, OvfOp, Term, Type, UnOp, Value};

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Nothing.
    Unknown,
    /// An `I64`, or 0 or 1 for a condition.
    Const(i64),
    /// An `F64` by bits.
    Float(u64),
    /// An `I64` of 0 or more.
    NotNegative,
    /// A remainder by this positive number: between `-n` and `n`, both excluded.
    Remainder(i64),
    /// [`Fact::Remainder`] plus its divisor.
    Corrected(i64),
    /// 1 exactly if this value is negative.
    IsNegative(Value),
}

impl Fact {
    /// Whether it is an integer of 0 or more.
    pub fn not_negative(self) -> bool {
        match self {
            Fact::Const(c) => c >= 0,
            Fact::NotNegative => true,
            _ => false,
        }
    }

    /// Whether it is an integer below 0.
    pub fn negative(self) -> bool {
        matches!(self, Fact::Const(c) if c < 0)
    }
}

/// Fills `facts`, by value. `order` is the blocks in reverse postorder.
pub fn find(f: &Function, order: &[Block], facts: &mut Vec<Fact>) {
    facts.clear();
    facts.resize(f.values.len(), Fact::Unknown);
    for block in order.iter().filter(|b| b.index() != 0) {
        for param in &f.blocks[block.index()].params {
            if f.ty(*param) == Type::I64 {
                facts[param.index()] = Fact::NotNegative;
            }
        }
    }
    loop {
        let mut changed = false;
        for block in order {
            let data = &f.blocks[block.index()];
            for inst in &data.insts {
                let inst = &f.insts[inst.index()];
                if let Some(result) = inst.result {
                    facts[result.index()] = fact(&inst.op, facts);
                }
            }
            let mut edge = |call: &BlockCall| {
                for (param, arg) in f.blocks[call.block.index()].params.iter().zip(&call.args) {
                    if facts[param.index()] != Fact::Unknown && !facts[arg.index()].not_negative() {
                        facts[param.index()] = Fact::Unknown;
                        changed = true;
                    }
                }
            };
            match &data.term {
                Term::Jump(call) => edge(call),
                Term::Br { then, els, .. } => {
                    edge(then);
                    edge(els);
                }
                Term::Ret(_) | Term::Exit(_) | Term::None => {}
            }
        }
        if !changed {
            return;
        }
    }
}

fn fact(op: &Op, facts: &[Fact]) -> Fact {
    let of = |v: &Value| facts[v.index()];
    let not_negative = |v: &Value| of(v).not_negative();
    match op {
        Op::I64Const(c) => Fact::Const(*c),
        Op::F64Const(bits) => Fact::Float(*bits),
        Op::Bin(BinOp::And, a, b) if of(a) == Fact::Const(0) || of(b) == Fact::Const(0) => Fact::Const(0),
        Op::Bin(BinOp::And, a, b) if not_negative(a) || not_negative(b) => Fact::NotNegative,
        Op::Bin(BinOp::Or | BinOp::Xor, a, b) if not_negative(a) && not_negative(b) => Fact::NotNegative,
        Op::Bin(BinOp::SShr, a, _) if not_negative(a) => Fact::NotNegative,
        Op::Bin(BinOp::SRem, a, _) if not_negative(a) => Fact::NotNegative,
        Op::Bin(BinOp::SDiv, a, b) if not_negative(a) && not_negative(b) => Fact::NotNegative,
        Op::Bin(BinOp::SRem, _, b) => match of(b) {
            Fact::Const(c) if c > 0 => Fact::Remainder(c),
            _ => Fact::Unknown,
        },
        Op::Bin(BinOp::Add, a, b) => match (of(a), of(b)) {
            (Fact::Remainder(n), Fact::Const(c)) | (Fact::Const(c), Fact::Remainder(n)) if n == c => Fact::Corrected(n),
            _ => Fact::Unknown,
        },
        Op::Icmp(IntCC::SLt, a, b) if of(b) == Fact::Const(0) => match not_negative(a) {
            true => Fact::Const(0),
            false => Fact::IsNegative(*a),
        },
        Op::Select(condition, a, b) => match (of(condition), of(a), of(b)) {
            (Fact::Const(c), a, b) => {
                if c != 0 {
                    a
                } else {
                    b
                }
            }
            (_, a, b) if a.not_negative() && b.not_negative() => Fact::NotNegative,
            (Fact::IsNegative(r), Fact::Corrected(n), Fact::Remainder(m)) if r == *b && n == m => Fact::NotNegative,
            _ => Fact::Unknown,
        },
        Op::Un(UnOp::Zext, a) if of(a) == Fact::Const(0) => Fact::Const(0),
        Op::Un(UnOp::Zext, _) => Fact::NotNegative,
        Op::Bin(BinOp::Sub, a, b) if of(b) == Fact::Const(0) => of(a),
        // An overflow leaves, so signs add up.
        Op::Ovf(OvfOp::Add | OvfOp::Mul, a, b, _) if not_negative(a) && not_negative(b) => Fact::NotNegative,
        Op::Ovf(OvfOp::Mul, a, b, _) if a == b => Fact::NotNegative,
        Op::Load { field, .. } if is_count(*field) => Fact::NotNegative,
        Op::LoadElem { kind: ElemKind::Byte, .. } => Fact::NotNegative,
        _ => Fact::Unknown,
    }
}

/// Lengths and positions of what lies in memory: never as large as 2^63.
fn is_count(field: Field) -> bool {
    matches!(
        field,
        Field::ListLen
            | Field::ListCap
            | Field::TupleLen
            | Field::DictUsed
            | Field::DictFilled
            | Field::StrBytes
            | Field::BytesLen
            | Field::ListIterIndex
            | Field::StrIterIndex
            | Field::RangeIterIndex
            | Field::RangeIterLen
    )
}
