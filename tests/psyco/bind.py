"""bind: compiled at the next call, in place; its callees; unbind."""

import psyco
import types
from support import ON, FULL, compiled


def double(x):
    return x * 2


def total(n):
    t = 0
    for i in range(n):
        t += double(i)
    return t


alias = total
assert not compiled(total)
before = psyco.stats()
psyco.bind(total)
assert not compiled(total), "bind compiles nothing by itself"
assert FULL or psyco.stats()["units"] == before["units"]
assert psyco.stats()["bound"] == before["bound"] + ON
assert alias(100) == 9900
assert compiled(total) == ON, "one call is enough"
assert psyco.stats()["units"] > before["units"] or not ON
assert ("bound\n" in psyco.explain(total)) == ON
assert ("called by a bound function" in psyco.explain(double)) == ON
assert compiled(double) == ON

# Binding again changes nothing.
psyco.bind(total, rec=3)
assert alias(100) == 9900 and total.__name__ == "total"

psyco.unbind(total)
assert not compiled(total) and not compiled(double)
assert psyco.stats()["bound"] == before["bound"]
if not FULL:
    assert total(100) == 9900
    assert not compiled(total), "it counts again"
# Silent for what is not bound.
psyco.unbind(total)


def outer(n):
    return inner(n)


def inner(n):
    return innermost(n) + 1


def innermost(n):
    return n


psyco.bind(outer, 1)
assert outer(1) == 2
assert ("called by a bound function" in psyco.explain(inner)) == ON
assert inner(1) == 2
assert "bound" not in psyco.explain(innermost), "deeper than rec"

psyco.bind(innermost, rec=0)
assert ("bound" in psyco.explain(innermost)) == ON

# Functions that were made later are found at the first call.
namespace = {}
exec("def f(n): return g(n)", namespace)
psyco.bind(namespace["f"])
exec("def g(n): return n + 1", namespace)
assert namespace["f"](1) == 2
assert ("called by a bound function" in psyco.explain(namespace["g"])) == ON


class Base:
    def inherited(self, n):
        t = 0
        for i in range(n):
            t += i
        return t


class Derived(Base):
    factor = 3

    def method(self, n):
        return n * self.factor

    @staticmethod
    def static(n):
        return n + 1

    @classmethod
    def of_class(cls, n):
        return n + cls.factor

    @property
    def value(self):
        return self.factor + 1

    @value.setter
    def value(self, n):
        self.factor = n


def use(d):
    assert d.inherited(10) == 45
    assert d.method(2) == 6
    assert d.static(1) == 2
    assert d.of_class(1) == 4
    assert d.value == 4
    d.value = 3


functions = [
    Base.inherited, Derived.method, Derived.static, Derived.of_class, Derived.value.fget, Derived.value.fset,
]
psyco.bind(Derived)
use(Derived())
for f in functions:
    assert compiled(f) == ON, psyco.explain(f)
psyco.unbind(Derived)
for f in functions:
    assert not compiled(f), psyco.explain(f)


class Single:
    def bound(self):
        return 1

    def other(self):
        return 2


psyco.bind(Single().bound)
s = Single()
assert s.bound() == 1 and s.other() == 2
assert compiled(Single.bound) == ON
assert not compiled(Single.other)

# Anything with functions in its __dict__: an instance, a module with its own classes.
holder = Single()
holder.hook = lambda n: n + 1
psyco.bind(holder)
assert holder.hook(1) == 2
assert compiled(holder.hook) == ON

module = types.ModuleType("module")
exec("def f(n): return n\nclass C:\n    def m(self): return 3\nfrom types import ModuleType", module.__dict__)
psyco.bind(module)
assert module.f(1) == 1 and module.C().m() == 3
assert compiled(module.f) == ON and compiled(module.C.m) == ON

# What stands before a function is looked through.
import functools


@functools.lru_cache
def cached(n):
    return n + 1


psyco.bind(cached)
assert cached(1) == 2
assert compiled(cached.__wrapped__) == ON


# As a decorator it would lose the function: it returns None, as always.
assert psyco.bind(total) is None and psyco.unbind(total) is None


# Generators are entered through their loops; closures share the code.
def numbers(n):
    for i in range(n):
        yield i


psyco.bind(numbers)
assert list(numbers(50)) == list(range(50))


def adder(n):
    def add(x):
        return x + n
    return add


one, two = adder(1), adder(2)
psyco.bind(one)
assert (one(1), two(1)) == (2, 3)
assert compiled(two) == ON
print("ok")
