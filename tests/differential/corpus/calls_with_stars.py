# Calls with `*` and functions that take `*args`, inlined and compiled, where the number of arguments stays and changes.


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone", self.name)


class Point:
    def __init__(self, x, y=0, *more):
        self.x, self.y, self.more = x, y, more

    def dot(self, a, b):
        return self.x * a + self.y * b

    def __call__(self, *args):
        return self.x + sum(args)


def three(a, b, c=10):
    return a * b + c


def count(*args):
    return len(args)


def first_and_rest(a, *rest):
    return a, rest


def total(*xs):
    s = 0
    for x in xs:
        s += x
    return s


def recursive(*xs):
    if not xs:
        return 0
    return xs[0] + recursive(*xs[1:])


def forward(f, *args):
    return f(*args)


def forward_more(f, *args):
    return f(1, *args, 2)


def defaults(a, b=2, *rest):
    return a, b, rest


def shrink(items, x, y):
    items.clear()
    items.append(Noisy(0))
    return x.name + y.name


def use(n):
    pair, row = (3, 4), [5, 6]
    p = Point(2, 3)
    bound = p.dot
    s = 0
    for i in range(n):
        s += three(*pair) + three(*row) + three(i, *row) + three(*row, i)
        s += count() + count(i) + count(*pair) + count(*pair, *row, i, *(), *[])
        s += total(i, 2, 3) + total(*pair) + total(*row)
        s += bound(*pair) + p.dot(*row) + p(*row) + p(*pair, i)
        s += Point(*pair).dot(*row) + len(Point(*pair, *row).more)
        s += max(*pair) + min(*row, i) + len(*[pair])
        a, rest = first_and_rest(i, *row)
        s += a + rest[0] * rest[1]
        s += forward(three, i, 1) + forward(count, *row) + forward(forward, total, *pair, i)
        s += forward_more(total, *pair) + len(forward_more(first_and_rest)[1])
        t = (i, *pair, i * 2)
        s += t[0] + t[-1] + len(t)
        if i == n // 2:
            row = [7, 8]
    return s


print(use(3), use(400))


def transposed(rows, n):
    s = 0
    for i in range(n):
        for column in zip(*rows):
            s += column[0] * column[-1]
    return s


print(transposed([(1, 2, 3), (4, 5, 6)], 300))
print(transposed([[1, 2], [3, 4], [5, 6]], 300))


# The number changes in the middle: too many, too few, other types, other iterables.
def changing(n, at, other):
    args, out = [1, 2], []
    for i in range(n):
        if i == at:
            args = other
        try:
            out.append(three(*args))
        except TypeError as e:
            out.append(str(e))
        out.append(count(*args) if hasattr(args, "__len__") else "no length")
    return out[-4:]


class Sequence:
    def __getitem__(self, i):
        if i > 1:
            raise IndexError
        return i + 1


for other in [(3, 4, 5), [3, 4, 5], (3,), [], "ab", {5: 6, 7: 8}, [1.5, 2], [2**70, 2], (None, 1), range(2), Sequence()]:
    print(changing(300, 150, other))
for other in [7, None, iter([1, 2])]:
    try:
        print(changing(300, 150, other))
    except Exception as e:
        print(type(e).__name__, e)


# The callee empties the list that its arguments came from.
def emptied(n):
    for i in range(n):
        items = [Noisy(f"a{i}"), Noisy(f"b{i}")] if i in (0, n - 1) else [Quiet, Quiet]
        text = shrink(items, *items)
        items[0].name = "" if i not in (0, n - 1) else f"last {i}"
    return text


class Quiet:
    name = "quiet"


class Named:
    name = "n"


def keeping(n):
    """Temporaries that hold the only reference to what they hold."""
    texts = []
    for i in range(n):
        texts.append(first_and_rest(*[f"x{i}", i])[0])
        texts.append(forward(first_and_rest, *(f"y{i}", [i]))[1][0])
    return texts[-3:]


Noisy.__del__ = lambda self: None
print(emptied(200))
print(keeping(200))


# Errors of the callee, with their lines.
def fails(*args):
    return args[0] // args[1]


def fail_at(n):
    import traceback

    for i in range(n):
        args = (i, n - 1 - i)
        try:
            fails(*args)
        except ZeroDivisionError as e:
            return [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__)]


print(fail_at(300))
print(recursive(*range(30)), [recursive(*[i] * 5) for i in range(100)][-1])


# The tuple of the others is a new one for each call, but the empty one.
def same(*args):
    return args


def identities(n):
    out = set()
    for i in range(n):
        a, b = same(i), same(i)
        out.add((a is b, a == b, same() is same()))
    return out


print(identities(200))


# Keyword arguments beside them.
def keywords(a, b=1, *rest):
    return a * 100 + b * 10 + len(rest)


def with_keywords(n):
    s, pair = 0, (1, 2)
    for i in range(n):
        s += keywords(i, b=3) + keywords(*pair, i) + keywords(a=i) + keywords(*[i], **{"b": i})
    return s


print(with_keywords(300))
try:
    for i in range(200):
        keywords(*(1, 2), a=3 if i > 150 else 4)
except TypeError as e:
    print(e)
print([defaults(*args) for args in [(1,), (1, 5), (1, 5, 6), (1, 5, 6, 7)] * 40][-4:])


# A generator, and a global that changes while the arguments are collected.
def gen(*args):
    yield from args


counter = 0


def bump():
    global counter
    counter += 1
    return counter


def collect(n):
    s = 0
    for i in range(n):
        s += total(*gen(i, 2)) + total(bump(), *(bump(), bump()), bump())
    return s


print(collect(200), counter)
# The module's own loop.
row, s = [1, 2, 3], 0
for i in range(300):
    s += total(*row) + total(i, *row)
    row[1] = i
    if i == 200:
        row.append(9)
print(s)
