//! A machine for IR without a VM: objects that are arrays of words, a few entry
//! points that write down that they were called, and runs of a unit on any
//! lowering with an account of all that can be observed.
//!
//! An object has its reference word first, then 64 bits for each field, then
//! [`SLOTS`] times as much for slots. A destroyed object is overwritten, not freed, so that
//! code which goes on using it is found out.

use psycore_jit::ir::{Exit, ExitId, Field, FnCell, Function, ObjId, Recipe, Type, Unit, Value, VirtualKind, status};
use psycore_jit::layout::Layout;
use psycore_jit::lower::{LowerEnv, Lowering};
use psycore_jit::rt::RtId;
use psycore_jit::runtime_context::RuntimeContext;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Words after the fields of each object.
pub const SLOTS: usize = 4;
const OBJECT_WORDS: usize = 1 + Field::ALL.len() + SLOTS;
/// How long lists may seem to be; those that code takes items of need that many.
pub const MAX_LIST: u64 = 5;
/// What a destroyed object is filled with.
const DEAD: u64 = 0xdead_dead_dead_dead;

/// The reference word of immortal objects.
pub const IMMORTAL: u64 = 1 << (usize::BITS - 4);

/// Where the fields lie on a machine with words of that many bytes.
pub fn layout(word: u32) -> Layout {
    Layout {
        word,
        fields: (0..Field::ALL.len() as i32).map(|i| 8 * (1 + i)).collect(),
        dict_entry_stride: 3 * word,
        dict_entry_value: word,
        dict_entry_key: 0,
        dict_entry_mark: 0,
        refcount: 0,
        immortal_bit: 8 * word - 4,
        // Arguments are 64 bits wide, since tests pass numbers too.
        arg_stride: 8,
        int_small_tag: 1 << (8 * word - 1),
    }
}

/// A word of an object, an array or an argument before it has an address.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    Word(u64),
    /// The address of the object of that name.
    Object(String),
    /// The address of an array of words.
    Array(Vec<Datum>),
}

/// An object to be made.
#[derive(Clone, Debug, Default)]
pub struct ObjectSpec {
    pub name: String,
    pub refs: u64,
    pub fields: Vec<(Field, Datum)>,
    pub slots: Vec<Datum>,
    /// Destroying it makes compiled code leave.
    pub finalizer: bool,
}

/// What a run starts from.
#[derive(Clone, Debug)]
pub struct World {
    pub objects: Vec<ObjectSpec>,
    /// Which function of the unit each cell holds.
    pub cells: HashMap<u32, usize>,
    pub countdown: i32,
    pub depth: i32,
    /// Polling makes compiled code leave.
    pub poll_leaves: bool,
    pub args: Vec<Datum>,
    /// Words of the exit stack.
    pub exit_words: usize,
}

impl Default for World {
    fn default() -> Self {
        World {
            objects: Vec::new(),
            cells: HashMap::new(),
            countdown: 1 << 30,
            depth: 100,
            poll_leaves: false,
            args: Vec::new(),
            exit_words: 4096,
        }
    }
}

/// The objects of a run.
#[derive(Default)]
struct Heap {
    names: Vec<String>,
    #[expect(clippy::vec_box, reason = "code has their addresses, which must stay")]
    objects: Vec<Box<[u64; OBJECT_WORDS]>>,
    arrays: Vec<(String, Box<[usize]>)>,
    finalizers: Vec<String>,
    poll_leaves: bool,
    calls: Vec<String>,
}

