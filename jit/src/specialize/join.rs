//! Loop joins: what a loop carries around, found by trying.
//!
//! A loop header is first specialized to what arrives. Where a back-edge brings a slot in another
//! form (unbound then, a number now; None then, an object now), the form that fits both is
//! noted and the unit is specialized again with it, so that the loop has one version. Where there is no
//! such form (int then, float now) the loop gets a second version.

use super::abstract_state::{AbstractState, ObjVal, Own, Val};
use super::{Res, Specializer};
use crate::ir::{ObjId, Type, Value, VirtualKind};
use crate::oracle::Extent;
use rustc_hash::FxHashMap;

/// The form that a local has at a loop header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A number that may be unbound.
    Maybe(Type),
    /// An object that may be unbound, of a class if it is always the same.
    MaybeObj(Option<ObjId>),
    /// An owned object.
    Obj(Option<ObjId>),
}

/// A local at a loop header: code, header, local.
pub(super) type JoinPoint = (ObjId, u32, usize);

/// What was found out in earlier attempts.
#[derive(Debug, Default)]
pub struct Joins {
    forms: FxHashMap<JoinPoint, Form>,
    /// Module variables (dict and name) that a loop (code and header) uses.
    globals: FxHashMap<(ObjId, u32), Vec<(ObjId, ObjId)>>,
}

impl Form {
    /// The form that takes both.
    fn and(self, other: Form) -> Option<Form> {
        use Form::*;
        Some(match (self, other) {
            (a, b) if a == b => a,
            (Maybe(_), Maybe(_)) => return None,
            (MaybeObj(_), MaybeObj(_)) => MaybeObj(None),
            (Obj(_), Obj(_)) => Obj(None),
            (MaybeObj(_), Obj(_)) | (Obj(_), MaybeObj(_)) => MaybeObj(None),
            (Maybe(_), _) | (_, Maybe(_)) => return None,
        })
    }
}

/// Whether it is an object, or can be made one at any time.
fn is_object(val: &Val) -> bool {
    matches!(val, Val::Obj(_) | Val::Const(_)) || matches!(val.kind(), Some(VirtualKind::Tuple | VirtualKind::Range))
}

