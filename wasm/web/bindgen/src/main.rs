//! `psycore-bindgen IN.wasm DIRECTORY`: what the program `wasm-bindgen --target web` does, without the hundred
//! dependencies that it has for running tests.

use std::process::ExitCode;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, directory] = &args[..] else {
        eprintln!("usage: psycore-bindgen IN.wasm DIRECTORY");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    let done =
        bindgen.input_path(input).web(true).and_then(|b| b.typescript(true).remove_producers_section(true).generate(directory));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{input}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
