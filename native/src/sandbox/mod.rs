//! A wasmtime host for guests that make code of their own.

pub mod link;
