//! What is known at a point of the program: for each local and stack slot whether its value is
//! unboxed, constant, virtual or an object, and who owns the object's reference.
//!
//! A context without its SSA values is a [`Key`]: blocks have one version per key.

use crate::bytecode::CodeInfo;
use crate::oracle::Sample;
use crate::ir::{Block, FrameDesc, FrameState, ObjId, Recipe, SeqKind, Type, Value};
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
    Range { next: Value, left: Value, step: Value },
    /// An iterator over a list, tuple or str, at an index.
    Seq { kind: SeqKind, seq: Box<Val>, index: Value },
    /// An iterator that walks a list or tuple backwards, with that many items in front of it.
    Reversed { kind: SeqKind, seq: Box<Val>, left: Value },
    /// An iterator over a dict's keys, values or items: an object that nobody else has.
    Table { view: View, iter: Box<Val> },
    /// `enumerate`, with the next count.
    Enumerate { iter: Box<Val>, count: Value },
    /// `zip` of iterators, not strict.
    Zip(Vec<Val>),
    /// A range object (`I64`s; the step is not 0).
    RangeObject { start: Value, stop: Value, step: Value },
    Tuple(Vec<Val>),
    /// A number that may not have been assigned yet: `bound` says so.
    Maybe { v: Value, ty: Type, bound: Value },
    /// An owned object, or null where none has been assigned yet.
    MaybeObj { v: Value, ty: Option<ObjId> },
    /// The live frame's stack slot, untouched: an object of unknown use.
    Keep,
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
            Val::Tuple(items) | Val::Zip(items) => items.iter_mut().for_each(|i| i.objects_mut(f)),
            _ => {}
        }
    }

    /// The same, without changing them.
    pub fn objects(&self, f: &mut impl FnMut(&ObjVal)) {
        match self {
            Val::Obj(o) => f(o),
            Val::Seq { seq, .. } | Val::Reversed { seq, .. } => seq.objects(f),
            Val::Enumerate { iter, .. } | Val::Table { iter, .. } => iter.objects(f),
            Val::Tuple(items) | Val::Zip(items) => items.iter().for_each(|i| i.objects(f)),
            _ => {}
        }
    }

    /// Whether it stands for an object that does not exist yet and is no number.
    pub fn is_virtual(&self) -> bool {
        self.is_iterator() || matches!(self, Val::Tuple(_) | Val::RangeObject { .. })
    }

    /// Whether it is an iterator that compiled code steps by itself.
    pub fn is_iterator(&self) -> bool {
        matches!(
            self,
            Val::Range { .. }
                | Val::Seq { .. }
                | Val::Reversed { .. }
                | Val::Table { .. }
                | Val::Enumerate { .. }
                | Val::Zip(_)
        )
    }

    fn recipe(&self) -> Recipe {
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
            Val::Seq { kind, seq, index } => {
                Recipe::SeqIter { kind: *kind, seq: Box::new(seq.recipe()), index: *index }
            }
            Val::Enumerate { iter, count } => {
                Recipe::Enumerate { iter: Box::new(iter.recipe()), count: *count }
            }
            Val::Reversed { kind, seq, left } => {
                Recipe::ReverseIter { kind: *kind, seq: Box::new(seq.recipe()), left: *left }
            }
            Val::Table { iter, .. } => iter.recipe(),
            Val::Zip(items) => Recipe::Zip(items.iter().map(Val::recipe).collect()),
            Val::RangeObject { start, stop, step } => Recipe::Range { start: *start, stop: *stop, step: *step },
            Val::Tuple(items) => Recipe::Tuple(items.iter().map(Val::recipe).collect()),
            Val::Maybe { v, ty, bound } => {
                let value = match ty {
                    Type::F64 => Recipe::Float(*v),
                    Type::I32 => Recipe::Bool(*v),
                    _ => Recipe::Int(*v),
                };
                Recipe::IfBound { bound: *bound, value: Box::new(value) }
            }
            Val::MaybeObj { v, .. } => Recipe::Owned(*v),
            Val::Keep => Recipe::Keep,
        }
    }
}

/// One frame of the context: the function itself, or one inlined into it.
#[derive(Clone, Debug)]
pub struct Frame {
    pub code: Rc<CodeInfo>,
    pub func: Option<ObjId>,
    pub globals: ObjId,
    pub builtins: ObjId,
    pub locals: Vec<Val>,
    /// Base frame of an entry: whether the live frame's slot holds the local's value.
    pub home: Vec<bool>,
    pub stack: Vec<Val>,
    /// The call that the next inner frame comes from.
    pub call_pc: u32,
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
pub struct Ctx {
    /// Outermost first.
    pub frames: Vec<Frame>,
    pub globals: Vec<GlobalVar>,
    /// Loops entered: depth of the frame, header, and the block of the header version.
    pub loops: Vec<(usize, u32, Block)>,
    /// References to release at the end of the instruction.
    pub drops: Vec<ObjVal>,
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
    Maybe(Type),
    MaybeObj(Option<ObjId>),
    Keep,
    /// A frame begins: its code, and the pc of the call in the frame before.
    Frame(ObjId, u32, u32),
    Home(bool),
    Global(ObjId, ObjId, bool),
}

/// A context without its values.
pub type Key = Vec<KeyItem>;

impl Ctx {
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
    }

