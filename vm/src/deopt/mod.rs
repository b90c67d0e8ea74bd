//! Deoptimization: from compiled code back to the interpreter's frames.
//!
//! Compiled code that leaves writes a record for each compiled function on its way out: the innermost first, its
//! compiled callers after it, the function that the VM entered last. Each stands for one or more
//! frames (the function and what was inlined into it). The outermost of all is the *live frame*, which the
//! interpreter is running: its slots are rewritten in place (`leave`). The inner ones are made one by one, on memory of
//! our own or by the interpreter (`calls`), so that recursion depth, `sys._getframe` and tracebacks (`traceback`) are what they
//! would have been. Objects that never existed are made by `materialize`.

pub mod calls;
pub mod frames;
pub mod leave;
mod materialize;
mod operator_result;
pub mod traceback;
