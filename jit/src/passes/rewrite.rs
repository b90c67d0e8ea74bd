//! Replacing values by others throughout a function, and what else passes
//! need to change functions.

use crate::ir::simplify::Defs;
use crate::ir::{Function, Inst, Op, Type, Value};
use std::hash::{BuildHasherDefault, Hasher};

/// Which value stands for which.
pub struct Renames {
    /// By value; itself where nothing was replaced.
    map: Vec<Value>,
    /// Tokens that nothing needs to hang on any more.
    gone: Vec<bool>,
    changed: bool,
}

impl Renames {
    /// Each value stands for itself.
    pub fn new(f: &Function) -> Self {
        Renames { map: (0..f.values.len() as u32).map(Value).collect(), gone: vec![false; f.values.len()], changed: false }
    }

    /// From now on `to` stands for `from`.
    pub fn replace(&mut self, from: Value, to: Value) {
        let to = self.resolve(to);
        if from != to {
            self.map[from.index()] = to;
            self.changed = true;
        }
    }

    /// What hangs on the token `tok` is valid without it wherever its operands are defined
    /// (or nothing will be moved any more).
    pub fn forget(&mut self, tok: Value) {
        self.gone[tok.index()] = true;
        self.changed = true;
    }

    /// What stands for `v`; itself if it was made later.
    pub fn resolve(&mut self, v: Value) -> Value {
        if v.index() >= self.map.len() {
            return v;
        }
        let mut root = v;
        while self.map[root.index()] != root {
            root = self.map[root.index()];
        }
        let mut at = v;
        while at != root {
            at = std::mem::replace(&mut self.map[at.index()], root);
        }
        root
    }

    /// Brings one operation up to date.
    pub fn apply_to(&mut self, op: &mut Op) {
        op.map_operands(&mut |v| self.resolve(v));
        if let Op::Load { dep, .. } | Op::LoadElem { dep, .. } = op
            && let Some(d) = *dep
            && self.gone[d.index()]
        {
            *dep = None;
        }
    }

    /// Brings the whole function up to date.
    pub fn apply(&mut self, f: &mut Function) {
        if !self.changed {
            return;
        }
        for b in 0..f.blocks.len() {
            for k in 0..f.blocks[b].insts.len() {
                let i = f.blocks[b].insts[k];
                self.apply_to(&mut f.insts[i.index()].op);
            }
            f.blocks[b].term.map_operands(&mut |v| self.resolve(v));
        }
        for s in &mut f.states {
            s.map_values(&mut |v| self.resolve(v));
        }
        for e in &mut f.exits {
            e.drops.iter_mut().for_each(|v| *v = self.resolve(*v));
        }
    }
}

/// The instruction that defines each value.
pub struct DefMap {
    defs: Vec<Option<Inst>>,
}

impl DefMap {
    /// Of the instructions that stand in blocks.
    pub fn new(f: &Function) -> Self {
        let mut defs = vec![None; f.values.len()];
        for b in &f.blocks {
            for &i in &b.insts {
                if let Some(r) = f.insts[i.index()].result {
                    defs[r.index()] = Some(i);
                }
            }
        }
        DefMap { defs }
    }

    /// Takes note of a new value.
    pub fn add(&mut self, v: Value, inst: Inst) {
        if self.defs.len() <= v.index() {
            self.defs.resize(v.index() + 1, None);
        }
        self.defs[v.index()] = Some(inst);
    }

    /// The instruction that defines `v`; `None` for parameters.
    pub fn inst(&self, v: Value) -> Option<Inst> {
        self.defs[v.index()]
    }

    /// The operation that defines `v`; `None` for parameters.
    pub fn op<'f>(&self, f: &'f Function, v: Value) -> Option<&'f Op> {
        self.inst(v).map(|i| &f.insts[i.index()].op)
    }

    /// The integer constant that `v` is.
    pub fn int(&self, f: &Function, v: Value) -> Option<i64> {
        match self.op(f, v) {
            Some(Op::I64Const(x)) => Some(*x),
            Some(Op::I32Const(x)) => Some(*x as i64),
            _ => None,
        }
    }

    /// As `simplify` wants it.
    pub fn with<'a>(&'a self, f: &'a Function) -> DefsOf<'a> {
        DefsOf { defs: self, f }
    }
}

/// Definitions of a function.
pub struct DefsOf<'a> {
    defs: &'a DefMap,
    f: &'a Function,
}

impl Defs for DefsOf<'_> {
    fn op(&self, v: Value) -> Option<&Op> {
        self.defs.op(self.f, v)
    }
    fn ty(&self, v: Value) -> Type {
        self.f.ty(v)
    }
}

/// A fast hash for keys that nobody chooses with bad intent.
#[derive(Default)]
pub struct FastHasher(u64);

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(b as u64);
        }
    }
    fn write_u8(&mut self, x: u8) {
        self.write_u64(x as u64);
    }
    fn write_u16(&mut self, x: u16) {
        self.write_u64(x as u64);
    }
    fn write_u32(&mut self, x: u32) {
        self.write_u64(x as u64);
    }
    fn write_u64(&mut self, x: u64) {
        // An odd constant with well-spread bits (2^64 over the golden ratio).
        self.0 = (self.0.rotate_left(5) ^ x).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_usize(&mut self, x: usize) {
        self.write_u64(x as u64);
    }
}

/// A map with that hash.
pub type FastMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FastHasher>>;
