"""Exceptions, `with`, closures, `match` and the loops around them."""
import contextlib
import math

counter = 0
LIMIT = 50


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


class Stop(Exception):
    pass


def parse(text):
    if text == "bad":
        raise ValueError(text)
    return len(text)


def parse_deep(text, depth):
    if depth:
        return parse_deep(text, depth - 1)
    return parse(text)


def raised_and_caught_near(n=120_000):
    total = 0
    for i in range(n):
        try:
            if i % 2:
                raise Stop
            total += 1
        except Stop:
            total += 2
    return total


def raised_and_caught_far(n=25_000):
    total = 0
    for i in range(n):
        try:
            total += parse_deep("bad" if i % 3 == 0 else "good", 3)
        except ValueError as error:
            total += len(error.args)
    return total


def missing_keys(n=60_000):
    table, total = {i: i for i in range(0, 100, 2)}, 0
    for i in range(n):
        try:
            total += table[i % 100]
        except KeyError:
            total += 1
    return total


def try_finally(n=250_000):
    total = 0
    for i in range(n):
        try:
            total += i & 3
        finally:
            total += 1
    return total


def with_statement(n=60_000):
    total, manager = 0, Manager()
    for i in range(n):
        with manager as m:
            total += i & 1 if m else 0
    return total


def with_of_a_generator(n=12_000):
    @contextlib.contextmanager
    def tagged():
        yield 1
    total = 0
    for _ in range(n):
        with tagged() as value:
            total += value
    return total


def closures(n=80_000):
    def make(step):
        def advance(value):
            return value + step
        return advance
    steps, total = [make(i) for i in range(5)], 0
    for i in range(n):
        total += steps[i % 5](i)
    return total


def nonlocal_counter(n=250_000):
    count = 0

    def tick():
        nonlocal count
        count += 1
        return count
    for _ in range(n):
        tick()
    return count


def lambdas_made_in_a_loop(n=80_000):
    total = 0
    for i in range(n):
        total += (lambda x: x + i)(1)
    return total


def global_counter(n=150_000):
    global counter
    counter = 0
    for _ in range(n):
        counter += 1
        if counter % LIMIT == 0:
            counter += 1
    return counter


def module_attributes(n=100_000):
    total = 0.0
    for i in range(n):
        total += math.sqrt(i) * math.pi
    return round(total, 3)


def match_statement(n=40_000):
    commands, total = [("go", 3), ("stop",), {"kind": "turn", "by": 4}, 7, "text", None], 0
    for i in range(n):
        match commands[i % 6]:
            case ("go", distance):
                total += distance
            case ("stop",):
                total -= 1
            case {"kind": "turn", "by": angle}:
                total += angle
            case int(number):
                total += number
            case str() | None:
                total += 1
    return total


def while_with_breaks(n=3_000):
    total = 0
    for i in range(n):
        k = i
        while True:
            k = k // 2 if k % 2 == 0 else 3 * k + 1
            total += 1
            if k <= 1:
                break
            if total % 1000 == 999:
                continue
            if k > 100_000:
                break
    return total


def stack_machine(n=15_000):
    program = [("push", 3), ("push", 4), ("add", None), ("dup", None), ("mul", None), ("push", 7), ("mod", None), ("print", None)]
    printed = 0
    for _ in range(n):
        stack = []
        for op, arg in program:
            if op == "push":
                stack.append(arg)
            elif op == "add":
                stack.append(stack.pop() + stack.pop())
            elif op == "mul":
                stack.append(stack.pop() * stack.pop())
            elif op == "dup":
                stack.append(stack[-1])
            elif op == "mod":
                right = stack.pop()
                stack.append(stack.pop() % right)
            else:
                printed += stack.pop()
    return printed


def dispatch_by_dict(n=50_000):
    handlers = {"inc": lambda v: v + 1, "dec": lambda v: v - 1, "dbl": lambda v: v * 2 % 1_000_003, "nop": lambda v: v}
    names, value = ["inc", "dbl", "nop", "dec", "inc"], 1
    for i in range(n):
        value = handlers[names[i % 5]](value)
    return value


def executed_text(n=25_000):
    code, total = compile("y = x * 2 + 1\nz = [y, x]", "<text>", "exec"), 0
    for i in range(n):
        space = {"x": i}
        exec(code, space)
        total += space["y"] + len(space["z"])
    return total
