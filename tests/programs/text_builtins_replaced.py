"""Functions on texts keep calling what their names mean now."""
import builtins


def codes(text):
    return [ord(c) for c in text]


def loop(text):
    n = 0
    for c in text:
        n += ord(c)
        n += len(str(n))
        n += int("3")
    return n


for _ in range(50):
    a = loop("hello world")
print(a)
ord = lambda c: 1
print(loop("hello world"))
del ord
print(loop("hello world"))
len = lambda s: 1000
print(loop("hello world"))
del len
old = builtins.str
builtins.str = lambda x: "xxxxx"
print(loop("hello world"))
builtins.str = old
print(loop("hello world"), codes("abc"))


def two_kinds(values):
    out = []
    for v in values:
        out.append(v.upper())
    return out


class Other:
    def upper(self):
        return "other"


print(two_kinds(["a", "b"] * 50)[-1], two_kinds(["a", b"b", Other()] * 50)[-3:])


def iterate(things):
    out = []
    for thing in things:
        for x in thing:
            out.append(x)
    return out


print(iterate(["ab", "é", ["x", "y"], (1,), "z" * 3] * 20)[-9:])
half = iter("abcdefgh" * 50)
next(half)
n = 0
for c in half:
    n += 1
    if n == 100:
        break
print(n, next(half), sum(1 for _ in half), list(half))
items = list(range(300))
it = iter(items)
total = 0
for x in it:
    total += x
    if x == 200:
        items.append(1000)
print(total, list(it))
for x in items:
    if x == 250:
        del items[240:]
print(x, len(items))
