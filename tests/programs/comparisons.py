"""Comparisons: chains with side effects, identity, rich comparison methods, containment, truth values, mixed types."""
import sys

calls = []


def note(value):
    calls.append(value)
    return value


def chain(a, b, c):
    calls.clear()
    result = note(a) < note(b) < note(c)
    return result, list(calls)


print(chain(1, 2, 3), chain(3, 2, 1), chain(1, 1, 2), chain(1.0, 2, 3.5))
calls.clear()
print(note(1) == note(1) != note(2) < note(3) in [3, 4] is not None, calls)
calls.clear()
print(note(5) < note(4) < note(1 // 1) == note(0), calls)


def between(n):
    count = 0
    for i in range(n):
        if 10 <= i < 1000 <= n != i:
            count += 1
        if not 0 <= i - 500 <= 100:
            count += 2
        if i == i == i and i is not None:
            count += 4
    return count


print(between(3000), between(999))


class Version:
    compared = 0

    def __init__(self, *parts):
        self.parts = parts

    def __eq__(self, other):
        Version.compared += 1
        if not isinstance(other, Version):
            return NotImplemented
        return self.parts == other.parts

    def __lt__(self, other):
        Version.compared += 1
        return self.parts < other.parts if isinstance(other, Version) else NotImplemented

    def __hash__(self):
        return hash(self.parts)


class Strange:
    """Comparison results that are not bools."""

    def __lt__(self, other):
        return "less" if other else ""

    def __gt__(self, other):
        return [other]

    def __eq__(self, other):
        return 0

    def __bool__(self):
        raise ValueError("no truth")


versions = [Version(1, i % 7, i % 3) for i in range(60)]
print(min(v.parts for v in versions), sorted(versions)[0].parts, sorted(versions)[-1].parts, len(set(versions)))
print(Version(1) == 1, Version(1) != 1, Version(1) != Version(1), Version(1) > Version(0), Version.compared > 100)
for operation in (lambda: Version(1) < 3, lambda: Version(1) <= Version(2), lambda: 1 < "a", lambda: None < 1,
                  lambda: [1] < (1,), lambda: {} < {}, lambda: 1j < 2j, lambda: "a" in 5, lambda: 5 in "five"):
    try:
        print(operation())
    except TypeError as problem:
        print("TypeError")
        print(problem, file=sys.stderr)
print(Strange() < 1, repr(Strange() < 0), Strange() > 5, 3 < Strange(), Strange() == Strange(), Strange() != Strange())
try:
    if Strange():
        print("true")
except ValueError as problem:
    print(problem)
print((Strange() < 1) < "z", 1 < 2 < 3 == 3.0 == True + 2)

print([1, 2] < [1, 2, 0], [1, "a"] < [2, None], (1, 2.0) == (1.0, 2), [] < [0], "abc" < "abd" < "b", b"a" < b"b")
print({1, 2} < {1, 2, 3}, {1} < {2}, {1: 2} == {1.0: 2.0}, {1, 2} == frozenset((2, 1)), range(3) == range(0, 3, 1))
one = 1
print(one is True, True == 1, True is True, None == False, "" == 0, [] == False, 0.0 == False, 2 == True)


def truth(values):
    out = ""
    for value in values:
        out += "T" if value else "F"
        out += "t" if not value else "f"
        out += str(bool(value and 1))[0] + str(bool(value or 0))[0] + " "
    return out


class Sized:
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n


print(truth([0, 1, -1, 0.0, -0.0, 0.1, "", "0", [], [0], (), ((),), {}, {0: 0}, None, True, False, 2 ** 70, Sized(0), Sized(3), 0j, b""]))


def switch(n):
    """The same comparison sees ints, floats, strings, lists, objects in turn, each for a while."""
    operands = [(1, 2), (1.5, 2), (2, 1.5), ("a", "b"), ([1], [1]), (Version(1), Version(2)), (2 ** 70, 1), (True, 1), (None, None)]
    result = 0
    for kind in range(len(operands)):
        a, b = operands[kind]
        for i in range(n):
            if a == b:
                result += 1
            if a is b:
                result += 2
            if kind != 8 and a < b:
                result += 4
        result *= 3
    return result


print(switch(800))


def find_all(n):
    hits = 0
    names = ["x%d" % i for i in range(10)]
    table = dict.fromkeys(names)
    numbers = list(range(10))
    for i in range(n):
        hits += "x%d" % (i % 20) in names
        hits += "x%d" % (i % 15) in table
        hits += i % 13 in numbers
        hits += i % 7 not in (1, 2, 3)
        hits += "b" in "abc"
        hits += float(i % 12) in numbers
    return hits


print(find_all(2000))
