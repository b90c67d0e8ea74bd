"""Operators at places where operands of many classes come by, in all orders, together with some that run Python code or raise."""
from itertools import permutations


class Odd:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return "equal" if self.value else ""

    def __hash__(self):
        return 7

    def __bool__(self):
        return self.value > 1

    def __add__(self, other):
        return ("added", self.value)

    def __radd__(self, other):
        return ("added to", self.value)

    def __contains__(self, item):
        return item is None

    def __getitem__(self, key):
        return ("item", key)


class Plain:
    pass


class Sized:
    def __len__(self):
        return 0


plain = Plain()
values = [3, 2.5, None, True, "text", [1, 2], (1, 2), {"text": 3, 3: 4}, {3, "text"}, 1 << 70, 1j, b"text", Odd(0), Odd(2), plain, Sized(),
          float("nan"), Plain, len]


def equal(a, b):
    try:
        return a == b, a != b
    except TypeError as error:
        return type(error).__name__


def truth(a):
    if a:
        return "true"
    return not a


def less(a, b):
    try:
        return a < b
    except TypeError as error:
        return type(error).__name__


def add(a, b):
    try:
        return a + b
    except TypeError as error:
        return type(error).__name__


def contains(a, b):
    try:
        return a in b
    except (TypeError, ValueError) as error:
        return type(error).__name__


def item(a, b):
    try:
        return b[a]
    except (TypeError, LookupError) as error:
        return type(error).__name__


def attribute(a):
    try:
        return a.real
    except AttributeError as error:
        return type(error).__name__


def all_of(a, b):
    # Small enough to be a part of the loop.
    return [equal(a, b), truth(a), less(a, b), add(a, b), contains(a, b), item(a, b), attribute(a)]


def shown(results):
    text = repr(results)
    return text if " at 0x" not in text else text[: text.index(" at 0x")]


out = []
for round_ in range(3):
    for a in values:
        for b in values[round_:] + values[:round_]:
            out.append(shown(all_of(a, b)))
print(len(out), len(set(out)))
for line in out[:40] + out[-40:]:
    print(line)


# One place each, warm with some classes when the others come.
def fresh():
    space = {}
    exec("def same(a, b): return a == b\ndef true(a): return 1 if a else 0\ndef plus(a, b): return a + b", space)
    return space["same"], space["true"], space["plus"]


few = [3, 2.5, None, True, "text", plain]
for order in list(permutations(few, 3))[::7]:
    same, true, plus = fresh()
    got = []
    for a in order:
        for _ in range(60):
            got.append((same(a, a), same(a, None), same(3, a), true(a)))
        if a is not None and a is not plain:
            got.append(plus(a, a))
    for a in few:
        got.append((same(a, order[0]), true(a)))
    print(len(got), sum(1 for g in got if g == (True, False, False, 1)), got[-6:])
