//! Run-time entry points: what compiled code may call in the VM, by id, with
//! signature, effects and the way they report failure.
//!
//! Each is an `extern "C"` function whose first parameter is the context, followed by the
//! parameters listed here. Object arguments are borrowed unless said otherwise; object results
//! are owned by the caller. On failure the exception is in the context.

use crate::ir::Type;
use crate::ir::field::{ALL_REGIONS, Region, Regions};

/// How an entry point says that it raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    Never,
    /// The result is the null address.
    Null,
    /// The result is negative.
    Negative,
    /// `RuntimeContext::failed` is 1 (the caller reads it where the result is ambiguous).
    Flag,
}

/// What an entry point may do besides computing its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the same arguments give the same result, and it may be left out.
    Pure,
    /// Reads memory or allocates; writes nothing that loads can see.
    Reads,
    /// Reads nothing that changes but memory of the region: until that is written, the same arguments give
    /// the same result.
    Looks(Region),
    /// Writes the regions; runs no Python code.
    Writes(Regions),
    /// May run Python code: anything may have changed.
    Python,
}

impl Effect {
    /// The regions that may have changed.
    pub fn writes(self) -> Regions {
        match self {
            Effect::Pure | Effect::Reads | Effect::Looks(_) => 0,
            Effect::Writes(r) => r,
            Effect::Python => ALL_REGIONS,
        }
    }
}

const LIST: Regions = Region::ListHeader.bit() | Region::ListItem.bit();
const DICT: Regions = Region::DictHeader.bit() | Region::DictValue.bit();
const OTHER: Regions = Region::Other.bit();

