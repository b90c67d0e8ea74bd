"""Frames, recursion and exceptions of bound functions are the interpreter's."""

import psyco
import sys
from support import ON, compiled, raises


def here(a, b):
    c = a + b
    d = [c]
    return locals()


psyco.bind(here)
for _ in range(5):
    assert here(1, 2) == {"a": 1, "b": 2, "c": 3, "d": [3]}


def look():
    return dict(sys._getframe(1).f_locals)


def caller(n):
    t = 0
    for i in range(n):
        t += i
        if i == n - 1:
            seen = look()
    return seen


psyco.bind(caller)
for n in 5, 50, 500:
    assert caller(n) == {"n": n, "t": n * (n - 1) // 2, "i": n - 1}
assert compiled(caller) == ON


def variables(n):
    k = n * 2
    return vars(), dir(), eval("k + n")


psyco.bind(variables)
for _ in range(5):
    assert variables(1) == ({"n": 1, "k": 2}, ["k", "n"], 3)


def deep(n):
    return 1 + deep(n + 1)


psyco.bind(deep)
for _ in range(3):
    raises(RecursionError, deep, 0)
assert compiled(deep) == ON


class Tree:
    def depth(self):
        return self.child().depth()

    def child(self):
        return self


psyco.bind(Tree)
raises(RecursionError, Tree().depth)


def limited(n):
    return 0 if n == 0 else 1 + limited(n - 1)


psyco.bind(limited)
assert limited(500) == 500
sys.setrecursionlimit(300)
raises(RecursionError, limited, 500)
sys.setrecursionlimit(2000)
assert limited(500) == 500


def fails(items):
    t = 0
    for item in items:
        t += item
    return t


psyco.bind(fails)
for _ in range(3):
    assert fails([1] * 100) == 100
    try:
        fails([1, 2, "three"])
    except TypeError as e:
        frame = e.__traceback__.tb_next.tb_frame
        assert frame.f_code is fails.__code__
        assert frame.f_locals == {"items": [1, 2, "three"], "t": 3, "item": "three"}
        assert e.__traceback__.tb_next.tb_lineno == fails.__code__.co_firstlineno + 3
    else:
        raise AssertionError("no TypeError")


# A tool that watches sees every event of a bound function.
events = []


def tracer(frame, event, argument):
    if frame.f_code is fails.__code__:
        events.append(event)
    return tracer


sys.settrace(tracer)
fails([1, 2])
sys.settrace(None)
assert events.count("line") == 2 + 3 + 2 and events[0] == "call" and events[-1] == "return", events
assert fails([1] * 100) == 100
print("ok")
