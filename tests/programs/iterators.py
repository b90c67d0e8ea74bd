# Loops over zip, reversed, enumerate, ranges, dicts and their views: how they end, what they leave behind, and what
# happens when what they walk over changes under them.
import sys


def pairs(x, y):
    out = 0
    for a, b in zip(x, y):
        out += a * b
    return out


def triples(x, y, z):
    out = []
    for a, b, c in zip(x, y, z):
        out.append((c, b, a))
    return out


def numbered(x, y):
    out = 0
    for i, (a, b) in enumerate(zip(x, y)):
        out += i * (a - b)
    return out


def numbered_from(x, start):
    out = 0
    for i, a in enumerate(x, start):
        out += i * a
    return out


def backwards(x):
    out = 0
    place = 1
    for a in reversed(x):
        out += a * place
        place += 1
    return out


def backwards_range(a, b, step):
    out = []
    for i in reversed(range(a, b, step)):
        out.append(i)
    return out


def sums(d):
    keys = values = both = 0
    for k in d:
        keys += k
    for k in d.keys():
        keys += k
    for v in d.values():
        values += v
    for k, v in d.items():
        both += k * v
    for n, (k, v) in enumerate(d.items(), 5):
        both += n * (k - v)
    for k, v in zip(d, d.values()):
        both -= k * v
    return keys, values, both


for n in (0, 1, 2, 3, 50):
    x = list(range(n))
    y = tuple(range(3, n + 5))
    for _ in range(60):
        last = (
            pairs(x, y), pairs(y, x), pairs(x, range(n)), numbered(x, y), numbered_from(x, 7),
            numbered_from(range(n), -3), backwards(x), backwards(y), backwards(range(n)),
            sums({k: k * k + 1 for k in x}),
        )
    print(n, last)
for _ in range(60):
    strings = triples("abc", [1, 2, 3, 4], {"x": 1, "y": 2, "z": 3})
print(strings)
for args in ((0, 10, 1), (0, 10, 3), (10, 0, -3), (10, 0, 1), (5, 5, 1), (-7, 8, 5), (2 ** 63 - 4, 2 ** 63 - 1, 1)):
    for _ in range(40):
        result = backwards_range(*args)
    print(args, result)


# Which of the iterators of a zip have moved when it ends.
def rest(first, second):
    a, b = iter(first), iter(second)
    n = 0
    for p, q in zip(a, b):
        n += p + q
    return n, list(a), list(b)


for _ in range(60):
    result = rest([1, 2, 3, 4], [1, 2]), rest([1, 2], [1, 2, 3, 4]), rest([], [1]), rest([1], [])
print(result)


def strict(x, y):
    n = 0
    for a, b in zip(x, y, strict=True):
        n += a * b
    return n


for x, y in (([1, 2], [3, 4]), ([1, 2], [3]), ([1], [3, 4])):
    for _ in range(40):
        try:
            result = strict(x, y)
        except ValueError as e:
            result = str(e)
    print(result)


# What grows and shrinks under the loop.
def growing(x, limit):
    seen = 0
    for a, b in zip(x, range(1000)):
        seen += a
        if len(x) < limit:
            x.append(a + b)
    return seen, len(x)


def shrinking(x):
    seen = []
    for a in reversed(x):
        seen.append(a)
        if len(x) > 3:
            x.pop()
            x.pop()
    return seen


for _ in range(50):
    result = growing([1], 30), growing([1, 2, 3], 5), shrinking(list(range(9))), shrinking([1, 2, 3, 4])
print(result)


def changing(d, what):
    seen = []
    try:
        for k, v in d.items():
            seen.append((k, v))
            if k == 3:
                what(d)
    except RuntimeError as e:
        seen.append(str(e))
    return seen


def add(d):
    d[99] = 0


def remove(d):
    del d[0]


def overwrite(d):
    d[4] = -4


def nothing(d):
    pass


for what in (nothing, add, remove, overwrite, nothing):
    for _ in range(60):
        result = changing({k: k * 2 for k in range(6)}, what)
    print(what.__name__, result)


def changing_at_the_end(d):
    n = 0
    try:
        for k in d:
            n += k
            if k == 5:
                d[6] = 6
    except RuntimeError as e:
        return n, str(e)
    return n


for _ in range(60):
    result = changing_at_the_end({k: k for k in range(6)})
print(result)


def deleted_before(d):
    out = 0
    for k, v in d.items():
        out += k * v
    for k in d:
        out += k
    return out


holes = {k: k + 1 for k in range(40)}
for k in (0, 1, 2, 7, 20, 38, 39):
    del holes[k]
for _ in range(60):
    result = deleted_before(holes)
print(result)


