//! Reads the command line the way CPython's does: single-letter options that may be joined, and
//! everything after the program belongs to the program. It only reads; [`super::settings`]
//! gives the options their meaning.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use psycore_vm::JitMode;

use super::sandbox_options::SandboxOptions;
use super::usage::UsageError;

/// What the command line asks for.
#[derive(Debug)]
pub enum Action {
    Run(Box<Invocation>),
    Help,
    HelpEnvironment,
    HelpXOptions,
    HelpAll,
    /// The number of times `-V` was given.
    Version(u8),
}

/// One program to run, and how.
#[derive(Debug)]
pub struct Invocation {
    pub options: CliOptions,
    pub program: ProgramSource,
    /// `sys.argv`.
    pub arguments: Vec<OsString>,
}

/// Where the program comes from.
#[derive(Debug)]
pub enum ProgramSource {
    Script(PathBuf),
    /// `-c`
    Command(String),
    /// `-m`
    Module(String),
    /// Standard input: a prompt on a terminal, else a program.
    Stdin,
}

/// The options, named after what they do; the letters are in [`parse`].
#[derive(Debug, Default)]
pub struct CliOptions {
    pub bytes_warning: u8,
    pub dont_write_bytecode: bool,
    pub debug: u8,
    pub ignore_environment: bool,
    pub inspect: bool,
    pub isolated: bool,
    pub optimize: u8,
    pub safe_path: bool,
    pub quiet: bool,
    pub random_hash_seed: bool,
    pub no_user_site: bool,
    pub no_site: bool,
    pub unbuffered: bool,
    pub verbose: u8,
    pub warnings: Vec<String>,
    pub skip_first_line: bool,
    pub implementation: Vec<String>,
    pub check_hash_based_pycs: Option<String>,
    pub jit: JitOptions,
    /// The subcommand `explain`.
    pub explain: Option<ExplainOptions>,
    /// `--sandbox`.
    pub sandbox: Option<SandboxOptions>,
}

/// The JIT's options; what is not given here may come from the environment.
#[derive(Debug, Default)]
pub struct JitOptions {
    pub mode: Option<JitMode>,
    pub threshold: Option<u32>,
    pub log: Option<PathBuf>,
    pub stats: Option<bool>,
}

/// How `explain` tells what became of the program.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExplainOptions {
    /// As text instead of a page.
    pub text: bool,
    pub output: Option<PathBuf>,
}

