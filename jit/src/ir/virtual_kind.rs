//! Kinds of virtual objects: those that compiled code has in parts, and that exist only once somebody could see them.
//!
//! A virtual object is its kind, unboxed numbers and parts. The specializer has parts that are values
//! (`specialize::virtual_value`), a state has parts that are recipes ([`Recipe::Virtual`](super::Recipe)). What such an object
//! is made of stands here and nowhere else; keys, block parameters, recipes, their text and the values that exits keep follow
//! from it.
//!
//! A new kind is a variant and its shape here, and besides
//! - where the specializer makes it and takes it apart,
//! - its class and, unless it is an iterator, how compiled code makes the object (`specialize::virtual_value`),
//! - how the VM makes the object at an exit.

use super::Type;

/// Sequences with an index-based iterator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeqKind {
    List,
    Tuple,
    Str,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VirtualKind {
    /// Its items.
    Tuple,
    /// Its items.
    List,
    /// A range object: start, stop, step (not 0).
    Range,
    /// A range iterator: next item, number of items left, step.
    RangeIter,
    /// An iterator of a sequence, and the index of the next item.
    SeqIter(SeqKind),
    /// `reversed` of a list or tuple, and the number of items in front of it.
    ReverseIter(SeqKind),
    /// `enumerate` over an iterator, and the next count.
    Enumerate,
    /// `zip` of iterators, not strict.
    Zip,
}

/// What a kind of virtual objects is made of.
pub struct VirtualShape {
    /// Its name in the text form.
    pub name: &'static str,
    /// How many parts; `None` if that varies.
    pub parts: Option<usize>,
    /// The types of the numbers.
    pub numbers: &'static [Type],
}

impl VirtualKind {
    /// All of them.
    pub const ALL: [VirtualKind; 11] = [
        VirtualKind::Tuple,
        VirtualKind::List,
        VirtualKind::Range,
        VirtualKind::RangeIter,
        VirtualKind::SeqIter(SeqKind::List),
        VirtualKind::SeqIter(SeqKind::Tuple),
        VirtualKind::SeqIter(SeqKind::Str),
        VirtualKind::ReverseIter(SeqKind::List),
        VirtualKind::ReverseIter(SeqKind::Tuple),
        VirtualKind::Enumerate,
        VirtualKind::Zip,
    ];

    /// What it is made of.
    pub const fn shape(self) -> VirtualShape {
        const NONE: &[Type] = &[];
        const ONE: &[Type] = &[Type::I64];
        const THREE: &[Type] = &[Type::I64; 3];
        let (name, parts, numbers) = match self {
            VirtualKind::Tuple => ("tuple", None, NONE),
            VirtualKind::List => ("list", None, NONE),
            VirtualKind::Range => ("range", Some(0), THREE),
            VirtualKind::RangeIter => ("range_iter", Some(0), THREE),
            VirtualKind::SeqIter(SeqKind::List) => ("list_iter", Some(1), ONE),
            VirtualKind::SeqIter(SeqKind::Tuple) => ("tuple_iter", Some(1), ONE),
            VirtualKind::SeqIter(SeqKind::Str) => ("str_iter", Some(1), ONE),
            VirtualKind::ReverseIter(SeqKind::List) => ("list_reverse_iter", Some(1), ONE),
            VirtualKind::ReverseIter(SeqKind::Tuple) => ("tuple_reverse_iter", Some(1), ONE),
            VirtualKind::ReverseIter(SeqKind::Str) => ("str_reverse_iter", Some(1), ONE),
            VirtualKind::Enumerate => ("enumerate", Some(1), ONE),
            VirtualKind::Zip => ("zip", None, NONE),
        };
        VirtualShape { name, parts, numbers }
    }

    /// The kind of that name.
    pub fn by_name(name: &str) -> Option<VirtualKind> {
        VirtualKind::ALL.into_iter().find(|kind| kind.shape().name == name)
    }

    /// Whether it is an iterator.
    pub fn is_iterator(self) -> bool {
        !matches!(self, VirtualKind::Tuple | VirtualKind::List | VirtualKind::Range)
    }
}
