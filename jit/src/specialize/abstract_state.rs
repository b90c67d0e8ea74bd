//! What is known at a point of the program: for each local and stack slot whether its value is
//! unboxed, constant, virtual or an object, and who owns the object's reference.
//!
//! A context without its SSA values is a [`Key`]: blocks have one version per key.

use crate::bytecode::CodeInfo;
use crate::ir::{Awaits, Block, FrameDesc, FrameState, ObjId, Recipe, SeqKind, Type, Value};
use crate::oracle::Sample;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// Who holds the reference that keeps an object alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Own {
    /// This slot of the context.
    Owned,
    /// Another slot of the context with the same SSA value.
    Alias,
    /// The slot of the live interpreter frame with the same number (locals of the base frame).
    Home,
    /// Something that outlives the function: the caller.
    Kept,
    /// A container that it was loaded from; gone with the next write that might release it.
    Transient,
}

/// An object in a slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjVal {
    pub v: Value,
    /// The exact class, if known.
    pub ty: Option<ObjId>,
    /// The guard that proves it, for loads to depend on; `None` where it must be checked again.
    pub tok: Option<Value>,
    pub own: Own,
    /// A live object that it is expected to be like.
    pub sample: Option<Sample>,
}

/// What an iterator over a dict gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    Keys,
    Values,
    Items,
}

/// The value of a slot.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    /// Unbound, or the NULL of the call protocol.
    Null,
    Const(ObjId),
    Int(Value),
    Float(Value),
    /// `I32` 0 or 1.
    Bool(Value),
    Obj(ObjVal),
    /// A range iterator: next value, items left, step (`I64`).
    Range {
        next: Value,
        left: Value,
        step: Value,
    },
    /// An iterator over a list, tuple or str, at an index.
    Seq {
        kind: SeqKind,
        seq: Box<Val>,
        index: Value,
    },
    /// An iterator that walks a list or tuple backwards, with that many items in front of it.
    Reversed {
        kind: SeqKind,
        seq: Box<Val>,
        left: Value,
    },
    /// An iterator over a dict's keys, values or items: an object that nobody else has.
    Table {
        view: View,
        iter: Box<Val>,
    },
    /// `enumerate`, with the next count.
    Enumerate {
        iter: Box<Val>,
        count: Value,
    },
    /// `zip` of iterators, not strict.
    Zip(Vec<Val>),
    /// A range object (`I64`s; the step is not 0).
    RangeObject {
        start: Value,
        stop: Value,
        step: Value,
    },
    Tuple(Vec<Val>),
    /// A list that the bytecode fills for a tuple, on the stack until then.
    List(Vec<Val>),
    /// A number that may not have been assigned yet: `bound` says so.
    Maybe {
        v: Value,
        ty: Type,
        bound: Value,
    },
    /// An owned object, or null where none has been assigned yet.
    MaybeObj {
        v: Value,
        ty: Option<ObjId>,
    },
    /// An instance that does not exist yet: its number in [`AbstractState::instances`].
    Instance(u32),
    /// The live frame's stack slot, untouched: an object of unknown use.
    Keep,
}

/// An instance of a plain class that does not exist yet. Slots refer to it by number, so that all see what is
/// assigned to its attributes; it lives as long as one does.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub number: u32,
    pub class: ObjId,
    /// What its dict would hold, in order.
    pub fields: Vec<(ObjId, Val)>,
}

impl Val {
    /// An object of unknown class.
    pub fn object(v: Value, own: Own) -> Val {
        Val::Obj(ObjVal { v, ty: None, tok: None, own, sample: None })
    }

    /// An object of a class known by construction (no proof is needed for loads).
    pub fn typed(v: Value, ty: ObjId, own: Own) -> Val {
        Val::Obj(ObjVal { v, ty: Some(ty), tok: None, own, sample: None })
    }