/// Parses the arguments after the program's own name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Action, UsageError> {
    let mut arguments = arguments.into_iter().peekable();
    let mut options = CliOptions::default();
    let mut versions = 0;
    // A program of that name is `./explain`.
    if arguments.next_if(|argument| argument == "explain").is_some() {
        options.explain = Some(ExplainOptions::default());
    }
    let run = |options, program, first: OsString, rest: &mut dyn Iterator<Item = OsString>| {
        let arguments = std::iter::once(first).chain(rest).collect();
        Ok(Action::Run(Box::new(Invocation { options, program, arguments })))
    };

    while let Some(argument) = arguments.next() {
        let bytes = argument.as_encoded_bytes();
        if let Some(explain) = &mut options.explain {
            match bytes {
                b"--text" => {
                    explain.text = true;
                    continue;
                }
                b"-o" => {
                    let file = arguments.next().filter(|name| !name.is_empty());
                    explain.output = Some(file.ok_or("-o needs the name of a file")?.into());
                    continue;
                }
                _ => {}
            }
        }
        if bytes == b"-" {
            return run(options, ProgramSource::Stdin, argument, &mut arguments);
        }
        if bytes == b"--" {
            let Some(script) = arguments.next() else { break };
            return run(options, ProgramSource::Script(script.clone().into()), script, &mut arguments);
        }
        if !bytes.starts_with(b"-") {
            return run(options, ProgramSource::Script((&argument).into()), argument, &mut arguments);
        }
        if bytes.starts_with(b"--") {
            match &*argument.to_string_lossy() {
                "--help" => return Ok(Action::Help),
                "--help-env" => return Ok(Action::HelpEnvironment),
                "--help-xoptions" => return Ok(Action::HelpXOptions),
                "--help-all" => return Ok(Action::HelpAll),
                "--version" => versions += 1,
                "--check-hash-based-pycs" => {
                    let value = arguments.next().ok_or("Argument expected for the --check-hash-based-pycs option")?;
                    let value = utf8(value)?;
                    if !["default", "always", "never"].contains(&value.as_str()) {
                        return Err("--check-hash-based-pycs must be one of 'default', 'always', \
                                    or 'never'"
                            .to_owned());
                    }
                    options.check_hash_based_pycs = Some(value);
                }
                "--sandbox" => options.sandbox = Some(options.sandbox.take().unwrap_or_default()),
                option if option.starts_with("--jit") => options.jit.read(option)?,
                option => {
                    let (name, value) =
                        option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value.to_owned())));
                    let next = || value.or_else(|| arguments.next().and_then(|value| value.into_string().ok()));
                    let known = options.sandbox.as_mut().map_or(Ok(false), |sandbox| sandbox.read(name, next))?;
                    if !known {
                        return Err(format!("unknown option {option}"));
                    }
                }
            }
            continue;
        }

        let letters = utf8(argument)?;
        let mut rest = &letters[1..];
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            if matches!(letter, 'c' | 'm' | 'W' | 'X') {
                let value = match rest {
                    "" => arguments.next().ok_or_else(|| format!("Argument expected for the -{letter} option")).and_then(utf8)?,
                    _ => rest.to_owned(),
                };
                match letter {
                    'c' => return run(options, ProgramSource::Command(value), "-c".into(), &mut arguments),
                    'm' => return run(options, ProgramSource::Module(value), "-m".into(), &mut arguments),
                    'W' => options.warnings.push(value),
                    _ => options.implementation.push(value),
                }
                break;
            }
            match letter {
                'b' => options.bytes_warning = options.bytes_warning.saturating_add(1),
                'B' => options.dont_write_bytecode = true,
                'd' => options.debug = options.debug.saturating_add(1),
                'E' => options.ignore_environment = true,
                'h' | '?' => return Ok(Action::Help),
                'i' => options.inspect = true,
                'I' => options.isolated = true,
                'O' => options.optimize = options.optimize.saturating_add(1),
                'P' => options.safe_path = true,
                'q' => options.quiet = true,
                'R' => options.random_hash_seed = true,
                's' => options.no_user_site = true,
                'S' => options.no_site = true,
                'u' => options.unbuffered = true,
                'v' => options.verbose = options.verbose.saturating_add(1),
                'V' => versions += 1,
                'x' => options.skip_first_line = true,
                _ => return Err(format!("Unknown option: -{letter}")),
            }
        }
    }
    if versions > 0 {
        return Ok(Action::Version(versions));
    }
    run(options, ProgramSource::Stdin, OsString::new(), &mut arguments)
}

fn utf8(argument: OsString) -> Result<String, UsageError> {
    argument.into_string().map_err(|argument| format!("not UTF-8: {}", argument.to_string_lossy()))
}

impl JitOptions {
    /// Reads one of `--jit=MODE`, `--jit-log=FILE`, `--jit-stats`, `--jit-threshold=N`.
    fn read(&mut self, option: &str) -> Result<(), UsageError> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let needed = |what| value.ok_or(format!("{name} needs a value: {name}={what}"));
        match name {
            "--jit" => self.mode = Some(jit_mode(name, needed("auto|off|full")?)?),
            "--jit-threshold" => self.threshold = Some(jit_threshold(name, needed("N")?)?),
            "--jit-log" => self.log = Some(jit_log(name, needed("FILE")?.as_ref())?),
            "--jit-stats" if value.is_none() => self.stats = Some(true),
            "--jit-stats" => return Err(format!("{name} takes no value")),
            _ => return Err(format!("unknown option {name}")),
        }
        Ok(())
    }
}

/// `origin` is the option or the variable to blame in errors, here and below.
pub fn jit_mode(origin: &str, value: &str) -> Result<JitMode, UsageError> {
    match value {
        "off" => Ok(JitMode::Off),
        "auto" => Ok(JitMode::Auto),
        "full" => Ok(JitMode::Full),
        _ => Err(format!("{origin} must be one of 'auto', 'off' or 'full', not '{value}'")),
    }
}

