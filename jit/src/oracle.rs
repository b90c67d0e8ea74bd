//! What the specializer asks the VM: types, constants, feedback, shapes.
//!
//! Answers are facts at the time of asking. What may change later must be guarded by what the
//! answer names (a version, a stamp, a value).

use crate::bytecode::{CodeInfo, Opcode};
use crate::ir::{FnCell, ObjId, Type};
use std::rc::Rc;

/// Objects that the specializer knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub none: ObjId,
    pub true_: ObjId,
    pub false_: ObjId,
    pub not_implemented: ObjId,
    pub int: ObjId,
    pub float: ObjId,
    pub bool_: ObjId,
    pub str_: ObjId,
    pub bytes: ObjId,
    pub list: ObjId,
    pub tuple: ObjId,
    pub dict: ObjId,
    pub set: ObjId,
    pub range: ObjId,
    pub slice: ObjId,
    pub complex: ObjId,
    pub none_type: ObjId,
    pub function: ObjId,
    pub bound_method: ObjId,
    pub type_: ObjId,
    pub module: ObjId,
    pub object: ObjId,
    pub cell: ObjId,
    pub range_iterator: ObjId,
    pub list_iterator: ObjId,
    pub tuple_iterator: ObjId,
    pub str_iterator: ObjId,
    pub enumerate: ObjId,
    pub zip: ObjId,
    pub reversed: ObjId,
    pub dict_items: ObjId,
    pub dict_keys: ObjId,
    pub dict_values: ObjId,
    pub dict_itemiterator: ObjId,
    pub dict_keyiterator: ObjId,
    pub dict_valueiterator: ObjId,
    pub list_reverseiterator: ObjId,
    pub super_: ObjId,
    pub key_error: ObjId,
    pub index_error: ObjId,
    pub zero_division_error: ObjId,
    pub value_error: ObjId,
    /// A tuple of the strs of one Latin-1 character, in order.
    pub characters: ObjId,
}

/// What the interpreter learned about an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// The opcode as it stands now, specialized or not.
    pub op: Opcode,
    /// False if the instruction has certainly never run.
    pub seen: bool,
}

/// How far from zero an int is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// From 0 to below 2^30, as most numbers that count or index: their products fit in 64 bits.
    Near,
    /// Nearer to zero than 2^62: what a loop begins with may grow in each turn and still not overflow.
    Usual,
    /// It fits in 64 bits.
    Wide,
}

impl Extent {
    pub fn of(int: i64) -> Extent {
        match int.unsigned_abs() {
            x if x < Extent::Near.limit() && int >= 0 => Extent::Near,
            x if x < Extent::Usual.limit() => Extent::Usual,
            _ => Extent::Wide,
        }
    }

    /// What is larger than all such magnitudes.
    pub fn limit(self) -> u64 {
        match self {
            Extent::Near => 1 << 30,
            Extent::Usual => 1 << 62,
            Extent::Wide => 1 << 63,
        }
    }
}

/// A global (or module variable) found by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalRef {
    /// The dict that holds it: the globals or the builtins.
    pub dict: ObjId,
    /// Stamp of that dict's keys.
    pub stamp: u32,
    /// Position of the entry.
    pub index: u32,
    /// The value now, if it is of a kind that programs rarely replace (a function, a class, a
    /// module, None, a builtin).
    pub value: Option<ObjId>,
    /// The class of the value now.
    pub seen: Seen,
    /// How far from zero the value is, if it is an int.
    pub extent: Option<Extent>,
    pub sample: Option<Sample>,
    /// If it was found in the builtins: the stamp of the globals, which lack the name.
    pub absent_from: Option<(ObjId, u32)>,
    /// What compiled code reads instead, as long as the variable holds `value`.
    pub in_compiled: Option<ObjId>,
}

