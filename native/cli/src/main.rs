//! The command line: `psycore` where one would type `python`. The arguments are read in [`args`],
//! joined with the environment in [`settings`], acted on in [`run`]; the prompt is [`repl`].

mod allocator;
mod args;
mod exact_args;
mod line_editor;
mod messages;
mod repl;
mod run;
mod sample_clock;
mod sandbox;
mod sandbox_options;
mod settings;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use psycore_vm::Vm;
use psycore_vm::rustpython_vm::version;

use args::{Action, Invocation};
use messages::{complain, print};

/// The exit code for a command line that makes no sense.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    allocator::give_back_soon();
    std::panic::set_hook(Box::new(report_internal_error));
    let all = match exact_args::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            complain(&format!("psycore: {error}"));
            return ExitCode::from(USAGE_ERROR);
        }
    };
    let program = all.first().map_or("psycore".into(), |name| name.to_string_lossy());
    match args::parse(all.iter().skip(1).cloned()) {
        Ok(Action::Run(invocation)) => run_program(&program, *invocation, &all),
        Ok(Action::Help) => print(&usage::help(&program)),
        Ok(Action::HelpEnvironment) => print(usage::ENVIRONMENT),
        Ok(Action::HelpXOptions) => print(usage::X_OPTIONS),
        Ok(Action::HelpAll) => {
            let help = usage::help(&program);
            print(&format!("{help}\n{}\n{}", usage::ENVIRONMENT, usage::X_OPTIONS))
        }
        Ok(Action::Version(count)) => print(&version_text(count)),
        Err(error) => {
            let usage = usage::line(&program);
            complain(&format!("{error}\n{usage}\nTry `{program} -h' for more information."));
            ExitCode::from(USAGE_ERROR)
        }
    }
}

fn run_program(program: &str, mut invocation: Invocation, all: &[OsString]) -> ExitCode {
    if let Some(options) = invocation.options.sandbox.take() {
        return sandbox::run(options, &invocation.options.jit, &invocation.program, &invocation.arguments);
    }
    let config = match settings::config(&mut invocation) {
        Ok(config) => config,
        Err(error) => {
            complain(&format!("{program}: {error}"));
            return ExitCode::from(USAGE_ERROR);
        }
    };
    match Vm::new(config) {
        // A process reports the low eight bits, as C's exit() does.
        Ok(vm) => ExitCode::from(vm.run(|vm| run::program(vm, &invocation, all)) as u8),
        Err(error) => {
            complain(&format!("{program}: cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Like CPython's for one `-V`, so that tools can read it; the second line is ours.
fn version_text(count: u8) -> String {
    let python = format!("{}.{}.{}", version::MAJOR, version::MINOR, version::MICRO);
    let build = if count > 1 { format!(" ({})", std::env::consts::ARCH) } else { String::new() };
    format!("Python {python}{build}\n[Psycore {}]\n", env!("CARGO_PKG_VERSION"))
}

/// A panic is a mistake of ours, not of the Python program; this says so.
fn report_internal_error(panic: &std::panic::PanicHookInfo<'_>) {
    let backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    if !backtrace && panic.location().is_some_and(|place| caught(place.file())) {
        return;
    }
    complain(&format!("psycore: internal error: {panic}\nThis is a bug in Psycore, please report it."));
    if backtrace {
        complain(&std::backtrace::Backtrace::force_capture().to_string());
    }
}

/// Whether a panic in this file goes no further than the lowering: where the code generator's own
/// assertions fail, code stays interpreted, the JIT's log says so, and the program goes on.
fn caught(file: &str) -> bool {
    ["/cranelift-", "/regalloc2-"].iter().any(|name| file.contains(name))
}
