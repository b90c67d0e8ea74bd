"""A calculator language: tokenizer, precedence parser to a tree of objects, evaluator, and a pretty printer."""
import re
import sys

TOKEN = re.compile(r"\s*(?:(\d+\.\d*|\d+)|([A-Za-z_]\w*)|(\*\*|<=|>=|==|!=|[-+*/%()<>=,;?:]))")


class SyntaxProblem(Exception):
    pass


def tokenize(text):
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            raise SyntaxProblem("column %d: unexpected %r" % (position, text[position]))
        position = match.end()
        number, name, sign = match.groups()
        if number:
            yield "number", float(number) if "." in number else int(number)
        elif name:
            yield "name", name
        else:
            yield "sign", sign
    yield "end", ""


class Node:
    def __repr__(self):
        return "%s(%s)" % (type(self).__name__, ", ".join(repr(value) for value in vars(self).values()))


class Number(Node):
    def __init__(self, value):
        self.value = value

    def evaluate(self, scope):
        return self.value


class Name(Node):
    def __init__(self, name):
        self.name = name

    def evaluate(self, scope):
        try:
            return scope[self.name]
        except KeyError:
            raise NameError("unknown name " + self.name) from None


class Unary(Node):
    def __init__(self, operand):
        self.operand = operand

    def evaluate(self, scope):
        return -self.operand.evaluate(scope)


OPERATORS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "%": lambda a, b: a % b, "**": lambda a, b: a ** b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}
LEVELS = [["<", ">", "<=", ">=", "==", "!="], ["+", "-"], ["*", "/", "%"]]


class Binary(Node):
    def __init__(self, sign, left, right):
        self.sign, self.left, self.right = sign, left, right

    def evaluate(self, scope):
        return OPERATORS[self.sign](self.left.evaluate(scope), self.right.evaluate(scope))


class Choice(Node):
    def __init__(self, test, yes, no):
        self.test, self.yes, self.no = test, yes, no

    def evaluate(self, scope):
        return (self.yes if self.test.evaluate(scope) else self.no).evaluate(scope)


class Call(Node):
    def __init__(self, name, arguments):
        self.name, self.arguments = name, arguments

    def evaluate(self, scope):
        return scope[self.name](*[argument.evaluate(scope) for argument in self.arguments])


class Assign(Node):
    def __init__(self, name, value):
        self.name, self.value = name, value

    def evaluate(self, scope):
        scope[self.name] = value = self.value.evaluate(scope)
        return value


class Define(Node):
    def __init__(self, name, parameters, body):
        self.name, self.parameters, self.body = name, parameters, body

    def evaluate(self, scope):
        def function(*values):
            return self.body.evaluate({**scope, **dict(zip(self.parameters, values))})

        scope[self.name] = function
        return len(self.parameters)


class Parser:
    def __init__(self, text):
        self.tokens = list(tokenize(text))
        self.position = 0

    @property
    def current(self):
        return self.tokens[self.position]

    def accept(self, *signs):
        kind, value = self.current
        if kind == "sign" and value in signs:
            self.position += 1
            return value
        return None

    def expect(self, sign):
        if not self.accept(sign):
            raise SyntaxProblem("expected %r, found %r" % (sign, self.current[1]))

    def program(self):
        statements = [self.statement()]
        while self.accept(";"):
            statements.append(self.statement())
        if self.current[0] != "end":
            raise SyntaxProblem("unexpected %r" % (self.current[1],))
        return statements

    def statement(self):
        start = self.position
        left = self.choice()
        if self.accept("="):
            right = self.choice()
            if isinstance(left, Name):
                return Assign(left.name, right)
            if isinstance(left, Call) and all(isinstance(a, Name) for a in left.arguments):
                return Define(left.name, [a.name for a in left.arguments], right)
            raise SyntaxProblem("can't assign to token %d" % start)
        return left

    def choice(self):
        test = self.level(0)
        if self.accept("?"):
            yes = self.choice()
            self.expect(":")
            return Choice(test, yes, self.choice())
        return test

    def level(self, depth):
        if depth == len(LEVELS):
            return self.unary()
        left = self.level(depth + 1)
        while True:
            sign = self.accept(*LEVELS[depth])
            if not sign:
                return left
            left = Binary(sign, left, self.level(depth + 1))

    def unary(self):
        if self.accept("-"):
            return Unary(self.unary())
        base = self.atom()
        if self.accept("**"):
            return Binary("**", base, self.unary())
        return base

    def atom(self):
        kind, value = self.current
        self.position += 1
        if kind == "number":
            return Number(value)
        if kind == "name":
            if self.accept("("):
                arguments = []
                if not self.accept(")"):
                    arguments.append(self.choice())
                    while self.accept(","):
                        arguments.append(self.choice())
                    self.expect(")")
                return Call(value, arguments)
            return Name(value)
        if (kind, value) == ("sign", "("):
            inner = self.choice()
            self.expect(")")
            return inner
        raise SyntaxProblem("unexpected %s" % (repr(value) if value else "end"))


scope = {"abs": abs, "max": max}
for source in ["1 + 2 * 3 - 4 / 2", "-2 ** 2", "2 ** 3 ** 2 % 100", "(1 + 2) * -(3 - 5)", "x = 7; y = x * x + 0.5; y / x",
               "1 < 2 ? 10 : 20", "square(n) = n * n; square(12) + square(y)", "fact(n) = n < 2 ? 1 : n * fact(n - 1)",
               "fact(25)", "max(3, abs(-9), 4)", "1 +", "2 $ 3", "(1", "q + 1", "1 / 0", "3 = 4", "9 % 0", "2.5.5"]:
    try:
        tree = Parser(source).program()
        print(source, "=>", [statement.evaluate(scope) for statement in tree][-1])
    except (SyntaxProblem, NameError) as problem:
        print(source, "=>", type(problem).__name__ + ":", problem)
    except ZeroDivisionError as problem:
        print(source, "=> ZeroDivisionError")
        print(problem, file=sys.stderr)
print(Parser("f(a, b) = a <= b ? -a : b ** 2").program())
body = Parser("k * k % 7 + (k < 1000 ? k : k / 2) - fact(3)").program()[0]
total = 0
for k in range(2000):
    scope["k"] = k
    total += body.evaluate(scope)
print(total)
