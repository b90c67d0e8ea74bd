//! What code objects are.

use crate::hook::{prepare, site};
use psycore_jit::bytecode::{self, CodeInfo, Opcode, RawUnit};
use psycore_jit::ir::ObjId;
use rustpython_vm::builtins::PyCode;
use rustpython_vm::{AsObject, Py, PyObject};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Code objects, decoded; `None` for what is none.
#[derive(Default)]
pub struct Codes(RefCell<HashMap<ObjId, Option<Rc<CodeInfo>>>>);

impl Codes {
    pub fn get(&self, code: ObjId) -> Option<Option<Rc<CodeInfo>>> {
        self.0.borrow().get(&code).cloned()
    }

    pub fn insert(&self, code: ObjId, info: Option<Rc<CodeInfo>>) {
        self.0.borrow_mut().insert(code, info);
    }
}

/// Decodes a (prepared) code object: hooks read as what they stand for.
pub fn code_info(id: ObjId, code: &Py<PyCode>, id_of: impl Fn(&PyObject) -> ObjId) -> CodeInfo {
    let prepared = site::of(code);
    let raw: Vec<RawUnit> = match prepared {
        Some(p) => p.original_units(code),
        None => code
            .code
            .instructions
            .iter()
            .map(|u| RawUnit { op: bytecode::base_opcode(u.op), arg: u32::from(u8::from(u.arg)), whole: false })
            .collect(),
    };
    // Compiled code begins after the first `RESUME`.
    let start = raw.iter().position(|u| u.op == Opcode::Resume).map_or(0, |i| i as u32 + 1);
    let (instrs, at) = bytecode::decode(&raw);
    let c = &code.code;
    let handlers = bytecode::decode_handlers(prepare::exceptiontable(code));
    let loops = bytecode::find_loops(&instrs, &at, &handlers);
    CodeInfo {
        id,
        name: c.obj_name.as_str().to_owned(),
        consts: c.constants.iter().map(|k| id_of(k.as_object())).collect(),
        names: c.names.iter().map(|n| id_of(n.as_object())).collect(),
        nlocals: c.localspluskinds.len(),
        cellvars: c.cellvars.len(),
        freevars: c.freevars.len(),
        flags: c.flags,
        arg_count: c.arg_count,
        posonly_count: c.posonlyarg_count,
        kwonly_count: c.kwonlyarg_count,
        varnames: c.varnames.iter().map(|n| id_of(n.as_object())).collect(),
        handlers,
        start,
        loops,
        instrs,
        at,
    }
}
