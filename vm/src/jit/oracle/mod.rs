//! The VM's answers to the specializer, by question.

mod classes;
mod feedback;
mod globals;
mod objects;
mod samples;
pub mod tables;

pub use samples::{divides, walks};

use super::state::Jit;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{FnVersion, Oracle, Pass, Sample};

impl Oracle for Jit {
    fn may_compile(&self, code: ObjId) -> bool {
        let may = self.code_to_run(code).is_some_and(|c| self.policy.may_include(c));
        self.cache.depends_on(code, may);
        may
    }

    fn version(&self, func: ObjId, args: &[Pass], samples: &[Option<Sample>]) -> Option<FnVersion> {
        self.compile_version(func, args, samples)
    }
}
