//! Virtual values: objects that compiled code has in parts, and makes only where somebody could see them.
//!
//! All kinds have one form, a [`VirtualKind`] with unboxed numbers and parts, so that whatever looks through values (keys of
//! block versions, their parameters, ownership, recipes) does so by [`Val::visit`] and knows no kind. The kinds differ where
//! they are made and taken apart (`iterators`, `iter`, `build`, ...) and in what follows here: of which class the object is,
//! and how compiled code makes it.

use super::Specializer;
use super::abstract_state::{Instance, ObjVal, Val};
use crate::ir::{ObjId, Recipe, SeqKind, Type, Value, VirtualKind};
use crate::rt::RtId;
use std::rc::Rc;

/// An object in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Virtual {
    pub kind: VirtualKind,
    /// As [`VirtualKind::shape`] says.
    pub numbers: Vec<Value>,
    pub parts: Vec<Val>,
}

impl Val {
    /// An object in parts, shared by the copies of it.
    pub fn in_parts(kind: VirtualKind, numbers: &[Value], parts: Vec<Val>) -> Val {
        debug_assert_eq!(numbers.len(), kind.shape().numbers.len());
        debug_assert!(kind.shape().parts.is_none_or(|n| n == parts.len()));
        Val::Virtual(Rc::new(Virtual { kind, numbers: numbers.into(), parts }))
    }

    pub fn tuple(items: Vec<Val>) -> Val {
        Val::in_parts(VirtualKind::Tuple, &[], items)
    }

    /// The kind of a virtual value.
    pub fn kind(&self) -> Option<VirtualKind> {
        match self {
            Val::Virtual(v) => Some(v.kind),
            _ => None,
        }
    }

    /// Its parts, if it is of that kind.
    pub fn parts_of(&self, kind: VirtualKind) -> Option<&[Val]> {
        match self {
            Val::Virtual(v) if v.kind == kind => Some(&v.parts),
            _ => None,
        }
    }

    /// The same, to change them.
    pub fn parts_of_mut(&mut self, kind: VirtualKind) -> Option<&mut Vec<Val>> {
        match self {
            Val::Virtual(v) if v.kind == kind => Some(&mut Rc::make_mut(v).parts),
            _ => None,
        }
    }

    /// The items of a virtual tuple.
    pub fn tuple_items(&self) -> Option<&[Val]> {
        self.parts_of(VirtualKind::Tuple)
    }

    /// The same, if they are constants.
    pub fn constant_items(&self) -> Option<Vec<ObjId>> {
        self.tuple_items()?.iter().map(|item| if let Val::Const(c) = item { Some(*c) } else { None }).collect()
    }

    pub fn is_tuple(&self) -> bool {
        self.kind() == Some(VirtualKind::Tuple)
    }

    /// Start, stop and step of a virtual range object.
    pub fn range_object(&self) -> Option<[Value; 3]> {
        match self {
            Val::Virtual(v) if v.kind == VirtualKind::Range => v.numbers[..].try_into().ok(),
            _ => None,
        }
    }

    /// Whether it is an object that does not exist yet, or an iterator that compiled code steps by itself.
    pub fn is_virtual(&self) -> bool {
        matches!(self, Val::Virtual(_) | Val::DictIter { .. })
    }

    /// Whether it is an iterator that compiled code steps by itself.
    pub fn is_iterator(&self) -> bool {
        match self {
            Val::Virtual(v) => v.kind.is_iterator(),
            Val::DictIter { .. } => true,
            _ => false,
        }
    }

    /// Calls `f` for the value, then for its parts.
    pub fn visit(&self, f: &mut impl FnMut(&Val)) {
        f(self);
        if let Val::Virtual(v) = self {
            v.parts.iter().for_each(|part| part.visit(f));
        }
    }

