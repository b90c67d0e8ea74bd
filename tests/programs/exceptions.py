"""Exceptions through hot code: raised, caught, chained, re-raised, in callees, in loops, with groups and finally."""
import sys


class Base(Exception):
    def __init__(self, message, code=0):
        super().__init__(message)
        self.code = code


class Child(Base):
    pass


def check(n):
    if n % 7 == 3:
        raise ValueError(n)
    if n % 11 == 5:
        raise Child("child", n)
    if n % 13 == 9:
        return {}[n]
    return n


def loop(n):
    counts = {}
    total = 0
    for i in range(n):
        try:
            total += check(i)
        except ValueError as problem:
            total -= problem.args[0]
            counts["value"] = counts.get("value", 0) + 1
        except (KeyError, Base) as problem:
            name = type(problem).__name__
            counts[name] = counts.get(name, 0) + 1
            total += getattr(problem, "code", -1)
        else:
            total += 1
        finally:
            total ^= 1
    return total, sorted(counts.items())


print(loop(4000))


def chain(kind):
    try:
        try:
            raise KeyError("first")
        except KeyError as problem:
            if kind == 0:
                raise ValueError("second") from problem
            if kind == 1:
                raise ValueError("second")
            if kind == 2:
                raise ValueError("second") from None
            if kind == 3:
                raise
            problem.args = ("changed",)
            raise problem
    except Exception as problem:
        return repr(problem), repr(problem.__cause__), repr(problem.__context__), problem.__suppress_context__


for kind in range(5):
    print(chain(kind))


def depth(n, where):
    if n == 0:
        raise IndexError("bottom")
    try:
        return depth(n - 1, where) + 1
    except IndexError:
        if n == where:
            return 100
        raise
    finally:
        visited.append(n)


visited = []
print(depth(20, 15), len(visited))
total = 0
for i in range(200):
    visited = []
    total += depth(10, i % 10 + 1)
print(total)


def lines(problem):
    out = []
    tb = problem.__traceback__
    while tb is not None:
        out.append((tb.tb_frame.f_code.co_name, tb.tb_lineno - tb.tb_frame.f_code.co_firstlineno))
        tb = tb.tb_next
    return out


def hot_divide(values):
    total = 0
    for value in values:
        total += 10 // value
    return total


def outer(values):
    return hot_divide(
        values
    )


for bad in (0, "x", None, [], 0.0):
    try:
        outer([1] * 2500 + [bad])
    except (ZeroDivisionError, TypeError) as problem:
        print(type(problem).__name__, lines(problem)[1:])


def current():
    """sys.exc_info in nested handlers, and that it is cleared afterwards."""
    seen = []
    for i in range(1500):
        try:
            raise ValueError(i)
        except ValueError:
            if i == 1400:
                seen.append(repr(sys.exc_info()[1]))
                try:
                    raise KeyError(i)
                except KeyError as inner:
                    seen.append(repr(sys.exc_info()[1]) + repr(inner.__context__))
                seen.append(repr(sys.exc_info()[1]))
    seen.append(sys.exc_info())
    return seen


print(current())


def name_is_deleted():
    try:
        raise ValueError("gone")
    except ValueError as problem:
        pass
    try:
        return problem
    except UnboundLocalError as missing:
        return type(missing).__name__


print(name_is_deleted())


def assert_loop(n):
    for i in range(n):
        assert i < 1800, "too far: %d" % i
    return "fine"


print(assert_loop(1800))
try:
    assert_loop(3000)
except AssertionError as problem:
    print("AssertionError:", problem)


def retry(n):
    attempts = 0
    for i in range(n):
        while True:
            attempts += 1
            try:
                if attempts % 4:
                    raise OSError(2, "busy", "file%d" % i)
            except OSError as problem:
                if problem.errno != 2:
                    raise
                continue
            break
    return attempts


print(retry(600))


class Evil:
    def __eq__(self, other):
        raise RuntimeError("eq")

    def __iter__(self):
        raise RuntimeError("iter")

    def __len__(self):
        raise RuntimeError("len")

    def __getattr__(self, name):
        raise RuntimeError("getattr " + name)

    def __index__(self):
        raise RuntimeError("index")

    def __hash__(self):
        raise RuntimeError("hash")


def touch(thing, table, items):
    out = []
    for i in range(9):
        try:
            if i == 0:
                thing == 1
            elif i == 1:
                for _ in thing:
                    pass
            elif i == 2:
                len(thing)
            elif i == 3:
                thing.size
            elif i == 4:
                items[thing]
            elif i == 5:
                table.get(thing)
            elif i == 6:
                a, b = thing
            elif i == 7:
                thing in items
            else:
                range(thing)
            out.append("ok")
        except (RuntimeError, TypeError, AttributeError, ValueError) as problem:
            out.append(str(problem)[:14])
    return out


class Meek:
    size = 1

    def __len__(self):
        return 2

    def __iter__(self):
        return iter("ab")

    def __index__(self):
        return 0


for _ in range(400):
    meek = touch(Meek(), {}, [1])
print(meek)
print(touch(Evil(), {}, [1]))

try:
    raise ExceptionGroup("many", [ValueError(1), TypeError(2), ExceptionGroup("inner", [ValueError(3)])])
except* ValueError as group:
    print([repr(e) for e in group.exceptions])
except* TypeError as group:
    print(repr(group.exceptions[0]))

try:
    raise Child("with note", 5)
except Base as problem:
    problem.add_note("a note")
    print(problem, problem.code, problem.__notes__, isinstance(problem, Child))
for thing in (lambda: [].pop(), lambda: {}.popitem(), lambda: "a".index("b"), lambda: int(""), lambda: next(iter([])),
              lambda: undefined_name, lambda: (1).nope, lambda: [1, 2][5], lambda: (1,)["a"], lambda: {1: 2}[3], lambda: {[]: 1}, lambda: chr(-1),
              lambda: 1 + "1", lambda: "1" + 1, lambda: -"x", lambda: [1] < 2, lambda: None(), lambda: len(5), lambda: iter(5)):
    try:
        thing()
    except Exception as problem:
        print(type(problem).__name__, "|", problem)
# Number and text of the error are the system's.
try:
    open("/nonexistent/x")
except Exception as problem:
    print(type(problem).__name__, "|", problem.filename)
