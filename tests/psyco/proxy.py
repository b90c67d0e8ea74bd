"""proxy: an accelerated copy beside the original."""

import psyco
import types
from support import ON, FULL, compiled


def f(n, start=0, *, step=1, **rest) -> int:
    """The text."""
    t = start
    for i in range(n):
        t += i * step
    return t


f.attribute = [1]
original_code = f.__code__
p = psyco.proxy(f)
assert p is not f and isinstance(p, types.FunctionType)
assert f.__code__ is original_code and p.__code__ is not original_code and p.__code__ == f.__code__
for name in "__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__", "__annotations__":
    assert getattr(p, name) == getattr(f, name), name
assert p.attribute is f.attribute and p.__globals__ is f.__globals__
assert p(10) == f(10) == 45 and p(10, 1, step=2) == 91
assert compiled(p) == ON
assert FULL or not compiled(f)
assert psyco.unproxy(p) is f


# Callees stay as they are, too; recursion leads to the original.
def double(x):
    return x * 2


def calls(n):
    return double(n) if n < 5 else calls(n - 1)


fast = psyco.proxy(calls)
assert fast(9) == 8
assert compiled(fast) == ON
assert "bound" not in psyco.explain(double) and "bound" not in psyco.explain(calls)


def counter():
    n = 0

    def count():
        nonlocal n
        n += 1
        return n
    return count


c = counter()
fast = psyco.proxy(c)
assert (c(), fast(), c()) == (1, 2, 3)


class C:
    def __init__(self, n):
        self.n = n

    def method(self, k):
        return self.n + k


m = psyco.proxy(C(1).method)
assert isinstance(m, types.MethodType) and m(2) == 3
assert compiled(m) == ON and not compiled(C.method)
assert psyco.unproxy(m) == types.MethodType(C.method, m.__self__)


@psyco.proxy
def decorated(n):
    return n + 1


assert decorated(1) == 2 and compiled(decorated) == ON
psyco.unbind(decorated)
assert not compiled(decorated) and decorated(1) == 2
print("ok")
