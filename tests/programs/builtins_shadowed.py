"""Builtins that are replaced midway: by a local global, in the builtins module, in a function's own builtins."""
import sys
import builtins
import math

original_len, original_abs, original_range, original_print = len, abs, range, print


def use_len(values):
    return len(values)


def use_abs(n):
    total = 0
    for i in range(n):
        total += abs(-i)
    return total


def use_range():
    return [i for i in range(3)]


def sum_len(n, at, action):
    total = 0
    for i in range(n):
        total += len("four")
        if i == at:
            action()
    return total


def replace_len():
    builtins.len = lambda values: 100


def restore_len():
    builtins.len = original_len


print(sum_len(2000, 1000, lambda: None))
print(sum_len(2000, 1000, replace_len))
print(use_len([1]), sum_len(2000, 1000, restore_len))
print(use_len([1]), sum_len(2000, -1, None))

print(use_abs(2000))
abs = lambda value: value * 10
print(use_abs(2000))
del abs
print(use_abs(2000))
builtins.abs = lambda value: 7
print(use_abs(2000))
builtins.abs = original_abs
print(use_abs(2000))


def range_user(n):
    total = 0
    for i in range(n):
        total += i
    return total


print(range_user(3000))
range = lambda n: [1, 2.5, n]
print(range_user(3000))
range = lambda n: (character for character in "nope")
try:
    range_user(3)
except TypeError as problem:
    print("TypeError")
    print(problem, file=sys.stderr)
del range
print(range_user(3000), use_range())

# Deleting a builtin altogether, then giving it back.
del builtins.len
try:
    use_len("abc")
except NameError as problem:
    print("NameError:", problem)
builtins.len = original_len
print(use_len("abc"))

# A name that only ever exists in builtins after a while.
def wants_extra(n):
    missing = 0
    total = 0
    for i in original_range(n):
        try:
            total += extra
        except NameError:
            missing += 1
        if i == 1500:
            builtins.extra = 3
    return missing, total


print(wants_extra(3000))
del builtins.extra

# A module attribute that a hot loop takes for constant.
def roots(n):
    total = 0.0
    for i in original_range(n):
        total += math.sqrt(i)
        if i == 2000:
            math.sqrt = lambda value: 1
    return total


real_sqrt = math.sqrt
print("%.6f" % roots(3000))
math.sqrt = real_sqrt
print("%.6f" % roots(1999))
math.sqrt = real_sqrt

# Functions with builtins of their own.
namespace = {"__builtins__": {"len": lambda values: "mine", "range": original_range}}
exec("def f(n):\n    out = None\n    for i in range(n):\n        out = len('x')\n    return out", namespace)
print(namespace["f"](2000))
try:
    exec("print(1)", {"__builtins__": {}})
except NameError as problem:
    print("NameError:", problem)

# isinstance and type as variables.
def classify(values):
    counts = {}
    for value in values:
        name = "int" if isinstance(value, int) else type(value).__name__
        counts[name] = counts.get(name, 0) + 1
    return counts


values = [1, 2.0, "x", None, True] * 300
print(classify(values))
isinstance = lambda value, kind: False
print(classify(values))
del isinstance
type, saved = (lambda value: original_len.__class__), type
print(classify(values))
del type
print(classify(values))

# __build_class__, __import__ replaced.
real_import = builtins.__import__
imports = []


def recording_import(name, *args, **kwargs):
    imports.append(name)
    return real_import(name, *args, **kwargs)


def importer(n):
    for i in original_range(n):
        if i == 1000:
            builtins.__import__ = recording_import
        import math as m
        if i == 1010:
            builtins.__import__ = real_import
    return m.__name__


print(importer(1500), imports)
