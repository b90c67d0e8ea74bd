"""Machine code that nobody can run any more is freed, while compiled code runs too."""

import psyco
from support import ON, compiled, entered


def work(n):
    t = 0
    for i in range(n):
        t += i
    return t


def once():
    psyco.bind(work)
    assert work(50) == 1225
    assert entered(work) == ON
    psyco.unbind(work)
    assert not entered(work)


# A caller that stays interpreted enters it each time.
psyco.cannotcompile(once)
for _ in range(300):
    once()
stats = psyco.stats()
if ON:
    assert stats["freed_units"] >= 290, stats
    assert stats["live_units"] < 100, stats
    assert stats["code_bytes"] < stats["code_bytes_total"] / 2


# From inside compiled code that is to be dropped, at several depths.
def inner(n, again):
    psyco.unbind(outer)
    psyco.unbind(inner)
    psyco.bind(outer)
    psyco.bind(inner)
    return n + (outer(n - 1, again) if n > 0 else 0)


def outer(n, again):
    t = 0
    for i in range(again):
        t += inner(n, again) + i
    return t


def expected(n, again):
    return sum((n + (expected(n - 1, again) if n > 0 else 0)) + i for i in range(again))


psyco.bind(outer)
for _ in range(10):
    assert outer(3, 3) == expected(3, 3)


def excluded(n):
    return n + 1


def uses(n):
    t = 0
    for i in range(n):
        t += excluded(i)
        if i == n // 2:
            psyco.cannotcompile(excluded)
    return t


psyco.bind(uses)
for n in 10, 100, 1000, 10000:
    assert uses(n) == n * (n + 1) // 2
assert not compiled(excluded)

# Types that change rebuild units; the old ones go.
def add(a, b):
    return a + b


def mixed(values):
    t = values[0]
    for v in values[1:]:
        t = add(t, v)
    return t


psyco.bind(mixed)
for _ in range(50):
    assert mixed([1] * 30) == 30
    assert mixed([1.5] * 30) == 45.0
    assert mixed(["a"] * 30) == "a" * 30
    assert mixed([(1,)] * 30) == (1,) * 30
    assert mixed([1, 2.5, True] * 10) == 45.0
print("ok")
