//! The text form of the IR: reading. Newlines and indentation do not matter,
//! `;` starts a comment.

use super::{
    Awaits, BinOp, Block, BlockCall, BlockData, Callee, CtxField, ElemKind, Exit, ExitId, ExitKind, Field, FloatCC, FnCell,
    FnKind, FrameDesc, FrameState, Function, GlobalWrite, Inst, InstData, IntCC, ObjId, Op, OvfOp, Reason, Recipe, Term, Type,
    UnOp, Unit, Value, VirtualKind,
};
use crate::rt::RtId;
use core::fmt;

/// What is wrong with a text, and in which line of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParseError {
    pub line: usize,
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

type Result<T> = core::result::Result<T, ParseError>;

/// Reads a unit. The result is not verified.
pub fn parse_unit(text: &str) -> Result<Unit> {
    let mut p = Parser { tokens: tokenize(text)?, at: 0 };
    let mut unit = Unit::default();
    while p.peek() != &Token::End {
        unit.funcs.push(p.function()?);
    }
    Ok(unit)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A name; dots are part of it.
    Word(String),
    /// A number as it is written.
    Number(String),
    Str(String),
    Punct(char),
    Arrow,
    End,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(s) | Token::Number(s) => write!(f, "`{s}`"),
            Token::Str(s) => write!(f, "{s:?}"),
            Token::Punct(c) => write!(f, "`{c}`"),
            Token::Arrow => f.write_str("`->`"),
            Token::End => f.write_str("the end"),
        }
    }
}

fn tokenize(text: &str) -> Result<Vec<(Token, usize)>> {
    let mut out = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            ';' => while chars.next_if(|&c| c != '\n').is_some() {},
            c if c.is_whitespace() => {}
            '-' if chars.next_if_eq(&'>').is_some() => out.push((Token::Arrow, line)),
            c if c.is_ascii_alphabetic() || c == '_' => {
                let mut s = String::from(c);
                while let Some(c) = chars.next_if(|&c| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
                    s.push(c);
                }
                out.push((Token::Word(s), line));
            }
            c if c.is_ascii_digit() || c == '-' => {
                let mut s = String::from(c);
                let mut exponent = false;
                while let Some(c) =
                    chars.next_if(|&c| c.is_ascii_alphanumeric() || c == '.' || (exponent && (c == '-' || c == '+')))
                {
                    exponent = (c == 'e' || c == 'E') && !s.starts_with("0x");
                    s.push(c);
                }
                out.push((Token::Number(s), line));
            }
            '"' => {
                let start = line;
                let mut s = String::new();
                loop {
                    match chars.next() {
                        None | Some('\n') => {
                            return Err(ParseError { line: start, message: "a string that does not end".into() });
                        }
                        Some('"') => break,
                        Some('\\') => s.push(
                            escape(&mut chars)
                                .ok_or(ParseError { line: start, message: "an escape that is not known".into() })?,
                        ),
                        Some(c) => s.push(c),
                    }
                }
                out.push((Token::Str(s), line));
            }
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ':' | '=' | '@' => out.push((Token::Punct(c), line)),
            c => return Err(ParseError { line, message: format!("{c:?} is not part of anything") }),
        }
    }
    out.push((Token::End, line));
    Ok(out)
}

/// What follows a backslash in a string as Rust's `{:?}` writes it.
fn escape(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        c @ ('"' | '\'' | '\\') => c,
        'u' => {
            if chars.next()? != '{' {
                return None;
            }
            let mut code = 0u32;
            loop {
                match chars.next()? {
                    '}' => break,
                    c => code = code.checked_mul(16)?.checked_add(c.to_digit(16)?)?,
                }
            }
            char::from_u32(code)?
        }
        _ => return None,
    })
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
}