    /// All slots.
    pub fn slots(&self, f: &mut impl FnMut(&Val)) {
        for frame in &self.frames {
            frame.locals.iter().for_each(&mut *f);
            frame.stack.iter().for_each(&mut *f);
        }
        self.globals.iter().for_each(|g| f(&g.val));
    }

    /// Calls `f` for each object of the context.
    pub fn objects_mut(&mut self, f: &mut impl FnMut(&mut ObjVal)) {
        self.slots_mut(&mut |s| s.objects_mut(f));
    }

    /// The key, and the values that its block takes as parameters (with their types by position).
    pub fn key(&self) -> (Key, Vec<Value>) {
        let mut key = Vec::new();
        let mut vals: Vec<Value> = Vec::new();
        // Objects are numbered by identity, so that a block version knows which slots alias.
        let mut objs: Vec<(Value, u32)> = Vec::new();
        fn walk(val: &Val, key: &mut Key, vals: &mut Vec<Value>, objs: &mut Vec<(Value, u32)>) {
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
                    walk(seq, key, vals, objs);
                }
                Val::Reversed { kind, seq, left } => {
                    key.push(KeyItem::Reversed(*kind));
                    vals.push(*left);
                    walk(seq, key, vals, objs);
                }
                Val::Table { view, iter } => {
                    key.push(KeyItem::Table(*view));
                    walk(iter, key, vals, objs);
                }
                Val::Zip(items) => {
                    key.push(KeyItem::Zip(items.len() as u32));
                    items.iter().for_each(|i| walk(i, key, vals, objs));
                }
                Val::RangeObject { start, stop, step } => {
                    key.push(KeyItem::RangeObject);
                    vals.extend([*start, *stop, *step]);
                }
                Val::Enumerate { iter, count } => {
                    key.push(KeyItem::Enumerate);
                    vals.push(*count);
                    walk(iter, key, vals, objs);
                }
                Val::Tuple(items) => {
                    key.push(KeyItem::Tuple(items.len() as u32));
                    items.iter().for_each(|i| walk(i, key, vals, objs));
                }
                Val::Maybe { v, ty, bound } => {
                    key.push(KeyItem::Maybe(*ty));
                    vals.extend([*v, *bound]);
                }
                Val::MaybeObj { v, ty } => {
                    key.push(KeyItem::MaybeObj(*ty));
                    vals.push(*v);
                }
                Val::Keep => key.push(KeyItem::Keep),
            }
        }
        for f in &self.frames {
            key.push(KeyItem::Frame(f.code.id, f.call_pc, f.stack.len() as u32));
            f.home.iter().for_each(|h| key.push(KeyItem::Home(*h)));
            f.locals.iter().chain(&f.stack).for_each(|s| walk(s, &mut key, &mut vals, &mut objs));
        }
        for g in &self.globals {
            key.push(KeyItem::Global(g.dict, g.name, g.dirty));
            walk(&g.val, &mut key, &mut vals, &mut objs);
        }
        (key, vals)
    }

    /// Replaces the values by a block's parameters (in the order of [`Self::key`]); what was
    /// proven in the block before must be proven again.
    pub fn rebind(&mut self, old: &[Value], params: &[Value]) {
        // Numbers are not shared between slots, so position decides; objects go by identity.
        let mut pos = 0usize;
        let mut objs: Vec<(Value, Value)> = Vec::new();
        fn walk(val: &mut Val, pos: &mut usize, params: &[Value], objs: &mut Vec<(Value, Value)>) {
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
                Val::Table { iter, .. } => walk(iter, pos, params, objs),
                Val::Seq { seq, index, .. } | Val::Reversed { seq, left: index, .. } => {
                    take(index, pos, params);
                    walk(seq, pos, params, objs);
                }
                Val::Enumerate { iter, count } => {
                    take(count, pos, params);
                    walk(iter, pos, params, objs);
                }
                Val::Tuple(items) | Val::Zip(items) => {
                    items.iter_mut().for_each(|i| walk(i, pos, params, objs));
                }
                Val::Maybe { v, bound, .. } => {
                    take(v, pos, params);
                    take(bound, pos, params);
                }
                Val::MaybeObj { v, .. } => take(v, pos, params),
                Val::Null | Val::Const(_) | Val::Keep => {}
            }
        }
        debug_assert_eq!(old.len(), params.len());
        for f in &mut self.frames {
            f.locals.iter_mut().chain(&mut f.stack).for_each(|s| walk(s, &mut pos, params, &mut objs));
        }
        for g in &mut self.globals {
            walk(&mut g.val, &mut pos, params, &mut objs);
        }
        debug_assert_eq!(pos, params.len());
    }

    /// How to rebuild the frames here. The innermost is at `pc`.
    pub fn state(&self, pc: u32) -> FrameState {
        let last = self.frames.len() - 1;
        let frames = self
            .frames
            .iter()
            .enumerate()
            .map(|(i, f)| FrameDesc {
                code: f.code.id,
                func: f.func,
                pc: if i == last { pc } else { f.call_pc },
                locals: f
                    .locals
                    .iter()
                    .enumerate()
                    .map(|(n, l)| {
                        if f.home.get(n).copied().unwrap_or(false) { Recipe::Keep } else { l.recipe() }
                    })
                    .collect(),
                stack: f.stack.iter().map(Val::recipe).collect(),
            })
            .collect();
        let globals = self
            .globals
            .iter()
            .filter(|g| g.dirty)
            .map(|g| crate::ir::GlobalWrite { dict: g.dict, name: g.name, value: g.val.recipe() })
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
