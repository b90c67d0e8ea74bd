//! Which thread this is, and whether there are others.

use rustpython_vm::VirtualMachine;

/// Whether this is the only Python thread, so that code may be patched: another one might stand between two units. With
/// more threads hooks stay in and only jump, and tools miss the events of those jumps.
pub fn alone(vm: &VirtualMachine) -> bool {
    vm.state.thread_count.load() == 0
}

pub fn is_main_thread(vm: &VirtualMachine) -> bool {
    vm.state.main_thread_ident.load() == rustpython_vm::stdlib::_thread::get_ident()
}

/// What all threads of an interpreter share, as a number that tells interpreters apart.
pub fn state_of(vm: &VirtualMachine) -> usize {
    &raw const *vm.state as usize
}

/// Whether only the interpreter may run Python code now. Cheap: three loads.
#[inline]
pub fn must_step_aside(vm: &VirtualMachine) -> bool {
    vm.use_tracing.get() || vm.state.monitoring_events.load() != 0 || vm.state.thread_count.load() != 0
}
