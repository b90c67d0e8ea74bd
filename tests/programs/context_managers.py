"""`with` in hot loops: order of entry and exit, swallowed exceptions, return and break through it, contextlib, nesting."""
import contextlib
import io

events = []


class Step:
    def __init__(self, name, swallow=(), fail_enter=False, fail_exit=False):
        self.name, self.swallow, self.fail_enter, self.fail_exit = name, swallow, fail_enter, fail_exit

    def __enter__(self):
        if self.fail_enter:
            raise OSError("enter " + self.name)
        events.append("+" + self.name)
        return self.name

    def __exit__(self, kind, value, traceback):
        events.append("-" + self.name + (":" + kind.__name__ if kind else ""))
        if self.fail_exit:
            raise RuntimeError("exit " + self.name)
        return kind is not None and issubclass(kind, self.swallow)


def happened():
    text = " ".join(events)
    events.clear()
    return text


def body(action):
    with Step("a", swallow=(KeyError,)), Step("b") as b:
        events.append(b)
        return action()


for action in (lambda: 1, lambda: {}["x"], lambda: 1 / 0, lambda: [][1]):
    try:
        print(body(action), happened())
    except (ZeroDivisionError, IndexError) as problem:
        print(type(problem).__name__, happened())

for options in (dict(fail_enter=True), dict(fail_exit=True), dict(fail_exit=True, swallow=(ValueError,))):
    try:
        with Step("outer", swallow=(OSError,)):
            with Step("inner", **options):
                raise ValueError("body")
        print("swallowed", happened())
    except RuntimeError as problem:
        print(problem, "| context:", repr(problem.__context__), happened())


class Depth:
    """Counts how often it is entered; the loops below are hot through it."""

    def __init__(self):
        self.level = self.entered = self.failed = 0

    def __enter__(self):
        self.level += 1
        self.entered += 1
        return self

    def __exit__(self, kind, value, traceback):
        self.level -= 1
        if kind is not None:
            self.failed += 1
        return kind is ArithmeticError


def hot(depth, n):
    total = 0
    for i in range(n):
        with depth as d:
            total += d.level
            if i % 100 == 7:
                continue
            if i % 100 == 8:
                raise ArithmeticError
            with d:
                total += d.level
            if i == n - 5:
                break
        total += 10
    else:
        total = -1
    return total, depth.level, depth.entered, depth.failed


print(hot(Depth(), 2500))


def find(depth, wanted):
    for i in range(3000):
        with depth:
            if i == wanted:
                return i, depth.level
    return None


d = Depth()
print(find(d, 2345), d.level, d.entered, find(d, -1))


@contextlib.contextmanager
def setting(table, key, value):
    missing = object()
    old = table.get(key, missing)
    table[key] = value
    try:
        yield old is not missing
    except LookupError as problem:
        events.append("lookup " + str(problem))
    finally:
        if old is missing:
            del table[key]
        else:
            table[key] = old


table = {"a": 1}
with setting(table, "a", 2) as existed:
    print(table, existed)
with setting(table, "b", 3) as existed:
    print(table, existed)
    raise IndexError("inside")
print(table, happened())
total = 0
for i in range(600):
    with setting(table, "a", i), setting(table, i % 5, i):
        total += table["a"] + len(table)
print(total, table)

with contextlib.ExitStack() as stack:
    names = [stack.enter_context(Step("s%d" % i)) for i in range(4)]
    stack.callback(events.append, "callback")
    stack.push(lambda kind, value, tb: events.append(str(kind)) or True)
    raise StopIteration("x")
print(names, happened())
with contextlib.suppress(ZeroDivisionError):
    for i in range(2000, -1, -1):
        total += 1000 // i
print(i, total)
out = io.StringIO()
with contextlib.redirect_stdout(out):
    print("hidden")
    for i in range(1200):
        print(i, end=" ")
print(len(out.getvalue()), out.getvalue()[:20])
with contextlib.closing(io.StringIO("text")) as stream:
    print(stream.read())
print(stream.closed, isinstance(contextlib.nullcontext(3).__enter__(), int))


def nested_finally(n):
    log = []
    for i in range(n):
        try:
            try:
                if i % 3 == 0:
                    raise ValueError(i)
                if i % 3 == 1:
                    continue
                log.append("plain")
            finally:
                if i > n - 6:
                    log.append("f%d" % i)
        except ValueError as problem:
            if i > n - 6:
                log.append("e%d" % problem.args)
        else:
            log.append("else")
    return len(log), log[-8:]


print(nested_finally(1500))


def override():
    for i in range(2000):
        try:
            return i
        finally:
            if i < 1800:
                continue
            break
    return "left by break at %d" % i


print(override())
try:
    with 5:
        pass
except (AttributeError, TypeError) as problem:
    print("not a context manager")
