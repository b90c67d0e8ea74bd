//! Reads lines from a terminal with editing, history and completion. Knows keys and files;
//! what a line means is the business of [`super::repl`].

use std::cell::OnceCell;
use std::path::PathBuf;

use psycore_vm::rustpython_vm::builtins::{PyDictRef, PyStrRef};
use psycore_vm::rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::messages::complain;

/// What came from the terminal.
pub enum InputLine {
    Text(String),
    /// Ctrl-C
    Interrupted,
    /// Ctrl-D on an empty line, or no terminal any more.
    End,
}

pub struct LineEditor<'vm> {
    editor: Option<Editor<PythonCompleter<'vm>, DefaultHistory>>,
    history: Option<PathBuf>,
}

impl<'vm> LineEditor<'vm> {
    pub fn new(vm: &'vm VirtualMachine, globals: PyDictRef) -> Self {
        let history = history_path(vm.state.config.settings.ignore_environment);
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(false)
            .max_history_size(10_000)
            .map(|config| config.build())
            .unwrap_or_default();
        let mut editor = match Editor::with_config(config) {
            Ok(editor) => editor,
            Err(error) => {
                complain(&format!("no line editing: {error}"));
                return Self { editor: None, history: None };
            }
        };
        editor.set_helper(Some(PythonCompleter { vm, globals, completer: OnceCell::new() }));
        if let Some(path) = &history {
            // There is none the first time.
            let _ = editor.load_history(path);
        }
        Self { editor: Some(editor), history }
    }

    pub fn read(&mut self, prompt: &str) -> InputLine {
        let Some(editor) = &mut self.editor else {
            return InputLine::End;
        };
        loop {
            match editor.readline(prompt) {
                Ok(line) => {
                    // Only fails for a file-backed history that cannot be locked.
                    let _ = editor.add_history_entry(line.trim_end());
                    return InputLine::Text(line);
                }
                Err(ReadlineError::Interrupted) => return InputLine::Interrupted,
                Err(ReadlineError::Signal(_)) => {}
                Err(_) => return InputLine::End,
            }
        }
    }

    /// Writes the history; the error is a sentence for the user.
    pub fn save_history(mut self) -> Result<(), String> {
        let (Some(editor), Some(path)) = (&mut self.editor, &self.history) else {
            return Ok(());
        };
        let directory = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        directory
            .map_err(|error| error.to_string())
            .and_then(|()| editor.save_history(path).map_err(|error| error.to_string()))
            .map_err(|error| format!("history not saved to {}: {error}", path.display()))
    }
}

/// `PYTHON_HISTORY`, or a file of our own where the XDG rules put state.
fn history_path(ignore_environment: bool) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if !ignore_environment && let Some(path) = variable("PYTHON_HISTORY") {
        return Some(path.into());
    }
    let state = variable("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local/state")))?;
    Some(state.join("psycore/history"))
}

/// Completes names and attributes with the standard library's `rlcompleter`.
struct PythonCompleter<'vm> {
    vm: &'vm VirtualMachine,
    globals: PyDictRef,
    /// The `rlcompleter.Completer`, made when Tab is first pressed: importing it takes time.
    completer: OnceCell<PyObjectRef>,
}

impl PythonCompleter<'_> {
    fn candidates(&self, word: &str) -> PyResult<Vec<String>> {
        let completer = match self.completer.get() {
            Some(completer) => completer.clone(),
            None => {
                let module = self.vm.import("rlcompleter", 0)?;
                let made = self.vm.call_method(&module, "Completer", (self.globals.clone(),))?;
                self.completer.get_or_init(|| made).clone()
            }
        };
        let method = if word.contains('.') { "attr_matches" } else { "global_matches" };
        let matches = self.vm.call_method(&completer, method, (word,))?;
        let matches: Vec<PyStrRef> = matches.try_into_value(self.vm)?;
        let mut matches: Vec<String> = matches.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        matches.sort_unstable();
        matches.dedup();
        Ok(matches)
    }
}

impl Completer for PythonCompleter<'_> {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = &line[..position];
        let part_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let start = before.char_indices().rev().take_while(|&(_, c)| part_of_word(c)).last().map_or(position, |(index, _)| index);
        let word = &before[start..];
        if word.is_empty() {
            return Ok((position, vec!["    ".to_owned()]));
        }
        // An object whose attributes raise has no completions.
        Ok((start, self.candidates(word).unwrap_or_default()))
    }
}

impl Hinter for PythonCompleter<'_> {
    type Hint = String;
}
impl Highlighter for PythonCompleter<'_> {}
impl Validator for PythonCompleter<'_> {}
impl Helper for PythonCompleter<'_> {}