    /// The same, to change them.
    pub fn visit_mut(&mut self, f: &mut impl FnMut(&mut Val)) {
        f(self);
        if let Val::Virtual(v) = self {
            // What has no parts stays shared.
            if !v.parts.is_empty() {
                Rc::make_mut(v).parts.iter_mut().for_each(|part| part.visit_mut(f));
            }
        }
    }

    /// Calls `f` for each object in the value, virtual parts included.
    pub fn objects(&self, f: &mut impl FnMut(&ObjVal)) {
        self.visit(&mut |val| {
            if let Val::Obj(o) | Val::DictIter { iter: o, .. } = val {
                f(o);
            }
        });
    }

    /// The same, to change them.
    pub fn objects_mut(&mut self, f: &mut impl FnMut(&mut ObjVal)) {
        self.visit_mut(&mut |val| {
            if let Val::Obj(o) | Val::DictIter { iter: o, .. } = val {
                f(o);
            }
        });
    }

    /// Calls `f` for the number of each virtual instance that the value names itself.
    pub fn instances(&self, f: &mut impl FnMut(u32)) {
        self.visit(&mut |val| {
            if let Val::Instance(n) = val {
                f(*n);
            }
        });
    }

    /// Puts another value in the place of a virtual instance, wherever the value names it.
    pub fn replace_instance(&mut self, number: u32, by: &mut impl FnMut() -> Val) {
        self.visit_mut(&mut |val| {
            if *val == Val::Instance(number) {
                *val = by();
            }
        });
    }

    /// How an exit makes it. `made` are the instances that the state has made already.
    pub(super) fn recipe(&self, all: &[Instance], made: &mut Vec<u32>) -> Recipe {
        match self {
            Val::Null => Recipe::Null,
            Val::Const(c) => Recipe::Const(*c),
            Val::Int(v) => Recipe::Int(*v),
            Val::Float(v) => Recipe::Float(*v),
            Val::Bool(v) => Recipe::Bool(*v),
            Val::Obj(o) | Val::DictIter { iter: o, .. } => o.recipe(),
            Val::Virtual(v) => Recipe::Virtual {
                kind: v.kind,
                parts: v.parts.iter().map(|part| part.recipe(all, made)).collect(),
                numbers: v.numbers.clone(),
            },
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

impl Specializer<'_> {
    /// The class of virtual objects of a kind.
    pub(super) fn class_of_kind(&self, kind: VirtualKind) -> ObjId {
        let k = self.o.known();
        match kind {
            VirtualKind::Tuple => k.tuple,
            VirtualKind::List => k.list,
            VirtualKind::Range => k.range,
            VirtualKind::RangeIter => k.range_iterator,
            VirtualKind::SeqIter(SeqKind::List) => k.list_iterator,
            VirtualKind::SeqIter(SeqKind::Tuple) => k.tuple_iterator,
            VirtualKind::SeqIter(SeqKind::Str) => k.str_iterator,
            VirtualKind::ReverseIter(SeqKind::List) => k.list_reverseiterator,
            VirtualKind::ReverseIter(_) => k.reversed,
            VirtualKind::Enumerate => k.enumerate,
            VirtualKind::Zip => k.zip,
        }
    }

    /// Makes the object of a virtual value; `part` gives an owned reference to the object of a part.
    pub(super) fn made_of_parts(&mut self, v: &Virtual, mut part: impl FnMut(&mut Self, &Val) -> Value) -> Value {
        let of_items = match v.kind {
            VirtualKind::Tuple => RtId::BuildTuple,
            VirtualKind::List => RtId::BuildList,
            VirtualKind::Range => return self.b.call_rt_value(RtId::NewRange, &v.numbers),
            _ => unreachable!("iterators are made into objects by `materialize`"),
        };
        // All first: a tuple among them is made through the same scratch words.
        let items: Vec<Value> = v.parts.iter().map(|item| part(self, item)).collect();
        let n = self.b.i32(items.len() as i32);
        for (i, v) in items.into_iter().enumerate() {
            self.b.store_scratch(i as u32, v);
        }
        self.b.call_rt_value(of_items, &[n])
    }
}
