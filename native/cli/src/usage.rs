//! The texts of `--help` and of usage errors.

/// A mistake in the command line, in the words that the user reads.
pub type UsageError = String;

/// The line that follows a mistake.
pub fn line(program: &str) -> String {
    format!("usage: {program} [option] ... [-c cmd | -m mod | file | -] [arg] ...")
}

pub fn help(program: &str) -> String {
    format!("{}\n{OPTIONS}", line(program))
}

const OPTIONS: &str = "\
Psycore runs Python programs and compiles what is hot in them.

What to run (everything after it goes to the program, in sys.argv):
  file              a script, a .pyc file, a directory or zip file with __main__.py
  -c cmd            a program given as text
  -m mod            a module of sys.path, as __main__
  -                 standard input; without a program too: a prompt on a terminal

The compiler:
  --jit=MODE        auto: compile what is hot (default); off: interpret only;
                    full: compile everything at its first use
  --jit-threshold=N calls or iterations after which code is hot
  --jit-log=FILE    write to FILE what is compiled, and what is given up
  --jit-stats       print statistics to stderr at the end

To see what became of a program:
  psycore explain [-o FILE] [--text] [option] ... [-m mod | file] [arg] ...
                    run it, then write FILE (default: NAME.explain.html), a page with
                    the time that each line took, what was compiled and for which
                    types, and why compiled code was left; with --text the same in
                    short, to stderr or to FILE

To run what is not trusted, with nothing but what it is given:
  psycore --sandbox [--memory 256M] [--timeout 5s] [--fuel N] [--dir HOST::GUEST[:ro]]
                    [--env NAME=VALUE] [option] ... [-c cmd | file | -] [arg] ...

As in CPython:
  -b                warn about str(bytes) and comparing bytes with str (-bb: error)
  -B                don't write .pyc files
  -E                ignore PYTHON* variables
  -h, --help        this text; --help-env, --help-xoptions, --help-all: more
  -i                give a prompt after running the program
  -I                isolated: implies -E, -P and -s
  -O                no assert statements, __debug__ is False (-OO: no docstrings)
  -P                don't put the program's directory into sys.path
  -q                no banner at the prompt
  -s                no user site directory; -S: don't import site
  -u                unbuffered stdout and stderr
  -v                print what is imported
  -V, --version     print the version (-VV: more of it)
  -W arg            warning filter: action:message:category:module:lineno
  -x                skip the first line of the file
  -X opt            implementation option, see --help-xoptions
  --check-hash-based-pycs always|default|never
                    how to check hash-based .pyc files
";

pub const ENVIRONMENT: &str = "\
Environment variables:
  PSYCORE_JIT, PSYCORE_JIT_THRESHOLD, PSYCORE_JIT_LOG, PSYCORE_JIT_STATS
                             as the options --jit, --jit-threshold, --jit-log, --jit-stats
  PYTHONPATH                 directories to search for modules, in front of the others
  PYTHONSTARTUP              a file to run before the first prompt
  PYTHON_HISTORY             the file for the prompt's history
  PYTHONINSPECT              as -i             PYTHONUNBUFFERED           as -u
  PYTHONOPTIMIZE             as -O, a number   PYTHONVERBOSE              as -v, a number
  PYTHONDONTWRITEBYTECODE    as -B             PYTHONNOUSERSITE           as -s
  PYTHONSAFEPATH             as -P             PYTHONWARNINGS             as -W, with commas
  PYTHONDEVMODE              as -X dev         PYTHONFAULTHANDLER         as -X faulthandler
  PYTHONUTF8                 as -X utf8        PYTHONNODEBUGRANGES        as -X no_debug_ranges
  PYTHONINTMAXSTRDIGITS      as -X int_max_str_digits
  PYTHON_CPU_COUNT           as -X cpu_count
  PYTHON_THREAD_INHERIT_CONTEXT  as -X thread_inherit_context
  PYTHONWARNDEFAULTENCODING  as -X warn_default_encoding
  PYTHONPYCACHEPREFIX        as -X pycache_prefix
  PYTHONHASHSEED             a number, or 'random', to seed the hashes of str
  PYTHONIOENCODING           encoding[:errors] of the standard streams
";

pub const X_OPTIONS: &str = "\
Implementation options (-X opt):
  cpu_count=N              what os.cpu_count() says; 'default' for the machine's
  dev                      development mode: more warnings, faulthandler
  faulthandler             print tracebacks on fatal signals
  int_max_str_digits=N     limit for conversions between int and str; 0: none
  no_debug_ranges          no column positions in tracebacks
  no_sig_int               leave Ctrl-C to the operating system
  pycache_prefix=DIR       put .pyc files under DIR
  thread_inherit_context=0|1
                           new threads start with a copy of the caller's context
  utf8=0|1                 UTF-8 mode
  warn_default_encoding    warn where open() has no encoding
";