# Leaving in the middle: the interpreter goes on with the iterator.
def leave_in_the_middle(x, y, d, odd):
    log = []
    n = 0
    for i, (a, b) in enumerate(zip(x, y), 10):
        n += a * b
        if a == odd:
            n += 2 ** 70
            n -= 2 ** 70
            log.append((i, a, b))
    for a in reversed(x):
        if a == odd:
            n = n * 10 ** 30 // 10 ** 30
            log.append(a)
    for a in reversed(y):
        if a == odd:
            log.append(n + 0.5)
        n += a
    for k, v in d.items():
        n += v
        if k == odd:
            log.append(str(n + 2 ** 80))
    for i, k in enumerate(d):
        n += i * k
        if k == odd:
            n = n + 2 ** 90 - 2 ** 90
    return n, log


x, y, d = list(range(30)), tuple(range(30, 60)), {k: 2 * k for k in range(30)}
for turn in range(80):
    result = leave_in_the_middle(x, y, d, turn if turn > 50 else -1)
print(result)
for odd in (0, 15, 29):
    print(leave_in_the_middle(x, y, d, odd))


# Exceptions from the middle, and what they say.
def fails(x, y):
    n = 0
    for a, b in zip(x, y):
        n += a // b
    return n


for _ in range(60):
    fails([1, 2, 3], [1, 1, 1])
try:
    fails([1, 2, 3], [1, 0, 1])
except ZeroDivisionError as e:
    print(type(e).__name__, e.__traceback__.tb_next.tb_lineno)
for bad in (5, None, [1, 2, "x"]):
    try:
        print(fails([4, 5, 6], bad))
    except TypeError as e:
        print(e)


# One loop at module level that is entered while it runs.
total = 0
for i, (a, b) in enumerate(zip(range(3000), list(range(3000, 6000))), 1):
    total += i * (b - a)
print(total)
total = 0
for k, v in {k: k + 1 for k in range(5000)}.items():
    total += k * v
    if k == 4000:
        total += 2 ** 65
print(total)
for i, k in enumerate({str(k): k for k in range(3000)}):
    total += i * len(k)
print(total)
for v in reversed(list(range(4000))):
    total -= v
for v in reversed(tuple(range(4000))):
    total -= v
for v in tuple(range(4000)):
    total += v
print(total)
try:
    grown = {k: k for k in range(4000)}
    for k in grown.keys():
        total += k
        if k == 3500:
            grown["more"] = 1
except RuntimeError as e:
    print(e, total)
for a, b in zip(range(2000), [1] * 1500, strict=False):
    total += a * b
try:
    for a, b in zip(range(2000), [1] * 1500, strict=True):
        total += a * b
except ValueError as e:
    print(e, total)

# The dict of the module's variables.
value = 0
for round in range(4):
    for step in range(500):
        value += 1
        total += globals()["value"]
        globals()["value"] = value + 1
print(value, total)
names = globals()
name = content = None
for step in range(3000):
    value = step
    total += names["value"]
print(total)
for step in range(300):
    value = step
    for name, content in names.items():
        if name == "value":
            total += content
print(total)


# Range objects that are seen.
def ranges(n):
    r = range(n)
    out = len(r), r[-1] if n else None, 3 in r, list(r[1:3]), str(r)
    s = range(2, n, 3)
    total = 0
    for i in s:
        total += i
    for i in s:
        total -= i * 2
    return out, s, total, repr(range(True)), range(n) == r


for _ in range(60):
    result = ranges(10), ranges(0)
print(result)


def steps(n, step):
    r = range(0, n, step)
    total = 0
    for i in r:
        total += i
    return total, r


for step in (1, 2, -1, 3):
    for _ in range(50):
        result = steps(20, step)
    print(result)
try:
    steps(10, 0)
except ValueError as e:
    print(e)


# What an iterator holds dies with it.
class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone", self.name)


def release():
    for a, b in zip([Noisy(1), Noisy(2)], (3, 4)):
        pass
    del a
    print("after zip")
    for k, v in {1: Noisy("one")}.items():
        print(k)
    print("after items")
    del v
    for i, o in enumerate([Noisy("x")]):
        pass
    print("after enumerate")


for turn in range(3):
    release()


# Iterators that variables hold are like others.
def held(x):
    it = iter(x)
    first = next(it)
    rest = 0
    for v in it:
        rest += v
    z = zip(x, x)
    next(z)
    for a, b in z:
        rest += a * b
    e = enumerate(x)
    next(e)
    for i, a in e:
        rest += i * a
    return first, rest, next(it, "end"), list(z), list(e)


for _ in range(60):
    result = held([1, 2, 3]), held((4, 5)), held({1: 2, 3: 4}), held(range(4))
print(result)
print(list(zip()), list(zip([1])), list(zip([1], [2], [3], [4], [5])))
