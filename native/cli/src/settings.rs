//! Joins the command line with the `PYTHON*` and `PSYCORE_JIT*` variables into a [`VmConfig`].
//! Where both speak, the command line wins, or the larger number where options count.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use psycore_vm::explain::{Explanation, ExplanationForm};
use psycore_vm::rustpython_vm::Settings;
use psycore_vm::{JitConfig, JitMode, VmConfig};

use super::args::{self, CliOptions, ExplainOptions, Invocation, JitOptions, ProgramSource};

/// A variable or `-X` option with a value that makes no sense, in the words that the user reads.
pub type SettingsError = String;

/// Builds the configuration of the interpreter. `sys.argv` is only as exact as UTF-8 here.
pub fn config(invocation: &mut Invocation) -> Result<VmConfig, SettingsError> {
    let mut jit = jit(std::mem::take(&mut invocation.options.jit))?;
    if let Some(options) = invocation.options.explain.take() {
        if jit.mode == JitMode::Off {
            return Err("explain: the JIT is off, so there is nothing to explain".into());
        }
        jit.explain = Some(explanation(options, &invocation.program)?);
    }
    let settings = python(invocation)?;
    let mut config = VmConfig::from_settings(settings);
    if jit.mode != JitMode::Off {
        config.lowering = lowering()?;
    }
    Ok(config.jit(jit))
}

/// What `explain` writes: a page named after the program in the current directory, unless told
/// otherwise. A file that can't be written is better known before the program runs.
fn explanation(options: ExplainOptions, program: &ProgramSource) -> Result<Explanation, SettingsError> {
    let (title, stem) = match program {
        ProgramSource::Script(path) => {
            let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
            (path.display().to_string(), stem.unwrap_or("program".as_ref()).to_owned())
        }
        ProgramSource::Module(name) => (format!("-m {name}"), name.into()),
        ProgramSource::Command(_) | ProgramSource::Stdin => {
            return Err("explain: the name of a file, or -m and that of a module, is needed".into());
        }
    };
    let default = || {
        let mut name = stem;
        name.push(".explain.html");
        name.into()
    };
    let path: Option<PathBuf> = if options.text { options.output } else { Some(options.output.unwrap_or_else(default)) };
    // The program may change the directory.
    let path = path.map(|path| std::path::absolute(&path).unwrap_or(path));
    if let Some(path) = &path {
        let problem = |what| Err(format!("explain: {}: {what}", path.display()));
        if path.is_dir() {
            return problem("is a directory");
        }
        if !path.parent().is_some_and(std::path::Path::is_dir) {
            return problem("there is no such directory");
        }
    }
    Ok(Explanation { title, form: if options.text { ExplanationForm::Text } else { ExplanationForm::Html }, path })
}

/// The environment as the options let it be seen.
struct Environment {
    ignored: bool,
}

