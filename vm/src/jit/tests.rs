//! What becomes of programs when the compiler itself goes wrong.

use super::Jit;
use super::compile::fault::{self, Stage};
use crate::attach_tests::my_turn;
use crate::{JitConfig, Vm, VmConfig};
use psycore_jit::ir::interp::InterpLowering;

const PROGRAM: &str = "
def total(n):
    s = 0
    for i in range(n):
        s += i
    return s

results = [total(10) for _ in range(30)]
";

/// Runs the program; gives how many units were compiled and why `total` was not.
fn run(stage: Option<Stage>) -> (u64, Vec<String>) {
    let _turn = my_turn();
    let jit = JitConfig { threshold: Some(2), ..JitConfig::default() };
    let vm = Vm::new(VmConfig::new().lowering(Box::new(InterpLowering::new())).jit(jit)).unwrap();
    fault::NEXT.set(stage);
    let done = vm.run_source(PROGRAM, "fault.py");
    fault::NEXT.set(None);
    done.unwrap();
    assert!(vm.eval::<bool>("results == [45] * 30").unwrap());
    vm.enter(|vm| {
        let (_, jit) = Jit::of(vm).unwrap();
        let code = vm.ensure_main_module().unwrap().dict().get_item("total", vm).unwrap().get_attr("__code__", vm).unwrap();
        let units = jit.stats.counts().units;
        (units, jit.record.reasons(jit.id_of(&code)))
    })
}

#[test]
fn a_panic_of_the_compiler_refuses_the_unit_and_nothing_else() {
    let (units, reasons) = run(None);
    assert!(units > 0 && reasons.is_empty(), "{reasons:?}");
    for stage in [Stage::Specialize, Stage::Passes, Stage::Lower] {
        let (units, reasons) = run(Some(stage));
        assert_eq!(units, 0, "{stage:?}");
        assert!(!reasons.is_empty() && reasons.iter().all(|r| r.contains("panicked: injected fault")), "{stage:?}: {reasons:?}");
    }
}
