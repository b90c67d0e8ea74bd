//! What is known at a point of the program: for each local and stack slot whether its value is
//! unboxed, constant, virtual or an object, and who owns the object's reference.
//!
//! A state without its SSA values is a [`StateKey`]: blocks have one version per key.

use super::virtual_value::Virtual;
use crate::bytecode::CodeInfo;
use crate::ir::{Awaits, Block, FrameDesc, FrameState, ObjId, Recipe, Type, Value, VirtualKind};
use crate::oracle::Sample;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// Who holds the reference that keeps an object alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Own {
    /// This slot of the state.
    Owned,
    /// Another slot of the state with the same SSA value.
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

/// An owned reference that an instruction has dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropped {
    pub v: Value,
    /// The exact class, if known.
    pub ty: Option<ObjId>,
    /// Whether it may be null.
    pub nullable: bool,
}

impl Dropped {
    /// A reference to an object, of the class if that is known.
    pub fn object(v: Value, ty: Option<ObjId>) -> Self {
        Dropped { v, ty, nullable: false }
    }
}

impl From<&ObjVal> for Dropped {
    fn from(o: &ObjVal) -> Self {
        Dropped::object(o.v, o.ty)
    }
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
    /// An iterator over a dict's keys, values or items: an object that nobody else has.
    DictIter {
        view: View,
        iter: ObjVal,
    },
    /// An object that does not exist yet, or an iterator that compiled code steps by itself.
    Virtual(Rc<Virtual>),
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
}

impl ObjVal {
    pub(super) fn recipe(&self) -> Recipe {
        match self.own {
            Own::Owned => Recipe::Owned(self.v),
            _ => Recipe::Borrowed(self.v),
        }
    }
}

/// A list that copies of a state share until one of them changes it. States are copied at each instruction.
#[derive(Clone, Debug)]
pub struct CowVec<T>(Rc<Vec<T>>);

impl<T> Default for CowVec<T> {
    fn default() -> Self {
        CowVec(Rc::default())
    }
}

impl<T: Clone> IntoIterator for CowVec<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        Rc::unwrap_or_clone(self.0).into_iter()
    }
}

impl<T> From<Vec<T>> for CowVec<T> {
    fn from(items: Vec<T>) -> Self {
        CowVec(Rc::new(items))
    }
}

impl<T> Deref for CowVec<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Clone> DerefMut for CowVec<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        Rc::make_mut(&mut self.0)
    }
}

/// One frame of the state: the function itself, or one inlined into it.
#[derive(Clone, Debug)]
pub struct Frame {
    pub code: Rc<CodeInfo>,
    pub func: Option<ObjId>,
    pub globals: ObjId,
    pub builtins: ObjId,
    pub locals: CowVec<Val>,
    /// Base frame of an entry: whether the live frame's slot holds the local's value.
    pub home: CowVec<bool>,
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
    pub globals: CowVec<GlobalVar>,
    /// Loops entered: depth of the frame, header, and the block of the header version.
    pub loops: CowVec<(usize, u32, Block)>,
    /// References to release at the end of the instruction.
    pub drops: Vec<Dropped>,
    /// The virtual instances that slots (or fields of others) refer to.
    pub instances: Vec<Instance>,
    /// Those that this instruction has made into objects (number, object, class), for copies of values that were
    /// taken before.
    pub made: Vec<(u32, Value, ObjId)>,
}

/// A part of a [`StateKey`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyItem {
    Null,
    Const(ObjId),
    Int,
    Float,
    Bool,
    /// Class, ownership, and which of the state's distinct objects it is.
    Obj(Option<ObjId>, Own, u32),
    /// The object of the iterator follows.
    DictIter(View),
    /// With its number of parts, which follow.
    Virtual(VirtualKind, u32),
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

/// An abstract state without its values.
pub type StateKey = Vec<KeyItem>;

impl AbstractState {
    /// The innermost frame.
    pub fn frame(&self) -> &Frame {
        self.frames.last().expect("a state has a frame")
    }

    /// The innermost frame.
    pub fn frame_mut(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("a state has a frame")
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
        // What has none of them stays shared with copies of the state.
        for frame in &mut self.frames {
            if frame.locals.iter().any(has) {
                frame.locals.iter_mut().filter(|s| has(s)).for_each(|s| s.objects_mut(f));
            }
            frame.stack.iter_mut().filter(|s| has(s)).for_each(|s| s.objects_mut(f));
        }
        if self.globals.iter().any(|g| has(&g.val)) {
            self.globals.iter_mut().for_each(|g| g.val.objects_mut(f));
        }
        self.instances.iter_mut().for_each(|i| i.fields.iter_mut().for_each(|(_, v)| v.objects_mut(f)));
    }

    /// The key, and the values that its block takes as parameters.
    pub fn key(&self) -> (StateKey, Vec<Value>) {
        let mut walk =
            KeyWalk { all: &self.instances, key: Vec::new(), values: Vec::new(), objects: Vec::new(), met: Vec::new() };
        for f in &self.frames {
            walk.key.push(KeyItem::Frame(f.code.id, f.call_pc, f.awaits, f.stack.len() as u32));
            f.home.iter().for_each(|h| walk.key.push(KeyItem::Home(*h)));
            f.locals.iter().chain(&f.stack).for_each(|s| walk.val(s));
        }
        for g in self.globals.iter() {
            walk.key.push(KeyItem::Global(g.dict, g.name, g.dirty));
            walk.val(&g.val);
        }
        (walk.key, walk.values)
    }

