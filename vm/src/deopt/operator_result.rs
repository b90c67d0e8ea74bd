//! What the interpreter makes of the result of a method that an operator called: `NotImplemented`, which asks the other
//! operand, truth values, lengths. For methods that compiled code had inlined and that the interpreter ended.

use psycore_jit::bytecode::Opcode;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

/// By number of the operator in `BINARY_OP`: sign and reflected method.
const BINARY: [(&str, &str); 13] = [
    ("+", "__radd__"),
    ("&", "__rand__"),
    ("//", "__rfloordiv__"),
    ("<<", "__rlshift__"),
    ("@", "__rmatmul__"),
    ("*", "__rmul__"),
    ("%", "__rmod__"),
    ("|", "__ror__"),
    ("**", "__rpow__"),
    (">>", "__rrshift__"),
    ("-", "__rsub__"),
    ("/", "__rtruediv__"),
    ("^", "__rxor__"),
];
/// By number of the comparison: sign and the method of the operands exchanged.
const COMPARISONS: [(&str, &str); 6] =
    [("<", "__gt__"), ("<=", "__ge__"), ("==", "__eq__"), ("!=", "__ne__"), (">", "__lt__"), (">=", "__le__")];

/// What an instruction pushes whose operator's method gave `value`; nothing if it pushes nothing.
pub fn result(
    op: Opcode,
    arg: u32,
    operands: &[PyObjectRef],
    value: PyObjectRef,
    vm: &VirtualMachine,
) -> PyResult<Option<PyObjectRef>> {
    Ok(Some(match (op, operands) {
        (Opcode::StoreSubscr | Opcode::StoreAttr, _) => return Ok(None),
        (Opcode::BinaryOp, [a, b]) if arg < 26 && value.is(&vm.ctx.not_implemented) => binary(arg, a, b, vm)?,
        (Opcode::CompareOp, [a, b]) => {
            let value = if value.is(&vm.ctx.not_implemented) { comparison(arg >> 5, a, b, vm)? } else { value };
            if arg & 16 != 0 { vm.ctx.new_bool(value.try_to_bool(vm)?).into() } else { value }
        }
        (Opcode::ContainsOp, _) => vm.ctx.new_bool(value.try_to_bool(vm)? != (arg & 1 != 0)).into(),
        (Opcode::ToBool, _) if !value.class().is(vm.ctx.types.bool_type) => {
            return Err(vm.new_type_error(format!("__bool__ should return bool, returned {}", value.class().name())));
        }
        (Opcode::Call, _) => length(&value, vm)?,
        _ => value,
    }))
}

/// The left operand's method does not know the right one.
fn binary(arg: u32, a: &PyObject, b: &PyObject, vm: &VirtualMachine) -> PyResult {
    let (sign, reflected) = BINARY[arg as usize % 13];
    // If the left one is a number, it was the right one's method that has been called.
    let number = a.class().is(vm.ctx.types.int_type) || a.class().is(vm.ctx.types.float_type);
    if !number
        && !a.class().is(b.class())
        && let Some(value) = call(b, reflected, a, vm)?
    {
        return Ok(value);
    }
    let sign = if arg >= 13 { format!("{sign}=") } else { sign.to_owned() };
    Err(vm.new_unsupported_bin_op_error(a, b, &sign))
}

fn comparison(op: u32, a: &PyObject, b: &PyObject, vm: &VirtualMachine) -> PyResult {
    let (sign, reflected) = COMPARISONS[op as usize % 6];
    if let Some(value) = call(b, reflected, a, vm)? {
        return Ok(value);
    }
    match sign {
        "==" => Ok(vm.ctx.new_bool(a.is(b)).into()),
        "!=" => Ok(vm.ctx.new_bool(!a.is(b)).into()),
        _ => Err(vm.new_type_error(format!(
            "'{sign}' not supported between instances of '{}' and '{}'",
            a.class().slot_name(),
            b.class().slot_name()
        ))),
    }
}

/// What a special method gives, if there is one and it knows the other operand.
fn call(o: &PyObject, method: &'static str, other: &PyObject, vm: &VirtualMachine) -> PyResult<Option<PyObjectRef>> {
    let name = vm.ctx.intern_str(method);
    if o.class().get_attr(name).is_none() {
        return Ok(None);
    }
    let value = vm.call_special_method(o, name, (other.to_owned(),))?;
    Ok((!value.is(&vm.ctx.not_implemented)).then_some(value))
}

/// `len` of an object whose `__len__` gave `value`.
fn length(value: &PyObject, vm: &VirtualMachine) -> PyResult {
    let n = value.try_index(vm)?;
    let n = n.as_bigint();
    if *n < *vm.ctx.new_int(0).as_bigint() {
        return Err(vm.new_value_error("__len__() should return >= 0"));
    }
    match isize::try_from(n) {
        Ok(n) => Ok(vm.ctx.new_int(n).into()),
        Err(_) => Err(vm.new_overflow_error("cannot fit 'int' into an index-sized integer")),
    }
}
