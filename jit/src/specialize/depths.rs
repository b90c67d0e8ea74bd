//! What the interpreter's stack must be where compiled code hands over: as deep as wherever else the same instruction
//! begins.

use super::abstract_state::Frame;
use crate::ir::{ExitKind, Function, ObjId};
use rustc_hash::FxHashMap;

/// How deep the stack is before instructions, by code and position.
#[derive(Default)]
pub struct StackDepths {
    known: FxHashMap<(ObjId, u32), usize>,
}

impl StackDepths {
    /// An instruction of a frame's code begins at `pc`.
    ///
    /// # Panics
    /// If it has begun with another depth before: the specializer has mistaken an instruction's effect.
    pub fn begin(&mut self, frame: &Frame, pc: u32) {
        let depth = frame.stack.len();
        let before = *self.known.entry((frame.code.id, pc)).or_insert(depth);
        assert!(before == depth, "the stack of {} at {pc} is {before} and {depth} deep", frame.code.name);
    }

    /// Looks at what a function's exits say.
    ///
    /// # Panics
    /// If one would have the interpreter begin an instruction with a stack that it does not expect.
    pub fn check(&self, func: &Function) {
        for exit in &func.exits {
            let state = &func.states[exit.state as usize];
            let (ExitKind::Guard(reason), Some(frame)) = (exit.kind, state.frames.last()) else { continue };
            if let Some(depth) = self.known.get(&(frame.code, frame.pc)) {
                let promised = frame.stack.len();
                let at = frame.pc;
                assert!(
                    promised == *depth,
                    "an exit ({reason:?}) at {at} of {} has {promised} of {depth} on the stack",
                    func.name
                );
            }
        }
    }
}
