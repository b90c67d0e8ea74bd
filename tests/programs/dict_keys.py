"""Dicts and sets with keys of all kinds: present, missing, added, removed, odd."""

class Name(str):
    """Equal to everything of the same hash, and says when it is asked."""
    asked = 0

    def __eq__(self, other):
        Name.asked += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


class Table(dict):
    def __missing__(self, key):
        return "<%s>" % (key,)

    def __contains__(self, key):
        return True


def count(words):
    counts = {}
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return counts


def look_up(table, keys):
    out = []
    for key in keys:
        try:
            out.append(table[key])
        except KeyError as error:
            out.append(error.args)
    return out


def with_default(table, keys):
    total = 0
    for key in keys:
        total += table.get(key, 0)
    return total


def get_or_none(table, keys):
    return [table.get(key) for key in keys]


def fill(table, n):
    for i in range(n):
        table[i] = i * i
        table["k%d" % i] = str(i)
        table[-i] = -i
    return len(table)


def churn(table, n):
    seen = 0
    for i in range(n):
        key = "key %d" % (i % 50)
        if key in table:
            seen += 1
            del table[key]
        else:
            table[key] = i
    return seen, len(table)


def unique(items):
    seen = set()
    out = []
    for item in items:
        if item not in seen:
            seen.add(item)
            out.append(item)
    return out


def overwrite(table, values):
    for value in values:
        table["x"] = value
    return table["x"]


def histogram(text):
    counts = {}
    for ch in text:
        counts[ch] = counts.get(ch, 0) + 1
    return sorted(counts.items())


def missing(table, keys):
    last = None
    for key in keys:
        last = table[key]
    return last


def grow_while_looking(table):
    try:
        for key in table:
            if key in table:
                table["new " + key] = 1
    except RuntimeError as error:
        return str(error)


class Noisy:
    died = []

    def __init__(self, name):
        self.name = name

    def __del__(self):
        Noisy.died.append(self.name)


def replace_noisy(table, n):
    for i in range(n):
        table["a"] = Noisy(i)
        table["b"] = len(Noisy.died)
    return table["b"]


def main():
    words = "the quick brown fox jumps over the lazy dog the end é ß é \u4e2d\u6587 ".split() * 40
    print(sorted(count(words).items()))
    odd = [Name("fox"), "fox", Name("dog"), "dog", "cat"] * 30
    print(sorted(count(odd).items()), Name.asked > 0)
    print(count([1, 1.0, True, 2, -1, -2, 2 ** 61 - 1, 0, 2 ** 70, 2 ** 70] * 20))
    print(count([(1, 2), "a", None, 3, (1, 2), b"a"] * 20))

    table = {"a": 1, 1: "one", "b": 2, Name("c"): 3, 2.0: "two", None: 0}
    for _ in range(30):
        found = look_up(table, ["a", "b", "c", "d", 1, 2, 3, None, True, 2 ** 80, Name("a")])
    print(found)
    for _ in range(200):
        found = look_up({"a": 1}, ["x", "y"])
    print(found)
    print(with_default({"a": 1, "b": 2}, ["a", "b", "c"] * 100))
    print(with_default({"a": 1, "b": 2.5}, ["a", "b", "c"] * 100))
    print(with_default({"a": 1, "b": 2 ** 70}, ["a", "b", "c"] * 100))
    print(get_or_none({"a": 1, 5: [1]}, ["a", "b", 5, 6, 5.0] * 20)[-5:])
    big = {}
    print(fill(big, 500), big[499], big["k499"], big[-499], sum(k for k in big if type(k) is int))
    print(churn({}, 1000), churn({"key 1": 0}, 999))
    print(unique("b a c a b d a".split() * 20), unique([3, 1, 3, 2, 1] * 20), unique([1.0, 1, True, "1"] * 20))
    print(overwrite({}, range(300)), overwrite({"x": "y"}, [1, 1.5, "z", None, [1], 2 ** 70] * 30))
    print(histogram("hello world" * 30 + "é中"))
    print(look_up(Table(a=1), ["a", "b", 3] * 20)[:3], "q" in Table(), count(Table(z=1)))
    print(grow_while_looking({"a": 1, "b": 2}))
    print(replace_noisy({}, 100), len(Noisy.died))
    try:
        missing({"w%d" % i: i for i in range(100)}, ["w%d" % i for i in range(101)])
    except KeyError as error:
        lines = []
        tb = error.__traceback__
        while tb is not None:
            lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno))
            tb = tb.tb_next
        print(error, lines)
    try:
        count([[1]])
    except TypeError as error:
        print(type(error).__name__)


main()