    /// Calls `f` for each object in the value, virtual parts included.
    pub fn objects_mut(&mut self, f: &mut impl FnMut(&mut ObjVal)) {
        match self {
            Val::Obj(o) => f(o),
            Val::Seq { seq, .. } | Val::Reversed { seq, .. } => seq.objects_mut(f),
            Val::Enumerate { iter, .. } | Val::Table { iter, .. } => iter.objects_mut(f),
            Val::Tuple(items) | Val::List(items) | Val::Zip(items) => items.iter_mut().for_each(|i| i.objects_mut(f)),
            _ => {}
        }
    }

    /// The same, without changing them.
    pub fn objects(&self, f: &mut impl FnMut(&ObjVal)) {
        match self {
            Val::Obj(o) => f(o),
            Val::Seq { seq, .. } | Val::Reversed { seq, .. } => seq.objects(f),
            Val::Enumerate { iter, .. } | Val::Table { iter, .. } => iter.objects(f),
            Val::Tuple(items) | Val::List(items) | Val::Zip(items) => items.iter().for_each(|i| i.objects(f)),
            _ => {}
        }
    }

    /// Whether it stands for an object that does not exist yet and is no number.
    pub fn is_virtual(&self) -> bool {
        self.is_iterator() || matches!(self, Val::Tuple(_) | Val::List(_) | Val::RangeObject { .. })
    }

    /// Whether it is an iterator that compiled code steps by itself.
    pub fn is_iterator(&self) -> bool {
        matches!(
            self,
            Val::Range { .. } | Val::Seq { .. } | Val::Reversed { .. } | Val::Table { .. } | Val::Enumerate { .. } | Val::Zip(_)
        )
    }

    /// Calls `f` for the number of each virtual instance that the value names itself.
    pub fn instances(&self, f: &mut impl FnMut(u32)) {
        match self {
            Val::Instance(n) => f(*n),
            Val::Seq { seq, .. } | Val::Reversed { seq, .. } => seq.instances(f),
            Val::Enumerate { iter, .. } | Val::Table { iter, .. } => iter.instances(f),
            Val::Tuple(items) | Val::List(items) | Val::Zip(items) => items.iter().for_each(|i| i.instances(f)),
            _ => {}
        }
    }

    /// Puts another value in the place of a virtual instance, wherever the value names it.
    pub fn replace_instance(&mut self, number: u32, by: &mut impl FnMut() -> Val) {
        match self {
            Val::Instance(n) if *n == number => *self = by(),
            Val::Seq { seq, .. } | Val::Reversed { seq, .. } => seq.replace_instance(number, by),
            Val::Enumerate { iter, .. } | Val::Table { iter, .. } => iter.replace_instance(number, by),
            Val::Tuple(items) | Val::List(items) | Val::Zip(items) => {
                items.iter_mut().for_each(|i| i.replace_instance(number, by))
            }
            _ => {}
        }
    }

    /// How an exit makes it. `made` are the instances that the state has made already.
    fn recipe(&self, all: &[Instance], made: &mut Vec<u32>) -> Recipe {
        match self {
            Val::Null => Recipe::Null,
            Val::Const(c) => Recipe::Const(*c),
            Val::Int(v) => Recipe::Int(*v),
            Val::Float(v) => Recipe::Float(*v),
            Val::Bool(v) => Recipe::Bool(*v),
            Val::Obj(o) => match o.own {
                Own::Owned => Recipe::Owned(o.v),
                _ => Recipe::Borrowed(o.v),
            },
            Val::Range { next, left, step } => Recipe::RangeIter { start: *next, len: *left, step: *step },
            Val::Seq { kind, seq, index } => Recipe::SeqIter { kind: *kind, seq: Box::new(seq.recipe(all, made)), index: *index },
            Val::Enumerate { iter, count } => Recipe::Enumerate { iter: Box::new(iter.recipe(all, made)), count: *count },
            Val::Reversed { kind, seq, left } => {
                Recipe::ReverseIter { kind: *kind, seq: Box::new(seq.recipe(all, made)), left: *left }
            }
            Val::Table { iter, .. } => iter.recipe(all, made),
            Val::Zip(items) => Recipe::Zip(items.iter().map(|i| i.recipe(all, made)).collect()),
            Val::RangeObject { start, stop, step } => Recipe::Range { start: *start, stop: *stop, step: *step },
            Val::Tuple(items) => Recipe::Tuple(items.iter().map(|i| i.recipe(all, made)).collect()),
            Val::List(items) => Recipe::List(items.iter().map(|i| i.recipe(all, made)).collect()),
            Val::Maybe { v, ty, bound } => {
                let value = match ty {
                    Type::F64 => Recipe::Float(*v),
                    Type::I32 => Recipe::Bool(*v),
                    _ => Recipe::Int(*v),
                };
                Recipe::IfBound { bound: *bound, value: Box::new(value) }
            }
            Val::MaybeObj { v, .. } => Recipe::Owned(*v),
            Val::Instance(n) => {
                if let Some(i) = made.iter().position(|m| m == n) {
                    return Recipe::Same(i as u32);
                }
                let number = made.len() as u32;
                made.push(*n);
                let instance = all.iter().find(|i| i.number == *n).expect("a live instance");
                let fields = instance.fields.iter().map(|(name, v)| (*name, v.recipe(all, made))).collect();
                Recipe::Instance { number, class: instance.class, fields }
            }
            Val::Keep => Recipe::Keep,
        }
    }
}

