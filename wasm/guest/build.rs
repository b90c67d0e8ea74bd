//! How the guest is linked: as what hosts expect (`docs/guest-abi.md`), and against the C library of the system where the
//! toolchain brings none (see `wasm/build.rs`).

fn main() {
    println!("cargo:rerun-if-env-changed=PSYCORE_WASI_LIBC");
    if !std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "wasi") {
        return;
    }
    for argument in ["--export-table", "--growable-table", "--export=__stack_pointer", "-zstack-size=4194304"] {
        println!("cargo:rustc-link-arg-cdylib={argument}");
    }
    if let Ok(directory) = std::env::var("PSYCORE_WASI_LIBC") {
        println!("cargo:rustc-link-arg-cdylib={directory}/crt1-reactor.o");
    }
}
