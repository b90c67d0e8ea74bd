//! Generates random Python programs for differential runs: several independent cases per program, each a few classes,
//! globals and functions that call one another, or a loop at module level. They are typed loosely: variables have a
//! kind that most expressions respect, and now and then one becomes something else in the middle of a loop.
//!
//! Every program ends by itself (loops are bounded, numbers, texts and lists are cut when they grow, functions only call
//! earlier ones), catches all its exceptions and prints results, exceptions and the line numbers of their tracebacks.
//! It is not a test of the parser or of the library: it makes what a specializer looks at.

mod expression;
mod statement;

use psycore_ir_tests::rng::Rng;

/// What a variable usually holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueKind {
    Int,
    Float,
    Bool,
    Str,
    /// A list of ints and floats.
    List,
    /// A dict from small ints to ints.
    Dict,
    /// An instance of the case's class.
    Object,
}

const KINDS: [ValueKind; 7] =
    [ValueKind::Int, ValueKind::Float, ValueKind::Bool, ValueKind::Dict, ValueKind::Object, ValueKind::List, ValueKind::Str];

#[derive(Clone, Debug)]
struct Binding {
    name: String,
    kind: ValueKind,
    /// False for counters that must reach their end.
    assignable: bool,
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    kind: ValueKind,
    has_default: bool,
}

#[derive(Clone, Debug)]
struct Callee {
    name: String,
    parameters: Vec<Parameter>,
    /// Whether it takes more positional arguments, as `rest`.
    takes_rest: bool,
    returns: ValueKind,
    /// An estimate of how many statements one call executes.
    cost: u64,
}

/// No function may execute more statements than this in one call, by the estimate.
const COST_LIMIT: u64 = 3000;

struct ProgramGenerator {
    rng: Rng,
    case: usize,
    text: String,
    indent: usize,
    variables: Vec<Binding>,
    globals: Vec<Binding>,
    functions: Vec<Callee>,
    /// The case's generator function, once it is defined.
    producer: Option<String>,
    /// How often the code being written is executed per call of its function.
    repeats: u64,
    cost: u64,
    loops: usize,
    /// The names of the loop counters in use, innermost last.
    counters: Vec<String>,
    in_function: bool,
    /// What the function being written returns.
    returns: ValueKind,
    names: usize,
}

const PRELUDE: &str = r#"import math

log = []


def clamp(v):
    if isinstance(v, (int, float)) and not -2 ** 90 < v < 2 ** 90:
        return v % 1000003
    if isinstance(v, (str, list)):
        return v[:12]
    return v


def note(v):
    if len(log) < 12:
        log.append(v)


def lines(problem):
    out = []
    tb = problem.__traceback__
    while tb is not None:
        out.append(tb.tb_lineno)
        tb = tb.tb_next
    return out


class Guard:
    depth = 0

    def __init__(self, swallow):
        self.swallow = swallow

    def __enter__(self):
        Guard.depth += 1
        return self

    def __exit__(self, kind, problem, tb):
        Guard.depth -= 1
        return self.swallow and kind is TypeError


def run(name, function, *args):
    try:
        result = function(*args)
        print(name, "ok", repr(result), log, Guard.depth)
    except Exception as problem:
        context = type(problem.__context__).__name__
        print(name, type(problem).__name__, problem, lines(problem), context, log, Guard.depth)
    log.clear()
"#;

/// The whole program of a seed.
pub fn program(seed: u64, cases: usize) -> String {
    assemble((0..cases).map(|index| case(seed, index)))
}

/// The program with one case of the seed only; it does there what it does in the whole program.
pub fn single_case(seed: u64, index: usize) -> String {
    assemble(std::iter::once(case(seed, index)))
}

/// The source of one case.
struct Case {
    definitions: String,
    runs: String,
    /// Loops at module level. They add globals, and what was compiled for fewer globals is then of no use.
    module_level: String,
}

/// Definitions of all cases come first, so that the module's globals are complete when the first function runs.
fn assemble(cases: impl Iterator<Item = Case>) -> String {
    let (mut definitions, mut runs, mut module_level) = (String::from(PRELUDE), String::new(), String::new());
    for case in cases {
        definitions.push_str(&case.definitions);
        runs.push_str(&case.runs);
        module_level.push_str(&case.module_level);
    }
    definitions + &runs + &module_level
}

