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


# Methods of all kinds.
class Many:
    attribute = 3

    def __init__(self, *items):
        self.items = items
        self.own = lambda *args: ("own", args)

    def method(self, *args):
        return self.items + args

    def two(self, a, b):
        return a - b + len(self.items)

    @classmethod
    def of(cls, *args):
        return cls(*args).items

    @staticmethod
    def plain(*args):
        return args

    @property
    def getter(self):
        return lambda *args: ("got", args)

    def __getattr__(self, name):
        if name == "missing":
            raise AttributeError("none such")
        return lambda *args: (name, args)


class More(Many):
    def __init__(self, *items):
        super().__init__(*items, "more")

    def two(self, *args):
        return super().two(*args) * 2


def methods(things, n):
    out, args, text, found = None, [1, 2], "a-{}-{}", []
    for i in range(n):
        o = things[i % len(things)]
        out = (o.method(*args), o.method(i, *args), o.two(*args), o.of(*args), o.plain(*args, i), o.own(*args))
        out += o.getter(*args), o.dynamic(*args), text.format(*args), o.method(*o.items), [].append(*args[:1])
        found.append(*args[:1])
        if i == n * 2 // 3:
            args = (3, 4)
            o.method = lambda *args: ("replaced", args)
    return out, len(found)


print(methods([Many(0)], 300))
print(methods([Many(0), More(5, 6)], 301))
for name in ["two", "missing", "attribute", "own"]:
    for args in [(1,), (1, 2, 3), 5]:
        try:
            for i in range(200):
                result = getattr(Many(1), name)(*args) if i < 199 or name != "two" else Many(1).two(*args)
        except Exception as e:
            print(name, args, type(e).__name__, e)
        else:
            print(name, args, result)


def kinds(n):
    m, out = Many(1), None
    for i in range(n):
        try:
            out = m.two(*(i, 1) if i % 50 else (i,))
        except TypeError as e:
            out = str(e)
        if i == n - 2 and hasattr(Many, "__getattr__"):
            del Many.__getattr__
    return out


print(kinds(302), kinds(151))


# What the function does with its tuple.
import sys


def captured(*args):
    return (lambda: args)()


def assigned(*args):
    n = 0
    while args:
        n, args = n + args[0], args[1:]
    return n, args


def deleted(*args):
    n = len(args)
    del args
    try:
        return args
    except UnboundLocalError as e:
        return n, str(e)


def seen(*args):
    return sys._getframe().f_locals["args"], locals()


def caught(*args):
    try:
        return args[0] / args[1]
    except ZeroDivisionError:
        return args
    except IndexError as e:
        return str(e), args


def walked(*args):
    out = []
    for i, (a, b) in enumerate(zip(args, reversed(args))):
        out.append((i, a, b, a in args, args.index(b), args.count(a)))
    return out, args[-1], args[:1], args * 2, args + (1,), args == tuple(args), hash(args) == hash(tuple([*args])), [*args], {*args}


def nested(*args):
    def inner(*more):
        nonlocal args
        args = args + more
        return len(args)

    return inner(*args), inner(1), args


def many(*args):
    return len(args), args[-1]


def tuples(n):
    out = None
    for i in range(n):
        t = (i, i % 3)
        out = (captured(*t), assigned(*t, 5), deleted(*t), seen(i, *t), caught(*t), caught(i), walked(i, *t), nested(*t))
        out += many(*t, *t, *t, *t), many(*t, *t, *t, *t, i), many(*range(20), i)
    return out


print(tuples(3))
print(tuples(300))


# Wrappers that pass on whatever they get.
def logged(f):
    calls = []

    def wrapper(*args, **keywords):
        calls.append((len(args), sorted(keywords)))
        result = f(*args, **keywords)
        keywords["later"] = True
        return result, calls[-1], len(keywords)

    return wrapper


@logged
def subject(a, b=2, *rest, key=None, **others):
    others["seen"] = a
    return a, b, rest, key, others


@logged
def positional(a, b):
    return a - b


class Wrapped:
    def __init__(self, *args, **keywords):
        self.args, self.keywords = args, keywords

    @logged
    def method(self, *args, **keywords):
        return self.args, self.keywords, args, keywords

    def __call__(self, **keywords):
        return keywords


def pass_on(n):
    out, w = None, Wrapped(1, z=2)
    for i in range(n):
        out = subject(i), subject(i, 3, 4), subject(i, key=5), subject(i, x=6, b=7), positional(i, 1), positional(a=i, b=2)
        out += w.method(i), w.method(i, k=1), w(), w(a=i), Wrapped(i).args, Wrapped(i=i).keywords, Wrapped(*out[:1]).args
        try:
            positional(i, *out[:2])
        except TypeError as e:
            out += (str(e),)
        try:
            positional(i, **{"a": 1})
        except TypeError as e:
            out += (str(e),)
    return out


print(pass_on(2))
print(pass_on(300))
