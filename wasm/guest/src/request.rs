//! What a host can ask for. A request is a map with a verb in `do`; the answer is a map with one entry: `value`,
//! `error` or `exit`.

use crate::{host, library, value, wasi};
use ciborium::Value;
use psycore_vm::explain::{self, Explanation, ExplanationForm};
use psycore_vm::rustpython_vm::builtins::PyDict;
use psycore_vm::rustpython_vm::compiler::Mode;
use psycore_vm::rustpython_vm::function::{FuncArgs, KwArgs};
use psycore_vm::rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};
use psycore_vm::{Error, JitConfig, JitMode, Vm, VmConfig, execute};
use psycore_wasm::link::HostLinker;
use psycore_wasm::lower::{WasmLowering, WasmOptions};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static VM: RefCell<Option<Rc<Vm>>> = const { RefCell::new(None) };
    /// A VM that nobody has asked for yet.
    static PREPARED: RefCell<Option<Rc<Vm>>> = const { RefCell::new(None) };
}

/// Why there is no value.
enum ServeError {
    /// The request makes no sense.
    Request(String),
    Program(Error),
}

impl From<Error> for ServeError {
    fn from(error: Error) -> Self {
        ServeError::Program(error)
    }
}

type Answer = Result<Value, ServeError>;

/// Reads a request, does it and writes the answer.
pub fn answer(request: &[u8]) -> Vec<u8> {
    let answer = value::decode(request).map_err(|e| ServeError::Request(format!("no CBOR: {e}"))).and_then(|r| serve(&Fields(r)));
    let map = |key: &str, value: Value| Value::Map(vec![(key.into(), value)]);
    value::encode(&match answer {
        Ok(value) => map("value", value),
        Err(ServeError::Program(Error::Exit(code))) => map("exit", code.into()),
        Err(ServeError::Program(error)) => map("error", described(&error)),
        Err(ServeError::Request(message)) => map("error", problem("RequestError", &message, &message, Vec::new())),
    })
}

fn problem(class: &str, message: &str, traceback: &str, frames: Vec<Value>) -> Value {
    Value::Map(vec![
        ("class".into(), class.into()),
        ("message".into(), message.into()),
        ("traceback".into(), traceback.into()),
        ("frames".into(), Value::Array(frames)),
    ])
}

fn described(error: &Error) -> Value {
    match error {
        Error::Exception(e) => {
            let frames = e.frames.iter().map(|f| {
                let column = f.column.map_or(Value::Null, Value::from);
                Value::Array(vec![f.file.as_str().into(), f.line.into(), column])
            });
            problem(&e.class, &e.message, &e.traceback, frames.collect())
        }
        other => problem("Error", &other.to_string(), &other.to_string(), Vec::new()),
    }
}

/// The fields of a request.
struct Fields(Value);

impl Fields {
    fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name))?;
        (!found.1.is_null()).then_some(&found.1)
    }

    fn text(&self, name: &str) -> Result<Option<&str>, ServeError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Text(s)) => Ok(Some(s)),
            Some(_) => Err(ServeError::Request(format!("`{name}` must be text"))),
        }
    }

    fn needed(&self, name: &str) -> Result<&str, ServeError> {
        self.text(name)?.ok_or_else(|| ServeError::Request(format!("`{name}` is missing")))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, ServeError> {
        let bad = || ServeError::Request(format!("`{name}` must be a number that is not negative"));
        let Some(value) = self.get(name) else { return Ok(None) };
        let n = value.as_integer().and_then(|n| u64::try_from(n).ok()).ok_or_else(bad)?;
        Ok(Some(n))
    }

    fn items(&self, name: &str) -> Result<&[Value], ServeError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(ServeError::Request(format!("`{name}` must be an array"))),
        }
    }

    /// Names and values.
    fn pairs(&self, name: &str) -> Result<Vec<(&str, &Value)>, ServeError> {
        let bad = || ServeError::Request(format!("`{name}` must be a map with names as keys"));
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Map(pairs)) => pairs.iter().map(|(k, v)| Ok((k.as_text().ok_or_else(bad)?, v))).collect(),
            Some(_) => Err(bad()),
        }
    }
}

