//! Random statements: assignments, loops of every kind, conditions, exceptions, changes of types and classes midway.

use super::{Binding, COST_LIMIT, ProgramGenerator, ValueKind};

impl ProgramGenerator {
    /// The loop that the function is about.
    pub(super) fn hot_loop(&mut self) {
        let trips = self.rng.between(8, 70);
        match self.rng.below(5) {
            0 | 1 => self.while_loop(trips),
            2..4 => self.range_loop(trips),
            _ => {
                self.range_loop(trips / 2 + 1);
                self.while_loop(trips / 2 + 1);
            }
        }
    }

    pub(super) fn block_lines(&mut self, count: usize) {
        for _ in 0..count {
            self.statement();
        }
    }

    fn block(&mut self, low: usize, high: usize) {
        self.indent += 1;
        let (count, before) = (self.rng.between(low, high), self.text.len());
        self.block_lines(count);
        if self.text.len() == before {
            self.line("pass");
        }
        self.indent -= 1;
    }

    fn loop_body(&mut self, trips: usize, counter: Option<String>) {
        self.repeats *= trips as u64;
        self.loops += 1;
        self.counters.extend(counter.clone());
        let (low, high) = if self.loops == 1 { (3, 7) } else { (1, 4) };
        self.block(low, high);
        self.counters.truncate(self.counters.len() - usize::from(counter.is_some()));
        self.loops -= 1;
        self.repeats /= trips as u64;
    }

    fn range_loop(&mut self, trips: usize) {
        let counter = self.name("i");
        let range = match self.rng.below(6) {
            0 => format!("range({}, -{}, -1)", trips / 2, trips / 2),
            1 => {
                let start = self.rng.pick(&["9223372036854775800", "-3", "2147483640", "4611686018427387900"]);
                format!("range({start}, {start} + {trips})")
            }
            2 => format!("range(0, {}, 3)", trips * 3),
            _ => format!("range({trips})"),
        };
        self.line(&format!("for {counter} in {range}:"));
        let before = self.variables.len();
        self.variables.push(Binding { name: counter.clone(), kind: ValueKind::Int, assignable: true });
        self.loop_body(trips, Some(counter));
        self.forget(before);
        if self.rng.percent(10) {
            self.line("else:");
            self.block(1, 1);
        }
    }

    fn while_loop(&mut self, trips: usize) {
        let counter = self.name("w");
        let step = self.rng.between(1, 3);
        self.line(&format!("{counter} = 0"));
        let extra = if self.rng.percent(15) { format!(" and {}", self.boolean(1)) } else { String::new() };
        self.line(&format!("while {counter} < {}{extra}:", trips * step));
        // The counter moves first, so that `continue` can't skip it.
        self.indent += 1;
        self.line(&format!("{counter} += {step}"));
        self.indent -= 1;
        let before = self.variables.len();
        self.variables.push(Binding { name: counter.clone(), kind: ValueKind::Int, assignable: false });
        self.loop_body(trips, Some(counter));
        self.forget(before);
    }

    /// Counters of inner loops may be unbound after them; a few uses of such names are welcome.
    fn forget(&mut self, before: usize) {
        if self.loops > 0 && self.rng.percent(97) {
            self.variables.truncate(before);
        }
    }

    fn container_loop(&mut self) {
        let item = self.name("e");
        let (list, dict) = (self.expression(ValueKind::List, 1), self.expression(ValueKind::Dict, 0));
        let (header, kinds): (String, &[ValueKind]) = match self.rng.below(9) {
            0 | 1 => (format!("for {item} in {list}:"), &[ValueKind::Float]),
            2 => (format!("for {item}, {item}x in enumerate({list}):"), &[ValueKind::Int, ValueKind::Float]),
            3 => (format!("for {item}, {item}x in {dict}.items():"), &[ValueKind::Int, ValueKind::Int]),
            4 => (format!("for {item} in {dict}:"), &[ValueKind::Int]),
            5 => {
                let other = self.expression(ValueKind::List, 0);
                (format!("for {item}, {item}x in zip({list}, {other}):"), &[ValueKind::Int, ValueKind::Float])
            }
            6 => (format!("for {item} in reversed({list}):"), &[ValueKind::Float]),
            7 if self.producer.is_some() => {
                let (producer, argument) = (self.producer.clone().unwrap_or_default(), self.expression(ValueKind::Int, 1));
                (format!("for {item} in {producer}({argument}):"), &[ValueKind::Int])
            }
            _ => {
                let text = self.expression(ValueKind::Str, 1);
                (format!("for {item} in {text}:"), &[ValueKind::Str])
            }
        };
        self.line(&header);
        let before = self.variables.len();
        for (index, kind) in kinds.iter().enumerate() {
            let name = format!("{item}{}", &"x"[..index]);
            self.variables.push(Binding { name, kind: *kind, assignable: true });
        }
        self.loop_body(5, None);
        // An empty container leaves them unbound.
        self.variables.truncate(before);
    }