/// How a class answers for an attribute of its instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttrRef {
    /// In the instance's dict; the class has no data descriptor of that name.
    /// `class_value` is what the class has under the name, if anything.
    Dict { class_value: Option<ObjId> },
    /// A member of `__slots__` at a byte offset.
    Slot { offset: i32 },
    /// Only in the class: a function (bound when called).
    Method { func: ObjId },
    /// Only in the class: a builtin method descriptor.
    Descriptor { descr: ObjId },
    /// Only in the class: a plain value.
    ClassValue { value: ObjId },
    /// A property with a Python getter.
    Property { getter: ObjId },
}

/// How instances of a plain class come to be: `object.__new__`, then this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// `object`'s, which takes no arguments and does nothing.
    Object,
    Function(ObjId),
}

/// A name in the dicts of a class's instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceShape {
    /// Instances have no dict.
    NoDict,
    /// Dicts with one of these stamps have it at this entry.
    Entry {
        stamps: Stamps,
        index: u32,
    },
    /// Dicts with one of these stamps don't have it.
    Absent {
        stamps: Stamps,
    },
    Unknown,
}

/// A few stamps of dicts; unused places repeat another.
pub type Stamps = [u32; 4];

/// A Python function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuncInfo {
    pub code: ObjId,
    pub globals: ObjId,
    pub builtins: ObjId,
    pub defaults: Vec<ObjId>,
    /// The dict of the defaults of keyword-only parameters.
    pub kwdefaults: Option<ObjId>,
    pub closure: Vec<ObjId>,
    /// Changes when code or defaults change; 0 when it can't be relied on.
    pub version: u32,
}

/// Builtins with a meaning that the specializer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Builtin {
    Len,
    Abs,
    Min,
    Max,
    Range,
    Int,
    Float,
    Bool,
    Str,
    Isinstance,
    Ord,
    Chr,
    Enumerate,
    Zip,
    Reversed,
    Any,
    All,
    Sorted,
    List,
    Tuple,
    Type,
    Sum,
    Round,
    Divmod,
    Hasattr,
    Getattr,
    Pow,
    MathSqrt,
    MathSin,
    MathCos,
    MathTan,
    MathAtan,
    MathAtan2,
    MathTanh,
    MathExp,
    MathLog,
    MathFloor,
    MathCeil,
    MathFabs,
    /// Looks at the caller's frame (`locals`, `vars`, `eval`, `sys._getframe`...).
    Frames,
}

/// Methods of builtin types with a meaning that the specializer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuiltinMethod {
    ListAppend,
    ListExtend,
    ListPop,
    DictGet,
    DictItems,
    DictKeys,
    DictValues,
    SetAdd,
    Str(StrMethod),
}

macro_rules! str_methods {
    ($($id:ident $name:literal $least:literal $most:literal $gives:ident,)*) => {
        /// Methods of strs that run no Python code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum StrMethod { $($id,)* }
        impl StrMethod {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [StrMethod] = &[$(StrMethod::$id,)*];
            pub fn name(self) -> &'static str { match self { $(StrMethod::$id => $name,)* } }
            /// How many arguments it can be called with, all of them strs.
            pub fn args(self) -> std::ops::RangeInclusive<usize> { match self { $(StrMethod::$id => $least..=$most,)* } }
            pub fn gives(self) -> Gives { match self { $(StrMethod::$id => Gives::$gives,)* } }
        }
    };
}

/// What a method of strs gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    Str,
    /// A list of strs.
    List,
    /// A tuple of strs.
    Tuple,
    Truth,
    /// A place or -1, or a count.
    Number,
    /// A place, or it raises.
    Place,
}

