"""match statements over many shapes in one hot loop: literals, captures, sequences, mappings, classes, guards, or-patterns."""
from dataclasses import dataclass


@dataclass
class Point:
    x: float
    y: float


@dataclass
class Circle:
    center: Point
    radius: float


class Legacy:
    __match_args__ = ("kind", "size")

    def __init__(self, kind, size):
        self.kind, self.size = kind, size


class Color:
    RED, GREEN = "red", "green"


def classify(value):
    match value:
        case 0:
            return "zero"
        case True | False:
            return "bool?"
        case int(n) if n < 0:
            return "negative"
        case int() | float():
            return "number"
        case "" | "empty":
            return "no text"
        case Color.RED:
            return "the color"
        case str(text) if len(text) > 5:
            return "long " + text[:2]
        case str():
            return "text"
        case []:
            return "empty list"
        case [x]:
            return "one %s" % classify(x)
        case [1, *rest, 9]:
            return "from 1 to 9 over %d" % len(rest)
        case [Point(x=0), *_]:
            return "begins on the axis"
        case (first, second, *others):
            return "%s and %s and %d" % (first, second, len(others))
        case {"type": "circle", "radius": (int() | float()) as r, **more}:
            return "circle %s %s" % (r, sorted(more))
        case {"nested": {"deep": [_, {"x": x}]}}:
            return "deep %s" % x
        case {}:
            return "some mapping"
        case Point(x=0, y=0):
            return "origin"
        case Point(x, y) if x == y:
            return "diagonal"
        case Point(x, _):
            return "point at %s" % x
        case Circle(Point(0, y), radius=r):
            return "circle on axis %s %s" % (y, r)
        case Legacy("box", size) | Legacy("crate", size):
            return "box %s" % size
        case None:
            return "none"
        case _:
            return "something"


VALUES = [0, 1, True, False, -5, 2.5, 0.0, "", "empty", "red", "green", "lengthy", [], [3], [[]], [1, 9], [1, 2, 3, 9], (1, 2), (1, 2, 3), [Point(0, 3), 5],
          {"type": "circle", "radius": 2, "z": 1, "a": 0}, {"type": "circle", "radius": "x"}, {"nested": {"deep": [0, {"x": "found"}]}}, {}, Point(0, 0),
          Point(2, 2), Point(3, 1), Circle(Point(0, 7), 2), Circle(Point(1, 7), 2), Legacy("box", 3), Legacy("crate", 4), Legacy("bag", 5), None, {1}, b"x", 2 ** 70, 1j]
for value in VALUES:
    print(classify(value))
counts = {}
for i in range(3000):
    kind = classify(VALUES[i * 7 % len(VALUES)] if i > 500 else i)
    counts[kind] = counts.get(kind, 0) + 1
print(sorted(counts.items()))


def simplify(expression):
    """Algebra on nested tuples."""
    match expression:
        case ("+", a, 0) | ("+", 0, a) | ("*", a, 1) | ("*", 1, a):
            return simplify(a)
        case ("*", _, 0) | ("*", 0, _):
            return 0
        case (op, int(a), int(b)):
            return {"+": a + b, "*": a * b, "-": a - b}[op]
        case (op, a, b):
            left, right = simplify(a), simplify(b)
            return (op, left, right) if (left, right) == (a, b) else simplify((op, left, right))
        case other:
            return other


tree = ("+", ("*", ("+", 2, 3), ("-", 9, 8)), ("+", ("*", "x", 1), ("*", "y", ("-", 4, 4))))
print(simplify(tree))
for _ in range(150):
    assert simplify(tree) == ("+", 5, "x")


def machine(commands):
    x = y = 0
    log = []
    for command in commands:
        match command.split():
            case ["go", ("north" | "south") as where, distance]:
                y += int(distance) if where == "north" else -int(distance)
            case ["go", "east", distance] if distance.isdigit():
                x += int(distance)
            case ["say", *words]:
                log.append(len(words))
            case ["quit"]:
                break
            case [verb, *_]:
                log.append(verb)
            case _:
                log.append(None)
    return x, y, sum(v for v in log if isinstance(v, int)), [v for v in log if not isinstance(v, int)][:4]


script = ["go north 3", "go south 1", "go east 4", "say a b c", "dance", "", "go east far"] * 250
print(machine(script), machine(script[:5] + ["quit"] + script))


def first_even(items):
    for item in items:
        match item:
            case int(n) if n % 2 == 0:
                return n
            case str():
                continue
            case float() as f:
                items = None
                return f
    return None


print(first_even([1, 3, "x"] * 700 + [8]), first_even([1] * 1000 + [2.5]), first_even([]))


class Picky:
    __match_args__ = ("a",)

    @property
    def a(self):
        raise RuntimeError("looked")


for thing in (Picky(), 5):
    try:
        match thing:
            case Picky(a=1):
                print("one")
            case _:
                print("other")
    except RuntimeError as problem:
        print("RuntimeError:", problem)
try:
    match Point(1, 2):
        case Point(1, 2, 3):
            print("never")
except TypeError as problem:
    print("TypeError")
match [1, [2, [3, 4]]]:
    case [a, [b, [*c]]]:
        print(a, b, c)
match 5:
    case x if x > 10:
        print("big")
print(x)
