//! The host half of `psycore.wasm` where the host is a JavaScript engine: browsers and Node.
//!
//! [`value`] turns JavaScript values into the CBOR that the guest speaks and back, [`guest`] is the import module
//! `psycore`: it compiles and links the code that the guest emits, and carries requests in and out of its memory.
//! Files, streams, workers and the public interface are TypeScript, in `npm/`. Which bytes mean what is written in
//! `docs/guest-abi.md`.
#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

mod guest;
mod value;

use wasm_bindgen::JsValue;

/// A JavaScript `TypeError`.
fn type_error(message: &str) -> JsValue {
    js_sys::TypeError::new(message).into()
}