/// A list that copies of a context share until one of them changes it. Contexts are copied at each instruction.
#[derive(Clone, Debug)]
pub struct Shared<T>(Rc<Vec<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared(Rc::default())
    }
}

impl<T: Clone> IntoIterator for Shared<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        Rc::unwrap_or_clone(self.0).into_iter()
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(items: Vec<T>) -> Self {
        Shared(Rc::new(items))
    }
}

impl<T> Deref for Shared<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        Rc::make_mut(&mut self.0)
    }
}

/// One frame of the context: the function itself, or one inlined into it.
#[derive(Clone, Debug)]
pub struct Frame {
    pub code: Rc<CodeInfo>,
    pub func: Option<ObjId>,
    pub globals: ObjId,
    pub builtins: ObjId,
    pub locals: Shared<Val>,
    /// Base frame of an entry: whether the live frame's slot holds the local's value.
    pub home: Shared<bool>,
    pub stack: Vec<Val>,
    /// The call that the next inner frame comes from.
    pub call_pc: u32,
    /// What becomes of its result.
    pub awaits: Awaits,
    /// Whether it was counted as a level of recursion when it began.
    pub counted: bool,
}

/// A module variable held in a register.
#[derive(Clone, Debug, PartialEq)]
pub struct GlobalVar {
    pub dict: ObjId,
    pub name: ObjId,
    pub index: u32,
    pub val: Val,
    /// Not written back yet.
    pub dirty: bool,
}

/// Everything known at a point.
#[derive(Clone, Debug)]
pub struct AbstractState {
    /// Outermost first.
    pub frames: Vec<Frame>,
    pub globals: Shared<GlobalVar>,
    /// Loops entered: depth of the frame, header, and the block of the header version.
    pub loops: Shared<(usize, u32, Block)>,
    /// References to release at the end of the instruction.
    pub drops: Vec<ObjVal>,
    /// The virtual instances that slots (or fields of others) refer to.
    pub instances: Vec<Instance>,
    /// Those that this instruction has made into objects (number, object, class), for copies of values that were
    /// taken before.
    pub made: Vec<(u32, Value, ObjId)>,
}

/// A part of a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyItem {
    Null,
    Const(ObjId),
    Int,
    Float,
    Bool,
    /// Class, ownership, and which of the context's distinct objects it is.
    Obj(Option<ObjId>, Own, u32),
    Range,
    Seq(SeqKind),
    Reversed(SeqKind),
    Table(View),
    Enumerate,
    Zip(u32),
    RangeObject,
    Tuple(u32),
    List(u32),
    Maybe(Type),
    MaybeObj(Option<ObjId>),
    Keep,
    /// A virtual instance that came before, by order of appearance.
    Same(u32),
    /// A new one: class and number of attributes, each of which follows with its name.
    Instance(ObjId, u32),
    Name(ObjId),
    /// A frame begins: its code, the pc of the call that it waits for and what becomes of the result, the depth
    /// of its stack.
    Frame(ObjId, u32, Awaits, u32),
    Home(bool),
    Global(ObjId, ObjId, bool),
}