fn serve(request: &Fields) -> Answer {
    match request.needed("do")? {
        "create" => create(request),
        "end" => {
            value::release_all();
            drop(VM.take());
            Ok(Value::Null)
        }
        "run" => run(&*vm()?, request),
        "call" => call(&*vm()?, request),
        "get" => {
            let name = request.needed("name")?;
            Ok(vm()?.with(|vm| {
                let globals = vm.ensure_main_module()?.dict();
                let missing = || vm.new_name_error(format!("name '{name}' is not defined"), vm.ctx.new_str(name));
                value::to_host(vm, &*globals.get_item_opt(name, vm)?.ok_or_else(missing)?)
            })?)
        }
        "set" => {
            let globals = request.pairs("globals")?;
            vm()?.with(|vm| set_globals(vm, &globals))?;
            Ok(Value::Null)
        }
        "release" => {
            let handle = request.number("handle")?.and_then(|h| usize::try_from(h).ok());
            // Ending an object may run Python code.
            Ok(vm()?.with(|_| Ok(Value::Bool(handle.is_some_and(value::release))))?)
        }
        "stats" => Ok(vm()?.with(|vm| {
            let stats = vm.import("psyco", 0)?.get_attr("stats", vm)?.call((), vm)?;
            value::to_host(vm, &stats)
        })?),
        "explain" => explain(&*vm()?),
        verb => Err(ServeError::Request(format!("`{verb}` is nothing that the guest can do"))),
    }
}

fn vm() -> Result<Rc<Vm>, ServeError> {
    VM.with_borrow(Clone::clone).ok_or_else(|| ServeError::Request("no VM was created".into()))
}

fn new_vm() -> Result<Rc<Vm>, Error> {
    let mut config = VmConfig::new().interrupted_by(host::wants_to_interrupt);
    // The snapshot holds hashes, so all guests have the same.
    config.settings.hash_seed = Some(0);
    // As everywhere in a guest. Unless it is said, the VM imports modules to find out, before the JIT is there.
    config.settings.stdio_encoding = Some("utf-8".into());
    config.settings.stdio_errors = Some("surrogateescape".into());
    config = config.library(library::library());
    config = config.lowering(Box::new(WasmLowering::new(WasmOptions::default(), Box::new(HostLinker))));
    // There is nobody to link code while the snapshot is made. `create` says what the program wants.
    config = config.jit(JitConfig { threshold: Some(NEVER), ..JitConfig::default() });
    let vm = Vm::new(config)?;
    vm.with(complete_modules)?;
    value::make_class();
    vm.with(library::load_when_needed)?;
    vm.with(|vm| NEEDED.iter().try_for_each(|name| vm.import(*name, 0).map(drop)))?;
    Ok(Rc::new(vm))
}

/// More passes than a hook sees; not the number that says that it looks no more.
const NEVER: u32 = 1 << 30;

/// What `create` and `run` import, and most programs: the snapshot has it loaded. It takes an engine longer that has yet to
/// compile the interpreter than everything else that it does until a program runs.
const NEEDED: [&str; 2] = ["os", "linecache"];

/// Gives native modules what others expect of them: the time zone, which no host tells, and C's signals, which never come.
fn complete_modules(vm: &VirtualMachine) -> PyResult<()> {
    let time = vm.import("time", 0)?;
    let names: Vec<PyObjectRef> = vec![vm.ctx.new_str("UTC").into(), vm.ctx.new_str("UTC").into()];
    time.set_attr("tzname", vm.ctx.new_tuple(names), vm)?;
    let signal = vm.import("_signal", 0)?;
    let numbers = [("SIGINT", 2), ("SIGILL", 4), ("SIGABRT", 6), ("SIGFPE", 8), ("SIGSEGV", 11), ("SIGTERM", 15)];
    let zeros = ["timezone", "altzone", "daylight"].iter().map(|name| (&time, *name, 0));
    let mut all = zeros.chain(numbers.iter().map(|(name, n)| (&signal, *name, *n)));
    all.try_for_each(|(module, name, n)| module.set_attr(name, vm.ctx.new_int(n), vm))
}