thread_local! {
    static HEAP: RefCell<Heap> = RefCell::default();
    static RUN_TIME: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

impl Heap {
    fn add(&mut self, name: String, refs: u64) -> usize {
        let mut words = Box::new([0; OBJECT_WORDS]);
        words[0] = refs;
        self.names.push(name);
        self.objects.push(words);
        self.objects.len() - 1
    }

    fn address(&self, i: usize) -> u64 {
        self.objects[i].as_ptr() as u64
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }

    fn at(&self, address: u64) -> Option<usize> {
        (0..self.objects.len()).find(|&i| self.address(i) == address)
    }

    fn resolve(&mut self, owner: &str, d: &Datum) -> Result<u64, String> {
        Ok(match d {
            Datum::Word(w) => *w,
            Datum::Object(name) => {
                let i = match self.find(name) {
                    Some(i) => i,
                    None if name.starts_with("obj") => self.add(name.clone(), IMMORTAL),
                    None => return Err(format!("there is no object {name}")),
                };
                self.address(i)
            }
            Datum::Array(items) => {
                let words: Vec<usize> =
                    items.iter().map(|d| Ok(self.resolve(owner, d)? as usize)).collect::<Result<_, String>>()?;
                self.arrays.push((owner.to_string(), words.into()));
                self.arrays.last().map_or(0, |a| a.1.as_ptr() as u64)
            }
        })
    }

    /// A word for people: the object or array that it is the address of, or a number.
    fn show(&self, word: u64) -> String {
        if let Some(i) = self.at(word) {
            return format!("@{}", self.names[i]);
        }
        if let Some((owner, _)) = self.arrays.iter().find(|a| a.1.as_ptr() as u64 == word) {
            return format!("[{owner}]");
        }
        (word as i64).to_string()
    }

    fn show_typed(&self, word: u64, ty: Type) -> String {
        match ty {
            Type::I32 => (word as i32).to_string(),
            Type::I64 => (word as i64).to_string(),
            Type::F64 => {
                let x = f64::from_bits(word);
                if x.is_nan() { "NaN".into() } else { format!("{x:?}") }
            }
            Type::Ptr | Type::Tok => {
                if word == 0 {
                    "null".into()
                } else {
                    self.show(word)
                }
            }
        }
    }
}

/// Everything that a run did that can be observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// `returned 5`, or the frames that the exits taken rebuild, innermost first.
    pub end: String,
    /// The entry points called, in order.
    pub calls: Vec<String>,
    /// What is not in memory what it was.
    pub changes: Vec<String>,
}

impl std::fmt::Display for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.end)?;
        if !self.calls.is_empty() {
            write!(f, "; calls {}", self.calls.join(" "))?;
        }
        if !self.changes.is_empty() {
            write!(f, "; then {}", self.changes.join(" "))?;
        }
        Ok(())
    }
}

/// How long the code of the last run has run, without what comes before and after.
pub fn run_time() -> Duration {
    RUN_TIME.get()
}

