"""cannotcompile: not alone, not inlined, not as a version; its callers and callees are compiled."""

import psyco
from support import ON, compiled


def callee(x):
    return x + 1


def excluded(x):
    return callee(x) * 2


def run(n):
    t = 0
    for i in range(n):
        t += excluded(i)
    return t


psyco.cannotcompile(excluded)
for f in excluded, callee, run:
    psyco.bind(f)
for _ in range(20):
    assert run(1000) == 1001000
assert not compiled(excluded)
assert compiled(run) == compiled(callee) == ON
assert ("cannotcompile" in psyco.explain(excluded)) == ON


# The same for what is compiled already: everything made with it goes.
def small(x):
    return x + 1


def middle(x):
    return small(x) + 1


def uses(n):
    t = 0
    for i in range(n):
        t += middle(i)
    return t


for f in small, middle, uses:
    psyco.bind(f)
for _ in range(20):
    assert uses(1000) == 501500
assert compiled(uses) == compiled(small) == ON
freed = psyco.stats()["freed_units"]
psyco.cannotcompile(small.__code__)
assert not compiled(uses) and not compiled(small) and not compiled(middle)
for _ in range(20):
    assert uses(1000) == 501500
assert compiled(uses) == ON and not compiled(small)
assert psyco.stats()["freed_units"] > freed or not ON


# Methods too, and from inside the function itself.
class C:
    def method(self, n):
        psyco.cannotcompile(self.method)
        return n


psyco.bind(C)
c = C()
assert [c.method(i) for i in range(300)] == list(range(300))
assert not compiled(C.method)


# Recursion through the one that is excluded.
def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


psyco.bind(even)
assert even(100) and not even(99)
psyco.cannotcompile(odd)
for _ in range(300):
    assert even(100) and not even(99)
assert not compiled(odd)
print("ok")