impl Specializer<'_> {
    /// Brings the locals at a loop header into the forms noted for it; at a back-edge, into those of
    /// the version that the edge comes from, or notes new ones. False if there are any: the unit must be specialized
    /// again.
    pub(super) fn join(&mut self, pc: u32, back: bool) -> Res<bool> {
        let depth = self.ctx.frames.len();
        let code = self.ctx.frame().code.id;
        self.load_joined_globals(code, pc);
        for i in 0..self.ctx.frame().locals.len() {
            let form = self.joins.borrow().forms.get(&(code, pc, i)).copied();
            if let Some(form) = form {
                self.take_form(i, form);
            }
        }
        if !back {
            return Ok(true);
        }
        // The innermost version of this header that the edge lies in.
        let Some(block) = self.ctx.loops.iter().rev().find(|(d, h, _)| *d == depth && *h == pc).map(|(_, _, b)| *b) else {
            return Ok(true);
        };
        let Some(target) = self.versions[&(depth, pc)].iter().find(|v| v.block == block).and_then(|v| v.ctx.clone()) else {
            return Ok(true);
        };
        if self.note_globals(code, pc, &target) {
            return Ok(false);
        }
        let mut again = false;
        for i in 0..self.ctx.frame().locals.len() {
            // What may be unbound may also be bound.
            match target.frame().locals[i] {
                Val::Maybe { ty, .. } => self.take_form(i, Form::Maybe(ty)),
                Val::MaybeObj { ty, .. } => self.take_form(i, Form::MaybeObj(ty)),
                _ => {}
            }
            let (then, now) = (target.frame().locals[i].clone(), self.ctx.frame().locals[i].clone());
            match (&then, &now) {
                (Val::Null, Val::Int(_)) => again |= self.note(code, pc, i, Form::Maybe(Type::I64)),
                (Val::Null, Val::Float(_)) => again |= self.note(code, pc, i, Form::Maybe(Type::F64)),
                (Val::Null, Val::Bool(_)) => again |= self.note(code, pc, i, Form::Maybe(Type::I32)),
                (Val::Null, now) if is_object(now) => {
                    let ty = self.ty_of(now);
                    again |= self.note(code, pc, i, Form::MaybeObj(ty));
                }
                (Val::Const(_), Val::Obj(_) | Val::Const(_)) if then != now => {
                    again |= self.note(code, pc, i, Form::Obj(None));
                }
                (Val::Obj(a), Val::Obj(b)) if a.ty != b.ty => {
                    again |= self.note(code, pc, i, Form::Obj(None));
                }
                (Val::Obj(_), now) if is_object(now) && !matches!(now, Val::Obj(_)) => {
                    again |= self.note(code, pc, i, Form::Obj(None));
                }
                // An instance from before the loop that somebody in it may see. (The other way round the loop gets a
                // second version, where what each turn makes stays virtual.)
                (Val::Instance(_), now) if matches!(now, Val::Obj(_) | Val::Const(_)) || now.is_tuple() => {
                    let ty = self.ty_of(now).filter(|_| matches!(now, Val::Obj(_)));
                    again |= self.note(code, pc, i, Form::Obj(ty));
                }
                // The loop has a number here: the object is expected to be one too.
                (Val::Int(_) | Val::Float(_) | Val::Bool(_), Val::Obj(o)) if o.ty.is_none() => {
                    if !self.o.distrusted(code, pc) {
                        let k = *self.o.known();
                        let ty = match then {
                            Val::Int(_) => k.int,
                            Val::Float(_) => k.float,
                            _ => k.bool_,
                        };
                        self.expect_at(&now, ty, pc);
                    }
                }
                _ => {}
            }
        }
        Ok(!again)
    }

    /// Guards that an object is of class `ty` (unboxing a number), leaving at the loop header.
    fn expect_at(&mut self, val: &Val, ty: ObjId, pc: u32) {
        let saved = (self.ins, self.start.clone(), self.start_exit.take());
        self.ins.pc = pc;
        self.start = self.ctx.clone();
        self.refine(Extent::Wide, val, ty);
        (self.ins, self.start, self.start_exit) = saved;
        self.flush_drops(pc);
    }

    fn note(&mut self, code: ObjId, pc: u32, i: usize, form: Form) -> bool {
        let mut joins = self.joins.borrow_mut();
        match joins.forms.get(&(code, pc, i)).copied() {
            None => {
                joins.forms.insert((code, pc, i), form);
                true
            }
            Some(old) => match old.and(form) {
                Some(new) if new != old => {
                    joins.forms.insert((code, pc, i), new);
                    true
                }
                _ => false,
            },
        }
    }

    fn take_form(&mut self, i: usize, form: Form) {
        let mut val = self.ctx.frame().locals[i].clone();
        if matches!(val, Val::Keep) {
            return;
        }
        if let Val::Instance(n) = val {
            self.make_instance(n);
            val = self.ctx.frame().locals[i].clone();
            if self.ctx.frames.len() == 1 && self.ctx.frame().home.get(i) == Some(&true) {
                debug_assert!(false, "a virtual instance in the live frame: {val:?}");
            }
        }
        if self.ctx.frames.len() == 1 && self.ctx.frame().home.get(i) == Some(&true) {
            self.move_out(i);
        }
        let val = match self.ctx.frame().locals[i].clone() {
            Val::Obj(o) if matches!(o.own, Own::Alias | Own::Kept | Own::Transient) => {
                self.b.incref(o.v);
                Val::Obj(ObjVal { own: Own::Owned, ..o })
            }
            v => v,
        };
        let new = match (form, &val) {
            (Form::Maybe(ty), Val::Null) => {
                let v = self.zero(ty);
                let bound = self.b.bool(false);
                Val::Maybe { v, ty, bound }
            }
            (Form::Maybe(Type::I64), Val::Int(v))
            | (Form::Maybe(Type::F64), Val::Float(v))
            | (Form::Maybe(Type::I32), Val::Bool(v)) => {
                let (v, bound) = (*v, self.b.bool(true));
                let ty = self.b.ty(v);
                Val::Maybe { v, ty, bound }
            }
            (Form::MaybeObj(ty), Val::Null) => {
                let v = self.b.null();
                Val::MaybeObj { v, ty }
            }
            (Form::MaybeObj(ty), Val::MaybeObj { v, .. }) => Val::MaybeObj { v: *v, ty },
            (Form::MaybeObj(ty), val) if is_object(val) => {
                let known = self.ty_of(val);
                if ty.is_some() && known != ty {
                    return;
                }
                let v = self.boxed_owned(val);
                Val::MaybeObj { v, ty }
            }
            (Form::Obj(ty), val) if is_object(val) => {
                let known = self.ty_of(val);
                if ty.is_some() && known != ty {
                    return;
                }
                let v = self.boxed_owned(val);
                Val::Obj(ObjVal { v, ty, tok: None, own: Own::Owned, sample: None })
            }
            _ => val.clone(),
        };
        self.ctx.frame_mut().locals[i] = new;
    }

    fn zero(&mut self, ty: Type) -> Value {
        match ty {
            Type::F64 => self.b.f64(0.0),
            Type::I32 => self.b.i32(0),
            _ => self.b.i64(0),
        }
    }

    /// Loads the module variables that the loop is known to use, before it begins.
    fn load_joined_globals(&mut self, code: ObjId, pc: u32) {
        let Some(wanted) = self.joins.borrow().globals.get(&(code, pc)).cloned() else {
            return self.promote_now();
        };
        let c = self.ctx.frame().code.clone();
        let looped = c.loop_at(pc);
        let written: Vec<ObjId> = looped.map_or_else(Vec::new, |l| l.name_stores.iter().map(|n| c.names[*n as usize]).collect());
        let keeps_extent = |name: ObjId| {
            let number = c.names.iter().position(|n| *n == name);
            looped.zip(number).is_some_and(|(l, n)| l.keeps_extent_of_name(n as u32))
        };
        for (dict, name) in wanted {
            if !self.ctx.globals.iter().any(|g| g.dict == dict && g.name == name) {
                let saved = (self.ins, self.start.clone(), self.start_exit.take());
                self.ins.pc = pc;
                self.start = self.ctx.clone();
                self.preload_variable(dict, name, if keeps_extent(name) { Extent::Near } else { Extent::Usual });
                (self.ins, self.start, self.start_exit) = saved;
                self.flush_drops(pc);
            }
            if written.contains(&name)
                && let Some(g) = self.ctx.globals.iter_mut().find(|g| g.dict == dict && g.name == name)
            {
                g.dirty = true;
            }
        }
        // What only this loop's entry had in registers would make another version of it.
        self.promote_now();
    }

    /// Notes module variables that the back-edge has in registers and the header had not.
    fn note_globals(&mut self, code: ObjId, pc: u32, target: &AbstractState) -> bool {
        let mut again = false;
        for g in self.ctx.globals.iter() {
            let had = target.globals.iter().any(|t| t.dict == g.dict && t.name == g.name);
            let mut joins = self.joins.borrow_mut();
            let noted = joins.globals.entry((code, pc)).or_default();
            if !had && !noted.contains(&(g.dict, g.name)) {
                noted.push((g.dict, g.name));
                again = true;
            }
        }
        again
    }
}
