"""Functions changed while they are hot: `__code__`, `__defaults__`, `__kwdefaults__`, closures' cells, decorators."""
import functools
import sys
import types


def add(a, b=1):
    return a + b


def multiply(a, b=1):
    return a * b


def call_many(function, n, at, action):
    total = 0
    for i in range(n):
        total += function(i)
        if i == at:
            action()
    return total


def set_code():
    add.__code__ = multiply.__code__


original = add.__code__
print(call_many(add, 2000, 1000, lambda: None))
print(call_many(add, 2000, 1000, set_code))
print(add(10, 5), add.__name__, add.__code__.co_name)
add.__code__ = original
print(add(10, 5), add.__code__ is original, add.__code__ == original)


def set_defaults(value):
    def action():
        add.__defaults__ = value
    return action


print(call_many(add, 2000, 1000, set_defaults((100,))))
print(call_many(add, 2000, 1000, set_defaults((0.5,))))
try:
    call_many(add, 2000, 1000, set_defaults(None))
except TypeError as problem:
    print("TypeError:", problem)
try:
    call_many(lambda i: add(i), 2000, 1000, set_defaults(("text",)))
except TypeError as problem:
    print("TypeError:", problem)
add.__defaults__ = (1,)
print(call_many(add, 2000, 1000, set_defaults((1, 2, 3)[:2])))


def keyword(a, *, scale=2, shift=0):
    return a * scale + shift


def set_keywords():
    keyword.__kwdefaults__ = {"scale": 3, "shift": 0.5}


print(call_many(keyword, 2000, 1000, set_keywords))
keyword.__kwdefaults__["shift"] = 7
print(keyword(1), keyword(1, shift=0))
keyword.__kwdefaults__ = None
try:
    keyword(1, scale=1)
except TypeError as problem:
    print("TypeError:", problem)


# A function that changes its own code while it runs: the running call goes on with the old one.
def chameleon(n):
    total = 0
    for i in range(n):
        total += 1
        if i == n // 2:
            chameleon.__code__ = other.__code__
    return total


def other(n):
    return "other %d" % n


print(chameleon(3000), chameleon(3000))

# A mutable default is shared by the calls.
def remember(value, seen=[]):
    seen.append(value)
    return len(seen)


for i in range(1500):
    count = remember(i)
print(count, remember.__defaults__[0][-1])
remember.__defaults__ = ([],)
print(remember("new"))


# Cells: written by another function, by cell_contents, and emptied.
def counter():
    count = 0
    step = 1

    def tick():
        nonlocal count
        count += step
        return count

    def set_step(value):
        nonlocal step
        step = value

    return tick, set_step


tick, set_step = counter()
for i in range(2000):
    value = tick()
    if i == 1000:
        set_step(2.5)
    elif i == 1500:
        tick.__closure__[0].cell_contents = 2 ** 64
print(value, [cell.cell_contents for cell in tick.__closure__])
del tick.__closure__[1].cell_contents
try:
    tick()
except NameError as problem:
    print("NameError:", type(problem).__name__)


# Functions made by hand from code objects.
def template(x):
    return x + factor


def loop_template(n):
    total = 0
    for i in range(n):
        total += i * factor
    return total


for factor_value in (2, 1.5, "ab", [0]):
    made = types.FunctionType(template.__code__, {"factor": factor_value}, "made")
    looped = types.FunctionType(loop_template.__code__, {"factor": factor_value, "__builtins__": __builtins__})
    try:
        print(made.__name__, made(factor_value), looped(2000))
    except TypeError as problem:
        print("TypeError")
        print(problem, file=sys.stderr)
replaced = template.__code__.replace(co_name="renamed", co_consts=template.__code__.co_consts)
print(replaced.co_name, replaced == template.__code__, types.FunctionType(replaced, {"factor": 3})(4))


# Decorators: wraps, a wrapper that is swapped, partial objects.
def doubled(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return 2 * function(*args, **kwargs)
    return wrapper


@doubled
def inner(x, y=3):
    """inner's text"""
    return x + y


print(inner(1), inner(1, y=2), inner.__name__, inner.__doc__, inner.__wrapped__(1))
print(call_many(inner, 2000, 1000, lambda: setattr(inner.__wrapped__, "__defaults__", (30,))))
partial = functools.partial(keyword, scale=5, shift=1)
print(call_many(partial, 1500, -1, None), partial.keywords)


# The same name bound to functions of different shapes.
def run(n):
    f = lambda x: x
    total = 0
    for i in range(n):
        total += f(i)
        if i == 800:
            f = lambda x, y=2: x * y
        elif i == 1200:
            f = abs
        elif i == 1600:
            f = float
        elif i == 1800:
            f = functools.partial(max, 3)
    return total


print(run(2200))


def recursive(n):
    return n if n < 2 else recursive(n - 1) + recursive(n - 2)


first = recursive
print(recursive(15))


def recursive(n):
    return 1


print(first(15), recursive(15))
print(hash(add.__code__) == hash(original), add.__code__.co_varnames, add.__code__.co_argcount, add.__code__.co_consts[:1])
