"""Loops whose variables change type midway: each loop gets hot with one type and then meets another."""


def accumulate(values):
    total = 0
    for value in values:
        total = total + value
    return total


def small_then(other, count=3000):
    """An int accumulator that becomes something else, and stays so."""
    s = 1
    for i in range(count):
        if i == count // 2:
            s = other
        s = s * 1
    return s


def switch_at(n, before, after):
    value = before
    seen = []
    for i in range(n):
        if i == n - 300:
            value = after
        try:
            result = value + value
        except TypeError as problem:
            result = str(problem)
        if i in (0, n - 301, n - 300, n - 1):
            seen.append(result)
    return seen


class Money:
    def __init__(self, cents):
        self.cents = cents

    def __add__(self, other):
        if isinstance(other, Money):
            return Money(self.cents + other.cents)
        return Money(self.cents + other * 100)

    def __radd__(self, other):
        return Money(other * 100 + self.cents)

    def __mul__(self, factor):
        return Money(self.cents * factor)

    def __lt__(self, other):
        return self.cents < (other.cents if isinstance(other, Money) else other * 100)

    def __repr__(self):
        return "$%d.%02d" % divmod(self.cents, 100)


class Loud(int):
    """A subclass of int: its additions are visible, and exact-type guards must not take it for an int."""

    calls = 0

    def __add__(self, other):
        Loud.calls += 1
        return Loud(int(self) + int(other))

    __radd__ = __add__


ints = list(range(2000))
print(accumulate(ints))
print(accumulate(ints + [0.5]))
print(accumulate(ints + [0.5] + ints))
print(accumulate(ints + [2 ** 70] + ints))
print(accumulate(ints + [True, False, True]))
print(accumulate(ints + [Money(5)] + [1, 2]))
print(accumulate(ints + [Loud(7)] + ints), Loud.calls)
print(accumulate(ints + [3 + 4j]))
for bad in ("text", None, [1], b"x"):
    try:
        print(accumulate(ints + [bad]))
    except TypeError as problem:
        print("TypeError:", problem)
try:
    accumulate(ints + [iter(())])
except TypeError as problem:
    print("TypeError:", "iterator" in str(problem))

for other in (1.5, "ab", 2 ** 65, True, (1, 2), [3], Money(250), 1 - 2j, b"z"):
    print(repr(small_then(other)))
try:
    small_then(None)
except TypeError as problem:
    print(problem)

kinds = [1, 1.5, "s", 2 ** 62, None, (1,), Money(7), True, -0.0]
for i, before in enumerate(kinds):
    for j, after in enumerate(kinds):
        if i != j:
            print(repr(before), repr(after), switch_at(1200, before, after))


def alternate(n):
    """Both sides are taken equally often, so no single version suffices."""
    total = 0
    as_float = 0.0
    text = ""
    for i in range(n):
        value = i if i % 2 else i * 0.5
        if i % 3 == 0:
            value = str(i % 10)
        if isinstance(value, str):
            text = (text + value)[-12:]
        elif isinstance(value, float):
            as_float += value
        else:
            total += value
    return total, as_float, text


print(alternate(5000))


def grow(n):
    """Starts as a machine integer, outgrows it, shrinks back, over and over."""
    x = 3
    largest = 0
    for i in range(n):
        x = x * x + i
        if x > 2 ** 200:
            x = x % 1000003
        if x > largest:
            largest = x
    return x, largest.bit_length()


print(grow(4000))


def optional(n):
    """None as 'not yet': comparisons with `is` before the first value appears."""
    best = None
    where = None
    for i in range(n):
        candidate = (i * 7919) % 3001
        if best is None or candidate > best:
            best, where = candidate, i
        if i == n // 2:
            best = None
    return best, where


print(optional(4000))


def parameter(x, n=1500):
    for i in range(n):
        y = x
        for _ in range(2):
            y = y + y if i % 2 else y
    return y


for argument in (1, 1.25, "q", [0], (None,), Money(1), 2 ** 63, True):
    result = parameter(argument)
    print(type(result).__name__, repr(result))
