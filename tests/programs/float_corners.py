"""Floats at their edges: nan, infinities, signed zeros, rounding, conversions, mixing with ints and bools."""
import sys
import math

inf = float("inf")
nan = float("nan")


def compare(a, b):
    return a < b, a <= b, a == b, a != b, a > b, a >= b


def attempt(function, *args):
    try:
        return function(*args)
    except (ZeroDivisionError, ValueError, OverflowError, TypeError) as problem:
        # Messages differ between versions of Python, so they go where only runs of psycore are compared.
        print(problem, file=sys.stderr)
        return type(problem).__name__


CASES = [0.0, -0.0, 1.0, -1.5, inf, -inf, nan, 1e308, 5e-324, 2 ** 53, 2 ** 53 + 1, 0, True]
for a in CASES:
    print(repr(a), ["".join("01"[flag] for flag in compare(a, b)) for b in CASES])

print(nan == nan, nan != nan, nan is nan, nan in [nan], [nan] == [nan], (nan,) == (float("nan"),))
print(0.0 == -0.0, str(-0.0), math.copysign(1, -0.0), -0.0 + 0.0, -0.0 - 0.0, 0.0 * -1, 0 * -1.0, -(0.0), -0.0 * 0)
print(max(nan, 1.0), max(1.0, nan), min(0.0, -0.0), min(-0.0, 0.0), sorted([2.0, -inf, 1, inf, -0.0, 0]))
print(inf - inf, inf * 0, inf + 1, -inf < -1e308, inf == inf + 1, 1e308 * 10, -1e308 * 10, 1e-320 / 1e10)
print(0.1 + 0.2, 1 / 3, 2 / 3, 1e16 + 1, 1e22, 1e23, 123456789.123456789, 1e-5, 0.0001, 1e15, 1e17, 100.0)
print(2 ** 53 == 2.0 ** 53, 2 ** 53 + 1 == 2.0 ** 53, 2 ** 53 + 1 > 2.0 ** 53, 2 ** 1000 < inf, -2 ** 1000 > -inf)
print(10 ** 30 == 1e30, 10 ** 22 == 1e22, hash(1.0) == hash(1), hash(0.5), hash(inf), hash(-0.0))

for value in (0.5, 1.5, 2.5, -0.5, -1.5, 2.675, 1e20, -7.999999):
    print(value, round(value), round(value, 1), int(value), math.floor(value), math.ceil(value), math.trunc(value))
for bad in (nan, inf, -inf):
    print(attempt(int, bad), attempt(round, bad), attempt(math.floor, bad), attempt(math.sqrt, bad))
for function, argument in ((math.sqrt, -1.0), (math.log, 0.0), (math.log, -1), (math.exp, 1000.0), (math.asin, 2.0), (math.pow, 0.0)):
    print(function.__name__, attempt(function, argument))
print(math.sqrt(2), math.pow(2, 0.5), math.fmod(-7, 3), math.hypot(3, 4), math.isnan(nan), math.isinf(-inf), math.fabs(-0.0))
print(float("1e400"), float("  -12.5e-1 "), attempt(float, "x1"), float("Infinity"), float("1_000.5"))
print((0.75).as_integer_ratio(), (1.0).is_integer(), (0.1).hex(), float.fromhex("0x1.8p3"), (2.5).__trunc__())
print(attempt(lambda: 1.0 / 0), "|", attempt(lambda: 1 / 0.0), "|", attempt(lambda: 1.0 // 0.0), "|", attempt(lambda: 1.0 % 0.0))


def accumulate(n, step):
    total = 0.0
    for i in range(n):
        total += step
    return total


def mixed(n):
    x = 0
    y = 0.0
    for i in range(n):
        x += i
        y += x
        if i % 100 == 0:
            x = x // 2
            y = y / 2
        z = x + y if x > y else y - x
    return x, y, z


def becomes_nan(n):
    x = 1.0
    low = 0
    other = 0
    for i in range(n):
        if i == n // 2:
            x = inf - inf
        if x < 2.0:
            low += 1
        elif x >= 2.0:
            other += 1000000
        else:
            other += 1
    return x, low, other


def overflow(n):
    x = 1.5
    at = None
    for i in range(n):
        x = x * 1.5
        if at is None and x == inf:
            at = i
    return x, at


def underflow(n):
    x = -1.0
    at = None
    for i in range(n):
        x = x / 2
        if at is None and not x:
            at = i
    return x, at, math.copysign(1, x)


def newton(value, rounds):
    x = value
    for _ in range(rounds):
        x = (x + value / x) / 2
    return x


def zero_signs(n):
    """The sign of zero must survive registers: it decides each copysign."""
    signs = 0
    z = 0.0
    for i in range(n):
        z = -z
        signs += int(math.copysign(1, z)) * (i & 3)
        z = z * 1.0 + -0.0
    return signs, z


def to_int(n):
    total = 0
    for i in range(n):
        total += int(i * 0.7) + int(-i * 0.3) + round(i / 4)
    return total


print(accumulate(10000, 0.1), accumulate(3000, 1), accumulate(3000, True), accumulate(10, 2 ** 60))
print(mixed(5000), becomes_nan(4000), overflow(3000), underflow(3000), newton(2.0, 3000), newton(1e-300, 2000))
print(zero_signs(3000), to_int(4000))
print(attempt(accumulate, 3, 10 ** 400), "|", attempt(accumulate, 3, "1"), "|", attempt(accumulate, 3, None))