/// Runs entry function `func` of a unit in a new world.
pub fn run(lowering: &mut dyn Lowering, unit: &Unit, func: usize, world: &World) -> Result<Observed, String> {
    let layout = layout(size_of::<usize>() as u32);
    let mut args = Vec::new();
    let mut set_up = || -> Result<(), String> {
        HEAP.with_borrow_mut(|heap| {
            *heap = Heap { poll_leaves: world.poll_leaves, ..Heap::default() };
            for o in &world.objects {
                heap.add(o.name.clone(), o.refs);
                if o.finalizer {
                    heap.finalizers.push(o.name.clone());
                }
            }
            for (i, o) in world.objects.iter().enumerate() {
                for (field, d) in &o.fields {
                    heap.objects[i][1 + *field as usize] = heap.resolve(&o.name, d)?;
                }
                for (k, d) in o.slots.iter().enumerate() {
                    heap.objects[i][1 + Field::ALL.len() + k] = heap.resolve(&o.name, d)?;
                }
            }
            for d in &world.args {
                args.push(heap.resolve("args", d)?);
            }
            Ok(())
        })
    };
    set_up()?;
    let before = HEAP.with_borrow(|h| (h.objects.clone(), h.arrays.clone()));
    let args_before = args.clone();

    let obj_address = |o: ObjId| {
        HEAP.with_borrow_mut(|h| {
            let name = format!("obj{}", o.0);
            let i = h.find(&name).unwrap_or_else(|| h.add(name, IMMORTAL));
            h.address(i) as usize
        })
    };
    let mut cells: Vec<u64> = vec![0; 64];
    let cell_base = cells.as_mut_ptr();
    let cell_address = |c: FnCell| cell_base.wrapping_add(c.0 as usize) as usize;
    let env = LowerEnv {
        layout: &layout,
        obj_address: &obj_address,
        rt_address: &rt_address,
        cell_address: &cell_address,
        exit_base: 0,
    };
    let lowered = lowering.lower(unit, &env, false).map_err(|e| e.to_string())?;
    for (&cell, &func) in &world.cells {
        let word = *lowered.cells.get(func).ok_or("a cell of a function that does not exist")?;
        // SAFETY: the vector outlives the run; numbers are checked where worlds are read.
        unsafe { cell_base.wrapping_add(cell as usize).write(word) };
    }
    let mut exits = vec![0u64; world.exit_words];
    let mut ctx = RuntimeContext::new();
    ctx.countdown = world.countdown;
    ctx.depth = world.depth;
    ctx.exit_top = exits.as_mut_ptr();
    ctx.exit_end = exits.as_mut_ptr().wrapping_add(exits.len());
    let start = ctx.exit_top;
    // Room for `store_arg` beyond the arguments.
    args.resize(args.len() + 4, 0);
    let begin = Instant::now();
    // SAFETY: the unit was verified; that it uses its objects as what they are is the test's duty.
    let got = unsafe { lowering.enter(lowered.handle, func, &mut ctx, args.as_mut_ptr()) };
    RUN_TIME.set(begin.elapsed());
    let used = (ctx.exit_top as usize - start as usize) / 8;
    lowering.free(lowered.handle);

    HEAP.with_borrow_mut(|heap| {
        let mut out = Observed { end: String::new(), calls: std::mem::take(&mut heap.calls), changes: vec![] };
        match got {
            status::RETURNED => {
                out.end = match unit.funcs[func].ret {
                    Some(ty) => format!("returned {}", heap.show_typed(ctx.ret, ty)),
                    None => "returned".into(),
                };
                if used != 0 {
                    return Err(format!("{used} words are left on the exit stack"));
                }
            }
            status::EXITED => {
                out.end = show_exits(heap, unit, &exits[..used])?;
            }
            s => return Err(format!("the status is {s}")),
        }
        if ctx.depth != world.depth && got == status::RETURNED {
            out.changes.push(format!("depth={}", ctx.depth));
        }
        changes(heap, &before.0, &before.1, &mut out.changes);
        for (i, &word) in args.iter().enumerate() {
            if word != args_before.get(i).copied().unwrap_or(0) {
                out.changes.push(format!("args[{i}]={}", heap.show(word)));
            }
        }
        Ok(out)
    })
}

/// What the records of an exit stack rebuild, innermost first.
fn show_exits(heap: &mut Heap, unit: &Unit, mut words: &[u64]) -> Result<String, String> {
    let mut parts = Vec::new();
    while let Some((&number, rest)) = words.split_last() {
        let mut at = number;
        let found = unit.funcs.iter().find(|f| {
            let inside = at < f.exits.len() as u64;
            if !inside {
                at -= f.exits.len() as u64;
            }
            inside
        });
        let f = found.ok_or_else(|| format!("there is no exit with the number {number}"))?;
        let values = f.exit_values(ExitId(at as u32));
        if rest.len() < values.len() {
            return Err(format!("the record of exit {number} is too short"));
        }
        let (rest, record) = rest.split_at(rest.len() - values.len());
        let stored: HashMap<Value, u64> = values.iter().copied().zip(record.iter().copied()).collect();
        parts.push(rebuild(heap, f, &f.exits[at as usize], &stored));
        words = rest;
    }
    if parts.is_empty() {
        return Err("exited without a record".into());
    }
    parts.reverse();
    Ok(format!("left by {}", parts.join(" then ")))
}

