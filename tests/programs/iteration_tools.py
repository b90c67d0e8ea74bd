"""itertools, functools, zip, enumerate, map, filter, reversed and user-made iterators, in hot loops and by hand."""
import collections
import functools
import itertools
import operator


class Countdown:
    def __init__(self, start):
        self.value = start

    def __iter__(self):
        return self

    def __next__(self):
        if self.value <= 0:
            raise StopIteration
        self.value -= 1
        return self.value


class Sequence:
    """Iterated by __getitem__ until IndexError."""

    def __init__(self, n):
        self.n = n

    def __getitem__(self, index):
        if index >= self.n:
            raise IndexError(index)
        return index * index


class Lengthy:
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return "item%d" % index

    def __reversed__(self):
        return iter(["backwards"])


def total(source):
    result = 0
    for value in source:
        result += value
    return result


SOURCES = [range(2000), list(range(2000)), tuple(range(2000)), set(range(2000)), dict.fromkeys(range(2000)), iter(range(2000)), Countdown(2000),
           Sequence(2000), (i for i in range(2000)), map(abs, range(-1999, 1)), filter(None, range(2000)), reversed(range(2000)),
           itertools.islice(itertools.count(), 2000), itertools.chain(range(1000), range(1000, 2000)), collections.deque(range(2000)), bytes(200),
           {i: i for i in range(2000)}.values(), itertools.repeat(3, 2000), itertools.accumulate(range(100)), range(1999, -1, -1), [0.5] * 2000]
for source in SOURCES:
    print(type(source).__name__, total(source))
for bad in (5, None, Ellipsis, object()):
    try:
        total(bad)
    except TypeError as problem:
        print("TypeError:", str(problem)[-15:])
print(list(Lengthy().__reversed__()), list(reversed(Lengthy())), "item9" in [Lengthy()[9]], list(zip(Lengthy(), range(2))))


def pairs(n):
    out = 0
    for i, (a, b) in enumerate(zip(range(n), range(0, 2 * n, 2)), 5):
        out += i * a - b
    for a, b, c in zip("abc" * 500, itertools.count(1.5), Countdown(n)):
        out += b if a == "b" else c
    return out


print(pairs(1200))
try:
    list(zip([1], [1, 2], strict=True))
except ValueError as problem:
    print("ValueError:", problem)
try:
    for a, b in [(1, 2)] * 1500 + [(1, 2, 3)]:
        pass
except ValueError as problem:
    print("ValueError:", str(problem)[:24])
try:
    for a, b in [(1, 2)] * 1500 + [7]:
        pass
except TypeError as problem:
    print("TypeError:", problem)

print(["".join(p) for p in itertools.permutations("abc")], list(itertools.combinations(range(4), 2)), list(itertools.product("ab", repeat=2)))
print([(k, len(list(g))) for k, g in itertools.groupby("aaabbcaa")], list(itertools.compress("abcdef", [1, 0, 1, 0, 1, 1])))
print(list(itertools.takewhile(lambda x: x < 4, range(10))), list(itertools.dropwhile(lambda x: x < 7, range(10))), list(itertools.starmap(pow, [(2, 5), (3, 2)])))
print(list(itertools.zip_longest("ab", range(3), fillvalue="-")), list(itertools.pairwise("abcd")), list(itertools.filterfalse(None, [0, 1, 2, ""])))
print(list(itertools.accumulate([1, 2, 3, 4], operator.mul)), list(itertools.combinations_with_replacement("ab", 2)), list(itertools.islice("abcdefg", 1, 6, 2)))
left, right = itertools.tee(range(1500))
print(sum(left), sum(right), next(left, "done"))
cycle = itertools.cycle("xyz")
counts = {}
for i in range(2000):
    letter = next(cycle)
    counts[letter] = counts.get(letter, 0) + 1
print(counts)

print(functools.reduce(lambda a, b: a * 31 + b, range(1500)) % 1000003, functools.reduce(operator.add, "abc", ""), functools.partial(int, base=2)("1011"))


@functools.singledispatch
def describe(value):
    return "other"


@describe.register
def _(value: int):
    return "int"


@describe.register(list)
def _(value):
    return "list of " + ", ".join(map(describe, value))


tally = collections.Counter(describe(value) for value in [1, True, "x", 2.0, [3], None] * 250)
print(sorted(tally.items()), describe([1, [2, "x"]]))


class Cached:
    computed = 0

    @functools.cached_property
    def value(self):
        Cached.computed += 1
        return 42

    @functools.lru_cache(maxsize=None)
    def method(self, n):
        Cached.computed += 1
        return n


cached = Cached()
print(sum(cached.value + cached.method(i % 10) for i in range(2000)), Cached.computed)
it = iter([1, 2, 3].pop, None)
d = collections.defaultdict(list)
for i in range(2000):
    d[i % 7].append(i)
print(sum(map(len, d.values())), max(d, key=lambda k: sum(d[k])), collections.ChainMap({"a": 1}, {"a": 2, "b": 3})["b"])
numbers = iter(range(10))
print(list(zip(numbers, numbers)), any(x > 3 for x in (1, 5, 1 // 1)), all([]), sum([[1], [2]], []), next(iter(()), "default"))


def lazily_failing():
    for x in [3, 2, 1, 0]:
        yield 6 // x


seen = []
try:
    for value in map(lambda x: x * 2, filter(lambda x: x != 3, lazily_failing())):
        seen.append(value)
except ZeroDivisionError:
    print(seen)
nested = [[i * j for j in range(i)] for i in range(60)]
print(sum(x for row in nested for x in row if x % 2), [y for x in [[1, 2], [3]] for y in x], {k: v for k, v in zip("ab", (1, 2))}, {x % 3 for x in range(100)})
matrix = [[1, 2, 3], [4, 5, 6]]
print(list(map(list, zip(*matrix))), [*matrix[0], *map(str, matrix[1])], [(i, j) for i in range(3) for j in range(i)])
x = "outer"
print([x for x in range(3)], x, [(lambda: y)() for y in range(3)], [f() for f in [lambda: z for z in range(3)]])
first, *middle, last = range(6)
(a, b), [c, *rest] = (1, 2), "xyz"
print(first, middle, last, a, b, c, rest, [*range(3), *"ab"], {**{"a": 1}, "b": 2}, (*(), 1))
if (n := len(middle)) > 3 and (half := n // 2):
    print(n, half, [last := v for v in range(4)], last)