pub fn jit_threshold(origin: &str, value: &str) -> Result<u32, UsageError> {
    match value.parse() {
        Ok(threshold) if threshold > 0 => Ok(threshold),
        _ => Err(format!("{origin} must be a number from 1 to {}, not '{value}'", u32::MAX)),
    }
}

pub fn jit_log(origin: &str, value: &OsStr) -> Result<PathBuf, UsageError> {
    if value.is_empty() {
        return Err(format!("{origin} needs the name of a file"));
    }
    Ok(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Action, UsageError> {
        parse(arguments.iter().map(OsString::from))
    }

    fn invocation(arguments: &[&str]) -> Invocation {
        match parsed(arguments) {
            Ok(Action::Run(invocation)) => *invocation,
            other => panic!("{arguments:?} gave {other:?}"),
        }
    }

    #[test]
    fn what_follows_the_program_belongs_to_it() {
        let run = invocation(&["-O", "script.py", "-O", "--jit=off"]);
        assert_eq!(run.arguments, ["script.py", "-O", "--jit=off"]);
        assert_eq!((run.options.optimize, run.options.jit.mode), (1, None));
        assert!(matches!(run.program, ProgramSource::Script(path) if path.ends_with("script.py")));
    }

    #[test]
    fn letters_may_be_joined_and_end_in_a_value() {
        let run = invocation(&["-OOSqWerror", "-Bcprint(1)", "-c"]);
        assert_eq!(run.options.optimize, 2);
        assert!(run.options.no_site && run.options.quiet && run.options.dont_write_bytecode);
        assert_eq!(run.options.warnings, ["error"]);
        assert!(matches!(run.program, ProgramSource::Command(source) if source == "print(1)"));
        assert_eq!(run.arguments, ["-c", "-c"]);
    }

    #[test]
    fn two_dashes_end_the_options() {
        let run = invocation(&["--", "-V"]);
        assert!(matches!(run.program, ProgramSource::Script(path) if path.ends_with("-V")));
    }

    #[test]
    fn jit_options() {
        let jit = invocation(&["--jit=full", "--jit-threshold=7", "--jit-log=x", "--jit-stats"]).options.jit;
        assert_eq!(jit.mode, Some(JitMode::Full));
        assert_eq!(jit.threshold, Some(7));
        assert_eq!(jit.log, Some("x".into()));
        assert_eq!(jit.stats, Some(true));
        for (option, complaint) in [
            ("--jit", "--jit needs a value: --jit=auto|off|full"),
            ("--jit=fast", "--jit must be one of 'auto', 'off' or 'full', not 'fast'"),
            ("--jit-threshold=0", "--jit-threshold must be a number from 1 to 4294967295, not '0'"),
            ("--jit-log=", "--jit-log needs the name of a file"),
            ("--jit-stats=1", "--jit-stats takes no value"),
            ("--jitter", "unknown option --jitter"),
        ] {
            assert_eq!(parsed(&[option]).unwrap_err(), complaint);
        }
    }

    #[test]
    fn explain_is_a_subcommand_in_the_first_place_only() {
        let run = invocation(&["explain", "-o", "out.html", "--jit=full", "--text", "a.py", "-o", "x"]);
        assert_eq!(run.options.explain, Some(ExplainOptions { text: true, output: Some("out.html".into()) }));
        assert_eq!(run.options.jit.mode, Some(JitMode::Full));
        assert_eq!(run.arguments, ["a.py", "-o", "x"]);
        let run = invocation(&["-O", "explain"]);
        assert!(run.options.explain.is_none());
        assert!(matches!(run.program, ProgramSource::Script(path) if path.ends_with("explain")));
        assert_eq!(parsed(&["explain", "-o"]).unwrap_err(), "-o needs the name of a file");
    }

    #[test]
    fn mistakes_are_named() {
        for (arguments, complaint) in [
            (&["-z"][..], "Unknown option: -z"),
            (&["-c"], "Argument expected for the -c option"),
            (&["--foo"], "unknown option --foo"),
        ] {
            assert_eq!(parsed(arguments).unwrap_err(), complaint);
        }
    }
}
