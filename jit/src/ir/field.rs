//! Names for the memory that compiled code reads and writes.
//!
//! A [`Field`] is a place inside an object; its offset comes from the VM's
//! [`Layout`](crate::layout::Layout). Its [`Region`] says which stores may change it, its [`FieldTy`]
//! how wide it is and what a load gives.

use super::Type;

/// Sets of memory that can't overlap. A store to a region changes loads of that
/// region only; run-time entry points declare the regions that they write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Region {
    /// Never changes while the object lives.
    Immutable,
    /// The class of an object.
    ObjType,
    /// Version tags of types.
    TypeVersion,
    /// The payload of ints and floats (they may be overwritten in place when unshared).
    Number,
    /// Length and item address of lists.
    ListHeader,
    /// Items of lists.
    ListItem,
    /// Shape, length and entry address of dicts.
    DictHeader,
    /// Values in dicts.
    DictValue,
    /// The dict of an instance (which one it is).
    InstDict,
    /// Slots of instances of classes with `__slots__`.
    Slot,
    /// Contents of closure cells.
    Cell,
    /// Code, defaults and version of functions.
    Function,
    /// Positions of iterators.
    Iter,
    /// Sets, bytearrays and whatever else is changed by run-time entry points only.
    Other,
}

impl Region {
    /// How many regions there are.
    pub const COUNT: usize = Region::Other as usize + 1;
    /// All of them, in order.
    pub const ALL: [Region; Region::COUNT] = [
        Region::Immutable,
        Region::ObjType,
        Region::TypeVersion,
        Region::Number,
        Region::ListHeader,
        Region::ListItem,
        Region::DictHeader,
        Region::DictValue,
        Region::InstDict,
        Region::Slot,
        Region::Cell,
        Region::Function,
        Region::Iter,
        Region::Other,
    ];
    /// The bit of this region in a [`Regions`] set.
    pub const fn bit(self) -> Regions {
        1 << self as u8
    }
}

/// A set of regions, one bit each.
pub type Regions = u32;

/// Every region that can be written.
pub const ALL_REGIONS: Regions = ((1 << Region::COUNT as u32) - 1) & !(Region::Immutable.bit());

/// Width of a field, and what a load of it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldTy {
    /// One byte, zero-extended to `I32`.
    U8,
    /// 32 bits, `I32`.
    I32,
    /// 64 bits, `I64`.
    I64,
    /// A machine word, zero-extended to `I64`.
    Word,
    /// A machine word, sign-extended to `I64`.
    SignedWord,
    /// A double, `F64`.
    F64,
    /// An address, `Ptr`.
    Ptr,
}

impl FieldTy {
    /// The SSA type that a load gives and a store takes.
    pub fn ty(self) -> Type {
        match self {
            FieldTy::U8 | FieldTy::I32 => Type::I32,
            FieldTy::I64 | FieldTy::Word | FieldTy::SignedWord => Type::I64,
            FieldTy::F64 => Type::F64,
            FieldTy::Ptr => Type::Ptr,
        }
    }
}