/// The largest entity number that is read; keeps a typing error from filling the memory.
const MAX_ENTITY: u32 = 1 << 20;

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn next(&mut self) -> Token {
        let t = self.tokens[self.at].0.clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        t
    }

    /// An error at the token read last.
    fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        let line = self.tokens[self.at.saturating_sub(1)].1;
        Err(ParseError { line, message: message.into() })
    }

    fn expected<T>(&self, what: &str, got: &Token) -> Result<T> {
        self.error(format!("expected {what}, not {got}"))
    }

    fn eat(&mut self, c: char) -> bool {
        let yes = *self.peek() == Token::Punct(c);
        if yes {
            self.next();
        }
        yes
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let yes = matches!(self.peek(), Token::Word(w) if w == word);
        if yes {
            self.next();
        }
        yes
    }

    fn punct(&mut self, c: char) -> Result<()> {
        match self.next() {
            Token::Punct(p) if p == c => Ok(()),
            t => self.expected(&format!("`{c}`"), &t),
        }
    }

    fn word(&mut self, what: &str) -> Result<String> {
        match self.next() {
            Token::Word(w) => Ok(w),
            t => self.expected(what, &t),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<()> {
        match self.next() {
            Token::Word(w) if w == word => Ok(()),
            t => self.expected(&format!("`{word}`"), &t),
        }
    }

    fn named<T>(&mut self, what: &str, by_name: impl Fn(&str) -> Option<T>) -> Result<T> {
        let t = self.next();
        if let Token::Word(w) = &t
            && let Some(x) = by_name(w)
        {
            return Ok(x);
        }
        self.expected(what, &t)
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T> {
        let t = self.next();
        if let Token::Number(s) = &t
            && let Ok(x) = s.parse()
        {
            return Ok(x);
        }
        self.expected(what, &t)
    }

    /// The number of an entity like `v12`, if the next token is one.
    fn peek_entity(&self, prefix: &str) -> Option<u32> {
        match self.peek() {
            Token::Word(w) => {
                let digits = w.strip_prefix(prefix)?;
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                digits.parse().ok().filter(|&n| n < MAX_ENTITY)
            }
            _ => None,
        }
    }

    fn entity(&mut self, prefix: &str) -> Result<u32> {
        match self.peek_entity(prefix) {
            Some(n) => {
                self.next();
                Ok(n)
            }
            None => {
                let t = self.next();
                self.expected(&format!("a name like {prefix}0"), &t)
            }
        }
    }

    fn value(&mut self) -> Result<Value> {
        self.entity("v").map(Value)
    }

    fn exit(&mut self) -> Result<ExitId> {
        self.entity("exit").map(ExitId)
    }

    fn obj(&mut self) -> Result<ObjId> {
        self.entity("obj").map(ObjId)
    }

    fn ty(&mut self) -> Result<Type> {
        self.named("a type", |w| [Type::I32, Type::I64, Type::F64, Type::Ptr, Type::Tok].into_iter().find(|t| t.to_string() == w))
    }

    /// Items with commas between them, up to `close`, which is read too.
    fn list<T>(&mut self, close: char, mut one: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut out = Vec::new();
        if self.eat(close) {
            return Ok(out);
        }
        loop {
            out.push(one(self)?);
            if self.eat(close) {
                return Ok(out);
            }
            self.punct(',')?;
        }
    }

    fn values_in_parens(&mut self) -> Result<Vec<Value>> {
        self.punct('(')?;
        self.list(')', Self::value)
    }

    fn comma_value(&mut self) -> Result<Value> {
        self.punct(',')?;
        self.value()
    }

    fn comma_exit(&mut self) -> Result<ExitId> {
        self.punct(',')?;
        self.exit()
    }

    fn function(&mut self) -> Result<Function> {
        self.keyword("function")?;
        let (kind, framed) = self.named("`entry`, `compiled` or `framed`", |w| match w {
            "entry" => Some((FnKind::Entry, false)),
            "compiled" => Some((FnKind::Compiled, false)),
            "framed" => Some((FnKind::Compiled, true)),
            _ => None,
        })?;
        let name = match self.next() {
            Token::Str(s) => s,
            t => return self.expected("the name in quotes", &t),
        };
        let ret = if *self.peek() == Token::Arrow {
            self.next();
            Some(self.ty()?)
        } else {
            None
        };
        let mut body = Body {
            func: Function { blocks: Vec::new(), framed, ..Function::new(name, kind, ret) },
            types: Vec::new(),
            lines: Vec::new(),
        };
        self.punct('{')?;
        while self.peek_entity("block").is_some() {
            self.block(&mut body)?;
        }
        while self.peek_entity("exit").is_some() {
            let n = self.exit()?.index();
            if n != body.func.exits.len() {
                return self.error(format!("expected exit{}, not exit{n}", body.func.exits.len()));
            }
            self.punct('=')?;
            let exit = self.exit_data()?;
            body.func.exits.push(exit);
        }
        while self.peek_entity("state").is_some() {
            let n = self.entity("state")? as usize;
            if n != body.func.states.len() {
                return self.error(format!("expected state{}, not state{n}", body.func.states.len()));
            }
            self.punct('=')?;
            let state = self.state()?;
            body.func.states.push(state);
        }
        self.punct('}')?;
        body.finish()
    }

    fn block(&mut self, body: &mut Body) -> Result<()> {
        let n = self.entity("block")? as usize;
        if n != body.func.blocks.len() {
            return self.error(format!("expected block{}, not block{n}", body.func.blocks.len()));
        }
        let mut data = BlockData::default();
        if self.eat('(') {
            data.params = self.list(')', |p| {
                let v = p.value()?;
                p.punct(':')?;
                let ty = p.ty()?;
                if !body.define(v, Some(ty)) {
                    return p.error(format!("{v} is defined twice"));
                }
                Ok(v)
            })?;
        }
        data.cold = self.eat_word("cold");
        if self.eat_word("hoist") {
            data.hoist_exit = Some(self.exit()?);
        }
        self.punct(':')?;
        loop {
            if let Some(term) = self.term()? {
                data.term = term;
                break;
            }
            let inst = self.inst(body)?;
            data.insts.push(inst);
        }
        body.func.blocks.push(data);
        Ok(())
    }

    fn inst(&mut self, body: &mut Body) -> Result<Inst> {
        let result = match self.peek_entity("v") {
            Some(n) => {
                self.next();
                self.punct('=')?;
                Some(Value(n))
            }
            None => None,
        };
        let op = self.op()?;
        let line = self.tokens[self.at.saturating_sub(1)].1;
        let pc = if self.eat('@') { self.number("a position")? } else { u32::MAX };
        let inlined = if pc != u32::MAX && self.eat_word("of") { Some(self.obj()?) } else { None };
        if let Some(r) = result
            && !body.define(r, None)
        {
            return self.error(format!("{r} is defined twice"));
        }
        body.func.insts.push(InstData { op, result, pc, inlined });
        body.lines.push(line);
        Ok(Inst(body.func.insts.len() as u32 - 1))
    }

    fn block_call(&mut self) -> Result<BlockCall> {
        let block = Block(self.entity("block")?);
        let args = if *self.peek() == Token::Punct('(') { self.values_in_parens()? } else { Vec::new() };
        Ok(BlockCall { block, args })
    }

    /// A terminator, if the next token begins one.
    fn term(&mut self) -> Result<Option<Term>> {
        let Token::Word(w) = self.peek() else { return Ok(None) };
        let name = w.clone();
        Ok(Some(match name.as_str() {
            "jump" => {
                self.next();
                Term::Jump(self.block_call()?)
            }
            "br" => {
                self.next();
                let cond = self.value()?;
                self.punct(',')?;
                let then = self.block_call()?;
                self.punct(',')?;
                Term::Br { cond, then, els: self.block_call()? }
            }
            "ret" => {
                self.next();
                Term::Ret(if self.peek_entity("v").is_some() { Some(self.value()?) } else { None })
            }
            "exit" => {
                self.next();
                Term::Exit(self.exit()?)
            }
            "unfinished" => {
                self.next();
                Term::None
            }
            _ => return Ok(None),
        }))
    }

    fn dep(&mut self) -> Result<Option<Value>> {
        if self.eat_word("after") { self.value().map(Some) } else { Ok(None) }
    }

    fn op(&mut self) -> Result<Op> {
        let name = self.word("an operation")?;
        if let Some(op) = BinOp::by_name(&name) {
            return Ok(Op::Bin(op, self.value()?, self.comma_value()?));
        }
        if let Some(op) = OvfOp::by_name(&name) {
            return Ok(Op::Ovf(op, self.value()?, self.comma_value()?, self.comma_exit()?));
        }
        if let Some(op) = UnOp::by_name(&name) {
            return Ok(Op::Un(op, self.value()?));
        }
        Ok(match name.as_str() {
            "i64" => Op::I64Const(self.number("a 64-bit integer")?),
            "i32" => Op::I32Const(self.number("a 32-bit integer")?),
            "f64" => Op::F64Const(self.number::<f64>("a number")?.to_bits()),
            "f64_bits" => {
                let digits: String = self.hex()?;
                match u64::from_str_radix(&digits, 16) {
                    Ok(bits) => Op::F64Const(bits),
                    Err(_) => return self.error("expected 64 bits as 0x.."),
                }
            }
            "obj" => Op::Obj(self.obj()?),
            "null" => Op::Null,
            "icmp" => {
                let cc = self.named("an integer condition", IntCC::by_name)?;
                Op::Icmp(cc, self.value()?, self.comma_value()?)
            }
            "fcmp" => {
                let cc = self.named("a float condition", FloatCC::by_name)?;
                Op::Fcmp(cc, self.value()?, self.comma_value()?)
            }
            "select" => Op::Select(self.value()?, self.comma_value()?, self.comma_value()?),
            "load" => {
                let field = self.named("a field", Field::by_name)?;
                Op::Load { field, base: self.value()?, dep: self.dep()? }
            }
            "store" => {
                let field = self.named("a field", Field::by_name)?;
                Op::Store { field, base: self.value()?, value: self.comma_value()? }
            }
            "load_elem" => {
                let kind = self.elem_kind()?;
                Op::LoadElem { kind, base: self.value()?, index: self.comma_value()?, dep: self.dep()? }
            }
            "store_elem" => {
                let kind = self.elem_kind()?;
                Op::StoreElem { kind, base: self.value()?, index: self.comma_value()?, value: self.comma_value()? }
            }
            "load_arg" => {
                let ty = self.ty()?;
                let args = self.value()?;
                self.punct(',')?;
                Op::LoadArg { args, index: self.number("an index")?, ty }
            }
            "store_arg" => {
                let args = self.value()?;
                self.punct(',')?;
                Op::StoreArg { args, index: self.number("an index")?, value: self.comma_value()? }
            }
            "load_ctx" => Op::LoadCtx(self.ctx_field()?),
            "store_scratch" => Op::StoreScratch { index: self.number("an index")?, value: self.comma_value()? },
            "guard" => Op::Guard { cond: self.value()?, expect: true, exit: self.comma_exit()? },
            "guard_not" => Op::Guard { cond: self.value()?, expect: false, exit: self.comma_exit()? },
            "incref" => Op::Incref(self.value()?),
            "decref" => {
                let v = self.value()?;
                Op::Decref(v, if self.eat(',') { Some(self.exit()?) } else { None })
            }
            "is_unique" => Op::IsUnique(self.value()?),
            "call_rt" => {
                let rt = self.named("an entry point", RtId::by_name)?;
                Op::CallRt { rt, args: self.values_in_parens()? }
            }
            "call_fn" => {
                let callee = match self.peek_entity("local") {
                    Some(n) => {
                        self.next();
                        Callee::Local(n)
                    }
                    None => Callee::Cell(FnCell(self.entity("fn")?)),
                };
                let args = self.values_in_parens()?;
                let ret = if *self.peek() == Token::Arrow {
                    self.next();
                    Some(self.ty()?)
                } else {
                    None
                };
                Op::CallFn { callee, args, ret, exit: self.comma_exit()? }
            }
            "poll" => Op::Poll { exit: self.exit()? },
            "enter" => Op::Enter { exit: self.exit()? },
            "leave" => Op::Leave,
            _ => return self.error(format!("there is no operation `{name}`")),
        })
    }

    fn hex(&mut self) -> Result<String> {
        match self.next() {
            Token::Number(s) if s.starts_with("0x") => Ok(s[2..].to_string()),
            t => self.expected("a number like 0x1f", &t),
        }
    }

    fn elem_kind(&mut self) -> Result<ElemKind> {
        self.named("an element kind", |w| ElemKind::ALL.into_iter().find(|k| k.name() == w))
    }

    fn ctx_field(&mut self) -> Result<CtxField> {
        self.named("a context field", |w| CtxField::ALL.into_iter().find(|k| k.name() == w))
    }

    fn reason(&mut self) -> Result<Reason> {
        self.punct('(')?;
        let r = self.named("a reason", Reason::by_name)?;
        self.punct(')')?;
        Ok(r)
    }

    fn exit_data(&mut self) -> Result<Exit> {
        let kind = match self.word("the kind of the exit")?.as_str() {
            "guard" => ExitKind::Guard(self.reason()?),
            "raise" => ExitKind::Raise,
            "after" => ExitKind::After(self.reason()?),
            "call" => ExitKind::Call,
            w => return self.error(format!("there is no kind of exit `{w}`")),
        };
        let state = self.entity("state")?;
        let mut drops = Vec::new();
        if self.eat_word("drops") {
            drops.push(self.value()?);
            while self.eat(',') {
                drops.push(self.value()?);
            }
        }
        Ok(Exit { kind, state, drops })
    }

    fn state(&mut self) -> Result<FrameState> {
        let mut state = FrameState::default();
        while self.eat_word("frame") {
            let code = self.obj()?;
            let func = if self.eat_word("of") { Some(self.obj()?) } else { None };
            self.keyword("at")?;
            let pc = self.number("a position")?;
            let awaits = if self.eat_word("awaiting") {
                if self.eat_word("operator") {
                    Awaits::Operator(self.number("a number of operands")?)
                } else {
                    self.keyword("init")?;
                    Awaits::Init
                }
            } else {
                Awaits::Result
            };
            self.punct('[')?;
            let locals = self.list(']', Self::recipe)?;
            self.punct('[')?;
            let stack = self.list(']', Self::recipe)?;
            state.frames.push(FrameDesc { code, func, pc, awaits, locals, stack });
        }
        while self.eat_word("global") {
            let dict = self.obj()?;
            self.punct(',')?;
            let name = self.obj()?;
            self.punct('=')?;
            state.globals.push(GlobalWrite { dict, name, value: self.recipe()? });
        }
        Ok(state)
    }

    fn recipe(&mut self) -> Result<Recipe> {
        let word = self.word("a recipe")?;
        if let Some(kind) = VirtualKind::by_name(&word) {
            return self.virtual_object(kind);
        }
        Ok(match word.as_str() {
            "null" => Recipe::Null,
            "keep" => Recipe::Keep,
            "owned" => Recipe::Owned(self.value()?),
            "borrowed" => Recipe::Borrowed(self.value()?),
            "int" => Recipe::Int(self.value()?),
            "float" => Recipe::Float(self.value()?),
            "bool" => Recipe::Bool(self.value()?),
            "const" => Recipe::Const(self.obj()?),
            "if_bound" => {
                self.punct('(')?;
                let value = Box::new(self.recipe()?);
                let bound = self.comma_value()?;
                self.punct(')')?;
                Recipe::IfBound { bound, value }
            }
            "instance" => {
                self.punct('(')?;
                let number = self.number("the number of an instance")?;
                self.keyword("of")?;
                let class = self.obj()?;
                let mut fields = Vec::new();
                while self.eat(',') {
                    let name = self.obj()?;
                    self.punct('=')?;
                    fields.push((name, self.recipe()?));
                }
                self.punct(')')?;
                Recipe::Instance { number, class, fields }
            }
            "same" => {
                self.punct('(')?;
                let number = self.number("the number of an instance")?;
                self.punct(')')?;
                Recipe::Same(number)
            }
            _ => return self.error(format!("there is no recipe `{word}`")),
        })
    }

    /// A recipe of that kind: in parentheses its parts, then its numbers.
    fn virtual_object(&mut self, kind: VirtualKind) -> Result<Recipe> {
        let shape = kind.shape();
        let (mut parts, mut numbers) = (Vec::new(), Vec::new());
        self.punct('(')?;
        self.list(')', |p| {
            match shape.parts {
                Some(n) if parts.len() == n => numbers.push(p.value()?),
                _ => parts.push(p.recipe()?),
            }
            Ok(())
        })?;
        if shape.parts.is_some_and(|n| n != parts.len()) || numbers.len() != shape.numbers.len() {
            let count = shape.parts.unwrap_or_default();
            return self.error(format!("{} takes {count} recipes and {} values", shape.name, shape.numbers.len()));
        }
        Ok(Recipe::Virtual { kind, parts, numbers })
    }
}

/// A function whose values' types are still being found out.
struct Body {
    func: Function,
    /// By value: undefined, defined with a type to be found out, or of a type.
    types: Vec<Option<Option<Type>>>,
    /// By instruction.
    lines: Vec<usize>,
}

impl Body {
    /// Takes note of a definition; false if there was one.
    fn define(&mut self, v: Value, ty: Option<Type>) -> bool {
        if self.types.len() <= v.index() {
            self.types.resize(v.index() + 1, None);
        }
        self.types[v.index()].replace(ty).is_none()
    }

    /// Finds out the types. An operation's follows from its operands', which may be defined further down.
    fn finish(mut self) -> Result<Function> {
        let mut pending: Vec<usize> = (0..self.func.insts.len()).collect();
        loop {
            let before = pending.len();
            let mut rest = Vec::new();
            for i in pending {
                let data = &self.func.insts[i];
                let at = |message: String| Err(ParseError { line: self.lines[i], message });
                let mut missing = None;
                let mut undefined = None;
                data.op.operands(&mut |v| match self.types.get(v.index()) {
                    Some(Some(Some(_))) => {}
                    Some(Some(None)) => missing = Some(v),
                    _ => undefined = Some(v),
                });
                if let Some(v) = undefined {
                    return at(format!("{v} is not defined"));
                }
                if missing.is_some() {
                    rest.push(i);
                    continue;
                }
                let ty = data.op.result_type_by(&|v| self.types[v.index()].flatten().unwrap_or(Type::I64));
                match (data.result, ty) {
                    (Some(r), Some(ty)) => self.types[r.index()] = Some(Some(ty)),
                    (None, None) => {}
                    (Some(r), None) => return at(format!("{r} can't be the result of what has none")),
                    (None, Some(_)) => return at("the result needs a name".into()),
                }
            }
            if rest.is_empty() {
                break;
            }
            if rest.len() == before {
                return Err(ParseError { line: self.lines[rest[0]], message: "values that are defined by one another".into() });
            }
            pending = rest;
        }
        // Numbers that are not used belong to nothing; any type will do.
        self.func.values = self.types.iter().map(|t| t.flatten().unwrap_or(Type::I64)).collect();
        Ok(self.func)
    }
}
