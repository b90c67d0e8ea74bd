# expect: rustpython
"""Tracebacks as users see them: traceback.format_exc after errors in hot loops, callees, generators, methods, lambdas.

The layout of a traceback is the interpreter's own; what matters here is that compiled code changes nothing about it.
The last error is not caught: it ends the program with a traceback on stderr and exit code 1."""
import sys
import traceback


def show():
    print(traceback.format_exc().replace(__file__, "FILE"))


def divide(a, b):
    quotient = a // b
    return quotient


def loop(values):
    total = 0
    for value in values:
        total += divide(100, value)
        total %= 1000
    return total


for bad in (0, "zero", None):
    try:
        loop([1, 2, 3] * 1000 + [bad])
    except Exception:
        show()


class Account:
    def __init__(self, balance):
        self.balance = balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError(
                "only %d left"
                % self.balance
            )
        self.balance -= amount

    @property
    def half(self):
        return self.balance / self.divisor


account = Account(5000)
try:
    while True:
        account.withdraw(2)
except ValueError:
    show()
try:
    for i in range(2000):
        if i == 1900:
            account.half
        account.balance += 1
except AttributeError:
    show()


def generate(n):
    for i in range(n):
        yield 1 / (n - i - 1)


try:
    print(sum(generate(2000)))
except ZeroDivisionError:
    show()


def recurse(n):
    if n == 0:
        return undefined
    return recurse(n - 1) + 1


def countdown(n):
    return n if n == 0 else countdown(n - 1)


for i in range(1500):
    countdown(3)
try:
    recurse(6)
except NameError:
    show()


def chained(n):
    for i in range(n):
        try:
            if i == n - 1:
                [][i]
        except IndexError as problem:
            raise RuntimeError("no item %d" % i) from problem


try:
    chained(2500)
except RuntimeError:
    show()


def in_handler(n):
    for i in range(n):
        try:
            int("x" if i == n - 1 else "1")
        except ValueError:
            {}[i]


try:
    in_handler(1500)
except KeyError:
    show()


def in_finally(n):
    total = 0
    for i in range(n):
        try:
            total += i
        finally:
            if i == n - 1:
                total.append(i)


try:
    in_finally(1500)
except AttributeError:
    show()

key = lambda value: value["k"]
try:
    sorted([{"k": i} for i in range(1500)] + [{}], key=key)
except KeyError:
    show()
try:
    [1 // x for x in [1] * 1500 + [0]]
except ZeroDivisionError:
    show()
try:
    exec(compile("def f(n):\n  s = 0\n  for i in range(n):\n    s += 1 // (n - 1 - i)\n  return s\nf(3000)", "<made>", "exec"))
except ZeroDivisionError:
    show()

total = 0
try:
    for i in range(3000):
        total += 7 // (2999 - i)
except ZeroDivisionError:
    show()
print(total, i)


def walk():
    """Line numbers of a live stack, from a function called by hot loops at several depths."""
    frame = sys._getframe(1)
    out = []
    while frame is not None:
        out.append((frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    return out


def caller(n):
    for i in range(n):
        if i % 2:
            stack = walk()
        else:
            stack = (
                walk())
    return stack


def outer_caller(n):
    result = None
    for i in range(3):
        result = caller(n)
    return result


print(outer_caller(1501))
print([line.split(", in ")[1].split("\n")[0] for line in (lambda: traceback.format_stack())()])
for i in range(3000):
    total += divide(i, 2999 - i)