/// A context without its values.
pub type Key = Vec<KeyItem>;

impl AbstractState {
    /// The innermost frame.
    pub fn frame(&self) -> &Frame {
        self.frames.last().expect("a context has a frame")
    }

    /// The innermost frame.
    pub fn frame_mut(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("a context has a frame")
    }

    /// All slots, in the order of keys and block parameters.
    pub fn slots_mut(&mut self, f: &mut impl FnMut(&mut Val)) {
        for frame in &mut self.frames {
            frame.locals.iter_mut().for_each(&mut *f);
            frame.stack.iter_mut().for_each(&mut *f);
        }
        self.globals.iter_mut().for_each(|g| f(&mut g.val));
        self.instances.iter_mut().for_each(|i| i.fields.iter_mut().for_each(|(_, v)| f(v)));
    }

    /// All slots.
    pub fn slots(&self, f: &mut impl FnMut(&Val)) {
        for frame in &self.frames {
            frame.locals.iter().for_each(&mut *f);
            frame.stack.iter().for_each(&mut *f);
        }
        self.globals.iter().for_each(|g| f(&g.val));
        self.instances.iter().for_each(|i| i.fields.iter().for_each(|(_, v)| f(v)));
    }

    /// Changes objects for which `which` is true, wherever they are. (`f` may see others too.)
    pub fn objects_mut(&mut self, which: impl Fn(&ObjVal) -> bool, f: &mut impl FnMut(&mut ObjVal)) {
        let has = |val: &Val| {
            let mut any = false;
            val.objects(&mut |o| any |= which(o));
            any
        };
        for frame in &mut self.frames {
            if frame.locals.iter().any(has) {
                frame.locals.iter_mut().for_each(|s| s.objects_mut(f));
            }
            frame.stack.iter_mut().for_each(|s| s.objects_mut(f));
        }
        if self.globals.iter().any(|g| has(&g.val)) {
            self.globals.iter_mut().for_each(|g| g.val.objects_mut(f));
        }
        self.instances.iter_mut().for_each(|i| i.fields.iter_mut().for_each(|(_, v)| v.objects_mut(f)));
    }