/// Does with the values of an exit what leaving does: references are taken for what is borrowed, given up
/// for what is dropped. Gives the frames as text.
fn rebuild(heap: &mut Heap, f: &Function, exit: &Exit, stored: &HashMap<Value, u64>) -> String {
    let state = &f.states[exit.state as usize];
    let mut out = exit.kind.to_string();
    for frame in &state.frames {
        let _ = write!(out, " at {}:{}", frame.code, frame.pc);
        for slots in [&frame.locals, &frame.stack] {
            let slots: Vec<String> = slots.iter().map(|r| rebuild_slot(heap, f, r, stored)).collect();
            let _ = write!(out, " [{}]", slots.join(" "));
        }
    }
    for g in &state.globals {
        let value = rebuild_slot(heap, f, &g.value, stored);
        let _ = write!(out, " {}.{}={value}", g.dict, g.name);
    }
    for v in &exit.drops {
        if let Some(i) = heap.at(stored[v])
            && heap.objects[i][0] & IMMORTAL == 0
        {
            heap.objects[i][0] -= 1;
        }
    }
    out
}

fn rebuild_slot(heap: &mut Heap, f: &Function, r: &Recipe, stored: &HashMap<Value, u64>) -> String {
    let show = |heap: &Heap, v: Value| heap.show_typed(stored[&v], f.ty(v));
    let slot = |heap: &mut Heap, r: &Recipe| rebuild_slot(heap, f, r, stored);
    match r {
        Recipe::Null => "null".into(),
        Recipe::Keep => "keep".into(),
        Recipe::Const(o) => o.to_string(),
        Recipe::Owned(v) | Recipe::Int(v) | Recipe::Float(v) | Recipe::Bool(v) => show(heap, *v),
        Recipe::Borrowed(v) => {
            if let Some(i) = heap.at(stored[v])
                && heap.objects[i][0] & IMMORTAL == 0
            {
                heap.objects[i][0] += 1;
            }
            show(heap, *v)
        }
        Recipe::Virtual { kind, parts, numbers } => {
            let mut shown: Vec<String> = parts.iter().map(|r| slot(heap, r)).collect();
            shown.extend(numbers.iter().map(|v| show(heap, *v)));
            let shown = shown.join(" ");
            match kind {
                VirtualKind::Tuple => format!("({shown})"),
                VirtualKind::List => format!("[{shown}]"),
                _ => format!("{}({shown})", kind.shape().name),
            }
        }
        Recipe::Instance { number, class, fields } => {
            let fields: Vec<String> = fields.iter().map(|(name, r)| format!(" {name}={}", slot(heap, r))).collect();
            format!("instance({number} {class}{})", fields.concat())
        }
        Recipe::Same(number) => format!("same({number})"),
        Recipe::IfBound { bound, value } => match stored[bound] as u32 {
            0 => "null".into(),
            _ => slot(heap, value),
        },
    }
}

fn changes(heap: &Heap, objects: &[Box<[u64; OBJECT_WORDS]>], arrays: &[(String, Box<[usize]>)], out: &mut Vec<String>) {
    for (i, now) in heap.objects.iter().enumerate() {
        let name = &heap.names[i];
        if now[0] == DEAD && name.starts_with("new_") {
            continue;
        }
        if now[0] == DEAD {
            out.push(format!("{name} is dead"));
            continue;
        }
        if name.starts_with("obj") && objects.get(i).is_none() && now[0] == IMMORTAL {
            continue;
        }
        let before = objects.get(i);
        for (k, &word) in now.iter().enumerate() {
            if word == before.map_or(0, |b| b[k]) {
                continue;
            }
            let field = match k {
                0 => "refs".to_string(),
                _ => match Field::ALL.get(k - 1) {
                    Some(f) => f.name().to_string(),
                    None => format!("slot{}", k - 1 - Field::ALL.len()),
                },
            };
            let is_float = Field::ALL.get(k.wrapping_sub(1)) == Some(&Field::FloatValue);
            let shown = if is_float { heap.show_typed(word, Type::F64) } else { heap.show(word) };
            out.push(format!("{name}.{field}={shown}"));
        }
    }
    for (i, (owner, now)) in heap.arrays.iter().enumerate() {
        for (k, &word) in now.iter().enumerate() {
            if word != arrays[i].1[k] {
                out.push(format!("{owner}[{k}]={}", heap.show(word as u64)));
            }
        }
    }
}