    fn statement(&mut self) {
        self.cost += self.repeats;
        let room = self.indent < 6 && self.cost + self.repeats * 30 < COST_LIMIT;
        match self.rng.below(if room { 100 } else { 70 }) {
            0..=33 => self.assignment(),
            34..=45 => self.container_statement(),
            46..=52 => self.object_statement(),
            53..=57 => self.midway(),
            58..=60 => {
                let kind = self.kind();
                let value = self.expression(kind, 1);
                self.line(&format!("note({value})"));
            }
            61..=63 if self.loops > 0 => {
                let word = self.rng.pick(&["break", "continue", "continue"]);
                let test = self.boolean(1);
                self.line(&format!("if {test}:"));
                self.indent += 1;
                self.line(word);
                self.indent -= 1;
            }
            64 if self.in_function => self.early_return(),
            61..=66 => self.swap(),
            67..=69 => self.raise_statement(),
            70..=80 => self.condition(),
            81..=85 if self.loops < 3 => {
                let trips = self.rng.between(2, 6);
                if self.rng.percent(50) { self.range_loop(trips) } else { self.while_loop(trips) }
            }
            86..=89 if self.loops < 3 => self.container_loop(),
            90..=95 => self.try_statement(),
            96 | 97 => {
                let swallow = self.rng.pick(&["True", "False"]);
                self.line(&format!("with Guard({swallow}):"));
                self.block(1, 3);
            }
            98 => self.closure(),
            _ if self.loops < 3 => self.matrix(),
            _ => self.condition(),
        }
    }

    fn assignable(&mut self) -> Option<Binding> {
        let found: Vec<&Binding> = self.variables.iter().filter(|variable| variable.assignable).collect();
        (!found.is_empty()).then(|| self.rng.pick(&found).clone())
    }

    fn assignment(&mut self) {
        let Some(variable) = self.assignable() else { return };
        let name = variable.name;
        let augmented: &[&str] = match variable.kind {
            ValueKind::Int => &["+=", "-=", "+=", "*=", "&=", "|=", "^=", "//="],
            ValueKind::Float => &["+=", "-=", "*="],
            ValueKind::Str | ValueKind::List => &["+="],
            _ => &[],
        };
        if !augmented.is_empty() && self.rng.percent(40) {
            let operator = self.rng.pick(augmented);
            let value = self.expression(variable.kind, 1);
            let value = if operator == "//=" { format!("({value}) or 1") } else { value };
            self.line(&format!("{name} {operator} {value}"));
            // A variable that is expected to be a float may hold an int, which would double its length in each round.
            if variable.kind == ValueKind::Float && operator == "*=" {
                self.line(&format!("if type({name}) is int: {name} = clamp({name})"));
            }
        } else {
            let value = self.expression(variable.kind, 3);
            self.line(&format!("{name} = {value}"));
        }
        match variable.kind {
            ValueKind::Int if self.rng.percent(60) => {
                self.line(&format!("if not -2 ** 90 < {name} < 2 ** 90:"));
                self.indent += 1;
                self.line(&format!("{name} %= 1000003"));
                self.indent -= 1;
            }
            ValueKind::Int | ValueKind::Str | ValueKind::List => self.line(&format!("{name} = clamp({name})")),
            _ => {}
        }
    }