    /// The key, and the values that its block takes as parameters (with their types by position).
    pub fn key(&self) -> (Key, Vec<Value>) {
        let mut key = Vec::new();
        let mut vals: Vec<Value> = Vec::new();
        // Objects are numbered by identity, so that a block version knows which slots alias.
        let mut objs: Vec<(Value, u32)> = Vec::new();
        let mut instances: Vec<u32> = Vec::new();
        fn walk(
            all: &[Instance],
            val: &Val,
            key: &mut Key,
            vals: &mut Vec<Value>,
            objs: &mut Vec<(Value, u32)>,
            instances: &mut Vec<u32>,
        ) {
            match val {
                Val::Null => key.push(KeyItem::Null),
                Val::Const(c) => key.push(KeyItem::Const(*c)),
                Val::Int(v) => {
                    key.push(KeyItem::Int);
                    vals.push(*v);
                }
                Val::Float(v) => {
                    key.push(KeyItem::Float);
                    vals.push(*v);
                }
                Val::Bool(v) => {
                    key.push(KeyItem::Bool);
                    vals.push(*v);
                }
                Val::Obj(o) => {
                    let n = match objs.iter().find(|(v, _)| *v == o.v) {
                        Some((_, n)) => *n,
                        None => {
                            let n = objs.len() as u32;
                            objs.push((o.v, n));
                            vals.push(o.v);
                            n
                        }
                    };
                    key.push(KeyItem::Obj(o.ty, o.own, n));
                }
                Val::Range { next, left, step } => {
                    key.push(KeyItem::Range);
                    vals.extend([*next, *left, *step]);
                }
                Val::Seq { kind, seq, index } => {
                    key.push(KeyItem::Seq(*kind));
                    vals.push(*index);
                    walk(all, seq, key, vals, objs, instances);
                }
                Val::Reversed { kind, seq, left } => {
                    key.push(KeyItem::Reversed(*kind));
                    vals.push(*left);
                    walk(all, seq, key, vals, objs, instances);
                }
                Val::Table { view, iter } => {
                    key.push(KeyItem::Table(*view));
                    walk(all, iter, key, vals, objs, instances);
                }
                Val::Zip(items) => {
                    key.push(KeyItem::Zip(items.len() as u32));
                    items.iter().for_each(|i| walk(all, i, key, vals, objs, instances));
                }
                Val::RangeObject { start, stop, step } => {
                    key.push(KeyItem::RangeObject);
                    vals.extend([*start, *stop, *step]);
                }
                Val::Enumerate { iter, count } => {
                    key.push(KeyItem::Enumerate);
                    vals.push(*count);
                    walk(all, iter, key, vals, objs, instances);
                }
                Val::Tuple(items) => {
                    key.push(KeyItem::Tuple(items.len() as u32));
                    items.iter().for_each(|i| walk(all, i, key, vals, objs, instances));
                }
                Val::List(items) => {
                    key.push(KeyItem::List(items.len() as u32));
                    items.iter().for_each(|i| walk(all, i, key, vals, objs, instances));
                }
                Val::Maybe { v, ty, bound } => {
                    key.push(KeyItem::Maybe(*ty));
                    vals.extend([*v, *bound]);
                }
                Val::MaybeObj { v, ty } => {
                    key.push(KeyItem::MaybeObj(*ty));
                    vals.push(*v);
                }
                Val::Instance(n) => {
                    if let Some(i) = instances.iter().position(|m| m == n) {
                        key.push(KeyItem::Same(i as u32));
                        return;
                    }
                    instances.push(*n);
                    let instance = all.iter().find(|i| i.number == *n).expect("a live instance");
                    key.push(KeyItem::Instance(instance.class, instance.fields.len() as u32));
                    for (name, field) in &instance.fields {
                        key.push(KeyItem::Name(*name));
                        walk(all, field, key, vals, objs, instances);
                    }
                }
                Val::Keep => key.push(KeyItem::Keep),
            }
        }
        let all = &self.instances[..];
        for f in &self.frames {
            key.push(KeyItem::Frame(f.code.id, f.call_pc, f.awaits, f.stack.len() as u32));
            f.home.iter().for_each(|h| key.push(KeyItem::Home(*h)));
            f.locals.iter().chain(&f.stack).for_each(|s| walk(all, s, &mut key, &mut vals, &mut objs, &mut instances));
        }
        for g in self.globals.iter() {
            key.push(KeyItem::Global(g.dict, g.name, g.dirty));
            walk(all, &g.val, &mut key, &mut vals, &mut objs, &mut instances);
        }
        (key, vals)
    }

