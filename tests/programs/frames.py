"""Looking at frames while code is hot: locals(), sys._getframe, f_locals, f_back, f_lineno, inspect, warnings, logging."""
import inspect
import io
import logging
import sys
import warnings


def caller_locals():
    return dict(sys._getframe(1).f_locals)


def watched(n):
    a, b, c = 1, 2.5, "c"
    seen = []
    for i in range(n):
        a += i
        b = b + 0.5
        if i % 700 == 0:
            seen.append(caller_locals()["a"])
            c += "x"
    found = caller_locals()
    return a, b, c, seen, found["a"] == a, found["b"] == b, found["c"] == c, found["i"], sorted(found)


print(watched(3000))


def own_locals(n):
    x = 0
    snapshots = []
    for i in range(n):
        x += 2
        if i in (10, n - 1):
            snapshots.append(locals().copy())
    return [(s["x"], s["i"], "snapshots" in s) for s in snapshots]


print(own_locals(2500))


def depth():
    frame, n = sys._getframe(), 0
    while frame is not None:
        n += 1
        frame = frame.f_back
    return n


def names():
    frame, out = sys._getframe(1), []
    while frame is not None:
        out.append(frame.f_code.co_name)
        frame = frame.f_back
    return out


def third(n):
    return names() if n == 0 else depth()


def second(n):
    return third(n)


def first(n):
    result = second(n)
    return result


base = depth()
for i in range(2000):
    if first(1) != base + 3:
        print("wrong depth", i)
        break
print(first(0), (lambda: first(0))()[-2:])


def line():
    return sys._getframe(1).f_lineno


def lines(n):
    start = line()
    seen = set()
    for i in range(n):
        if i % 2:
            seen.add(line() - start)
        else:
            seen.add(
                line() - start
            )
        x = line() - start; seen.add(x)
    return sorted(seen)


print(lines(1500))


class Thing:
    value = 3

    def method(self, n):
        total = 0
        for i in range(n):
            total += self.helper(i)
        return total

    def helper(self, i):
        if i == 1999:
            frame = sys._getframe(1)
            return frame.f_locals["total"] + frame.f_locals["self"].value
        return 1


print(Thing().method(2000))


def generator(n):
    for i in range(n):
        yield i, sys._getframe().f_lineno - generator.__code__.co_firstlineno


print(set(line for _, line in generator(1500)))
g = generator(3)
next(g)
print(g.gi_frame.f_locals, g.gi_frame.f_code is generator.__code__)

total = 0
for k in range(2500):
    total += k
    if k == 2400:
        print(sys._getframe().f_locals["total"], globals()["total"], vars()["k"], locals() is globals())


def deep_look(n):
    """The frame of a hot loop is kept, and read after the loop has gone on and ended."""
    kept = None
    value = 0
    for i in range(n):
        value += i
        if i == n // 2:
            kept = sys._getframe()
    return kept, value


frame, value = deep_look(2000)
print(frame.f_locals["value"] == value, frame.f_locals["i"], frame.f_back is None or True, frame.f_code.co_name)
frame.clear()


def raise_in(n):
    secret = "s"
    for i in range(n):
        secret = secret if i else "t"
        if i == n - 1:
            raise ValueError(i)


try:
    raise_in(1500)
except ValueError as problem:
    tb = problem.__traceback__.tb_next
    print(tb.tb_frame.f_locals, tb.tb_lineno - raise_in.__code__.co_firstlineno)

out = io.StringIO()
handler = logging.StreamHandler(out)
handler.setFormatter(logging.Formatter("%(funcName)s:%(levelname)s:%(message)s"))
logger = logging.getLogger("hot")
logger.addHandler(handler)
logger.setLevel(logging.INFO)
logger.propagate = False


def logging_loop(n):
    for i in range(n):
        logger.debug("not shown %d", i)
        if i % 600 == 0:
            logger.info("at %d", i)


logging_loop(1500)
print(out.getvalue().split())


def warn_loop(n):
    for i in range(n):
        if i % 500 == 499:
            warnings.warn("number %d" % i, stacklevel=1 + i // 1000)


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warn_loop(2000)
print([(str(w.message), w.lineno - warn_loop.__code__.co_firstlineno if w.lineno < 190 else "caller") for w in caught][:2], len(caught))


def spy(n):
    result = []
    for i in range(n):
        if i == n - 1:
            result = [f.function for f in inspect.stack()[:2]], inspect.currentframe().f_lineno - spy.__code__.co_firstlineno
    return result


print(spy(1200))
print(inspect.signature(watched), inspect.getsource(third).splitlines()[1].strip(), inspect.isgeneratorfunction(generator))


def eval_in_loop(n):
    hidden = 5
    total = 0
    for i in range(n):
        if i % 50 == 0:
            total += eval("hidden + i")
            hidden += 1
        total += 1
    return total, hidden


print(eval_in_loop(2000))


class Meta(type):
    def __new__(mcls, name, bases, namespace):
        namespace["made_in"] = sys._getframe(1).f_code.co_name
        return super().__new__(mcls, name, bases, namespace)


def make_classes(n):
    out = set()
    for i in range(n):
        class Made(metaclass=Meta):
            number = i
        out.add(Made.made_in)
    return out, Made.number


print(make_classes(100))