impl Environment {
    /// A variable that is set and not empty.
    fn value(&self, name: &str) -> Option<OsString> {
        if self.ignored {
            return None;
        }
        env::var_os(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A count: the number that the variable holds, or 1 for any other text.
    fn count(&self, name: &str) -> u8 {
        self.text(name).map_or(0, |value| value.parse().unwrap_or(1))
    }
}

fn python(invocation: &Invocation) -> Result<Settings, SettingsError> {
    let CliOptions { isolated, quiet, ref warnings, ref implementation, .. } = invocation.options;
    let options = &invocation.options;
    let environment = Environment { ignored: isolated || options.ignore_environment };

    let mut settings = Settings::default();
    settings.isolated = isolated;
    settings.ignore_environment = environment.ignored;
    settings.quiet = quiet;
    settings.bytes_warning = options.bytes_warning.into();
    settings.import_site = !options.no_site;
    settings.optimize = options.optimize.max(environment.count("PYTHONOPTIMIZE"));
    settings.verbose = options.verbose.max(environment.count("PYTHONVERBOSE"));
    settings.debug = options.debug.max(environment.count("PYTHONDEBUG"));
    settings.user_site_directory = !(isolated || options.no_user_site || environment.is_set("PYTHONNOUSERSITE"));
    settings.write_bytecode = !(options.dont_write_bytecode || environment.is_set("PYTHONDONTWRITEBYTECODE"));
    settings.safe_path = isolated || options.safe_path || environment.is_set("PYTHONSAFEPATH");
    settings.inspect = options.inspect || environment.is_set("PYTHONINSPECT");
    settings.interactive = options.inspect;
    settings.buffered_stdio = !(options.unbuffered || environment.is_set("PYTHONUNBUFFERED"));
    settings.warn_default_encoding = environment.is_set("PYTHONWARNDEFAULTENCODING");
    settings.faulthandler = environment.is_set("PYTHONFAULTHANDLER");
    settings.dev_mode = environment.is_set("PYTHONDEVMODE");
    settings.code_debug_ranges = !environment.is_set("PYTHONNODEBUGRANGES");

    for name in ["RUSTPYTHONPATH", "PYTHONPATH"] {
        if let Some(paths) = environment.value(name) {
            let paths = env::split_paths(&paths).map(|path| path.to_string_lossy().into_owned());
            settings.path_list.extend(paths);
        }
    }
    if let Some(mode) = &options.check_hash_based_pycs
        && let Ok(mode) = mode.parse()
    {
        settings.check_hash_pycs_mode = mode;
    }
    if let Some(value) = environment.text("PYTHONUTF8") {
        settings.utf8_mode = zero_or_one("PYTHONUTF8", &value)?;
    }
    if let Some(value) = environment.text("PYTHONINTMAXSTRDIGITS") {
        settings.int_max_str_digits = max_digits("PYTHONINTMAXSTRDIGITS", &value)?;
    }
    if let Some(value) = environment.text("PYTHON_CPU_COUNT")
        && value != "default"
    {
        settings.cpu_count = Some(cpu_count("PYTHON_CPU_COUNT", &value)?);
    }
    if let Some(value) = environment.text("PYTHON_THREAD_INHERIT_CONTEXT") {
        settings.thread_inherit_context = zero_or_one("PYTHON_THREAD_INHERIT_CONTEXT", &value)? == 1;
    }
    if let Some(value) = environment.text("PYTHONIOENCODING") {
        let (encoding, errors) = value.split_once(':').unwrap_or((&value, ""));
        settings.stdio_encoding = Some(encoding.to_owned()).filter(|name| !name.is_empty());
        settings.stdio_errors = Some(errors.to_owned()).filter(|name| !name.is_empty());
    }
    if !options.random_hash_seed
        && let Some(seed) = environment.text("PYTHONHASHSEED")
        && seed != "random"
    {
        settings.hash_seed =
            Some(seed.parse().map_err(|_| "PYTHONHASHSEED must be \"random\" or an integer in range [0; 4294967295]")?);
    }

    for option in implementation {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option.as_str(), None),
        };
        x_option(&mut settings, name, value)?;
        settings.xoptions.push((name.to_owned(), value.map(str::to_owned)));
    }
    if settings.utf8_mode < 0 {
        // RustPython knows no other locale.
        settings.utf8_mode = 1;
    }
    if settings.dev_mode {
        settings.faulthandler = true;
        settings.warnoptions.push("default".to_owned());
    }
    if let Some(list) = environment.text("PYTHONWARNINGS") {
        let list = list.split(',').map(str::trim).filter(|item| !item.is_empty());
        settings.warnoptions.extend(list.map(str::to_owned));
    }
    settings.warnoptions.extend(warnings.iter().cloned());
    match settings.bytes_warning {
        0 => {}
        1 => settings.warnoptions.push("default::BytesWarning".to_owned()),
        _ => settings.warnoptions.push("error::BytesWarning".to_owned()),
    }

    let arguments = invocation.arguments.iter();
    settings.argv = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    Ok(settings)
}