    /// Replaces the values by a block's parameters (in the order of [`Self::key`]); what was
    /// proven in the block before must be proven again.
    pub fn rebind(&mut self, old: &[Value], params: &[Value]) {
        // Numbers are not shared between slots, so position decides; objects go by identity.
        let mut pos = 0usize;
        let mut objs: Vec<(Value, Value)> = Vec::new();
        let mut instances: Vec<u32> = Vec::new();
        fn walk(
            all: &mut [Instance],
            val: &mut Val,
            pos: &mut usize,
            params: &[Value],
            objs: &mut Vec<(Value, Value)>,
            instances: &mut Vec<u32>,
        ) {
            fn take(v: &mut Value, pos: &mut usize, params: &[Value]) {
                *v = params[*pos];
                *pos += 1;
            }
            match val {
                Val::Int(v) | Val::Float(v) | Val::Bool(v) => take(v, pos, params),
                Val::Range { next, left, step } => {
                    take(next, pos, params);
                    take(left, pos, params);
                    take(step, pos, params);
                }
                Val::Obj(o) => {
                    o.tok = None;
                    match objs.iter().find(|(v, _)| *v == o.v) {
                        Some((_, p)) => o.v = *p,
                        None => {
                            objs.push((o.v, params[*pos]));
                            take(&mut o.v, pos, params);
                        }
                    }
                }
                Val::RangeObject { start, stop, step } => {
                    take(start, pos, params);
                    take(stop, pos, params);
                    take(step, pos, params);
                }
                Val::Table { iter, .. } => walk(all, iter, pos, params, objs, instances),
                Val::Seq { seq, index, .. } | Val::Reversed { seq, left: index, .. } => {
                    take(index, pos, params);
                    walk(all, seq, pos, params, objs, instances);
                }
                Val::Enumerate { iter, count } => {
                    take(count, pos, params);
                    walk(all, iter, pos, params, objs, instances);
                }
                Val::Tuple(items) | Val::List(items) | Val::Zip(items) => {
                    items.iter_mut().for_each(|i| walk(all, i, pos, params, objs, instances));
                }
                Val::Maybe { v, bound, .. } => {
                    take(v, pos, params);
                    take(bound, pos, params);
                }
                Val::MaybeObj { v, .. } => take(v, pos, params),
                Val::Instance(n) => {
                    if instances.contains(n) {
                        return;
                    }
                    instances.push(*n);
                    let i = all.iter().position(|i| i.number == *n).expect("a live instance");
                    let mut fields = std::mem::take(&mut all[i].fields);
                    fields.iter_mut().for_each(|(_, v)| walk(all, v, pos, params, objs, instances));
                    all[i].fields = fields;
                }
                Val::Null | Val::Const(_) | Val::Keep => {}
            }
        }
        debug_assert_eq!(old.len(), params.len());
        let all = &mut self.instances[..];
        for f in &mut self.frames {
            let slots = f.locals.iter_mut().chain(&mut f.stack);
            slots.for_each(|s| walk(all, s, &mut pos, params, &mut objs, &mut instances));
        }
        for g in self.globals.iter_mut() {
            walk(all, &mut g.val, &mut pos, params, &mut objs, &mut instances);
        }
        debug_assert_eq!(pos, params.len());
    }

    /// How to rebuild the frames here. The innermost is at `pc`.
    pub fn state(&self, pc: u32) -> FrameState {
        let last = self.frames.len() - 1;
        let (all, mut made) = (&self.instances[..], Vec::new());
        let frames = self
            .frames
            .iter()
            .enumerate()
            .map(|(i, f)| FrameDesc {
                code: f.code.id,
                func: f.func,
                pc: if i == last { pc } else { f.call_pc },
                awaits: f.awaits,
                locals: f
                    .locals
                    .iter()
                    .enumerate()
                    .map(|(n, l)| if f.home.get(n).copied().unwrap_or(false) { Recipe::Keep } else { l.recipe(all, &mut made) })
                    .collect(),
                stack: f.stack.iter().map(|s| s.recipe(all, &mut made)).collect(),
            })
            .collect();
        let globals = self
            .globals
            .iter()
            .filter(|g| g.dirty)
            .map(|g| crate::ir::GlobalWrite { dict: g.dict, name: g.name, value: g.val.recipe(all, &mut made) })
            .collect();
        FrameState { frames, globals }
    }
}

/// The SSA type of a parameter for a value of that kind.
pub fn key_types(key: &Key) -> Vec<Type> {
    let mut out = Vec::new();
    let mut seen = 0u32;
    for item in key {
        match item {
            KeyItem::Int | KeyItem::Seq(_) | KeyItem::Reversed(_) | KeyItem::Enumerate => out.push(Type::I64),
            KeyItem::Float => out.push(Type::F64),
            KeyItem::Bool => out.push(Type::I32),
            KeyItem::Range | KeyItem::RangeObject => out.extend([Type::I64; 3]),
            KeyItem::Maybe(t) => out.extend([*t, Type::I32]),
            KeyItem::MaybeObj(_) => out.push(Type::Ptr),
            KeyItem::Obj(_, _, n) => {
                if *n == seen {
                    seen += 1;
                    out.push(Type::Ptr);
                }
            }
            _ => {}
        }
    }
    out
}
