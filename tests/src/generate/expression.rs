//! Random expressions of a wanted kind. Divisors, indices and shift counts are mostly made safe, so that a loop lives long
//! enough to get hot; the few that are not give exceptions from the middle of it.

use super::{Binding, COST_LIMIT, ProgramGenerator, ValueKind};

const INTS: [&str; 24] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "7",
    "10",
    "-1",
    "-2",
    "-7",
    "255",
    "256",
    "-5",
    "-6",
    "1000",
    "2147483647",
    "-2147483648",
    "4294967296",
    "4611686018427387904",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "1000000007",
];
const FLOATS: [&str; 16] = [
    "0.0",
    "-0.0",
    "0.5",
    "1.0",
    "1.5",
    "-2.25",
    "3.75",
    "1e10",
    "-1e-9",
    "1e308",
    "float(\"inf\")",
    "float(\"-inf\")",
    "float(\"nan\")",
    "9007199254740992.0",
    "0.1",
    "-7.0",
];
const TEXTS: [&str; 8] =
    ["\"\"", "\"a\"", "\"abc\"", "\"z\\u00e9\"", "\"0\"", "\"hello world\"", "\"A b\"", "\"\\u4f60\\U0001f40d\""];

impl ProgramGenerator {
    pub(super) fn literal(&mut self, kind: ValueKind) -> String {
        match kind {
            // Small numbers are the common case; the edges are what breaks.
            ValueKind::Int if self.rng.percent(60) => self.rng.pick(&INTS[..12]).to_owned(),
            ValueKind::Int => self.rng.pick(&INTS).to_owned(),
            ValueKind::Float if self.rng.percent(70) => self.rng.pick(&FLOATS[2..8]).to_owned(),
            ValueKind::Float => self.rng.pick(&FLOATS).to_owned(),
            ValueKind::Bool => self.rng.pick(&["True", "False"]).to_owned(),
            ValueKind::Str => self.rng.pick(&TEXTS).to_owned(),
            ValueKind::List => {
                let item = if self.rng.percent(70) { ValueKind::Int } else { ValueKind::Float };
                let mixed = self.rng.percent(15);
                let items: Vec<String> = (0..self.rng.between(2, 6))
                    .map(|_| {
                        let item = if mixed && self.rng.percent(40) { self.kind_of_number() } else { item };
                        self.literal(item)
                    })
                    .collect();
                format!("[{}]", items.join(", "))
            }
            ValueKind::Dict => {
                let entries: Vec<String> = (0..self.rng.between(1, 4))
                    .map(|key| {
                        let value = self.literal(ValueKind::Int);
                        format!("{key}: {value}")
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            ValueKind::Object => {
                let class = self.class_name();
                let suffix = if self.rng.percent(30) { "b" } else { "" };
                let n = self.literal(ValueKind::Int);
                let f = self.literal(ValueKind::Float);
                if self.rng.percent(30) { format!("{class}{suffix}({n})") } else { format!("{class}{suffix}({n}, {f})") }
            }
        }
    }

    /// A default value that calls don't share by accident.
    pub(super) fn default_literal(&mut self, kind: ValueKind) -> String {
        match kind {
            ValueKind::List | ValueKind::Dict | ValueKind::Object => "None".to_owned(),
            _ => self.literal(kind),
        }
    }

    fn kind_of_number(&mut self) -> ValueKind {
        match self.rng.below(5) {
            0 | 1 => ValueKind::Float,
            2 => ValueKind::Bool,
            _ => ValueKind::Int,
        }
    }

    pub(super) fn variable(&mut self, kind: ValueKind) -> Option<Binding> {
        let found: Vec<&Binding> = self.variables.iter().filter(|variable| variable.kind == kind).collect();
        // Later ones are the loop counters and the function's own variables.
        (!found.is_empty()).then(|| self.rng.pick(&found).clone())
    }

    pub(super) fn expression(&mut self, kind: ValueKind, depth: usize) -> String {
        if self.rng.percent(1) {
            let other = self.intruder(kind);
            // In parentheses, because `7.n` is not even an attribute error.
            return self.expression(other, depth.min(1)).wrap();
        }
        if depth == 0 || self.rng.percent(15) {
            return match self.variable(kind) {
                Some(variable) if self.rng.percent(80) => variable.name,
                _ => self.literal(kind),
            };
        }
        if self.rng.percent(6)
            && let Some(call) = self.call(kind)
        {
            return call;
        }
        if self.rng.percent(5) {
            let (test, yes, no) =
                (self.expression(ValueKind::Bool, depth - 1), self.expression(kind, depth - 1), self.expression(kind, depth - 1));
            return format!("({yes} if {test} else {no})");
        }
        match kind {
            ValueKind::Int => self.int(depth - 1),
            ValueKind::Float => self.float(depth - 1),
            ValueKind::Bool => self.boolean(depth - 1),
            ValueKind::Str => self.string(depth - 1),
            ValueKind::List => self.list(depth - 1),
            ValueKind::Dict => self.dict(depth - 1),
            ValueKind::Object => self.object(depth - 1),
        }
    }

    fn int(&mut self, depth: usize) -> String {
        let a = self.expression(ValueKind::Int, depth);
        match self.rng.below(30) {
            0..=10 => {
                let operator = self.rng.pick(&["+", "-", "+", "-", "*", "&", "|", "^"]);
                let b = self.expression(ValueKind::Int, depth);
                format!("({a} {operator} {b})")
            }
            11..=13 => {
                let operator = self.rng.pick(&["//", "%"]);
                let b = self.divisor(ValueKind::Int, depth);
                format!("({a} {operator} {b})")
            }
            14 => {
                let operator = self.rng.pick(&["<<", ">>"]);
                let b = self.expression(ValueKind::Int, depth);
                let mask = self.rng.pick(&["7", "15", "63"]);
                format!("({a} {operator} ({b} & {mask}))")
            }
            15 => format!("(-{a})"),
            16 => format!("(~{a})"),
            17 => format!("abs({a})"),
            18 => {
                let kind = self.rng.pick(&[&ValueKind::List, &ValueKind::Dict, &ValueKind::Str, &ValueKind::Object]);
                let container = self.expression(*kind, depth.min(1));
                format!("len({container})")
            }
            19 => {
                let list = self.expression(ValueKind::List, 0);
                if self.rng.percent(40) { format!("{list}[{a} % len({list})]") } else { format!("len({list}[{a} & 3:])") }
            }
            20 => {
                let object = self.expression(ValueKind::Object, 0);
                let attribute = self.rng.pick(&["n", "tag", "n", "items[0]"]);
                format!("{object}.{attribute}")
            }
            21 => {
                let object = self.expression(ValueKind::Object, 0);
                let method = self.rng.pick(&["mix", "mix", "bump"]);
                format!("{object}.{method}({a})")
            }
            22 => {
                let (dict, default) = (self.expression(ValueKind::Dict, 0), self.expression(ValueKind::Int, 0));
                if self.rng.percent(85) { format!("{dict}.get({a}, {default})") } else { format!("{dict}[{a} & 3]") }
            }
            23 => {
                let (function, b) = (self.rng.pick(&["min", "max"]), self.expression(ValueKind::Int, depth));
                format!("{function}({a}, {b})")
            }
            24 => {
                let f = self.expression(ValueKind::Float, 0);
                if self.rng.percent(90) { format!("(int({f}) if abs({f}) < 1e15 else 3)") } else { format!("int({f})") }
            }
            25 => {
                let test = self.expression(ValueKind::Bool, depth);
                format!("({a} + {test})")
            }
            26 => format!("({a} ** {})", self.rng.between(0, 3)),
            27 => {
                let text = self.expression(ValueKind::Str, 0);
                let call = self.rng.pick(&["ord(({text} + \"x\")[0])", "{text}.find(\"a\")", "{text}.count(\"b\")"]);
                call.replace("{text}", &text)
            }
            28 => {
                let (item, list) = (self.name("c"), self.expression(ValueKind::List, 0));
                format!("sum([clamp({item}) for {item} in {list} if {item} != {a}][:3])")
            }
            _ => {
                let b = self.divisor(ValueKind::Int, depth);
                format!("divmod({a}, {b})[{}]", self.rng.below(2))
            }
        }
    }

    fn divisor(&mut self, kind: ValueKind, depth: usize) -> String {
        let b = self.expression(kind, depth);
        if self.rng.percent(8) {
            return b;
        }
        match (kind, self.rng.below(3)) {
            (ValueKind::Int, 0) => format!("({b} | 1)"),
            (ValueKind::Int, 1) => self.rng.pick(&["2", "3", "-3", "7", "-1", "10", "16"]).to_owned(),
            (ValueKind::Int, _) => format!("({b} or 1)"),
            (_, 0) => self.rng.pick(&["2.0", "-0.5", "3.0", "1e9"]).to_owned(),
            _ => format!("({b} or 1.5)"),
        }
    }

    fn float(&mut self, depth: usize) -> String {
        let a = self.expression(ValueKind::Float, depth);
        match self.rng.below(17) {
            0..=6 => {
                let operator = self.rng.pick(&["+", "-", "*"]);
                let other = if self.rng.percent(30) { ValueKind::Int } else { ValueKind::Float };
                let b = self.expression(other, depth);
                if self.rng.percent(25) { format!("({b} {operator} {a})") } else { format!("({a} {operator} {b})") }
            }
            7 | 8 => {
                let operator = self.rng.pick(&["/", "/", "//", "%"]);
                let b = self.divisor(ValueKind::Float, depth);
                format!("({a} {operator} {b})")
            }
            9 => {
                let (b, c) = (self.expression(ValueKind::Int, depth), self.divisor(ValueKind::Int, depth));
                format!("({b} / {c})")
            }
            10 => format!("(-{a})"),
            11 => format!("abs({a})"),
            12 => format!("math.sqrt(abs({a}))"),
            13 => {
                let b = self.expression(ValueKind::Int, depth);
                format!("float({b})")
            }
            14 => {
                let (list, i) = (self.expression(ValueKind::List, 0), self.expression(ValueKind::Int, depth));
                format!("{list}[{i} % len({list})]")
            }
            15 => {
                let object = self.expression(ValueKind::Object, 0);
                let attribute = self.rng.pick(&["f", "half", "f"]);
                format!("{object}.{attribute}")
            }
            _ => {
                let (function, b) = (self.rng.pick(&["min", "max"]), self.expression(ValueKind::Float, depth));
                format!("{function}({a}, {b})")
            }
        }
    }

    pub(super) fn boolean(&mut self, depth: usize) -> String {
        let kind = if self.rng.percent(65) { ValueKind::Int } else { self.kind_of_number() };
        let (a, b) = (self.expression(kind, depth), self.expression(kind, depth));
        let operator = self.rng.pick(&["<", "<=", "==", "!=", ">", ">="]);
        match self.rng.below(14) {
            0..=6 => format!("{a} {operator} {b}").wrap(),
            7 => {
                let (second, c) = (self.rng.pick(&["<", "<=", ">"]), self.expression(kind, depth));
                format!("{a} {operator} {b} {second} {c}").wrap()
            }
            8 => {
                let (p, q) = (self.expression(ValueKind::Bool, depth), self.expression(ValueKind::Bool, depth));
                let word = self.rng.pick(&["and", "or"]);
                format!("{p} {word} {q}").wrap()
            }
            9 => {
                let p = self.expression(ValueKind::Bool, depth);
                format!("not {p}").wrap()
            }
            10 => {
                let container = self.rng.pick(&[&ValueKind::List, &ValueKind::Dict]);
                let container = self.expression(*container, 0);
                let word = self.rng.pick(&["in", "not in"]);
                format!("{a} {word} {container}").wrap()
            }
            11 => {
                let kind = self.kind();
                let word = self.rng.pick(&["is", "is not"]);
                match self.variable(kind) {
                    Some(thing) => format!("{} {word} None", thing.name).wrap(),
                    None => format!("{a} {operator} {b}").wrap(),
                }
            }
            12 => {
                let kind = self.kind();
                let thing = self.expression(kind, 0);
                let class = self.rng.pick(&["int", "float", "str", "(int, float)", "bool", "list"]);
                format!("isinstance({thing}, {class})")
            }
            _ => {
                let (s, t) = (self.expression(ValueKind::Str, depth), self.expression(ValueKind::Str, depth));
                format!("{s} {operator} {t}").wrap()
            }
        }
    }

    fn string(&mut self, depth: usize) -> String {
        let s = self.expression(ValueKind::Str, depth);
        match self.rng.below(9) {
            0 | 1 => {
                let t = self.expression(ValueKind::Str, depth);
                format!("({s} + {t})[:16]")
            }
            2 => {
                let i = self.expression(ValueKind::Int, depth);
                format!("str({i})[-9:]")
            }
            3 => {
                let i = self.expression(ValueKind::Int, 0);
                format!("{s}[{i} & 3:]")
            }
            4 => {
                let (kind, i) = (self.kind_of_number(), self.name("x"));
                let value = self.expression(kind, 0);
                format!("(lambda {i}: f\"{{{i}}}:{{{i}!r:>4}}\"[:12])({value})")
            }
            5 => {
                let method = self.rng.pick(&["upper", "lower", "strip", "title", "swapcase"]);
                format!("{s}.{method}()")
            }
            6 => {
                let f = self.expression(ValueKind::Float, 0);
                format!("\"%.3f\" % {f}")
            }
            7 => {
                let (t, item) = (self.expression(ValueKind::Str, 0), self.name("c"));
                format!("\"-\".join([{item} for {item} in {s}] + [{t}])[:16]")
            }
            _ => format!("({s} * {})[:16]", self.rng.below(4)),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        let list = self.expression(ValueKind::List, 0);
        let item = self.name("c");
        match self.rng.below(8) {
            0 => format!("{list}[{}:]", self.rng.below(3)),
            1 => {
                let (kind, count) = (self.kind_of_number(), self.rng.between(2, 5));
                let value = self.expression(kind, depth.min(1));
                format!("[{value} for {item} in range({count})]")
            }
            2 => {
                let operator = self.rng.pick(&["+", "*", "-"]);
                let value = self.expression(ValueKind::Int, 0);
                format!("[clamp({item} {operator} {value}) for {item} in {list}][:12]")
            }
            3 => format!("sorted({list})"),
            4 => {
                let other = self.expression(ValueKind::List, 0);
                format!("({list} + {other})[:12]")
            }
            5 => format!("list(range({}))", self.rng.between(1, 6)),
            6 => format!("{list}[::-1]"),
            _ => {
                let kinds = [self.kind_of_number(), self.kind_of_number()];
                let [a, b] = kinds.map(|kind| self.expression(kind, depth));
                format!("[{a}, {b}]")
            }
        }
    }

    fn dict(&mut self, depth: usize) -> String {
        let (item, value) = (self.name("c"), self.expression(ValueKind::Int, depth.min(1)));
        let dict = self.expression(ValueKind::Dict, 0);
        match self.rng.below(3) {
            0 => format!("{{{item}: {item} + {value} for {item} in range({})}}", self.rng.between(1, 5)),
            1 => format!("dict({dict})"),
            _ => format!("{{**{dict}, {}: {value}}}", self.rng.below(6)),
        }
    }

    fn object(&mut self, depth: usize) -> String {
        let object = self.expression(ValueKind::Object, 0);
        match self.rng.below(3) {
            0 => {
                let n = self.expression(ValueKind::Int, depth);
                let f = self.expression(ValueKind::Float, depth);
                let class = self.class_name();
                format!("{class}(clamp({n}), {f})")
            }
            1 => {
                let n = self.expression(ValueKind::Int, depth.min(1));
                format!("({object} + {n})")
            }
            _ => object,
        }
    }

    /// A call of an earlier function that returns the wanted kind, if the budget allows one.
    pub(super) fn call(&mut self, kind: ValueKind) -> Option<String> {
        let affordable: Vec<usize> = (0..self.functions.len())
            .filter(|&index| {
                let function = &self.functions[index];
                function.returns == kind && self.cost + self.repeats * function.cost < COST_LIMIT
            })
            .collect();
        if affordable.is_empty() {
            return None;
        }
        let function = self.functions[affordable[self.rng.below(affordable.len())]].clone();
        self.cost += self.repeats * function.cost;
        let mut arguments = Vec::new();
        for parameter in &function.parameters {
            if parameter.has_default && self.rng.percent(40) {
                continue;
            }
            let value = self.expression(parameter.kind, 1);
            arguments.push(if parameter.has_default { format!("{}={value}", parameter.name) } else { value });
        }
        if function.takes_rest {
            for _ in 0..self.rng.below(4) {
                let kind = self.kind();
                arguments.push(self.expression(kind, 1));
            }
        }
        let positional = function.parameters.iter().filter(|p| !p.has_default).count().max(if function.takes_rest {
            arguments.len()
        } else {
            0
        });
        if positional > 0 && self.rng.percent(20) {
            let first = self.rng.below(positional);
            let last = first + self.rng.below(positional - first + 1);
            let items = arguments[first..last].join(", ");
            let separator = if last > first { "," } else { "" };
            let starred = if self.rng.percent(50) { format!("*({items}{separator})") } else { format!("*[{items}]") };
            arguments.splice(first..last, [starred]);
        }
        Some(format!("{}({})", function.name, arguments.join(", ")))
    }
}

trait Wrap {
    fn wrap(self) -> String;
}

impl Wrap for String {
    fn wrap(self) -> String {
        format!("({self})")
    }
}