fn x_option(settings: &mut Settings, name: &str, value: Option<&str>) -> Result<(), SettingsError> {
    let origin = format!("-X {name}");
    match name {
        "dev" => settings.dev_mode = true,
        "faulthandler" => settings.faulthandler = true,
        "warn_default_encoding" => settings.warn_default_encoding = true,
        "no_debug_ranges" => settings.code_debug_ranges = false,
        "no_sig_int" => settings.install_signal_handlers = false,
        "utf8" => settings.utf8_mode = zero_or_one(&origin, value.unwrap_or("1"))?,
        "thread_inherit_context" => {
            settings.thread_inherit_context = zero_or_one(&origin, value.unwrap_or(""))? == 1;
        }
        "int_max_str_digits" => {
            settings.int_max_str_digits = max_digits(&origin, value.unwrap_or(""))?;
        }
        "cpu_count" => {
            settings.cpu_count = match value {
                Some("default") => None,
                value => Some(cpu_count(&origin, value.unwrap_or(""))?),
            };
        }
        // As in CPython, a program may have its own: they are all in `sys._xoptions`.
        _ => {}
    }
    Ok(())
}

fn zero_or_one(origin: &str, value: &str) -> Result<i8, SettingsError> {
    match value {
        "0" => Ok(0),
        "1" => Ok(1),
        _ => Err(format!("{origin} must be 0 or 1, not '{value}'")),
    }
}

fn max_digits(origin: &str, value: &str) -> Result<i64, SettingsError> {
    match value.parse() {
        Ok(digits) if digits == 0 || digits >= 640 => Ok(digits),
        _ => Err(format!("{origin}: invalid limit; must be >= 640 or 0 for unlimited.")),
    }
}

fn cpu_count(origin: &str, value: &str) -> Result<std::num::NonZeroI32, SettingsError> {
    match value.parse::<std::num::NonZeroI32>() {
        Ok(count) if count.get() > 0 => Ok(count),
        _ => Err(format!("{origin}: a number greater than 0 is needed, not '{value}'")),
    }
}

/// The backend: Cranelift, or (`PSYCORE_LOWERING=interp`) the interpreter of the IR, which tests
/// compare it with.
fn lowering() -> Result<Option<Box<dyn psycore_jit::lower::Lowering>>, SettingsError> {
    let environment = Environment { ignored: false };
    match environment.text("PSYCORE_LOWERING").as_deref() {
        None | Some("cranelift") => {
            // A machine that Cranelift does not know is no reason not to run the program.
            let made = psycore_x64::CraneliftLowering::new(psycore_x64::CraneliftOptions {
                trim: Some(crate::allocator::give_memory_back),
                ..Default::default()
            });
            Ok(made.ok().map(|l| Box::new(l) as _))
        }
        Some("interp") => Ok(Some(Box::new(psycore_jit::ir::interp::InterpLowering::new()))),
        Some(other) => Err(format!("PSYCORE_LOWERING: expected cranelift or interp, not '{other}'")),
    }
}

/// `PSYCORE_JIT`, `PSYCORE_JIT_THRESHOLD`, `PSYCORE_JIT_LOG` and `PSYCORE_JIT_STATS` stand for
/// the options, `PSYCORE_JIT_SYNCHRONOUS` makes runs alike, and `PSYCORE_JIT_STRICT` lets the compiler's own mistakes end the process; they
/// are heeded under `-E` too, for they change no result.
fn jit(options: JitOptions) -> Result<JitConfig, SettingsError> {
    let environment = Environment { ignored: false };
    let mode = match options.mode {
        Some(mode) => Some(mode),
        None => environment.text("PSYCORE_JIT").map(|value| args::jit_mode("PSYCORE_JIT", &value)).transpose()?,
    };
    let threshold = match options.threshold {
        Some(threshold) => Some(threshold),
        None => environment
            .text("PSYCORE_JIT_THRESHOLD")
            .map(|value| args::jit_threshold("PSYCORE_JIT_THRESHOLD", &value))
            .transpose()?,
    };
    Ok(JitConfig {
        mode: mode.unwrap_or_default(),
        threshold,
        log: options.log.or_else(|| environment.value("PSYCORE_JIT_LOG").map(Into::into)),
        stats: options.stats.unwrap_or_else(|| environment.is_set("PSYCORE_JIT_STATS")),
        explain: None,
        clock: Some(crate::sample_clock::start),
        synchronous: environment.is_set("PSYCORE_JIT_SYNCHRONOUS"),
        strict: environment.is_set("PSYCORE_JIT_STRICT"),
        code_bytes: None,
    })
}
