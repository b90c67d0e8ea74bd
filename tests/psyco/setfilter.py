"""setfilter: asked once for each code object, before it is first compiled."""

import psyco
import sys
from support import ON, compiled

asked = []


def wanted(code):
    asked.append(code)
    return not code.co_name.startswith("no_")


def no_leaf(x):
    return x + 1


def leaf(x):
    return x + 1


def run(n):
    t = 0
    for i in range(n):
        t += leaf(i) - no_leaf(i)
    return t


def no_run(n):
    t = 0
    for i in range(n):
        t += i
    return t


assert psyco.setfilter(wanted) is None
for f in run, leaf, no_leaf, no_run:
    psyco.bind(f)
for _ in range(10):
    assert run(2000) == 0 and no_run(10) == 45
assert psyco.setfilter(None) is wanted
if ON:
    names = [code.co_name for code in asked]
    assert {"run", "leaf", "no_leaf", "no_run"} <= set(names), names
    assert len(asked) == len(set(map(id, asked))), "asked twice"
    assert run.__code__ in asked
assert compiled(run) == ON and not compiled(no_run) and not compiled(no_leaf)
assert compiled(leaf) == ON

# Without the filter, what it has rejected gets another chance.
psyco.bind(no_run)
assert no_run(10) == 45
assert compiled(no_run) == ON


# An exception means no, and is reported.
def broken(code):
    raise ValueError("no opinion")


def other(x):
    return x * 2


reports = []
sys.unraisablehook = reports.append
psyco.setfilter(broken)
psyco.bind(other)
assert other(2) == 4 and other(3) == 6
assert psyco.setfilter(None) is broken
sys.unraisablehook = sys.__unraisablehook__
assert not compiled(other)
if ON:
    assert any(r.exc_type is ValueError for r in reports)
    assert all(r.object is broken for r in reports)


# A filter may run Python code, compiled code too, and use this module.
def busy(code):
    psyco.stats()
    psyco.explain(code)
    psyco.cannotcompile(excluded)
    return run(300) == 0 and sum(i for i in range(2000)) >= 0


def excluded(x):
    return x


def work(n):
    return sum(excluded(i) for i in range(n)) + last(n)


def last(n):
    return n


psyco.setfilter(busy)
psyco.bind(work)
psyco.bind(excluded)
for _ in range(10):
    assert work(100) == 5050
psyco.setfilter(None)
assert compiled(work) == ON and not compiled(excluded)
print("ok")