str_methods! {
    Split "split" 0 1 List,
    Strip "strip" 0 1 Str,
    Lstrip "lstrip" 0 1 Str,
    Rstrip "rstrip" 0 1 Str,
    Replace "replace" 2 2 Str,
    Lower "lower" 0 0 Str,
    Upper "upper" 0 0 Str,
    Swapcase "swapcase" 0 0 Str,
    Capitalize "capitalize" 0 0 Str,
    Title "title" 0 0 Str,
    Casefold "casefold" 0 0 Str,
    Removeprefix "removeprefix" 1 1 Str,
    Removesuffix "removesuffix" 1 1 Str,
    Splitlines "splitlines" 0 0 List,
    Rsplit "rsplit" 0 1 List,
    Partition "partition" 1 1 Tuple,
    Rpartition "rpartition" 1 1 Tuple,
    Join "join" 1 1 Str,
    Startswith "startswith" 1 1 Truth,
    Endswith "endswith" 1 1 Truth,
    Isalpha "isalpha" 0 0 Truth,
    Isalnum "isalnum" 0 0 Truth,
    Isdigit "isdigit" 0 0 Truth,
    Isdecimal "isdecimal" 0 0 Truth,
    Isnumeric "isnumeric" 0 0 Truth,
    Isspace "isspace" 0 0 Truth,
    Isupper "isupper" 0 0 Truth,
    Islower "islower" 0 0 Truth,
    Istitle "istitle" 0 0 Truth,
    Isascii "isascii" 0 0 Truth,
    Find "find" 1 1 Number,
    Rfind "rfind" 1 1 Number,
    Count "count" 1 1 Number,
    Index "index" 1 1 Place,
}

/// The type of a value at an exit or a live slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Exact class.
    pub ty: ObjId,
    /// An int that does not fit in 64 bits.
    pub big: bool,
}

/// A live object that the VM can look into while it compiles; what a value is expected to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sample(pub u32);

/// How arguments and results of compiled calls are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    Int,
    Float,
    Bool,
    None,
    /// An object, exact class known or not. Arguments are borrowed, results owned.
    Obj(Option<ObjId>),
}

impl Pass {
    /// The SSA type, if a value is passed at all.
    pub fn ty(self) -> Option<Type> {
        match self {
            Pass::Int => Some(Type::I64),
            Pass::Float => Some(Type::F64),
            Pass::Bool => Some(Type::I32),
            Pass::None => None,
            Pass::Obj(_) => Some(Type::Ptr),
        }
    }
}

/// A compiled version of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FnVersion {
    pub cell: FnCell,
    pub contract: Contract,
}

/// What the callers of a function version rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// What it returns.
    pub ret: Pass,
    /// It makes a frame of its own and may run Python code: its callers have frames, too.
    pub framed: bool,
    /// It returns null where it raises, with the exception in the context; its results are objects then.
    pub raises: bool,
}

/// What objects, code objects and functions are.
pub trait ObjectOracle {
    fn known(&self) -> &Known;
    fn code(&self, code: ObjId) -> Option<Rc<CodeInfo>>;
    /// The exact class of an object.
    fn type_of(&self, obj: ObjId) -> ObjId;
    /// Whether nobody counts references to an object.
    fn is_immortal(&self, obj: ObjId) -> bool;
    /// The value of an exact int that fits.
    fn int(&self, obj: ObjId) -> Option<i64>;
    /// The value of an exact float.
    fn float(&self, obj: ObjId) -> Option<f64>;
    /// The items of an exact tuple.
    fn tuple(&self, obj: ObjId) -> Option<Vec<ObjId>>;
    /// For messages and explanations.
    fn describe(&self, obj: ObjId) -> String;
    /// The name of the method that `LOAD_SPECIAL` loads.
    fn special_method(&self, which: u32) -> Option<ObjId>;
    /// The object that `LOAD_COMMON_CONSTANT` loads.
    fn common_constant(&self, which: u32) -> Option<ObjId>;
    /// The tag word of ints whose magnitude is inline.
    fn int_small_tag(&self) -> u64;
    /// Whether a function is `object.__init__`.
    fn is_object_init(&self, func: ObjId) -> bool;
    /// What a cell holds now, if it is of a kind that programs rarely replace.
    fn cell_constant(&self, cell: ObjId) -> Option<ObjId>;
    fn function(&self, func: ObjId) -> Option<FuncInfo>;
    fn builtin(&self, obj: ObjId) -> Option<Builtin>;
    fn builtin_method(&self, descr: ObjId) -> Option<BuiltinMethod>;
}