    fn container_statement(&mut self) {
        if self.rng.percent(35) {
            let Some(dict) = self.variable(ValueKind::Dict) else { return self.assignment() };
            let (dict, key, value) = (dict.name, self.expression(ValueKind::Int, 1), self.expression(ValueKind::Int, 2));
            match self.rng.below(6) {
                5 => {
                    let (text, counts, item) = (self.expression(ValueKind::Str, 1), self.name("d"), self.name("c"));
                    self.line(&format!("{counts} = {{}}"));
                    self.line(&format!("for {item} in {text}:"));
                    self.line(&format!("    {counts}[{item}] = {counts}.get({item}, 0) + {dict}.get(1, 1)"));
                    self.line(&format!("note({counts})"));
                }
                0..=2 => self.line(&format!("{dict}[{key} & 7] = clamp({value})")),
                3 => self.line(&format!("{dict}[{key} & 3] = clamp({dict}.get({key} & 3, 0) + {value})")),
                _ => self.line(&format!("{dict}.pop({key} & 7, None)")),
            }
            return;
        }
        let Some(list) = self.variable(ValueKind::List) else { return self.assignment() };
        let kind = if self.rng.percent(80) { ValueKind::Int } else { ValueKind::Float };
        let (list, index, value) = (list.name, self.expression(ValueKind::Int, 1), self.expression(kind, 2));
        match self.rng.below(10) {
            0..=2 => self.line(&format!("{list}[{index} % len({list})] = clamp({value})")),
            3 => self.line(&format!("{list}[{index} % len({list})] += {}", if kind == ValueKind::Int { "1" } else { "0.5" })),
            4 | 5 => {
                self.line(&format!("if len({list}) < 12:"));
                self.indent += 1;
                self.line(&format!("{list}.append(clamp({value}))"));
                self.indent -= 1;
            }
            6 => {
                self.line(&format!("if len({list}) > 3:"));
                self.indent += 1;
                let removal = self.rng.pick(&["{list}.pop()", "{list}.pop(0)", "del {list}[1]", "del {list}[-1:]"]);
                self.line(&removal.replace("{list}", &list));
                self.indent -= 1;
            }
            7 => self.line(&format!("{list}[0], {list}[-1] = {list}[-1], {list}[0]")),
            8 => self.line(&format!("{list}[:1] = [clamp({value})]")),
            _ => {
                let method = self.rng.pick(&["reverse", "sort"]);
                self.line(&format!("{list}.{method}()"));
            }
        }
    }

    fn object_statement(&mut self) {
        let Some(object) = self.variable(ValueKind::Object) else { return self.assignment() };
        let object = object.name;
        let kind = if self.rng.percent(50) { ValueKind::Int } else { ValueKind::Float };
        let value = self.expression(kind, 2);
        let attribute = if kind == ValueKind::Int { "n" } else { "f" };
        match self.rng.below(6) {
            0 | 1 => self.line(&format!("{object}.{attribute} = clamp({value})")),
            2 => self.line(&format!("{object}.{attribute} += {}", if kind == ValueKind::Int { "1" } else { "0.25" })),
            3 => {
                let index = self.rng.below(2);
                self.line(&format!("{object}.items[{index}] = clamp({value})"));
            }
            4 => self.line(&format!("{object}.bump({value})")),
            _ => self.line(&format!("{object}.items = {object}.items[:6] + [clamp({value})]")),
        }
    }

    /// A change of a type, a class, a global or a builtin that happens once, when a loop has run for a while.
    fn midway(&mut self) {
        let Some(counter) = self.counters.last().cloned() else { return self.assignment() };
        let at = self.rng.between(3, 30);
        self.line(&format!("if {counter} == {at}:"));
        self.indent += 1;
        let class = self.class_name();
        match self.rng.below(10) {
            0..=5 => match self.assignable() {
                Some(variable) => {
                    let kind = self.intruder(variable.kind);
                    let value = if self.rng.percent(12) { "None".to_owned() } else { self.literal(kind) };
                    self.line(&format!("{} = {value}", variable.name));
                }
                None => self.line("pass"),
            },
            6 => {
                let value = self.literal(ValueKind::Float);
                self.line(&format!("{class}.tag = {value}"));
            }
            7 => {
                let value = self.literal(ValueKind::Int);
                self.line(&format!("{class}.mix = lambda self, v, w={value}: clamp(w - v)"));
            }
            8 => {
                let (dividend, kind) = (self.literal(ValueKind::Int), self.intruder(ValueKind::Int));
                let value = self.literal(kind);
                let global = self.globals[self.rng.below(2)].name.clone();
                self.line(&format!("globals()[\"{global}\"] = {value} if {dividend} > 1 else {dividend}"));
            }
            _ => match self.variable(ValueKind::Object) {
                Some(object) => {
                    let suffix = if self.rng.percent(50) { "b" } else { "" };
                    self.line(&format!("{}.__class__ = {class}{suffix}", object.name));
                }
                None => self.line("pass"),
            },
        }
        self.indent -= 1;
    }

    fn early_return(&mut self) {
        let test = self.boolean(1);
        let kind = if self.rng.percent(80) { self.returns } else { self.intruder(self.returns) };
        let value = self.expression(kind, 1);
        let really = self.literal(ValueKind::Bool);
        self.line(&format!("if {test} and {really}:"));
        self.indent += 1;
        self.line(&format!("return {value}"));
        self.indent -= 1;
    }