    /// Replaces the values by a block's parameters (in the order of [`Self::key`]); what was
    /// proven in the block before must be proven again.
    pub fn rebind(&mut self, params: &[Value]) {
        let mut walk = RebindWalk { all: &mut self.instances, params: params.iter(), objects: Vec::new(), met: Vec::new() };
        for f in &mut self.frames {
            f.locals.iter_mut().chain(&mut f.stack).for_each(|s| walk.val(s));
        }
        self.globals.iter_mut().for_each(|g| walk.val(&mut g.val));
        debug_assert!(walk.params.as_slice().is_empty());
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

/// Makes a key. Numbers are not shared between slots, so position decides; objects go by identity, so that a block version
/// knows which slots alias.
struct KeyWalk<'a> {
    all: &'a [Instance],
    key: StateKey,
    values: Vec<Value>,
    /// The distinct objects so far.
    objects: Vec<Value>,
    /// The instances so far.
    met: Vec<u32>,
}

impl KeyWalk<'_> {
    fn val(&mut self, val: &Val) {
        match val {
            Val::Null => self.key.push(KeyItem::Null),
            Val::Keep => self.key.push(KeyItem::Keep),
            Val::Const(c) => self.key.push(KeyItem::Const(*c)),
            Val::Int(v) => self.item(KeyItem::Int, &[*v]),
            Val::Float(v) => self.item(KeyItem::Float, &[*v]),
            Val::Bool(v) => self.item(KeyItem::Bool, &[*v]),
            Val::Maybe { v, ty, bound } => self.item(KeyItem::Maybe(*ty), &[*v, *bound]),
            Val::MaybeObj { v, ty } => self.item(KeyItem::MaybeObj(*ty), &[*v]),
            Val::Obj(o) => self.object(o),
            Val::DictIter { view, iter } => {
                self.key.push(KeyItem::DictIter(*view));
                self.object(iter);
            }
            Val::Virtual(v) => {
                self.item(KeyItem::Virtual(v.kind, v.parts.len() as u32), &v.numbers);
                v.parts.iter().for_each(|part| self.val(part));
            }
            Val::Instance(n) => {
                if let Some(i) = self.met.iter().position(|m| m == n) {
                    return self.key.push(KeyItem::Same(i as u32));
                }
                self.met.push(*n);
                let instance = self.all.iter().find(|i| i.number == *n).expect("a live instance");
                self.key.push(KeyItem::Instance(instance.class, instance.fields.len() as u32));
                for (name, field) in &instance.fields {
                    self.key.push(KeyItem::Name(*name));
                    self.val(field);
                }
            }
        }
    }

    fn item(&mut self, item: KeyItem, values: &[Value]) {
        self.key.push(item);
        self.values.extend(values);
    }

    fn object(&mut self, o: &ObjVal) {
        let n = self.objects.iter().position(|v| *v == o.v).unwrap_or_else(|| {
            self.objects.push(o.v);
            self.values.push(o.v);
            self.objects.len() - 1
        });
        self.key.push(KeyItem::Obj(o.ty, o.own, n as u32));
    }
}

/// Puts parameters in the place of values, in the order of [`KeyWalk`].
struct RebindWalk<'a> {
    all: &'a mut [Instance],
    params: std::slice::Iter<'a, Value>,
    /// The distinct objects so far, and what they are now.
    objects: Vec<(Value, Value)>,
    /// The instances so far.
    met: Vec<u32>,
}

impl RebindWalk<'_> {
    fn val(&mut self, val: &mut Val) {
        match val {
            Val::Null | Val::Const(_) | Val::Keep => {}
            Val::Int(v) | Val::Float(v) | Val::Bool(v) | Val::MaybeObj { v, .. } => *v = self.param(),
            Val::Maybe { v, bound, .. } => {
                *v = self.param();
                *bound = self.param();
            }
            Val::Obj(o) | Val::DictIter { iter: o, .. } => {
                o.tok = None;
                o.v = match self.objects.iter().find(|(v, _)| *v == o.v) {
                    Some((_, param)) => *param,
                    None => {
                        let param = self.param();
                        self.objects.push((o.v, param));
                        param
                    }
                };
            }
            Val::Virtual(v) => {
                let v = Rc::make_mut(v);
                v.numbers.iter_mut().for_each(|n| *n = self.param());
                v.parts.iter_mut().for_each(|part| self.val(part));
            }
            Val::Instance(n) => {
                if self.met.contains(n) {
                    return;
                }
                self.met.push(*n);
                let i = self.all.iter().position(|i| i.number == *n).expect("a live instance");
                let mut fields = std::mem::take(&mut self.all[i].fields);
                fields.iter_mut().for_each(|(_, v)| self.val(v));
                self.all[i].fields = fields;
            }
        }
    }

    fn param(&mut self) -> Value {
        *self.params.next().expect("a parameter for each value")
    }
}
