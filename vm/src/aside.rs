//! When compiled code must not run: while somebody traces, or while there are more threads than one.

use rustpython_vm::VirtualMachine;

/// Whether only the interpreter may run Python code now.
pub fn must_step_aside(vm: &VirtualMachine) -> bool {
    vm.use_tracing.get()
}
