//! Link flags of the program where it is a guest: its host puts compiled code into its table.

fn main() {
    println!("cargo:rerun-if-env-changed=PSYCORE_WASI_LIBC");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "wasi") {
        println!("cargo:rustc-link-arg-bins=--export-table");
        println!("cargo:rustc-link-arg-bins=--growable-table");
        if let Ok(directory) = std::env::var("PSYCORE_WASI_LIBC") {
            println!("cargo:rustc-link-arg-bins={directory}/crt1-command.o");
        }
    }
}
