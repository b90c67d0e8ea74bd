//! `psycore --sandbox`: runs a program in a WebAssembly instance, with limits, and with what the options give it.

use super::args::{JitOptions, ProgramSource};
use super::messages::complain;
use super::sandbox_options::SandboxOptions;
use psycore_sandbox::{Engine, Error, Output, Sandbox};
use psycore_vm::JitMode;
use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

/// The exit code of a program that hit a limit, as `timeout` has it.
const LIMIT_EXIT: u8 = 124;

/// Runs the program. `arguments` are its `sys.argv`.
pub fn run(options: SandboxOptions, jit: &JitOptions, program: &ProgramSource, arguments: &[OsString]) -> ExitCode {
    let (source, name) = match source(program) {
        Ok(read) => read,
        Err((code, message)) => {
            complain(&format!("psycore: {message}"));
            return ExitCode::from(code);
        }
    };
    let mut builder = Sandbox::builder()
        .inherit_stdin()
        .stdout(Output::Inherit)
        .stderr(Output::Inherit)
        .jit(match jit.mode.unwrap_or_default() {
            JitMode::Off => psycore_sandbox::JitMode::Off,
            JitMode::Auto => psycore_sandbox::JitMode::Auto,
            JitMode::Full => psycore_sandbox::JitMode::Full,
        })
        .arguments(arguments.iter().map(|a| a.to_string_lossy()));
    if let Some(count) = jit.threshold {
        builder = builder.threshold(count);
    }
    if std::env::var_os("PSYCORE_JIT_SYNCHRONOUS").is_some_and(|value| !value.is_empty()) {
        builder = builder.synchronous();
    }
    if let Some(bytes) = options.memory {
        builder = builder.memory(bytes);
    }
    if let Some(time) = options.timeout {
        builder = builder.timeout(time);
    }
    if let Some(units) = options.fuel {
        builder = builder.fuel(units);
    }
    for (host, guest, writable) in options.directories {
        builder = builder.directory(host, guest, writable);
    }
    for (variable, value) in options.environment {
        builder = builder.env(variable, value);
    }
    let engine = Engine::shared_with(options.fuel.is_some(), say_that_it_compiles);
    let result = engine.and_then(|engine| builder.engine(engine).build()).and_then(|mut sandbox| {
        if matches!(program, ProgramSource::Script(_)) {
            sandbox.set("__file__", &name)?;
        }
        sandbox.run_file(&source, &name)
    });
    match result {
        Ok(_) => ExitCode::SUCCESS,
        // A process reports the low eight bits.
        Err(Error::Exit(code)) => ExitCode::from(code as u8),
        Err(Error::Exception { traceback, .. }) => {
            // Where that fails there is nobody left to tell.
            let _ = std::io::stderr().write_all(traceback.as_bytes());
            ExitCode::FAILURE
        }
        Err(error @ Error::Limit(_)) => {
            complain(&format!("psycore: {error}"));
            ExitCode::from(LIMIT_EXIT)
        }
        Err(error) => {
            complain(&format!("psycore: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// For somebody who waits in front of a terminal: compiling takes half a minute.
fn say_that_it_compiles() {
    if std::io::stderr().is_terminal() {
        complain("psycore: compiling the sandbox, once (about half a minute)...");
    }
}

/// The program's text and what tracebacks call it, or an exit code and why there is none.
fn source(program: &ProgramSource) -> Result<(String, String), (u8, String)> {
    let utf8 = |bytes, name: &str| String::from_utf8(bytes).map_err(|e| (1, format!("{name} is no UTF-8: {e}")));
    match program {
        ProgramSource::Command(source) => Ok((source.clone(), "<string>".into())),
        ProgramSource::Script(path) => {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|e| (2, format!("can't open file '{name}': {e}")))?;
            Ok((utf8(bytes, &name)?, name))
        }
        ProgramSource::Stdin => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| (2, format!("can't read <stdin>: {e}")))?;
            Ok((utf8(bytes, "<stdin>")?, "<stdin>".into()))
        }
        ProgramSource::Module(_) => Err((2, "--sandbox runs a file, -c or -, not a module".into())),
    }
}