/// What classes are: attributes, methods, and how their instances look.
pub trait ClassOracle {
    /// Other classes that share a base with all of these (`object` aside) and of which instances have been
    /// looked at.
    fn relatives(&self, classes: &[ObjId]) -> Vec<ObjId>;
    /// Whether an object is a class of exceptions, with nothing special about being an instance of it.
    fn exception_class(&self, obj: ObjId) -> bool;
    /// Whether `except class` takes all exceptions of exactly the class `raised`.
    fn catches(&self, class: ObjId, raised: ObjId) -> bool;
    fn attr(&self, class: ObjId, name: ObjId) -> Option<AttrRef>;
    /// The value of a class's own or inherited attribute, where reading it on the class gives
    /// just that object.
    fn class_attr(&self, class: ObjId, name: ObjId) -> Option<ObjId>;
    /// Where a name is in the dict that instances of the class usually have.
    fn instance_shape(&self, class: ObjId, name: ObjId) -> InstanceShape;
    /// Whether the dicts of a class's instances come in so many shapes, or without stamps so often, that stamps tell
    /// little.
    fn shapes_vary(&self, class: ObjId) -> bool;
    /// The version tag of a class, if it has one that can be relied on.
    fn type_version(&self, class: ObjId) -> Option<u32>;
    /// Whether instances of a class are instances of another one, if that can't run Python code and stays so as long
    /// as the first one has its version.
    fn is_subclass(&self, class: ObjId, of: ObjId) -> Option<bool>;
    /// What `super(class, o).name` finds for an `o` of exactly the class `of`.
    fn super_attr(&self, class: ObjId, of: ObjId, name: ObjId) -> Option<AttrRef>;
    /// The value of a class's `staticmethod` or `classmethod`: the function, and whether it takes the class.
    fn class_method(&self, class: ObjId, name: ObjId) -> Option<(ObjId, bool)>;
    /// The Python function that assigns a property.
    fn property_setter(&self, class: ObjId, name: ObjId) -> Option<ObjId>;
    /// The Python function that an operator on instances of a Python class calls.
    fn operator_method(&self, class: ObjId, name: &str) -> Option<ObjId>;
    /// Whether a class or one of its bases has an attribute.
    fn has_attr(&self, class: ObjId, name: &str) -> bool;
    /// How a class makes its instances, if they are nothing but a dict, and making and destroying them runs no code
    /// but `__init__`; as long as the class has its version.
    fn plain_class(&self, class: ObjId) -> Option<Init>;
    /// Whether instances of a class have a dict.
    fn has_dict(&self, class: ObjId) -> bool;
    /// A dict with these keys in this order, and the stamp that such dicts share: what the dicts of new instances of
    /// the class are copied from.
    fn instance_template(&self, class: ObjId, names: &[ObjId]) -> ObjId;
    /// Whether plain truth testing of instances is always true (no `__bool__`, no `__len__`).
    fn always_true(&self, class: ObjId) -> bool;
}

/// What names of modules and entries of dicts stand for now.
pub trait GlobalOracle {
    fn global(&self, globals: ObjId, builtins: ObjId, name: ObjId) -> Option<GlobalRef>;
    /// The entry of a module's (or any) dict.
    fn dict_entry(&self, dict: ObjId, name: ObjId) -> Option<GlobalRef>;
    /// Whether a dict of variables gets new keys while the program runs.
    fn keys_change(&self, dict: ObjId) -> bool;
    /// The dict of a module.
    fn module_dict(&self, module: ObjId) -> Option<ObjId>;
}