/// Calls `f` with the heap and the words of an object.
fn with_object<R>(p: *mut c_void, f: impl FnOnce(&mut Heap, usize) -> R) -> R {
    HEAP.with_borrow_mut(|h| match h.at(p as u64) {
        Some(i) => f(h, i),
        None => {
            // Unwinding through compiled code is not possible.
            eprintln!("an entry point was given {p:?}, which is no object; calls so far: {:?}", h.calls);
            std::process::abort();
        }
    })
}

fn log(call: String) {
    HEAP.with_borrow_mut(|h| h.calls.push(call));
}

fn name_of(p: *mut c_void) -> String {
    HEAP.with_borrow(|h| h.show_typed(p as u64, Type::Ptr))
}

extern "C" fn dealloc(_: *mut RuntimeContext, p: *mut c_void) -> i32 {
    with_object(p, |h, i| {
        let name = h.names[i].clone();
        // That a number was made and dropped again is nobody's business.
        if !name.starts_with("new_") {
            h.calls.push(format!("dealloc(@{name})"));
        }
        h.objects[i].fill(DEAD);
        h.finalizers.contains(&name) as i32
    })
}

extern "C" fn poll(ctx: *mut RuntimeContext) -> i32 {
    log("poll()".into());
    // SAFETY: compiled code passes its context.
    unsafe { (*ctx).countdown = 1 << 30 };
    HEAP.with_borrow(|h| h.poll_leaves as i32)
}

/// Whether a number object is new is not observable, so making one is not written down;
/// where it goes is seen in memory.
fn new_object(refs: u64, field: Field, word: u64) -> *mut c_void {
    HEAP.with_borrow_mut(|h| {
        let mut name = String::new();
        let _ = write!(name, "new_{}_{word:x}", field.name());
        let i = h.add(name, refs);
        h.objects[i][1 + field as usize] = word;
        h.address(i) as *mut c_void
    })
}

extern "C" fn new_int(_: *mut RuntimeContext, x: i64) -> *mut c_void {
    new_object(1, Field::IntMag, x as u64)
}

extern "C" fn new_float(_: *mut RuntimeContext, x: f64) -> *mut c_void {
    new_object(1, Field::FloatValue, x.to_bits())
}

/// The length of lists that grow, which starts from 0 again so that it says nothing false about the items.
fn grow(h: &mut Heap, i: usize) {
    let len = &mut h.objects[i][1 + Field::ListLen as usize];
    *len = (*len + 1) % MAX_LIST;
}

/// Stands for anything that runs Python code: changes fields of its first argument, gives a new
/// reference to the second.
fn python(call: &str, a: *mut c_void, b: *mut c_void) -> *mut c_void {
    log(format!("{call}({}, {})", name_of(a), name_of(b)));
    with_object(a, |h, i| {
        for f in [Field::IntMag, Field::DictStamp] {
            let word = &mut h.objects[i][1 + f as usize];
            *word = word.wrapping_add(1);
        }
        grow(h, i);
    });
    with_object(b, |h, i| {
        if h.objects[i][0] & IMMORTAL == 0 {
            h.objects[i][0] += 1;
        }
    });
    b
}

extern "C" fn get_item(_: *mut RuntimeContext, a: *mut c_void, b: *mut c_void) -> *mut c_void {
    python("get_item", a, b)
}

extern "C" fn get_attr(_: *mut RuntimeContext, a: *mut c_void, b: *mut c_void) -> *mut c_void {
    python("get_attr", a, b)
}

/// Takes over the reference to the item and counts it, in the length only.
extern "C" fn list_append(_: *mut RuntimeContext, list: *mut c_void, item: *mut c_void) {
    log(format!("list_append({}, {})", name_of(list), name_of(item)));
    with_object(list, grow);
}

