"""When objects die: `__del__`, weak references and their callbacks, resurrection, cycles and gc, in hot loops.

The moments are those of reference counting; a compiled loop may not keep anything alive longer, or drop it earlier."""
import gc
import sys
import weakref

log = []


class Noisy:
    alive = 0

    def __init__(self, name):
        self.name = name
        Noisy.alive += 1

    def __del__(self):
        Noisy.alive -= 1
        if len(log) < 40:
            log.append(self.name)


def flush():
    text = " ".join(map(str, log))
    log.clear()
    return text


def rebinding(n):
    most = 0
    for i in range(n):
        x = Noisy(i)
        most = max(most, Noisy.alive)
        if i >= n - 3:
            log.append("|")
    x = None
    log.append("end")
    return most, Noisy.alive


print(rebinding(5))
print(flush())
print(rebinding(1500))
print(flush()[-60:])


def element(items, n):
    """A borrowed element is dropped from its list while it is still in use."""
    total = 0
    for i in range(n):
        x = items[0]
        items[0] = i
        total += x.name if isinstance(x, Noisy) else 1
        if i == n - 2:
            items[0] = Noisy(5)
    return total


print(element([Noisy(1000)], 1500), flush(), Noisy.alive)


def in_expression(n):
    total = 0
    for i in range(n):
        total += Noisy(i).name + len(log)
        log.clear()
    return total


print(in_expression(1500), Noisy.alive)


class Holder:
    def __init__(self, thing):
        self.thing = thing


def attribute(n):
    h = Holder(None)
    seen = []
    for i in range(n):
        h.thing = Noisy(i)
        if i % 500 == 499:
            seen.append(Noisy.alive)
    del h.thing
    seen.append(Noisy.alive)
    return seen


print(attribute(2000))
log.clear()


def watched(n):
    dead = []
    refs = []
    for i in range(n):
        thing = Noisy(i)
        refs.append(weakref.ref(thing, lambda ref, i=i: dead.append(i)))
        if i % 2:
            thing = None
        alive = refs[-1]() is not None
        if alive == (i % 2 == 1):
            return "wrong at %d" % i
    return len(dead), dead[:4], sum(ref() is not None for ref in refs)


print(watched(1200))
log.clear()


def finalizer_changes_local_state(n):
    """The finalizer writes what the loop reads: a list, a dict, a global."""
    state = {"count": 0}
    items = [0]

    class Writer:
        def __del__(self):
            state["count"] += 1
            items[0] += 2

    total = 0
    for i in range(n):
        w = Writer()
        total += items[0] + state["count"]
        if i == n - 1:
            w = None
    return total, items, state


print(finalizer_changes_local_state(1500))


class Phoenix:
    saved = []

    def __del__(self):
        Phoenix.saved.append(self)


def resurrect(n):
    for i in range(n):
        p = Phoenix()
        p.number = i
    p = None
    numbers = [p.number for p in Phoenix.saved]
    return len(numbers), numbers[-1]


print(resurrect(600))
Phoenix.saved.clear()


class Raising:
    def __del__(self):
        raise ValueError("in __del__")


unraisable = []
sys.unraisablehook = lambda args: unraisable.append((type(args.exc_value).__name__, str(args.exc_value)))


def swallow(n):
    total = 0
    for i in range(n):
        r = Raising() if i % 100 == 0 else None
        total += r is None
    return total


print(swallow(1000), len(unraisable), unraisable[0])


def early_exit(n, how):
    held = Noisy("held")
    for i in range(n):
        inner = Noisy("i") if i > n - 3 else None
        if i == n - 2:
            if how == "return":
                return "returned"
            if how == "raise":
                raise KeyError("raised")
            break
    log.append("after")
    return "broke"


for how in ("return", "break", "raise"):
    try:
        log.append(early_exit(1500, how))
    except KeyError as problem:
        log.append("caught")
        del problem
    print(flush(), Noisy.alive)


def cycles(n):
    class Node:
        pass

    for i in range(n):
        a, b = Node(), Node()
        a.other, b.other = b, a
    a = b = None
    gc.collect()
    return sum(isinstance(thing, Node) for thing in gc.get_objects())


print(cycles(1500))
gc.disable()
cell = []
cell.append(cell)
ref = weakref.finalize(Noisy, log.append, "never")
ref.detach()
table = weakref.WeakValueDictionary()
keys = weakref.WeakKeyDictionary()
keep = []
for i in range(600):
    thing = Noisy(i)
    table[i] = thing
    keys[thing] = i
    if i % 100 == 0:
        keep.append(thing)
del thing
print(sorted(table), sorted(keys.values()), Noisy.alive)
keep.clear()
print(len(table), len(keys), Noisy.alive)
log.clear()
s = weakref.WeakSet([Noisy("gone")])
print(len(s), flush())


def swap(n):
    a, b = Noisy("a"), Noisy("b")
    for i in range(n):
        a, b = b, a
        if i == n - 2:
            a = 0
            log.append("dropped")
    log.append(type(a).__name__)
    return None


swap(1001)
print(flush())
