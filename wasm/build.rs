//! Links programs for WASI against the C library of the system where the toolchain brings none of its own.
//!
//! Debian packages `wasi-libc` and the sources of std, not the target `wasm32-wasip1`. Whoever builds with these (`./x`
//! does) sets `PSYCORE_WASI_LIBC` to the directory of the C library, and `-Clink-self-contained=no` in the flags of rustc.

fn main() {
    println!("cargo:rerun-if-env-changed=PSYCORE_WASI_LIBC");
    println!("cargo:rustc-check-cfg=cfg(psycore_system_wasi_libc)");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "wasi")
        && let Ok(directory) = std::env::var("PSYCORE_WASI_LIBC")
    {
        println!("cargo:rustc-link-search=native={directory}");
        println!("cargo:rustc-cfg=psycore_system_wasi_libc");
    }
}
