"""A module-level loop whose globals are changed behind its back: by functions, exec, globals(), other modules."""
import sys
import types

counter = 0
limit = 10
step = 1
label = "start"


def bump():
    global counter
    counter += 100


def rename(value):
    global label
    label = value


def peek():
    return counter, label


# A called function writes the global that the loop also writes.
for i in range(3000):
    counter += step
    if i % 1000 == 500:
        bump()
    if i == 2500:
        step = 0.5
print(counter, step, peek())

# The loop's bound is a global that a function raises.
def extend():
    global limit
    if limit < 4000:
        limit += 1


i = 0
while i < limit:
    extend()
    i += 1
print(i, limit)

# Writes through globals(), exec, vars and setattr on the module itself.
this = sys.modules[__name__]
total = 0
for i in range(2000):
    total += i if i <= 1200 else "x"
    if i == 800:
        globals()["total"] = 5
    elif i == 1000:
        exec("total = total + 7.5")
    elif i == 1200:
        setattr(this, "total", "now text: ")
    if i == 1300:
        this.i = "i"
        total += i
    if isinstance(total, str) and i != "i" and i > 1990:
        break
print(total, i)

# A global is deleted while the loop runs.
fragile = 1
try:
    for i in range(3000):
        fragile += 1
        if i == 2000:
            del fragile
except NameError as problem:
    print("NameError:", problem, i)

# A name that was a builtin becomes a global and goes away again.
def length(values):
    return len(values)


results = []
for i in range(3000):
    results.append(length((1, 2, 3)))
    if i == 1000:
        globals()["len"] = lambda values: -1
    elif i == 2000:
        del globals()["len"]
print(results.count(3), results.count(-1))

# Functions called by the loop see the current values of its globals, at every moment.
def observe():
    return x, y


x = 0
y = 0.0
wrong = 0
for i in range(3000):
    x += 2
    y += 0.5
    if observe() != (2 * (i + 1), 0.5 * (i + 1)):
        wrong += 1
print(x, y, wrong)

# Exceptions leave the globals as they were at the moment of the raise.
def fail_at(value, where):
    if value == where:
        raise ValueError("at %d" % value)


done = 0
try:
    for i in range(4000):
        done = i * 2
        fail_at(i, 3210)
        done += 1
except ValueError as problem:
    print(problem, i, done)


# A second module whose globals the loop reads through attributes.
other = types.ModuleType("other")
other.rate = 3
other.hits = 0
exec("def touch():\n    global hits, rate\n    hits += 1\n    if hits == 2000:\n        rate = 'many'\n    return rate", other.__dict__)
summary = []
value = 0
for i in range(2500):
    rate = other.touch()
    if isinstance(rate, str):
        summary.append(rate)
    else:
        value += other.rate
print(value, len(summary), other.hits)

# A finalizer that writes a global of the loop.
class Witness:
    def __del__(self):
        global finalized
        finalized += 1


finalized = 0
seen = []
for i in range(2000):
    w = Witness()
    finalized += 10
    if i % 500 == 0:
        seen.append(finalized)
del w
print(seen, finalized)

# A function of the loop is replaced.
def score(n):
    return n


points = 0
for i in range(3000):
    points += score(i)
    if i == 1500:
        def score(n):
            return -1
    elif i == 2500:
        score = [5].__getitem__
        break
print(points, score(0))

# Nested loops at module level with break, continue and else.
found = []
for a in range(2, 200):
    for b in range(2, a):
        if a % b == 0:
            break
    else:
        found.append(a)
        continue
    if len(found) > 40:
        break
print(len(found), found[-1], a, b)