/// Live objects that what is compiled will meet the like of.
pub trait SampleOracle {
    /// What local `i` of the live frame holds.
    fn local_sample(&self, i: usize) -> Option<Sample>;
    fn sample_type(&self, sample: Sample) -> Seen;
    /// The value of an attribute in a sample's own dict.
    fn sample_attr(&self, sample: Sample, name: ObjId) -> Option<Sample>;
    /// An item of a sample that is a list or tuple.
    fn sample_item(&self, sample: Sample) -> Option<Sample>;
    /// All items of a sample that is a list or tuple of at most so many.
    fn sample_items(&self, sample: Sample, most: usize) -> Option<Vec<Sample>>;
    /// A key and a value of a sample that is a dict, the first ones.
    fn sample_entry(&self, sample: Sample) -> Option<(Sample, Sample)>;
    /// A list of strs, as an example of what such a list is like.
    fn sample_strs(&self) -> Option<Sample>;
    fn cell_sample(&self, cell: ObjId) -> Option<Sample>;
    /// The same of a sample that is a cell.
    fn sample_cell(&self, sample: Sample) -> (Option<ObjId>, Option<Sample>);
    /// The function of a sample that is a bound method.
    fn sample_method(&self, sample: Sample) -> Option<ObjId>;
}

/// What the interpreter and earlier code have met at an instruction.
pub trait FeedbackOracle {
    /// What the interpreter learned at a unit.
    fn feedback(&self, code: ObjId, op_pc: u32) -> Feedback;
    /// What an exit saw at an instruction: the classes of the topmost stack values then, top
    /// first. Empty if nothing was seen.
    fn observed(&self, code: ObjId, pc: u32) -> Vec<Seen>;
    /// The classes that the operand at a depth has had when compiled code left here, and those that it was taken for, if
    /// these are several and not many.
    fn classes(&self, code: ObjId, pc: u32, depth: usize) -> Vec<ObjId>;
    /// Whether they are several, or many.
    fn varies(&self, code: ObjId, pc: u32, depth: usize) -> bool;
    /// Notes that code leaves if the operand at a depth is of another class.
    fn note_wanted(&self, code: ObjId, pc: u32, depth: usize, class: ObjId);
    /// Notes that the operand at a depth of an instruction was expected to be of a class.
    fn note_expected(&self, code: ObjId, pc: u32, depth: usize, seen: Seen);
    /// Whether specializations of this kind went wrong here before: do it generally.
    fn distrusted(&self, code: ObjId, pc: u32) -> bool;
    /// Whether code without a frame often had to leave here because Python code might have run.
    fn runs_python(&self, code: ObjId, pc: u32) -> bool;
    /// Whether what is let go of before an instruction often ran Python code when it died.
    fn finalizes(&self, code: ObjId, pc: u32) -> bool;
    /// Whether what an instruction loads to call it was no function that takes the object first, again and again.
    fn loads_no_method(&self, code: ObjId, pc: u32) -> bool;
    /// Whether somebody often held the frame that returned by an instruction.
    fn returns_held(&self, code: ObjId, pc: u32) -> bool;
    /// Whether the exception handler at a position has run.
    fn handler_met(&self, code: ObjId, target: u32) -> bool;
    /// Whether an instruction has raised what some frame handles often enough to compile it for that.
    fn raises(&self, code: ObjId, pc: u32) -> bool;
    /// The class of the objects that an attribute instruction has seen, by its inline cache.
    fn owner_type(&self, code: ObjId, op_pc: u32) -> Option<ObjId>;
}

/// The VM's answers.
pub trait Oracle: ObjectOracle + ClassOracle + GlobalOracle + SampleOracle + FeedbackOracle {
    /// Whether this code may become a part of compiled code, inlined or as a version.
    fn may_compile(&self, _code: ObjId) -> bool {
        true
    }
    /// A compiled version of the function for these arguments, made now if need be.
    /// `samples` are what the arguments are expected to be like.
    fn version(&self, func: ObjId, args: &[Pass], samples: &[Option<Sample>]) -> Option<FnVersion>;
}