fn case(seed: u64, index: usize) -> Case {
    let mut generator = ProgramGenerator {
        rng: Rng::part(seed, index as u64),
        case: index,
        text: String::new(),
        indent: 0,
        variables: Vec::new(),
        globals: Vec::new(),
        functions: Vec::new(),
        producer: None,
        repeats: 1,
        cost: 0,
        loops: 0,
        counters: Vec::new(),
        in_function: false,
        returns: ValueKind::Int,
        names: 0,
    };
    generator.case()
}

impl ProgramGenerator {
    fn line(&mut self, text: &str) {
        for _ in 0..self.indent {
            self.text.push_str("    ");
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn kind(&mut self) -> ValueKind {
        // Numbers matter most.
        match self.rng.below(12) {
            0..=4 => ValueKind::Int,
            5 | 6 => ValueKind::Float,
            7 => ValueKind::Str,
            8 => ValueKind::List,
            9 => ValueKind::Dict,
            10 => ValueKind::Object,
            _ => ValueKind::Bool,
        }
    }

    /// What may turn up where `kind` is expected: anything but texts and lists, because multiplied by a large int they
    /// would take all memory. (Hand-written programs do that with small ones.)
    fn intruder(&mut self, kind: ValueKind) -> ValueKind {
        let count = if kind == ValueKind::Str { KINDS.len() } else { KINDS.len() - 2 };
        KINDS[self.rng.below(count)]
    }

    fn case(&mut self) -> Case {
        self.line("");
        self.line("");
        self.classes();
        for kind in [ValueKind::Int, ValueKind::Float, ValueKind::List] {
            let name = format!("g{}_{}", self.case, self.globals.len());
            let value = self.literal(kind);
            self.line(&format!("{name} = {value}"));
            self.globals.push(Binding { name, kind, assignable: true });
        }
        if self.rng.percent(35) {
            self.recursive_function();
        }
        if self.rng.percent(30) {
            self.producer();
        }
        for _ in 0..self.rng.between(1, 3) {
            self.function();
        }
        let definitions = std::mem::take(&mut self.text);
        let calls: Vec<Callee> = self.functions.clone();
        for function in &calls {
            for turn in 0..self.rng.between(2, 4) {
                let wrong = if turn > 1 { 12 } else { 0 };
                let arguments: Vec<String> = function
                    .parameters
                    .iter()
                    .map(|parameter| {
                        let kind = if self.rng.percent(wrong) { self.intruder(parameter.kind) } else { parameter.kind };
                        self.literal(kind)
                    })
                    .collect();
                // A lambda passes keyword-only parameters and gives the tracebacks one more line.
                let call: Vec<String> = function
                    .parameters
                    .iter()
                    .zip(&arguments)
                    .map(
                        |(parameter, value)| {
                            if parameter.has_default { format!("{}={value}", parameter.name) } else { value.clone() }
                        },
                    )
                    .collect();
                let name = format!("{}.{turn}", function.name);
                let call = format!("{}({})", function.name, call.join(", "));
                // Called again and again, exits get hot, too.
                let body = if self.rng.percent(20) { format!("[{call} for _ in range(15)][-1]") } else { call };
                self.line(&format!("run(\"{name}\", lambda: {body})"));
            }
        }
        let state: Vec<String> = self.globals.iter().map(|global| global.name.clone()).collect();
        self.line(&format!("print({})", state.join(", ")));
        let runs = std::mem::take(&mut self.text);
        if self.rng.percent(50) {
            self.module_level();
        }
        Case { definitions, runs, module_level: std::mem::take(&mut self.text) }
    }

    fn class_name(&self) -> String {
        format!("K{}", self.case)
    }

    fn classes(&mut self) {
        let name = self.class_name();
        let tag = self.literal(ValueKind::Int);
        let step = self.literal(ValueKind::Int);
        let factor = self.literal(ValueKind::Float);
        let operator = self.rng.pick(&["+", "-", "*", "^", "|"]);
        let slots = self.rng.percent(25);
        let slots_line = if slots { "    __slots__ = (\"n\", \"f\", \"items\")\n" } else { "" };
        self.text.push_str(&format!(
            "class {name}:
    tag = {tag}
{slots_line}
    def __init__(self, n, f=0.5):
        self.n = n
        self.f = f
        self.items = [n, f]

    def bump(self, v):
        self.n = clamp(self.n + v)
        return self.n

    def mix(self, v, w={step}):
        return clamp((self.n {operator} v) + w)

    @property
    def half(self):
        return self.f / 2 + self.tag

    def __add__(self, other):
        return {name}(clamp(self.n + (other.n if isinstance(other, {name}) else other)), self.f)

    def __lt__(self, other):
        return self.n < (other.n if isinstance(other, {name}) else other)

    def __len__(self):
        return len(self.items)

    def __repr__(self):
        return \"%s(%r, %r)\" % (type(self).__name__, self.n, self.f)


class {name}b({name}):
    def mix(self, v, w={step}):
        return super().mix(v, w) - 1

    @property
    def half(self):
        return self.f * {factor}


"
        ));
    }

    fn function(&mut self) {
        let name = format!("f{}_{}", self.case, self.functions.len());
        let mut parameters = Vec::new();
        let count = self.rng.between(1, 3);
        let keyword_only = self.rng.percent(20);
        let mut signature = Vec::new();
        for index in 0..count {
            let kind = self.kind();
            let has_default = index + 1 == count && (keyword_only || self.rng.percent(25));
            let parameter = Parameter { name: format!("a{index}"), kind, has_default };
            if has_default {
                if keyword_only && index > 0 {
                    signature.push("*".to_owned());
                }
                let default = self.default_literal(kind);
                signature.push(format!("{}={default}", parameter.name));
            } else {
                signature.push(parameter.name.clone());
            }
            parameters.push(parameter);
        }
        let takes_rest = self.rng.percent(25) && !parameters.iter().any(|parameter| parameter.has_default);
        if takes_rest {
            signature.push("*rest".to_owned());
        }
        self.line(&format!("def {name}({}):", signature.join(", ")));
        self.indent += 1;
        self.in_function = true;
        self.variables = parameters
            .iter()
            .map(|parameter| Binding { name: parameter.name.clone(), kind: parameter.kind, assignable: true })
            .collect();
        if self.rng.percent(45) {
            let names: Vec<String> = self.globals.iter().map(|global| global.name.clone()).collect();
            self.line(&format!("global {}", names.join(", ")));
            self.variables.extend(self.globals.clone());
        } else {
            self.variables.extend(self.globals.iter().map(|global| Binding { assignable: false, ..global.clone() }));
        }
        (self.cost, self.repeats, self.loops) = (1, 1, 0);
        self.returns = self.kind();
        self.locals();
        self.hot_loop();
        let after = self.rng.below(2);
        self.block_lines(after);
        let returns = self.returns;
        let first = self.expression(returns, 2);
        let rest: Vec<String> = self
            .variables
            .iter()
            .filter(|variable| variable.name.starts_with('v'))
            .map(|variable| variable.name.clone())
            .collect();
        if self.rng.percent(40) {
            self.line(&format!("note(({},))", rest.join(", ")));
        }
        if takes_rest {
            self.line("note((len(rest), *rest))");
        }
        self.line(&format!("return {first}"));
        self.indent -= 1;
        self.in_function = false;
        self.text.push_str("\n\n");
        self.functions.push(Callee { name, parameters, takes_rest, returns, cost: self.cost });
        self.variables.clear();
    }

    /// A function that calls itself a few times with a changing accumulator.
    fn recursive_function(&mut self) {
        let name = format!("r{}", self.case);
        let kind = if self.rng.percent(60) { ValueKind::Int } else { ValueKind::Float };
        let parameters: Vec<Parameter> = [("n", ValueKind::Int), ("a", kind)]
            .into_iter()
            .map(|(name, kind)| Parameter { name: name.to_owned(), kind, has_default: false })
            .collect();
        self.variables = parameters
            .iter()
            .map(|parameter| Binding { name: parameter.name.clone(), kind: parameter.kind, assignable: false })
            .collect();
        let (end, next, rest) = (self.expression(kind, 1), self.expression(kind, 2), self.expression(kind, 1));
        let operator = self.rng.pick(&["+", "-", "*"]);
        self.line(&format!("def {name}(n, a):"));
        self.line("    if not 0 < n < 14:");
        self.line(&format!("        return {end}"));
        match self.rng.below(3) {
            0 => self.line(&format!("    return {name}(n - 1, clamp({next}))")),
            1 => self.line(&format!("    return clamp({name}(n - 1, clamp({next})) {operator} {rest})")),
            _ => self.line(&format!("    return clamp({name}(n - 2, clamp({next})) {operator} {name}(n - 3, a))")),
        }
        self.text.push_str("\n\n");
        self.variables.clear();
        self.functions.push(Callee { name, parameters, takes_rest: false, returns: kind, cost: 60 });
    }

    /// A generator function, for loops that are driven by one.
    fn producer(&mut self) {
        let name = format!("y{}", self.case);
        self.variables = vec![
            Binding { name: "a".to_owned(), kind: ValueKind::Int, assignable: false },
            Binding { name: "i".to_owned(), kind: ValueKind::Int, assignable: false },
        ];
        let (value, step) = (self.expression(ValueKind::Int, 2), self.expression(ValueKind::Int, 1));
        self.line(&format!("def {name}(a):"));
        let count = self.rng.between(3, 9);
        self.line(&format!("    for i in range({count}):"));
        self.line(&format!("        yield clamp({value})"));
        self.line(&format!("        a = clamp(a + {step})"));
        self.text.push_str("\n\n");
        self.variables.clear();
        self.producer = Some(name);
    }

    /// One local of each important kind, and some more.
    fn locals(&mut self) {
        let mut kinds = vec![ValueKind::Int, ValueKind::Float, ValueKind::Int];
        for _ in 0..self.rng.between(1, 3) {
            kinds.push(self.kind());
        }
        for (index, kind) in kinds.into_iter().enumerate() {
            let name = if self.in_function { format!("v{index}") } else { format!("v{index}_{}", self.case) };
            let value = if self.rng.percent(70) { self.literal(kind) } else { self.expression(kind, 1) };
            self.line(&format!("{name} = {value}"));
            self.variables.push(Binding { name, kind, assignable: true });
        }
    }

    fn module_level(&mut self) {
        self.line("try:");
        self.indent += 1;
        self.variables = self.globals.clone();
        (self.cost, self.repeats, self.loops) = (1, 1, 0);
        self.locals();
        self.hot_loop();
        let shown: Vec<String> = self
            .variables
            .iter()
            .filter(|variable| variable.name.starts_with('v'))
            .map(|variable| variable.name.clone())
            .collect();
        let case = self.case;
        self.line(&format!("print(\"module {case} ok\", {}, log)", shown.join(", ")));
        self.indent -= 1;
        self.line("except Exception as problem:");
        self.indent += 1;
        self.line(&format!("print(\"module {case}\", type(problem).__name__, problem, lines(problem), log)"));
        self.indent -= 1;
        self.line("log.clear()");
        self.variables.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_program_and_its_cases_stand_alone() {
        let whole = program(42, 5);
        assert_eq!(whole, program(42, 5));
        assert_ne!(whole, program(43, 5));
        for index in 0..5 {
            let alone = case(42, index);
            for part in [alone.definitions, alone.runs, alone.module_level] {
                assert!(whole.contains(&part), "case {index}");
            }
        }
    }

    #[test]
    fn all_kinds_of_statements_appear() {
        let text: String = (0..60).map(|seed| program(seed, 4)).collect();
        for wanted in [
            "while ",
            "for ",
            "try:",
            "finally:",
            "except ",
            "with ",
            "break",
            "continue",
            "nonlocal ",
            "lambda",
            " if ",
            ".append(",
            "global ",
            "super()",
            "raise ",
            ".bump(",
            "del ",
            "is None",
            "math.sqrt",
            "9223372036854775807",
            "nan",
            "yield ",
            "def r",
            "][",
            "divmod(",
        ] {
            assert!(text.contains(wanted), "no {wanted}");
        }
    }
}