extern "C" fn dict_set_str(_: *mut RuntimeContext, dict: *mut c_void, key: *mut c_void, value: *mut c_void) {
    log(format!("dict_set_str({}, {}, {})", name_of(dict), name_of(key), name_of(value)));
    with_object(dict, |h, i| {
        let stamp = &mut h.objects[i][1 + Field::DictStamp as usize];
        *stamp = stamp.wrapping_add(1);
    });
}

/// Finds a name at the index only, and writes down where it does not.
extern "C" fn dict_find_name(_: *mut RuntimeContext, dict: *mut c_void, name: *mut c_void, index: i64) -> i64 {
    let here = with_object(dict, |h, i| {
        let field = |f: Field| h.objects[i][1 + f as usize];
        let (filled, entries) = (field(Field::DictFilled), field(Field::DictEntries) as *const usize);
        // SAFETY: the entries of the test's dict, three words each.
        (index as u64) < filled && unsafe { entries.add(3 * index as usize).read() } == name as usize
    });
    if here {
        return index;
    }
    log(format!("dict_find_name({}, {}, {index})", name_of(dict), name_of(name)));
    -1
}

/// A tuple of the scratch words, which are written down.
extern "C" fn build_tuple(ctx: *mut RuntimeContext, n: i32) -> *mut c_void {
    // SAFETY: compiled code passes its context, and has written that many words.
    let words: Vec<u64> = unsafe { (&(*ctx).scratch)[..n as usize].to_vec() };
    HEAP.with_borrow_mut(|h| {
        let items: Vec<String> = words.iter().map(|&w| h.show(w)).collect();
        h.calls.push(format!("build_tuple({})", items.join(" ")));
        let name = format!("tuple{}", h.objects.len());
        let i = h.add(name, 1);
        h.address(i) as *mut c_void
    })
}

extern "C" fn float_floordiv(_: *mut RuntimeContext, a: f64, b: f64) -> f64 {
    (a / b).floor()
}

extern "C" fn float_mod(_: *mut RuntimeContext, a: f64, b: f64) -> f64 {
    a.rem_euclid(b)
}

extern "C" fn math_sin(_: *mut RuntimeContext, x: f64) -> f64 {
    x.sin()
}

extern "C" fn int_float_compare(_: *mut RuntimeContext, op: i32, a: i64, b: f64) -> i32 {
    let (a, op) = (a as f64, op.clamp(0, 5));
    [a < b, a <= b, a == b, a != b, a > b, a >= b][op as usize] as i32
}

extern "C" fn int_pow(ctx: *mut RuntimeContext, a: i64, b: i64) -> i64 {
    let r = u32::try_from(b).ok().and_then(|b| a.checked_pow(b));
    // SAFETY: compiled code passes its context.
    unsafe { (*ctx).failed = r.is_none() as i32 };
    r.unwrap_or(0)
}

/// The address of an entry point, as compiled code will call it.
fn rt_address(rt: RtId) -> usize {
    match rt {
        RtId::Dealloc => dealloc as *const () as usize,
        RtId::PollSlow => poll as *const () as usize,
        RtId::NewInt => new_int as *const () as usize,
        RtId::NewFloat => new_float as *const () as usize,
        RtId::GetItem => get_item as *const () as usize,
        RtId::GetAttr => get_attr as *const () as usize,
        RtId::ListAppend => list_append as *const () as usize,
        RtId::DictSetStr => dict_set_str as *const () as usize,
        RtId::DictFindName => dict_find_name as *const () as usize,
        RtId::BuildTuple => build_tuple as *const () as usize,
        RtId::FloatFloorDiv => float_floordiv as *const () as usize,
        RtId::FloatMod => float_mod as *const () as usize,
        RtId::MathSin => math_sin as *const () as usize,
        RtId::IntFloatCompare => int_float_compare as *const () as usize,
        RtId::IntPow => int_pow as *const () as usize,
        other => panic!("the test machine has no {}: add it to tests/ir/src/ir_machine.rs", other.name()),
    }
}