/// Makes the VM that most hosts will want, ahead of the first request.
pub fn prepare() {
    match new_vm() {
        Ok(vm) => PREPARED.set(Some(vm)),
        Err(error) => eprintln!("psycore: cannot start: {error}"),
    }
}

fn create(request: &Fields) -> Answer {
    if VM.with_borrow(Option::is_some) {
        return Err(ServeError::Request("there is a VM already".into()));
    }
    let mode = match request.text("jit")? {
        None | Some("auto") => JitMode::Auto,
        Some("off") => JitMode::Off,
        Some("full") => JitMode::Full,
        Some(other) => return Err(ServeError::Request(format!("`jit` must be auto, off or full, not {other}"))),
    };
    let threshold = request.number("threshold")?.map(|n| n.min(u32::MAX.into()) as u32);
    let explain = request.get("explain").and_then(Value::as_bool).unwrap_or(false) && mode != JitMode::Off;
    let explain = explain.then(|| Explanation { title: String::new(), form: ExplanationForm::Data, path: None });
    let jit = JitConfig { mode, threshold, explain, ..JitConfig::default() };
    let (argv, paths) = (texts(request, "argv")?, texts(request, "paths")?);
    wasi::register_directories();
    let vm = match PREPARED.take() {
        Some(vm) => vm,
        None => new_vm()?,
    };
    vm.set_jit(&jit)?;
    vm.with(|vm| {
        let list = |texts: Vec<String>| texts.into_iter().map(|t| vm.ctx.new_str(t).into()).collect::<Vec<PyObjectRef>>();
        vm.sys_module.set_attr(
            "argv",
            vm.ctx.new_list(if argv.is_empty() { list(vec![String::new()]) } else { list(argv) }),
            vm,
        )?;
        for path in list(paths).into_iter().rev() {
            vm.insert_sys_path(path)?;
        }
        let environment = wasi::environment();
        if !environment.is_empty() {
            let environ = vm.import("os", 0)?.get_attr("environ", vm)?;
            for (name, value) in environment {
                environ.set_item(&*vm.fsdecode(name), vm.fsdecode(value).into(), vm)?;
            }
        }
        Ok(())
    })?;
    VM.set(Some(vm));
    Ok(Value::Null)
}

fn texts(request: &Fields, name: &str) -> Result<Vec<String>, ServeError> {
    let bad = || ServeError::Request(format!("`{name}` must be an array of texts"));
    request.items(name)?.iter().map(|t| t.as_text().map(str::to_owned).ok_or_else(bad)).collect()
}

fn set_globals(vm: &VirtualMachine, pairs: &[(&str, &Value)]) -> PyResult<()> {
    let globals = vm.ensure_main_module()?.dict();
    pairs.iter().try_for_each(|(name, value)| globals.set_item(*name, value::from_host(vm, value)?, vm))
}

/// Lets tracebacks quote the source, though there is no such file.
fn remember_source(vm: &VirtualMachine, file: &str, code: &str) -> PyResult<()> {
    let lines = code.split_inclusive('\n').map(|line| vm.ctx.new_str(line).into()).collect();
    // As for a module that a loader knows: without a time, so that nobody looks whether the file has changed.
    let entry: Vec<PyObjectRef> =
        vec![vm.ctx.new_int(code.len()).into(), vm.ctx.none(), vm.ctx.new_list(lines).into(), vm.ctx.new_str(file).into()];
    let cache = vm.import("linecache", 0)?.get_attr("cache", vm)?;
    cache.set_item(file, vm.ctx.new_tuple(entry).into(), vm)
}

