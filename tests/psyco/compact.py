"""compact, compacttype and psyco.classes: small instances, bound methods."""

import copy
import gc
import pickle
import psyco
import weakref
from psyco import classes
from psyco.classes import *
from support import ON, compiled, raises

assert psyco.compact.__mro__[-1] is object and type(psyco.compact) is psyco.compacttype
assert __metaclass__ is psymetaclass and issubclass(psymetaclass, psyco.compacttype)
assert set(classes.__all__) == {"psyobj", "psymetaclass", "__metaclass__"}


class Point(psyco.compact):
    kind = "point"
    z = 0

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def norm(self):
        return self.x * self.x + self.y * self.y

    @property
    def both(self):
        return self.x, self.y

    @both.setter
    def both(self, pair):
        self.x, self.y = pair


p = Point(3, 4)
assert (p.x, p.y, p.z, p.kind, p.norm(), p.both) == (3, 4, 0, "point", 25, (3, 4))
p.z = 5
assert p.z == 5 and Point.z == 0
p.both = 6, 8
assert p.norm() == 100
del p.z
assert p.z == 0
raises(AttributeError, delattr, p, "z")
raises(AttributeError, getattr, p, "missing")
assert not hasattr(p, "missing") and hasattr(p, "x")
setattr(p, "made at run time", 1)
assert getattr(p, "made at run time") == 1
delattr(p, "made at run time")
raises(TypeError, Point, 1)
raises(TypeError, psyco.compact, 1)

# The dict is a view.
assert p.__dict__ == {"x": 6, "y": 8} == vars(p) and list(p.__dict__) == ["x", "y"] and len(p.__dict__) == 2
p.__dict__["w"] = 1
assert p.w == 1 and "w" in p.__dict__
del p.__dict__["w"]
raises(KeyError, lambda: p.__dict__["w"])
assert not hasattr(p, "w") and 5 not in p.__dict__
p.__dict__.update(x=1)
assert p.x == 1
p.__dict__ = {"y": 2, "v": 3}
assert p.v == 3 and not hasattr(p, "x") and repr(p.__dict__) == "{'y': 2, 'v': 3}"
assert {"v", "y", "norm"} <= set(dir(p))

# No slots, no weak references, no dict of its own.
try:
    class Slots(psyco.compact):
        __slots__ = ("a",)
except psyco.error:
    pass
else:
    raise AssertionError("no psyco.error")
raises(TypeError, weakref.ref, p)

# Many attributes, in any order.
many = [Point(i, i) for i in range(20)]
for k, q in enumerate(many):
    for i in range(100):
        setattr(q, f"name{(i * 7 + k) % 100}", i)
for k, q in enumerate(many):
    assert all(getattr(q, f"name{(i * 7 + k) % 100}") == i for i in range(100))

# Copies and pickles.
p = Point(1, [2])
q, r = copy.copy(p), copy.deepcopy(p)
assert q.y is p.y and r.y == p.y and r.y is not p.y and type(r) is Point
assert pickle.loads(pickle.dumps(p)).__dict__ == p.__dict__


# Inheritance, __getattr__, abstract methods, several bases.
class Named(Point):
    def __init__(self, name):
        super().__init__(1, 2)
        self.name = name

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return "found " + name


n = Named("n")
assert (n.x, n.name, n.other) == (1, "n", "found other") and isinstance(n, Point)


class Logged(psyco.compact):
    def __setattr__(self, name, value):
        super().__setattr__(name, value + 1)


logged = Logged()
logged.a = 1
assert logged.a == 2


class Plain:
    def plain(self):
        return "plain"


class Made(metaclass=psyco.compacttype):
    pass


made = Made()
made.a = 1
assert isinstance(made, psyco.compact) and made.__dict__ == {"a": 1}

# Cycles are collected, values are let go.
gone = []


class Value:
    def __del__(self):
        gone.append(1)


a, b = Point(1, 2), Point(3, 4)
a.x, b.x, a.value = b, a, Value()
del a, b
gc.collect()
assert gone == [1]
c = Point(1, Value())
c.y = None
assert gone == [1, 1]
c.y = Value()
del c
gc.collect()
assert gone == [1, 1, 1]


# psyobj: compact and bound, subclasses and inherited methods too.
class Shape(psyobj):
    def __init__(self, n):
        self.n = n

    def area(self):
        t = 0
        for i in range(self.n):
            t += i
        return t


class Square(Shape):
    def twice(self):
        return self.area() * 2


class Other(metaclass=psymetaclass):
    def f(self):
        return 1


class Nothing(psyobj):
    pass


s = Square(10)
for _ in range(3):
    assert s.twice() == 90 and Other().f() == 1
for f in Shape.area, Shape.__init__, Square.twice, Other.f:
    assert compiled(f) == ON, psyco.explain(f)
assert isinstance(s, psyco.compact) and s.__dict__ == {"n": 10} and Nothing().__dict__ == {}
print("ok")