    fn swap(&mut self) {
        if self.rng.percent(25) {
            let (a, b) = (self.assignable(), self.assignable());
            if let (Some(a), Some(b)) = (a, b)
                && a.kind == ValueKind::Int
                && b.kind == ValueKind::Int
            {
                let (x, y) = (self.expression(ValueKind::Int, 1), self.expression(ValueKind::Int, 1));
                return self.line(&format!("{}, {} = divmod(clamp({x}), {y} | 1)", a.name, b.name));
            }
        }
        let kind = if self.rng.percent(50) { ValueKind::Int } else { ValueKind::Float };
        let found: Vec<String> = self
            .variables
            .iter()
            .filter(|variable| variable.assignable && variable.kind == kind)
            .map(|variable| variable.name.clone())
            .collect();
        if found.len() < 2 {
            return self.assignment();
        }
        let (a, b) = (&found[self.rng.below(found.len())], &found[self.rng.below(found.len())]);
        let value = self.expression(kind, 1);
        if self.rng.percent(50) {
            self.line(&format!("{a}, {b} = {b}, {a}"));
        } else {
            self.line(&format!("{a}, {b} = clamp({value}), {a}"));
        }
    }

    fn raise_statement(&mut self) {
        let test = self.boolean(2);
        let problem = self.rng.pick(&["ValueError", "KeyError", "TypeError", "ZeroDivisionError"]);
        let value = self.expression(ValueKind::Int, 0);
        // In the last rounds, so that the loop has run before.
        let Some(counter) = self.counters.first().cloned() else { return };
        self.line(&format!("if {counter} > 40 and {test}:"));
        self.indent += 1;
        self.line(&format!("raise {problem}({value})"));
        self.indent -= 1;
    }

    fn condition(&mut self) {
        let test = self.boolean(2);
        self.line(&format!("if {test}:"));
        self.block(1, 3);
        if self.rng.percent(25) {
            let other = self.boolean(1);
            self.line(&format!("elif {other}:"));
            self.block(1, 2);
        }
        if self.rng.percent(50) {
            self.line("else:");
            self.block(1, 2);
        }
    }

    fn try_statement(&mut self) {
        self.line("try:");
        self.block(1, 4);
        let caught = self.rng.percent(85);
        if caught {
            let kinds = self.rng.pick(&[
                "Exception",
                "(TypeError, ValueError, ZeroDivisionError, KeyError, IndexError)",
                "ZeroDivisionError",
                "TypeError",
            ]);
            self.line(&format!("except {kinds} as problem:"));
            self.indent += 1;
            if self.rng.percent(50) {
                self.line("note(type(problem).__name__)");
            }
            if self.rng.percent(10) {
                self.line("raise");
            }
            self.indent -= 1;
            self.block(1, 2);
            if self.rng.percent(20) {
                self.line("else:");
                self.block(1, 1);
            }
        }
        if !caught || self.rng.percent(20) {
            self.line("finally:");
            self.indent += 1;
            // No break, continue or return here: they swallow exceptions, and newer Pythons warn about them.
            let before = self.text.len();
            self.assignment();
            if self.text.len() == before {
                self.line("pass");
            }
            self.indent -= 1;
        }
    }

    /// Nested lists, read and written by two indices.
    fn matrix(&mut self) {
        let (m, i, j) = (self.name("m"), self.name("i"), self.name("j"));
        let kind = if self.rng.percent(50) { ValueKind::Int } else { ValueKind::Float };
        let (first, value) = (self.literal(kind), self.expression(kind, 2));
        let operator = self.rng.pick(&["+", "-", "*"]);
        self.line(&format!("{m} = [[{first} for {j} in range(3)] for {i} in range(3)]"));
        self.line(&format!("for {i} in range(3):"));
        self.line(&format!("    for {j} in range(3):"));
        self.line(&format!("        {m}[{i}][{j}] = clamp({m}[{j}][{i}] {operator} {value})"));
        self.line(&format!("        {m}[{i}][0] += 1"));
        self.line(&format!("note({m})"));
        self.cost += self.repeats * 24;
    }

    /// A nested function that reads and writes the variables around it, called a few times at once.
    fn closure(&mut self) {
        let name = self.name("inner");
        let Some(variable) = self.assignable() else { return };
        let value = self.expression(variable.kind, 1);
        self.line(&format!("def {name}(p):"));
        self.indent += 1;
        let is_global = variable.name.starts_with('g') || !self.in_function;
        self.line(&format!("{} {}", if is_global { "global" } else { "nonlocal" }, variable.name));
        self.line(&format!("{} = clamp({value})", variable.name));
        self.line("return p");
        self.indent -= 1;
        self.line(&format!("note({name}({name}(3)))"));
    }
}