/// Runs statements in `__main__`. The value is that of the last one, if it is an expression.
fn run(vm: &Vm, request: &Fields) -> Answer {
    let (code, file) = (request.needed("code")?, request.text("file")?.unwrap_or("<input>"));
    let globals = request.pairs("globals")?;
    Ok(vm.with(|vm| {
        set_globals(vm, &globals)?;
        // The host may have written modules since; not all of them give directories a time.
        vm.sys_module.get_attr("path_importer_cache", vm)?.downcast_ref::<PyDict>().map(|cache| cache.clear());
        let compiled = execute::compile(vm, code, Mode::BlockExpr, file)?;
        remember_source(vm, file, code)?;
        let value = execute::code(vm, execute::main_scope(vm)?, compiled)?;
        value::to_host(vm, &value)
    })?)
}

/// Calls a global by its name, or an object that the host holds.
fn call(vm: &Vm, request: &Fields) -> Answer {
    let function = request.get("function").ok_or_else(|| ServeError::Request("`function` is missing".into()))?;
    let (args, kwargs) = (request.items("args")?, request.pairs("kwargs")?);
    Ok(vm.with(|vm| {
        let function: PyObjectRef = match function {
            Value::Text(name) => {
                let missing = || vm.new_name_error(format!("name '{name}' is not defined"), vm.ctx.new_str(name.as_str()));
                vm.ensure_main_module()?.dict().get_item_opt(name.as_str(), vm)?.ok_or_else(missing)?
            }
            other => value::from_host(vm, other)?,
        };
        let args = args.iter().map(|a| value::from_host(vm, a)).collect::<PyResult<Vec<_>>>()?;
        let kwargs = kwargs.iter().map(|(k, v)| Ok(((*k).to_owned(), value::from_host(vm, v)?)));
        let kwargs: KwArgs = kwargs.collect::<PyResult<Vec<_>>>()?.into_iter().collect();
        let result = function.call(FuncArgs::new(args, kwargs), vm)?;
        value::to_host(vm, &result)
    })?)
}

/// The data of `psycore explain`, as far as it can be had without measuring time.
fn explain(vm: &Vm) -> Answer {
    let report = vm.with(|vm| Ok(explain::report(vm)))?;
    let report = report.ok_or_else(|| ServeError::Request("`explain` was not asked for when the VM was created".into()))?;
    let map = |entries: Vec<(&str, Value)>| Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect());
    let array = |items: &mut dyn Iterator<Item = Value>| Value::Array(items.collect());
    let texts = |items: &mut dyn Iterator<Item = &String>| Value::Array(items.map(|t| t.as_str().into()).collect());
    let files = report.files.iter().map(|file| {
        let lines = file.lines.iter().map(|(number, line)| {
            let exits = line.exits.iter().map(|(reason, instruction, count)| {
                map(vec![("reason", (*reason).into()), ("instruction", instruction.as_str().into()), ("count", (*count).into())])
            });
            map(vec![
                ("line", (*number).into()),
                ("time", line.time().into()),
                ("compiled", line.has_code.into()),
                ("types", texts(&mut line.types.iter())),
                ("exits", array(&mut exits.into_iter())),
                ("refusals", texts(&mut line.refusals.iter())),
            ])
        });
        let units = file.units.iter().map(|unit| {
            map(vec![
                ("line", unit.line.into()),
                ("title", unit.title.as_str().into()),
                ("ir", unit.ir.as_str().into()),
                ("listing", unit.listing.as_str().into()),
                ("bytes", (unit.bytes as u64).into()),
                ("replaced", unit.replaced.into()),
            ])
        });
        map(vec![
            ("path", file.path.as_str().into()),
            ("source", texts(&mut file.source.iter())),
            ("lines", array(&mut lines.into_iter())),
            ("units", array(&mut units.into_iter())),
        ])
    });
    Ok(map(vec![("files", array(&mut files.into_iter()))]))
}
