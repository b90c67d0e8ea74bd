# Builtin functions and operators on lists, tuples, strs and ranges: sums, extremes, order, membership, slices, classes.
# With the items that compiled code knows, and with those that only the interpreter can handle.


class Vector:
    def __init__(self, x):
        self.x = x

    def __add__(self, other):
        return Vector(self.x + getattr(other, "x", other))

    __radd__ = __add__

    def __lt__(self, other):
        return self.x < other.x

    def __gt__(self, other):
        return self.x > other.x

    def __eq__(self, other):
        return isinstance(other, Vector) and self.x == getattr(other, 'x', 0) or other == getattr(self, 'x', 0) + 100

    def __bool__(self):
        return self.x != 0

    def __repr__(self):
        return f"V{self.x}"


class Whole(int):
    def __add__(self, other):
        return Whole(int(self) * 10 + int(other))

    __radd__ = __add__

    def __eq__(self, other):
        return False

    __hash__ = int.__hash__


def attempt(f, *args):
    try:
        return f(*args)
    except (ZeroDivisionError, ValueError) as e:
        return type(e).__name__
    except Exception as e:
        return type(e).__name__, str(e)


def summed(x):
    return sum(x)


def extremes(x):
    return (min(x), max(x)) if x else None


def ordered(x):
    return sorted(x)


def truths(x):
    return any(x), all(x)


def member(x, item):
    return item in x, item not in x


def conversions(x):
    return list(x), tuple(x)


nan = float("nan")
sequences = [
    [], [1, 2, 3], (4, 5), [1.5, 2.5, -0.0], [1, 2.5, True], [2 ** 62, 2 ** 62, 2 ** 62], [2 ** 70, 1], [1, 2 ** 53 + 1, 0.5],
    ["b", "a", "ab", ""], ["é", "z", "日本", "a"], [nan, 1.0, 2.0], [1.0, nan, 0.5], [Vector(3), Vector(1), Vector(2)],
    [Whole(3), Whole(4)], [1, "a"], [None, 1], [0, 0.0, "", None, False], [1, Vector(0)], [[2], [1]], (True, False), [-0.0, 0.0],
    range(7), "text", {"k": 1, "l": 2}, {"k": 1}.items(), (x for x in (3, 1, 2)),
]
for f in (summed, extremes, ordered, truths, conversions):
    for s in sequences[:-1]:
        for _ in range(8):
            result = attempt(f, s)
        print(f.__name__, result)
    for _ in range(30):
        result = attempt(f, [3, 1, 2])
    print(f.__name__, result, attempt(f, sequences[-1]), attempt(f, 5))

items = [1, 2, 1.0, 2.5, "a", "ab", None, True, 2 ** 70, Vector(-98), Whole(1), nan, (1,), -0.0, b"a", 5, "日"]
for s in sequences[:-1]:
    print([[attempt(member, s, i) for _ in range(3)][-1] for i in items])
same_nan = [nan]
for _ in range(50):
    result = member(same_nan, nan), member(same_nan, float("nan")), member([1, 2, 3], 3), member((1, 2), 3)
print(result)


def constants(n, c):
    out = 0
    for i in range(n):
        if i in (1, 3, 5):
            out += 1
        if i not in (2, 4, 1000000007):
            out += 10
        if c in ("x", "yy", "z"):
            out += 100
        if i in range(3, 9):
            out += 1000
        if i in range(0, 9, 2):
            out += 10000
        if i * 1.0 in (1, 2.0, "x"):
            out += 100000
        if c in "xyz":
            out += 1000000
    return out


for _ in range(30):
    result = constants(12, "x"), constants(12, "yy"), constants(5, "a")
print(result)


def slices(s, i, j):
    return s[i:j], s[i:], s[:j], s[:], s[::-1], s[i::2], s[:j:-1], s[i:j:3]


bounds = [(0, 0), (1, 3), (-2, 10), (-100, 100), (3, 1), (5, -1), (2 ** 62, -2 ** 62), (None, 2), (2, None), (2 ** 70, -2 ** 70)]
for s in ([1, 2, 3, 4, 5], (1, 2, 3, 4, 5, 6), "ascii text", "naïve café", b"bytes", [], "", (), range(6), bytearray(b"array")):
    for i, j in bounds:
        for _ in range(6):
            result = attempt(slices, s, i, j)
        print(result)


class Index:
    def __index__(self):
        return 2


def one_slice(s, i, j, k):
    return s[i:j:k]


for _ in range(60):
    result = one_slice([1, 2, 3, 4], 0, 4, 1)
for args in (([1, 2, 3], Index(), 5, 1), ([1, 2, 3], 0, 3, 0), ("abc", 0, "x", 1), ((1, 2, 3), True, 3, 1), ([1, 2, 3], -2 ** 63, 3, -1)):
    print(attempt(one_slice, *args))
whole = (1, 2, 3)
text = "some text"
for _ in range(60):
    same = whole[:] == whole, text[:] == text, text[3:4] == text[3]
print(same)


def parts_change(x):
    out = []
    for i in range(len(x)):
        part = x[i:i + 2]
        part.append(i)
        out.append(part)
        x[0] = -i
    return out, x


for _ in range(60):
    result = parts_change([1, 2, 3])
print(result)


# Classes
class Animal:
    pass


class Cat(Animal):
    pass


class Meta(type):
    def __instancecheck__(cls, obj):
        return obj == 3


class Odd(metaclass=Meta):
    pass


class Liar:
    @property
    def __class__(self):
        return Cat


def kinds(x):
    out = 0
    if isinstance(x, int):
        out += 1
    if isinstance(x, (str, float, Animal)):
        out += 10
    if isinstance(x, Cat):
        out += 100
    if isinstance(x, Odd):
        out += 1000
    if type(x) is int:
        out += 10000
    if type(x) == str:
        out += 100000
    if isinstance(x, ()):
        out += 1000000
    return out


objects = [1, True, 2 ** 80, 3, "s", 2.5, None, Cat(), Animal(), Liar(), Odd, int, [], Whole(3), len]
for _ in range(40):
    result = [kinds(x) for x in objects]
print(result)
for x in objects:
    for _ in range(40):
        result = kinds(x)
    print(result, end=" ")
print()
cat = Cat()
for turn in range(120):
    if turn == 60:
        Cat.__bases__ = (Vector,)
    if turn == 90:
        cat.__class__ = Animal
    result = kinds(cat) if turn % 30 == 29 else kinds(cat) and result
    if turn % 30 == 29:
        print(turn, result)
print(attempt(isinstance, 1, 5), attempt(isinstance, 1, (int, 5)), attempt(isinstance, 1, ("x", int)))


def shadowed(x):
    isinstance = lambda a, b: "mine"
    return isinstance(x, int)


for _ in range(50):
    result = shadowed(1)
print(result)


def numbers(a, b, c):
    return min(a, b, c), max(a, b, c), divmod(a, b), pow(a, 3), pow(b, 2.0), min(a, b), max(b, c, a, b)


for args in ((1, 2, 3), (-7, 2, 5), (7, -2, 0), (1.5, 2.5, -0.0), (0.0, -0.0, 0.0), (2 ** 62, 3, 1), (1, 2.0, 3), (True, 1, 2), (5, 0, 1), (nan, 1.0, 2.0)):
    for _ in range(25):
        result = attempt(numbers, *args)
    print(result)