macro_rules! fields {
    ($($(#[$m:meta])* $name:ident $text:literal $ty:ident $region:ident;)*) => {
        /// A named place in an object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Field { $($(#[$m])* $name,)* }
        impl Field {
            /// All fields, in order.
            pub const ALL: &'static [Field] = &[$(Field::$name,)*];
            /// The name in the text form.
            pub fn name(self) -> &'static str { match self { $(Field::$name => $text,)* } }
            /// Its width.
            pub fn field_ty(self) -> FieldTy { match self { $(Field::$name => FieldTy::$ty,)* } }
            /// The region that it lies in.
            pub fn region(self) -> Region { match self { $(Field::$name => Region::$region,)* } }
            /// The field of that name.
            pub fn by_name(name: &str) -> Option<Field> {
                match name { $($text => Some(Field::$name),)* _ => None }
            }
        }
    };
}

fields! {
    /// The class of an object.
    ObjType "obj.type" Ptr ObjType;
    /// The dict object of an instance (null where it has none yet).
    ObjDict "obj.dict" Ptr InstDict;
    /// Version tag of a type; 0 when invalid.
    TypeVersion "type.version" I32 TypeVersion;
    /// The tag word of an int: [`Layout::int_small_tag`](crate::layout::Layout) when the magnitude is inline.
    IntTag "int.tag" Word Number;
    /// The inline magnitude of an int.
    IntMag "int.mag" I64 Number;
    /// 1 when the int is not negative, else 0.
    IntSign "int.sign" U8 Number;
    FloatValue "float.value" F64 Number;
    /// Nonzero while a list is locked.
    ListLock "list.lock" Word ListHeader;
    ListCap "list.cap" Word ListHeader;
    ListPtr "list.ptr" Ptr ListHeader;
    ListLen "list.len" Word ListHeader;
    TuplePtr "tuple.ptr" Ptr Immutable;
    TupleLen "tuple.len" Word Immutable;
    /// Nonzero while a dict is locked.
    DictLock "dict.lock" Word DictHeader;
    DictEntries "dict.entries" Ptr DictHeader;
    /// Number of items (not of entry slots).
    DictUsed "dict.used" Word DictHeader;
    /// Number of entry slots, deleted ones included.
    DictFilled "dict.filled" Word DictHeader;
    /// The stamp of a dict's keys: equal and nonzero means the same keys in the same order.
    DictStamp "dict.stamp" I32 DictHeader;
    StrPtr "str.ptr" Ptr Immutable;
    /// Length in bytes.
    StrBytes "str.bytes" Word Immutable;
    /// Length in characters; -1 where not all are ASCII and nobody has counted them yet.
    StrChars "str.chars" SignedWord Immutable;
    BytesPtr "bytes.ptr" Ptr Immutable;
    BytesLen "bytes.len" Word Immutable;
    CellContent "cell.content" Ptr Cell;
    FuncCode "func.code" Ptr Function;
    FuncClosure "func.closure" Ptr Function;
    FuncVersion "func.version" I32 Function;
    MethodFunc "method.func" Ptr Immutable;
    MethodSelf "method.self" Ptr Immutable;
    /// Position of a list iterator.
    ListIterIndex "list_iter.index" Word Iter;
    /// Its list.
    ListIterList "list_iter.list" Ptr Iter;
    /// Position of a str iterator, in characters.
    StrIterIndex "str_iter.index" Word Iter;
    /// Its str.
    StrIterStr "str_iter.str" Ptr Iter;
    RangeIterIndex "range_iter.index" SignedWord Iter;
    RangeIterLen "range_iter.len" Word Iter;
    RangeIterStart "range_iter.start" SignedWord Immutable;
    RangeIterStep "range_iter.step" SignedWord Immutable;
    RangeStart "range.start" Ptr Immutable;
    RangeStop "range.stop" Ptr Immutable;
    RangeStep "range.step" Ptr Immutable;
    /// The dict of an iterator over a dict or one of its views; null once it has ended.
    DictIterDict "dict_iter.dict" Ptr Immutable;
    /// The entry that such an iterator looks at next.
    DictIterPosition "dict_iter.position" Word Iter;
    /// The instruction that an interpreter frame is at (`RuntimeContext::frame` is its address).
    FrameLasti "frame.lasti" I32 Other;
    /// Nonzero once somebody holds the frame as an object.
    FrameMaterialized "frame.materialized" Word Other;
    FrameGlobals "frame.globals" Ptr Immutable;
    FrameBuiltins "frame.builtins" Ptr Immutable;
}

/// Arrays of equal elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElemKind {
    /// Object addresses of a list's items.
    ListItem,
    /// Object addresses of a tuple's items.
    TupleItem,
    /// The value of a dict entry.
    DictValue,
    /// The key of a dict entry (null where the entry was deleted).
    DictKey,
    /// Bytes (`I32`, zero-extended).
    Byte,
    /// An object address at a byte offset from a base object (`__slots__` members).
    Slot,
}

impl ElemKind {
    /// All kinds.
    pub const ALL: [ElemKind; 6] =
        [ElemKind::ListItem, ElemKind::TupleItem, ElemKind::DictValue, ElemKind::DictKey, ElemKind::Byte, ElemKind::Slot];
    /// The name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            ElemKind::ListItem => "list.item",
            ElemKind::TupleItem => "tuple.item",
            ElemKind::DictValue => "dict.value",
            ElemKind::DictKey => "dict.key",
            ElemKind::Byte => "byte",
            ElemKind::Slot => "slot",
        }
    }
    /// The region that the elements lie in.
    pub fn region(self) -> Region {
        match self {
            ElemKind::ListItem => Region::ListItem,
            ElemKind::TupleItem | ElemKind::Byte => Region::Immutable,
            ElemKind::DictValue => Region::DictValue,
            ElemKind::DictKey => Region::DictHeader,
            ElemKind::Slot => Region::Slot,
        }
    }
    /// The type of an element.
    pub fn ty(self) -> Type {
        match self {
            ElemKind::Byte => Type::I32,
            _ => Type::Ptr,
        }
    }
}

/// Words of the [`RuntimeContext`](crate::runtime_context::RuntimeContext) that compiled code reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CtxField {
    /// `I32`: set by an entry point that failed in a way its result can't say.
    Failed,
    /// The address of the running interpreter frame (`Ptr`).
    Frame,
}