macro_rules! entry_points {
    ($($(#[$m:meta])* $id:ident $name:literal ($($p:ident)*) $($ret:ident)? : $effect:expr, $fails:ident;)*) => {
        /// A run-time entry point.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum RtId { $($(#[$m])* $id,)* }
        impl RtId {
            /// All of them, in order.
            pub const ALL: &'static [RtId] = &[$(RtId::$id,)*];
            /// The name in the text form.
            pub fn name(self) -> &'static str { match self { $(RtId::$id => $name,)* } }
            /// Parameters after the context.
            pub fn params(self) -> &'static [Type] { match self { $(RtId::$id => &[$(Type::$p,)*],)* } }
            /// The result.
            pub fn ret(self) -> Option<Type> { match self { $(RtId::$id => ret!($($ret)?),)* } }
            /// What it may do.
            pub fn effect(self) -> Effect { match self { $(RtId::$id => $effect,)* } }
            /// How it reports failure.
            pub fn fails(self) -> Fails { match self { $(RtId::$id => Fails::$fails,)* } }
            /// The entry point of that name.
            pub fn by_name(name: &str) -> Option<RtId> {
                match name { $($name => Some(RtId::$id),)* _ => None }
            }
        }
    };
}
macro_rules! ret {
    () => {
        None
    };
    ($t:ident) => {
        Some(Type::$t)
    };
}

entry_points! {
    /// Destroys an object whose last reference is gone; 1 if compiled code must leave
    /// because Python code ran or may have.
    Dealloc "dealloc" (Ptr) I32 : Effect::Reads, Never;
    /// The slow path of polling; 1 if compiled code must leave.
    PollSlow "poll" () I32 : Effect::Writes(ALL_REGIONS), Never;

    /// Puts an owned object into word `index` of the frame slots at an address; releases
    /// what was there (an int or float that is out of date, or nothing).
    ReplaceSlot "replace_slot" (Ptr I32 Ptr) : Effect::Reads, Never;

    /// Makes a frame of a function, which becomes the running one; gives the address of its slots, which are empty.
    FramePush "frame_push" (Ptr) Ptr : Effect::Writes(OTHER), Never;
    /// Ends the running frame, which nobody else holds, and releases what its slots hold.
    FramePop "frame_pop" () : Effect::Python, Never;
    /// The same for a frame that somebody may hold: it returns the value at the instruction where it stands.
    FrameReturn "frame_return" (Ptr) : Effect::Python, Never;
    /// The same with an exception, which is given up, and which its traceback has; it is left for the caller.
    FrameRaise "frame_raise" (Ptr) : Effect::Python, Never;

    /// A new int object.
    NewInt "new_int" (I64) Ptr : Effect::Reads, Never;
    NewFloat "new_float" (F64) Ptr : Effect::Reads, Never;

    /// `a OP b` by the number of the operator in `BINARY_OP`.
    BinaryOp "binary_op" (I32 Ptr Ptr) Ptr : Effect::Python, Null;
    /// The same where both are exact ints, floats, strs or other types known to run no Python code.
    BinaryOpPlain "binary_op_plain" (I32 Ptr Ptr) Ptr : Effect::Writes(OTHER), Null;
    /// Twins of entry points, for code without a frame: they do nothing, and give null or -1, where Python code might run or
    /// an exception be raised.
    PlainBinaryOp "plain_binary_op" (I32 Ptr Ptr) Ptr : Effect::Writes(OTHER), Null;
    PlainCompare "plain_compare" (I32 Ptr Ptr) I32 : Effect::Reads, Negative;
    PlainContains "plain_contains" (Ptr Ptr) I32 : Effect::Reads, Negative;
    PlainToBool "plain_to_bool" (Ptr) I32 : Effect::Reads, Negative;
    PlainGetAttr "plain_get_attr" (Ptr Ptr) Ptr : Effect::Reads, Null;
    /// Whether an object has an attribute.
    PlainHasAttr "plain_has_attr" (Ptr Ptr) I32 : Effect::Reads, Negative;
    PlainLoadMethod "plain_load_method" (Ptr Ptr) Ptr : Effect::Writes(OTHER), Null;
    PlainGetItem "plain_get_item" (Ptr Ptr) Ptr : Effect::Reads, Null;
    PlainCall "plain_call" (Ptr I32) Ptr : Effect::Writes(LIST | DICT | OTHER), Null;
    /// `-a`, `~a`, `+a`: 0, 1, 2.
    UnaryOp "unary_op" (I32 Ptr) Ptr : Effect::Python, Null;
    /// Rich comparison by `<` 0, `<=` 1, `==` 2, `!=` 3, `>` 4, `>=` 5.
    Compare "compare" (I32 Ptr Ptr) Ptr : Effect::Python, Null;
    /// The same as a truth value.
    CompareBool "compare_bool" (I32 Ptr Ptr) I32 : Effect::Python, Negative;
    /// Comparison of exact strs as a truth value.
    StrCompare "str_compare" (I32 Ptr Ptr) I32 : Effect::Pure, Never;
    /// Comparison of exact ints of any size.
    IntCompare "int_compare" (I32 Ptr Ptr) I32 : Effect::Reads, Never;
    /// `item in container` (container first).
    Contains "contains" (Ptr Ptr) I32 : Effect::Python, Negative;
    ToBool "to_bool" (Ptr) I32 : Effect::Python, Negative;
    GetAttr "get_attr" (Ptr Ptr) Ptr : Effect::Python, Null;
    SetAttr "set_attr" (Ptr Ptr Ptr) I32 : Effect::Python, Negative;
    DelAttr "del_attr" (Ptr Ptr) I32 : Effect::Python, Negative;
    /// What a call of an attribute calls (object, name). `failed` is set if it is to be called without
    /// the object as first argument.
    LoadMethod "load_method" (Ptr Ptr) Ptr : Effect::Python, Null;
    /// `LOAD_SUPER_ATTR` (name): the global `super`, the class and the object in scratch words.
    LoadSuperAttr "load_super_attr" (Ptr) Ptr : Effect::Python, Null;
    GetItem "get_item" (Ptr Ptr) Ptr : Effect::Python, Null;
    /// `container[key] = value` (container, key, value).
    SetItem "set_item" (Ptr Ptr Ptr) I32 : Effect::Python, Negative;
    DelItem "del_item" (Ptr Ptr) I32 : Effect::Python, Negative;
    GetIter "get_iter" (Ptr) Ptr : Effect::Python, Null;
    /// The next item; null at the end, and null with `failed` set when it raised.
    IterNext "iter_next" (Ptr) Ptr : Effect::Python, Flag;
    /// An iterator over an exact dict or one of its views.
    TableIter "table_iter" (Ptr) Ptr : Effect::Reads, Never;
    /// `keys()`, `values()` or `items()` of an exact dict: 0, 1, 2.
    DictView "dict_view" (Ptr I32) Ptr : Effect::Reads, Never;
    /// The index of the entry that such an iterator gives next; -1 at the end, -2 where the dict has changed.
    DictIterPeek "dict_iter_peek" (Ptr) I64 : Effect::Reads, Never;
    /// What an iterator of a builtin class iterates over (part 0), or part `i` of a `zip` without `strict`: borrowed,
    /// null if it can't be taken apart.
    IterPart "iter_part" (Ptr I32) Ptr : Effect::Reads, Never;
    /// The position of a sequence's iterator, or the next number of an `enumerate`; -1 if it has none.
    IterPosition "iter_position" (Ptr) I64 : Effect::Reads, Never;
    /// A range object: start, stop, step (not 0).
    NewRange "new_range" (I64 I64 I64) Ptr : Effect::Reads, Never;
    /// Calls with `n` positional arguments from the scratch words.
    Call "call" (Ptr I32) Ptr : Effect::Python, Null;
    /// Calls with `n` arguments from the scratch words, the last of them named by the tuple.
    CallKw "call_kw" (Ptr I32 Ptr) Ptr : Effect::Python, Null;
    /// `f(*args, **kwargs)`: callable, iterable, mapping or null.
    CallEx "call_ex" (Ptr Ptr Ptr Ptr) Ptr : Effect::Python, Null;
    /// `isinstance(o, class)` of an ordinary class where that runs no Python code: 1 or 0; -1 where it might.
    IsInstancePlain "is_instance_plain" (Ptr Ptr) I32 : Effect::Reads, Never;
    /// A new instance of a class whose `__new__` is `object`'s, before `__init__`.
    NewInstance "new_instance" (Ptr) Ptr : Effect::Reads, Null;
    /// An instance of a plain class (class, template, n): its dict is a copy of the template with the `n` scratch words
    /// as values, whose references it takes over.
    BuildInstance "build_instance" (Ptr Ptr I32) Ptr : Effect::Reads, Never;
    /// The function of a code object: code, globals, closure tuple or null, defaults tuple or null.
    MakeFunction "make_function" (Ptr Ptr Ptr Ptr) Ptr : Effect::Reads, Null;
    /// A cell: its content or null.
    NewCell "new_cell" (Ptr) Ptr : Effect::Reads, Null;

    /// The exception that is raised at the unit of the running frame's code, owned: the one given up, or for
    /// null the one that an entry point has left. It gets its traceback entry and its context.
    Raised "raised" (Ptr I32) Ptr : Effect::Writes(OTHER), Never;
    /// Makes an exception, or for None none, the one that is being handled; gives the one before (or None).
    SwapHandled "swap_handled" (Ptr) Ptr : Effect::Writes(OTHER), Never;
    /// Leaves an exception, which is given up, for the caller of a function that then returns null.
    RaiseOut "raise_out" (Ptr) : Effect::Writes(OTHER), Never;
    /// Gives up a reference.
    Release "release" (Ptr) : Effect::Python, Never;
    /// The exception that is being handled.
    Handled "handled" () Ptr : Effect::Reads, Null;
    /// Whether `except class` takes an exception; 2 where only Python code can tell. The class is one of exceptions.
    ExcMatch "exc_match" (Ptr Ptr) I32 : Effect::Reads, Never;
    /// The same with any class, or a tuple.
    ExcMatches "exc_matches" (Ptr Ptr) I32 : Effect::Python, Negative;
    /// What `raise` raises: class or instance, and cause or null.
    MakeException "make_exception" (Ptr Ptr) Ptr : Effect::Python, Null;
    /// `LOAD_SPECIAL` (object, number of the method), as `load_method`.
    LoadSpecial "load_special" (Ptr I32) Ptr : Effect::Python, Null;
    /// Calls `__exit__` with the exception that is being handled: function, self or null.
    WithExceptStart "with_except_start" (Ptr Ptr) Ptr : Effect::Python, Null;

    /// `DELETE_GLOBAL`: globals, name.
    DeleteGlobal "delete_global" (Ptr Ptr) I32 : Effect::Python, Negative;
    /// `IMPORT_NAME`: name, level, list of names.
    ImportName "import_name" (Ptr Ptr Ptr) Ptr : Effect::Python, Null;

    /// `IMPORT_FROM` of a module that has the name; null without an exception if another way must be tried.
    ImportFrom "import_from" (Ptr Ptr) Ptr : Effect::Reads, Never;
    /// Whether `match` takes an object for a sequence (0) or a mapping (1).
    MatchKind "match_kind" (Ptr I32) I32 : Effect::Reads, Never;
    /// `MATCH_KEYS`: subject and tuple of keys; a tuple of values or None.
    MatchKeys "match_keys" (Ptr Ptr) Ptr : Effect::Python, Null;
    /// `MATCH_CLASS`: subject, class, tuple of names, number of positional patterns; a tuple of values or None.
    MatchClass "match_class" (Ptr Ptr Ptr I32) Ptr : Effect::Python, Null;

    /// Containers made from `n` scratch words, whose references they take over.
    BuildList "build_list" (I32) Ptr : Effect::Reads, Never;
    BuildTuple "build_tuple" (I32) Ptr : Effect::Reads, Never;
    /// `n` pairs.
    BuildMap "build_map" (I32) Ptr : Effect::Python, Null;
    BuildSet "build_set" (I32) Ptr : Effect::Python, Null;
    BuildString "build_string" (I32) Ptr : Effect::Reads, Never;
    BuildSlice "build_slice" (Ptr Ptr Ptr) Ptr : Effect::Reads, Never;
    FormatSimple "format_simple" (Ptr) Ptr : Effect::Python, Null;
    FormatWithSpec "format_with_spec" (Ptr Ptr) Ptr : Effect::Python, Null;
    /// `str`, `repr`, `ascii`: 1, 2, 3.
    ConvertValue "convert_value" (I32 Ptr) Ptr : Effect::Python, Null;
    /// A tuple of the `n` items of a sequence.
    UnpackSequence "unpack_sequence" (Ptr I32) Ptr : Effect::Python, Null;
    /// `UNPACK_EX`: a tuple of that many items, the list of the rest, that many items.
    UnpackEx "unpack_ex" (Ptr I32 I32) Ptr : Effect::Python, Null;

    /// Appends an item, whose reference it takes over.
    ListAppend "list_append" (Ptr Ptr) : Effect::Writes(LIST), Never;
    /// Removes and returns the last item; null if the list is empty.
    ListPop "list_pop" (Ptr) Ptr : Effect::Writes(LIST), Never;
    /// Builtins on an exact list or tuple whose items are all exact ints, all floats (for `sum`: both) or all
    /// strs. Null where only the general way can tell, which includes what raises.
    SeqSum "seq_sum" (Ptr) Ptr : Effect::Reads, Never;
    /// `min` 0, `max` 1.
    SeqExtreme "seq_extreme" (I32 Ptr) Ptr : Effect::Reads, Never;
    SeqSorted "seq_sorted" (Ptr) Ptr : Effect::Reads, Never;
    /// `any` 0, `all` 1 of such items, bools and None: a truth value, -1 where only the general way can tell.
    SeqTruth "seq_truth" (I32 Ptr) I32 : Effect::Reads, Never;
    /// The first place of an item in an exact list or tuple; -1 where it is not, -2 where only the general way can tell.
    SeqFind "seq_find" (Ptr Ptr) I64 : Effect::Reads, Never;
    /// `s[start:stop:step]` of an exact list, tuple, str or bytes; the smallest number stands for None, and the step
    /// is not 0.
    SeqSlice "seq_slice" (Ptr I64 I64 I64) Ptr : Effect::Reads, Null;
    /// `list(x)` of an exact list, tuple, range, str, dict or view.
    ToList "to_list" (Ptr) Ptr : Effect::Reads, Null;
    /// `tuple(list)`.
    ListToTuple "list_to_tuple" (Ptr) Ptr : Effect::Reads, Never;
    ListExtend "list_extend" (Ptr Ptr) I32 : Effect::Python, Negative;
    /// `[item] * n`.
    ListOf "list_of" (Ptr I64) Ptr : Effect::Reads, Null;
    /// A new list with the items repeated.
    ListRepeat "list_repeat" (Ptr I64) Ptr : Effect::Reads, Null;
    SetAdd "set_add" (Ptr Ptr) I32 : Effect::Python, Negative;
    MapAdd "map_add" (Ptr Ptr Ptr) I32 : Effect::Python, Negative;
    /// The index of a key's entry in an exact dict: an exact str, then an int. -1: there is none; -2: only
    /// the general way can tell.
    DictFindStr "dict_find_str" (Ptr Ptr) I64 : Effect::Looks(Region::DictHeader), Never;
    DictFindInt "dict_find_int" (Ptr I64) I64 : Effect::Looks(Region::DictHeader), Never;
    /// The same for a name. It is looked for at an index first, which lowerings do in line.
    DictFindName "dict_find_name" (Ptr Ptr I64) I64 : Effect::Looks(Region::DictHeader), Never;
    /// Adds a key that one of them has just not found (dict, key, value); takes over the value's reference.
    DictInsert "dict_insert" (Ptr Ptr Ptr) : Effect::Writes(DICT), Never;
    /// The same in an exact set.
    SetFindStr "set_find_str" (Ptr Ptr) I64 : Effect::Looks(Region::Other), Never;
    SetFindInt "set_find_int" (Ptr I64) I64 : Effect::Looks(Region::Other), Never;
    SetInsert "set_insert" (Ptr Ptr) : Effect::Writes(OTHER), Never;
    /// Sets with an exact str key. What it replaces dies when compiled code polls or is left, if its
    /// death runs Python code.
    DictSetStr "dict_set_str" (Ptr Ptr Ptr) : Effect::Writes(DICT), Never;
    /// `DICT_UPDATE`: an exact dict and a mapping.
    DictUpdate "dict_update" (Ptr Ptr) I32 : Effect::Python, Negative;
    /// `DICT_MERGE`: the function that is called, an exact dict and a mapping.
    DictMerge "dict_merge" (Ptr Ptr Ptr) I32 : Effect::Python, Negative;
    /// `SET_UPDATE`: an exact set and an iterable.
    SetUpdate "set_update" (Ptr Ptr) I32 : Effect::Python, Negative;

    StrConcat "str_concat" (Ptr Ptr) Ptr : Effect::Reads, Never;
    /// `a += b` of exact strs: takes over the reference to the first, which is lengthened in place
    /// if that was the only one. Nothing read from the first holds for the result.
    StrAppend "str_append" (Ptr Ptr) Ptr : Effect::Reads, Never;

    /// `a in s` of exact strs (`s` first).
    StrContains "str_contains" (Ptr Ptr) I32 : Effect::Pure, Never;
    /// Methods of exact strs by number ([`StrMethod`](crate::oracle::StrMethod)), with arguments of exact classes or
    /// null: those that give objects, truth values, numbers (-1 where nothing is found).
    StrTransform "str_transform" (I32 Ptr Ptr Ptr) Ptr : Effect::Writes(OTHER), Null;
    StrTest "str_test" (I32 Ptr Ptr) I32 : Effect::Pure, Never;
    StrSearch "str_search" (I32 Ptr Ptr) I64 : Effect::Pure, Never;
    /// `format % args` of an exact str and `n` scratch words, which are borrowed ints, floats, strs and the like.
    StrFormat "str_format" (Ptr I32) Ptr : Effect::Writes(OTHER), Null;
    /// `format(x, spec)`.
    FormatInt "format_int" (I64 Ptr) Ptr : Effect::Writes(OTHER), Null;
    FormatFloat "format_float" (F64 Ptr) Ptr : Effect::Writes(OTHER), Null;
    /// `str(x)`.
    IntToStr "int_to_str" (I64) Ptr : Effect::Reads, Never;
    FloatToStr "float_to_str" (F64) Ptr : Effect::Reads, Null;
    /// `int(s)` of an exact str; sets `failed` where it is no plain number that fits.
    /// (2: raises `ValueError`.)
    StrToInt "str_to_int" (Ptr) I64 : Effect::Writes(OTHER), Flag;

    /// Floor division and modulo with Python's signs; the divisor is not zero.
    FloatFloorDiv "float_floordiv" (F64 F64) F64 : Effect::Pure, Never;
    FloatMod "float_mod" (F64 F64) F64 : Effect::Pure, Never;
    /// `a ** b`; the cases that raise or give complex numbers set `failed`.
    FloatPow "float_pow" (F64 F64) F64 : Effect::Writes(OTHER), Flag;
    /// Exact comparison of an int with a float, operator as in `compare`.
    IntFloatCompare "int_float_compare" (I32 I64 F64) I32 : Effect::Pure, Never;
    /// `a ** b` for `b >= 0`; sets `failed` when it does not fit in 64 bits.
    IntPow "int_pow" (I64 I64) I64 : Effect::Writes(OTHER), Flag;
    /// `math` functions that can't fail on the operands given.
    MathSin "math_sin" (F64) F64 : Effect::Pure, Never;
    MathCos "math_cos" (F64) F64 : Effect::Pure, Never;
    MathTan "math_tan" (F64) F64 : Effect::Pure, Never;
    MathAtan "math_atan" (F64) F64 : Effect::Pure, Never;
    MathAtan2 "math_atan2" (F64 F64) F64 : Effect::Pure, Never;
    MathTanh "math_tanh" (F64) F64 : Effect::Pure, Never;
    /// May overflow: the caller checks the result.
    MathExp "math_exp" (F64) F64 : Effect::Pure, Never;
    MathLog "math_log" (F64) F64 : Effect::Pure, Never;
}

impl RtId {
    /// The entry point that does the same where it runs no Python code, and else nothing.
    pub fn plain(self) -> Option<RtId> {
        Some(match self {
            RtId::BinaryOp => RtId::PlainBinaryOp,
            RtId::CompareBool => RtId::PlainCompare,
            RtId::Contains => RtId::PlainContains,
            RtId::ToBool => RtId::PlainToBool,
            RtId::GetAttr => RtId::PlainGetAttr,
            RtId::LoadMethod => RtId::PlainLoadMethod,
            RtId::GetItem => RtId::PlainGetItem,
            RtId::Call => RtId::PlainCall,
            _ => return None,
        })
    }

    /// The entry point with that number.
    pub fn from_index(index: usize) -> Option<RtId> {
        Self::ALL.get(index).copied()
    }
}
