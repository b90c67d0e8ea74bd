//! Random IR, and the check that passes and lowerings keep its meaning: what the
//! reference interpreter makes of the unit as generated is compared with what each lowering makes
//! of it before and after the passes.
//!
//! Programs are structured (sequences, branches, counted loops), end, and use memory as the
//! machine of `ir_machine` has it. They keep the rules of references: what is owned is in the
//! state of each exit, and is given up at the end of the block of statements that took it.

use crate::filetest::Lowerings;
use crate::ir_machine::{self, Datum, MAX_LIST, ObjectSpec, Observed, World};
use crate::rng::Rng;
use psycore_jit::ir::interp::InterpLowering;
use psycore_jit::ir::verify::verify;
use psycore_jit::ir::*;
use psycore_jit::passes;
use psycore_jit::rt::RtId;
use std::collections::HashMap;

/// Integers at which something happens.
const INTS: [i64; 12] = [0, 1, 2, 3, -1, -2, 7, 8, 100, i64::MAX, i64::MIN, i64::MAX - 3];
const FLOATS: [f64; 7] = [0.0, -0.0, 1.0, 2.5, -3.25, 1e300, f64::INFINITY];

/// Values that can be used at a place, by type.
#[derive(Clone, Default)]
struct Scope {
    ints: Vec<Value>,
    floats: Vec<Value>,
    bools: Vec<Value>,
    objects: Vec<Value>,
    /// References to be given up.
    owned: Vec<Value>,
}

struct UnitGenerator<'a> {
    rng: &'a mut Rng,
    b: FunctionBuilder,
    scope: Scope,
    /// Statements still to be made.
    budget: usize,
    pc: u32,
    loops: usize,
    /// For each exit that guards may be hoisted to, the end of the block before the loop.
    hoists: HashMap<u32, Block>,
}

/// A random unit with one entry function. For each position (of frames) that the function leaves at only because
/// a guard was hoisted: the block from which it does, and the exit.
pub fn generate(rng: &mut Rng) -> (Unit, HashMap<u32, (Block, ExitId)>) {
    let size = 5 + rng.below(60);
    let mut g = UnitGenerator {
        rng,
        b: FunctionBuilder::new("random", FnKind::Entry, Some(Type::I64)),
        scope: Scope::default(),
        budget: size,
        pc: 0,
        loops: 0,
        hoists: HashMap::new(),
    };
    let entry = g.b.entry();
    let args = g.b.add_param(entry, Type::Ptr);
    for i in 0..3 {
        let v = g.b.load_arg(args, i, Type::Ptr);
        g.scope.objects.push(v);
    }
    for i in 3..5 {
        let v = g.b.load_arg(args, i, Type::I64);
        g.scope.ints.push(v);
    }
    let v = g.b.load_arg(args, 5, Type::F64);
    g.scope.floats.push(v);
    let v = g.b.icmp_imm(IntCC::SGt, g.scope.ints[0], 5);
    g.scope.bools.push(v);
    g.statements();
    let mut result = g.int();
    for _ in 0..2 {
        let other = g.int();
        result = g.b.xor(result, other);
    }
    g.b.ret(Some(result));
    let hoists = std::mem::take(&mut g.hoists);
    let f = g.b.finish();
    let mut by_pc = HashMap::new();
    for (exit, block) in hoists {
        let pc = f.states[f.exits[exit as usize].state as usize].frames[0].pc;
        by_pc.insert(pc, (block, ExitId(exit)));
    }
    (Unit { funcs: vec![f] }, by_pc)
}

