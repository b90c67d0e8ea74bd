//! Run-time entry points: what compiled code calls in the VM, one room or file per family.
//!
//! The table of ids, signatures and effects is `psycore_jit::rt`; this is where each id finds
//! its function. Each does exactly what the interpreter's instruction does, errors included.

pub mod abi;
mod attr;
mod build;
mod call;
mod dict_set;
pub mod enter;
mod finalizer_free;
mod int_float;
mod iter;
mod list;
mod matching;
mod names;
mod own_frame;
mod plain;
mod poll;
mod pool;
pub mod python_call;
mod refs;

mod str;
mod subscr;
mod unwind;

pub use abi::Entry;
use abi::{e0, e1, e2, e3, e4};
use call::{function, instance};
pub use call::{has_plain_new, is_subclass};
use dict_set::tables;
use int_float::{arith, compare, math};
use iter::iterators;
use list::sequences;
use str::{format, methods};

use psycore_jit::rt::RtId;

pub use dict_set::shape::stamped as dict_stamp;
pub use unwind::special_method;

/// The address of an entry point's function.
pub fn address(rt: RtId) -> usize {
    entry(rt).address
}

/// The implementation of an entry point.
pub fn entry(rt: RtId) -> Entry {
    match rt {
        RtId::Dealloc => e1(refs::dealloc),
        RtId::PollSlow => e0(poll::poll_slow),
        RtId::ReplaceSlot => e3(refs::replace_slot),

        RtId::NewInt => e1(refs::new_int),
        RtId::NewFloat => e1(refs::new_float),

        RtId::BinaryOp => e3(arith::binary_op),
        RtId::BinaryOpPlain => e3(arith::binary_op),
        RtId::UnaryOp => e2(arith::unary_op),
        RtId::Compare => e3(compare::compare),
        RtId::CompareBool => e3(compare::compare_bool),
        RtId::StrCompare => e3(compare::str_compare),
        RtId::IntCompare => e3(compare::int_compare),
        RtId::Contains => e2(compare::contains),
        RtId::ToBool => e1(arith::to_bool),

        RtId::GetAttr => e2(attr::get_attr),
        RtId::SetAttr => e3(attr::set_attr),
        RtId::DelAttr => e2(attr::del_attr),
        RtId::LoadMethod => e2(attr::load_method),
        RtId::LoadSuperAttr => e1(attr::load_super_attr),
        RtId::GetItem => e2(subscr::get_item),
        RtId::SetItem => e3(subscr::set_item),
        RtId::DelItem => e2(subscr::del_item),
        RtId::GetIter => e1(iter::get_iter),
        RtId::IterNext => e1(iter::iter_next),
        RtId::TableIter => e1(iterators::table_iter),
        RtId::DictView => e2(iterators::dict_view),
        RtId::DictIterPeek => e1(iterators::dict_iter_peek),
        RtId::IterPart => e2(iterators::iter_part),
        RtId::IterPosition => e1(iterators::iter_position),
        RtId::NewRange => e3(iterators::new_range),
        RtId::Call => e2(call::call),
        RtId::CallKw => e3(call::call_kw),
        RtId::CallEx => e4(call::call_ex),
        RtId::IsInstancePlain => e2(call::is_instance_plain),
        RtId::MakeFunction => e4(function::make_function),
        RtId::NewInstance => e1(call::new_instance),
        RtId::BuildInstance => e3(instance::build_instance),
        RtId::NewCell => e1(function::new_cell),

        RtId::Raised => e2(unwind::raised),
        RtId::SwapHandled => e1(unwind::swap_handled),
        RtId::RaiseOut => e1(unwind::raise_out),
        RtId::Release => e1(refs::release_now),
        RtId::Handled => e0(unwind::handled),
        RtId::ExcMatch => e2(unwind::exc_match),
        RtId::ExcMatches => e2(unwind::exc_matches),
        RtId::MakeException => e2(unwind::make_exception),
        RtId::LoadSpecial => e2(unwind::load_special),
        RtId::WithExceptStart => e2(unwind::with_except_start),

        RtId::DeleteGlobal => e2(names::delete_global),
        RtId::ImportName => e3(names::import_name),
        RtId::ImportFrom => e2(names::import_from),
        RtId::MatchKind => e2(matching::match_kind),
        RtId::MatchKeys => e2(matching::match_keys),
        RtId::MatchClass => e4(matching::match_class),

        RtId::BuildList => e1(build::build_list),
        RtId::BuildTuple => e1(build::build_tuple),
        RtId::BuildMap => e1(build::build_map),
        RtId::BuildSet => e1(build::build_set),
        RtId::BuildString => e1(build::build_string),
        RtId::BuildSlice => e3(build::build_slice),
        RtId::FormatSimple => e1(build::format_simple),
        RtId::FormatWithSpec => e2(build::format_with_spec),
        RtId::ConvertValue => e2(build::convert_value),
        RtId::UnpackSequence => e2(iter::unpack_sequence),
        RtId::UnpackEx => e3(iter::unpack_ex),

        RtId::ListAppend => e2(list::list_append),
        RtId::ListPop => e1(list::list_pop),
        RtId::SeqSum => e1(sequences::seq_sum),
        RtId::SeqExtreme => e2(sequences::seq_extreme),
        RtId::SeqSorted => e1(sequences::seq_sorted),
        RtId::SeqTruth => e2(sequences::seq_truth),
        RtId::SeqFind => e2(sequences::seq_find),
        RtId::SeqSlice => e4(sequences::seq_slice),
        RtId::ToList => e1(sequences::to_list),
        RtId::ListExtend => e2(iter::list_extend),
        RtId::ListOf => e2(list::list_of),
        RtId::ListRepeat => e2(list::list_repeat),
        RtId::ListToTuple => e1(build::list_to_tuple),
        RtId::SetAdd => e2(dict_set::set_add),
        RtId::MapAdd => e3(dict_set::map_add),
        RtId::DictFindStr => e2(tables::dict_find_str),
        RtId::DictFindName => e3(tables::dict_find_name),
        RtId::DictFindInt => e2(tables::dict_find_int),
        RtId::DictInsert => e3(tables::dict_insert),
        RtId::SetFindStr => e2(tables::set_find_str),
        RtId::SetFindInt => e2(tables::set_find_int),
        RtId::SetInsert => e2(tables::set_insert),
        RtId::DictSetStr => e3(dict_set::dict_set_str),
        RtId::DictUpdate => e2(dict_set::dict_update),
        RtId::DictMerge => e3(call::dict_merge),
        RtId::SetUpdate => e2(dict_set::set_update),

        RtId::StrConcat => e2(str::str_concat),
        RtId::StrAppend => e2(str::str_append),
        RtId::StrContains => e2(methods::str_contains),
        RtId::StrTransform => e4(methods::str_transform),
        RtId::StrTest => e3(methods::str_test),
        RtId::StrSearch => e3(methods::str_search),
        RtId::StrFormat => e2(format::str_format),
        RtId::FormatInt => e2(format::format_int),
        RtId::FormatFloat => e2(format::format_float),
        RtId::IntToStr => e1(str::int_to_str),
        RtId::FloatToStr => e1(str::float_to_str),
        RtId::StrToInt => e1(str::str_to_int),

        RtId::FloatFloorDiv => e2(math::float_floordiv),
        RtId::FloatMod => e2(math::float_mod),
        RtId::FloatPow => e2(math::float_pow),
        RtId::IntFloatCompare => e3(math::int_float_compare),
        RtId::IntPow => e2(math::int_pow),
        RtId::MathSin => e1(math::math_sin),
        RtId::MathCos => e1(math::math_cos),
        RtId::MathTan => e1(math::math_tan),
        RtId::MathAtan => e1(math::math_atan),
        RtId::MathAtan2 => e2(math::math_atan2),
        RtId::MathTanh => e1(math::math_tanh),
        RtId::MathExp => e1(math::math_exp),
        RtId::MathLog => e1(math::math_log),
        plain => plain_entry(plain),
    }
}

/// The implementation of a plain twin.
fn plain_entry(rt: RtId) -> Entry {
    match rt {
        RtId::PlainBinaryOp => e3(plain::plain_binary_op),
        RtId::PlainCompare => e3(plain::plain_compare),
        RtId::PlainContains => e2(plain::plain_contains),
        RtId::PlainToBool => e1(plain::plain_to_bool),
        RtId::PlainGetAttr => e2(plain::plain_get_attr),
        RtId::PlainHasAttr => e2(plain::plain_has_attr),
        RtId::PlainLoadMethod => e2(plain::plain_load_method),
        RtId::PlainGetItem => e2(plain::plain_get_item),
        RtId::PlainCall => e2(plain::plain_call),
        frame => frame_entry(frame),
    }
}

/// The implementation of what makes and ends frames.
fn frame_entry(rt: RtId) -> Entry {
    match rt {
        RtId::FramePush => e1(own_frame::frame_push),
        RtId::FramePop => e0(own_frame::frame_pop),
        RtId::FrameReturn => e1(own_frame::frame_return),
        RtId::FrameRaise => e1(own_frame::frame_raise),
        other => unreachable!("{other:?} is nowhere implemented"),
    }
}

#[cfg(test)]
mod tests;