impl UnitGenerator<'_> {
    fn int(&mut self) -> Value {
        if self.rng.percent(20) {
            let x = self.rng.pick(&INTS);
            return self.b.i64(x);
        }
        self.rng.pick(&self.scope.ints)
    }

    fn float(&mut self) -> Value {
        if self.rng.percent(20) {
            let x = self.rng.pick(&FLOATS);
            return self.b.f64(x);
        }
        self.rng.pick(&self.scope.floats)
    }

    fn truth(&mut self) -> Value {
        self.rng.pick(&self.scope.bools)
    }

    fn object(&mut self) -> Value {
        self.rng.pick(&self.scope.objects)
    }

    /// An exit with a state of some of the values here and all that is owned.
    fn exit(&mut self, reason: Reason) -> ExitId {
        self.pc += 1;
        let mut locals = vec![];
        for _ in 0..self.rng.below(4) {
            let r = match self.rng.below(4) {
                0 => Recipe::Int(self.rng.pick(&self.scope.ints)),
                1 => Recipe::Float(self.rng.pick(&self.scope.floats)),
                2 => Recipe::Bool(self.truth()),
                _ => Recipe::Borrowed(self.object()),
            };
            locals.push(r);
        }
        let mut stack = vec![];
        let mut drops = vec![];
        for v in self.scope.owned.clone() {
            if self.rng.percent(50) {
                stack.push(Recipe::Owned(v));
            } else {
                drops.push(v);
            }
        }
        let frame = FrameDesc { code: ObjId(0), func: None, pc: self.pc, awaits: Default::default(), locals, stack };
        let state = FrameState { frames: vec![frame], globals: vec![] };
        self.b.exit_to(ExitKind::Guard(reason), state, &drops)
    }

    fn statements(&mut self) {
        let owned = self.scope.owned.len();
        for _ in 0..2 + self.rng.below(8) {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            self.statement();
        }
        while self.scope.owned.len() > owned {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        if let Some(v) = self.scope.owned.pop() {
            let exit = if self.rng.percent(50) { Some(self.exit(Reason::Finalizer)) } else { None };
            self.b.decref(v, exit);
        }
    }

    fn statement(&mut self) {
        match self.rng.below(100) {
            0..20 => self.arithmetic(),
            20..28 => self.float_arithmetic(),
            28..38 => self.comparison(),
            38..52 => self.load(),
            52..60 => self.store(),
            60..68 => self.element(),
            68..74 => self.call(),
            74..80 => self.guard(),
            80..85 => {
                let v = self.object();
                self.b.incref(v);
                self.scope.owned.push(v);
            }
            85..92 => self.branch(),
            _ => self.counted_loop(),
        }
    }

    fn arithmetic(&mut self) {
        let (x, y) = (self.int(), self.int());
        let v = match self.rng.below(4) {
            0 => {
                let exit = self.exit(Reason::Overflow);
                let op = self.rng.pick(&[OvfOp::Add, OvfOp::Sub, OvfOp::Mul]);
                self.b.ovf(op, x, y, exit)
            }
            1 => {
                let op = self.rng.pick(&[BinOp::SDiv, BinOp::SRem]);
                let c = self.rng.pick(&[1, 2, 3, 8, 10, -7]);
                let c = self.b.i64(c);
                self.b.bin(op, x, c)
            }
            2 => {
                let c = self.truth();
                self.b.select(c, x, y)
            }
            _ => {
                let op = self.rng.pick(&[
                    BinOp::Add,
                    BinOp::Sub,
                    BinOp::Mul,
                    BinOp::And,
                    BinOp::Or,
                    BinOp::Xor,
                    BinOp::Shl,
                    BinOp::SShr,
                ]);
                self.b.bin(op, x, y)
            }
        };
        self.scope.ints.push(v);
        if self.rng.percent(10) {
            let op = self.rng.pick(&[UnOp::Neg, UnOp::Not]);
            let v = self.b.un(op, v);
            self.scope.ints.push(v);
        }
        if self.rng.percent(10) {
            let w = self.b.wrap(v);
            let v = if self.rng.percent(50) { self.b.sext(w) } else { self.b.zext(w) };
            self.scope.ints.push(v);
        }
    }

    fn float_arithmetic(&mut self) {
        let (x, y) = (self.float(), self.float());
        let v = match self.rng.below(5) {
            0 => {
                let i = self.int();
                self.b.i64_to_f64(i)
            }
            1 => {
                let op = self.rng.pick(&[UnOp::FNeg, UnOp::FAbs, UnOp::FSqrt, UnOp::FFloor, UnOp::FCeil]);
                self.b.un(op, x)
            }
            2 => self.b.call_rt_value(RtId::MathSin, &[x]),
            _ => {
                let op = self.rng.pick(&[BinOp::FAdd, BinOp::FSub, BinOp::FMul, BinOp::FDiv]);
                self.b.bin(op, x, y)
            }
        };
        self.scope.floats.push(v);
    }

    fn comparison(&mut self) {
        let v = match self.rng.below(5) {
            0 => {
                let (x, y) = (self.float(), self.float());
                let cc = self.rng.pick(&[FloatCC::Eq, FloatCC::Ne, FloatCC::Lt, FloatCC::Le, FloatCC::Gt, FloatCC::Ge]);
                self.b.fcmp(cc, x, y)
            }
            1 => {
                let (x, y) = (self.object(), self.object());
                self.b.icmp(IntCC::Eq, x, y)
            }
            2 => {
                let (x, y) = (self.truth(), self.truth());
                let op = self.rng.pick(&[BinOp::And, BinOp::Or, BinOp::Xor]);
                self.b.bin(op, x, y)
            }
            _ => {
                let (x, y) = (self.int(), self.int());
                let cc = self.condition();
                self.b.icmp(cc, x, y)
            }
        };
        self.scope.bools.push(v);
        if self.rng.percent(20) {
            let n = self.b.not(v);
            self.scope.bools.push(n);
        }
    }

    fn condition(&mut self) -> IntCC {
        self.rng.pick(&[
            IntCC::Eq,
            IntCC::Ne,
            IntCC::SLt,
            IntCC::SLe,
            IntCC::SGt,
            IntCC::SGe,
            IntCC::ULt,
            IntCC::ULe,
            IntCC::UGt,
            IntCC::UGe,
        ])
    }

    fn load(&mut self) {
        let base = self.object();
        let dep = if self.rng.percent(40) {
            let c = self.truth();
            let exit = self.exit(Reason::Type);
            let expect = self.rng.percent(50);
            self.b.guard(c, expect, exit)
        } else {
            None
        };
        match self.rng.below(6) {
            0 => {
                let v = self.b.load(Field::FloatValue, base, dep);
                self.scope.floats.push(v);
            }
            1 => {
                let v = self.b.load(Field::ObjDict, base, dep);
                self.scope.objects.push(v);
            }
            2 => {
                let v = self.b.load(Field::IntSign, base, dep);
                let v = self.b.zext(v);
                self.scope.ints.push(v);
            }
            3 | 4 => {
                let v = self.b.load(Field::ListLen, base, dep);
                self.scope.ints.push(v);
            }
            _ => {
                let v = self.b.load(Field::IntMag, base, dep);
                self.scope.ints.push(v);
            }
        }
    }

    fn store(&mut self) {
        let base = self.object();
        match self.rng.below(5) {
            0 => {
                let v = self.float();
                self.b.store(Field::FloatValue, base, v);
            }
            1 => {
                let v = self.object();
                self.b.store(Field::ObjDict, base, v);
            }
            2 => {
                let v = self.int();
                let v = self.b.wrap(v);
                self.b.store(Field::IntSign, base, v);
            }
            3 => {
                let n = self.rng.below(MAX_LIST as usize) as i64;
                let v = self.b.i64(n);
                self.b.store(Field::ListLen, base, v);
            }
            _ => {
                let v = self.int();
                self.b.store(Field::IntMag, base, v);
            }
        }
    }

    /// An access to the items of a list, behind a check of the index.
    fn element(&mut self) {
        let list = self.object();
        let index = self.int();
        let len = self.b.load(Field::ListLen, list, None);
        let exit = self.exit(Reason::Error);
        let inside = self.b.icmp(IntCC::ULt, index, len);
        let dep = self.b.guard(inside, true, exit);
        let items = self.b.load(Field::ListPtr, list, dep);
        if self.rng.percent(50) {
            let v = self.b.load_elem(ElemKind::ListItem, items, index, dep);
            self.scope.objects.push(v);
        } else {
            let v = self.object();
            self.b.store_elem(ElemKind::ListItem, items, index, v);
        }
    }

    fn call(&mut self) {
        let (x, y) = (self.object(), self.object());
        match self.rng.below(5) {
            0 => {
                let v = self.b.call_rt_value(RtId::GetItem, &[x, y]);
                self.scope.objects.push(v);
                self.scope.owned.push(v);
            }
            1 => {
                self.b.incref(y);
                self.b.call_rt(RtId::ListAppend, &[x, y]);
            }
            2 => {
                let i = self.int();
                let v = self.b.call_rt_value(RtId::NewInt, &[i]);
                // Not to the objects: dropping it must stay unobservable.
                self.scope.owned.push(v);
            }
            3 => {
                self.b.call_rt(RtId::DictSetStr, &[x, x, x]);
            }
            _ => {
                let (i, f) = (self.int(), self.float());
                let op = self.b.i32(2);
                let v = self.b.call_rt_value(RtId::IntFloatCompare, &[op, i, f]);
                self.scope.bools.push(v);
            }
        }
    }

    fn guard(&mut self) {
        let c = self.truth();
        let exit = self.exit(Reason::Type);
        let expect = self.rng.percent(70);
        self.b.guard(c, expect, exit);
    }

    fn branch(&mut self) {
        let cond = self.truth();
        let (then, els, join) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let (int, float) = (self.b.add_param(join, Type::I64), self.b.add_param(join, Type::F64));
        if self.rng.percent(20) {
            self.b.set_cold(els);
        }
        self.b.br(cond, then, &[], els, &[]);
        for block in [then, els] {
            let outside = self.scope.clone();
            self.b.switch_to(block);
            self.statements();
            let (i, f) = (self.int(), self.float());
            self.b.jump(join, &[i, f]);
            self.scope = outside;
        }
        self.b.switch_to(join);
        self.scope.ints.push(int);
        self.scope.floats.push(float);
    }

    /// A loop with a counter, up or down, that is tested first or last, and with a value carried along.
    fn counted_loop(&mut self) {
        if self.loops >= 3 {
            return self.arithmetic();
        }
        self.loops += 1;
        let before = self.b.create_block();
        let (header, body, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let up = self.rng.percent(70);
        let tested_first = self.rng.percent(70);
        let limit = match self.rng.below(5) {
            0 | 1 => {
                let o = self.object();
                self.b.load(Field::ListLen, o, None)
            }
            // An unknown number, at most a few.
            2 => {
                let (x, four, zero) = (self.int(), self.b.i64(4), self.b.i64(0));
                let many = self.b.icmp(IntCC::SGt, x, four);
                let x = self.b.select(many, four, x);
                let none = self.b.icmp(IntCC::SLt, x, zero);
                self.b.select(none, zero, x)
            }
            _ => {
                let n = self.rng.below(5) as i64;
                self.b.i64(n)
            }
        };
        let (zero, one) = (self.b.i64(0), self.b.i64(1));
        let (start, cc, end) = if up { (zero, IntCC::SLt, limit) } else { (limit, IntCC::SGt, zero) };
        let (int, float) = (self.int(), self.float());
        // As the specializer keeps ranges: the next number beside how many are left.
        let (first, by) = (self.int(), self.rng.pick(&[1, 1, 1, -1, 2]));
        let by = self.b.i64(by);
        self.b.jump(before, &[]);
        self.b.switch_to(before);
        if self.rng.percent(60) {
            let exit = self.exit(Reason::Entry);
            self.b.set_hoist_exit(before, exit);
            self.hoists.insert(exit.0, before);
        }
        self.b.jump(header, &[start, int, float, first]);
        let i = self.b.add_param(header, Type::I64);
        let int = self.b.add_param(header, Type::I64);
        let float = self.b.add_param(header, Type::F64);
        let number = self.b.add_param(header, Type::I64);
        self.b.switch_to(header);
        let outside = self.scope.clone();
        if tested_first {
            let more = self.b.icmp(cc, i, end);
            self.b.br(more, body, &[], done, &[]);
        } else {
            self.b.jump(body, &[]);
        }
        self.b.switch_to(body);
        for _ in 0..2 {
            self.scope.ints.push(i);
            self.scope.ints.push(number);
        }
        self.scope.ints.push(int);
        self.scope.floats.push(float);
        self.statements();
        let next_number = if self.rng.percent(70) {
            self.b.add(number, by)
        } else {
            let exit = self.exit(Reason::Overflow);
            self.b.add_ovf(number, by, exit)
        };
        let exit = self.exit(Reason::Overflow);
        let next = match (up, self.rng.percent(50)) {
            (true, true) => self.b.add_ovf(i, one, exit),
            (true, false) => self.b.add(i, one),
            (false, true) => self.b.sub_ovf(i, one, exit),
            (false, false) => self.b.sub(i, one),
        };
        let (carried, carried_float) = (self.int(), self.float());
        if tested_first {
            self.b.jump(header, &[next, carried, carried_float, next_number]);
        } else {
            let more = self.b.icmp(cc, next, end);
            self.b.br(more, header, &[next, carried, carried_float, next_number], done, &[]);
        }
        self.scope = outside;
        self.b.switch_to(done);
        if tested_first {
            self.scope.ints.extend([i, int, number]);
        }
        self.loops -= 1;
    }
}

/// A random world for the programs.
pub fn world(rng: &mut Rng) -> World {
    let names = ["a", "b", "c"];
    let mut objects = Vec::new();
    for name in names {
        let items = (0..MAX_LIST).map(|_| Datum::Object(rng.pick(&names).into())).collect();
        let fields = vec![
            (Field::ObjDict, Datum::Object(rng.pick(&names).into())),
            (Field::IntMag, Datum::Word(rng.pick(&INTS) as u64)),
            (Field::IntSign, Datum::Word(rng.below(2) as u64)),
            (Field::FloatValue, Datum::Word(rng.pick(&FLOATS).to_bits())),
            (Field::ListLen, Datum::Word(rng.below(MAX_LIST as usize) as u64)),
            (Field::ListPtr, Datum::Array(items)),
        ];
        objects.push(ObjectSpec { name: name.into(), refs: 1 << 20, fields, ..ObjectSpec::default() });
    }
    let mut args: Vec<Datum> = (0..3).map(|_| Datum::Object(rng.pick(&names).into())).collect();
    args.extend((0..2).map(|_| Datum::Word(rng.pick(&INTS) as u64)));
    args.push(Datum::Word(rng.pick(&FLOATS).to_bits()));
    World { objects, args, ..World::default() }
}

/// Generates a unit from a seed and checks it; an error says everything that is needed to look into it.
pub fn check(seed: u64, lowerings: Lowerings<'_>) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let (unit, hoists) = generate(&mut rng);
    verify(&unit).map_err(|e| format!("seed {seed}: the generator made nonsense: {e}\n{unit}"))?;
    let mut versions = vec![("as it is", unit.clone())];
    for pass in ["fold", "gvn", "hoist", "range", "refs", "dce", "optimize"] {
        let mut changed = unit.clone();
        passes::run_named(&mut changed, pass)?;
        verify(&changed).map_err(|e| format!("seed {seed}: after {pass}: {e}\nbefore:\n{unit}\nafter:\n{changed}"))?;
        versions.push((pass, changed));
    }
    for _ in 0..3 {
        let world = world(&mut rng);
        let mut interp = InterpLowering::new();
        let want = ir_machine::run(&mut interp, &unit, 0, &world)?;
        for (pass, version) in &versions {
            for mut l in lowerings() {
                if l.name() != "interp" && !matches!(*pass, "as it is" | "optimize") {
                    continue;
                }
                let got = ir_machine::run(l.as_mut(), version, 0, &world).map_err(|e| format!("seed {seed}: {e}"))?;
                if got == want || left_early(&unit, &hoists, &world, &got) {
                    continue;
                }
                return Err(format!(
                    "seed {seed}, {} after {pass}:\nwanted {want}\ngot    {got}\nbefore:\n{unit}\nafter:\n{version}\n{world:?}",
                    l.name()
                ));
            }
        }
    }
    Ok(())
}

/// Whether `got` is what leaving at some loop's entry gives, at the first or a later time that the
/// program comes there.
fn left_early(unit: &Unit, hoists: &HashMap<u32, (Block, ExitId)>, world: &World, got: &Observed) -> bool {
    let at = |pc: u32| got.end.contains(&format!(" at obj0:{pc} "));
    let Some((&(block, exit), _)) = hoists.iter().map(|(pc, b)| (b, *pc)).find(|&(_, pc)| at(pc)) else {
        return false;
    };
    let mut leaving = unit.clone();
    let f = &mut leaving.funcs[0];
    let poll = Inst(f.insts.len() as u32);
    f.insts.push(InstData { op: Op::Poll { exit }, result: None, pc: u32::MAX, inlined: None });
    f.blocks[block.index()].insts.push(poll);
    // As often as three nested loops can come there.
    (1..=125).any(|n| {
        let world = World { countdown: n, poll_leaves: true, ..world.clone() };
        ir_machine::run(&mut InterpLowering::new(), &leaving, 0, &world).is_ok_and(|mut early| {
            early.calls.retain(|c| c != "poll()");
            early == *got
        })
    })
}
