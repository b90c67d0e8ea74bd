"""Exceptions that are raised and handled again and again in loops that get compiled: what handlers see of them, and what
becomes of the objects that they hold."""
import contextlib
import sys
import threading
import traceback
import weakref

N = 1500


def lines(e):
    tb, out = e.__traceback__, []
    while tb is not None:
        out.append((tb.tb_frame.f_code.co_name, tb.tb_lineno - tb.tb_frame.f_code.co_firstlineno))
        tb = tb.tb_next
    return out


def show(name, *values):
    print(name, *values)


# What raises.

def dict_miss(d):
    hits = misses = 0
    for i in range(N):
        try:
            v = d[i % 7]
        except KeyError:
            v = None
        if v is None:
            misses += 1
        else:
            hits += v
    return hits, misses


def list_index(items):
    s = 0
    for i in range(N):
        try:
            s += items[i % 5]
        except IndexError:
            s -= 1
    return s


def store_index(items):
    failed = 0
    for i in range(N):
        try:
            items[i % 6] = i
        except IndexError as e:
            failed += len(e.args)
    return failed, items


def parse(words):
    s, bad = 0, []
    for i in range(N):
        w = words[i % len(words)]
        try:
            v = int(w)
        except ValueError as e:
            if i < 6:
                bad.append(str(e))
            v = -1
        s += v
    return s, bad


def divide():
    s = 0
    for i in range(N):
        try:
            s += 100 // (i % 4) + 100 % (i % 3)
        except ZeroDivisionError:
            s += 1
    return s


def float_divide():
    s = 0.0
    for i in range(N):
        x = float(i % 4)
        try:
            s += 1.5 / x
        except ZeroDivisionError as e:
            s += len(str(e)) > 5
    return s


def pop_all():
    n = 0
    for _ in range(300):
        items = [1, 2, 3]
        while True:
            try:
                n += items.pop()
            except IndexError:
                break
    return n


def exhaust():
    n = 0
    for _ in range(300):
        it = iter("abc")
        try:
            while True:
                next(it)
                n += 1
        except StopIteration:
            n += 10
    return n


def attributes(objects):
    n = 0
    for i in range(N):
        try:
            n += objects[i % 3].value
        except AttributeError as e:
            n += e.name == "value"
    return n


class Value:
    def __init__(self, value=None):
        if value is not None:
            self.value = value


class Own(Exception):
    pass


class Deeper(Own):
    def __init__(self, n):
        super().__init__(n)
        self.n = n


def inner(i):
    if i % 3 == 0:
        raise Deeper(i)
    if i % 3 == 1:
        raise Own
    return i


def middle(i):
    return inner(i) + 1


def through_calls():
    n = deep = own = 0
    seen = set()
    for i in range(N):
        try:
            n += middle(i)
        except Deeper as e:
            deep += e.n % 2
            seen.add(tuple(lines(e)))
        except Own as e:
            own += 1
            seen.add(tuple(lines(e)))
    return n, deep, own, sorted(seen)


def inlined_division(a, b):
    return a // b


def inlined():
    n = 0
    seen = set()
    for i in range(N):
        try:
            n += inlined_division(i, i % 2)
        except ZeroDivisionError as e:
            n += 1
            seen.add(tuple(lines(e)))
    return n, sorted(seen)


# What handlers see.

def handled_exception():
    out = set()
    for i in range(N):
        before = sys.exc_info()[0]
        try:
            if i % 2:
                raise Own(i)
            else:
                [].pop()
        except (Own, IndexError) as e:
            t, v, tb = sys.exc_info()
            out.add((t.__name__, v is e, tb is e.__traceback__, before))
        out.add(sys.exc_info())
    return sorted(map(str, out))


def chained():
    out = set()
    for i in range(N):
        try:
            try:
                {}[i]
            except KeyError as e:
                try:
                    int("x")
                except ValueError as v:
                    out.add((v.__context__ is e, v.__suppress_context__, sys.exc_info()[1] is v))
                if i % 3 == 0:
                    raise Own("new")
                elif i % 3 == 1:
                    raise Own("from") from e
                raise
        except Own as o:
            out.add((str(o), type(o.__context__).__name__, type(o.__cause__).__name__, o.__suppress_context__))
        except KeyError as k:
            out.add((k.__context__, tuple(lines(k))))
    return sorted(map(str, out))


def reraised_lines():
    out = set()
    for i in range(N):
        try:
            try:
                middle(i % 2)
            except Own as e:
                if i % 5 == 0:
                    raise e
                raise
        except Own as e:
            out.add(tuple(lines(e)))
    return sorted(out)


def unbound_afterwards():
    n = 0
    for i in range(N):
        try:
            raise Own
        except Own as e:
            n += 1
        try:
            e
        except UnboundLocalError as u:
            n += 2
    return n


def not_matching():
    out = []
    try:
        for i in range(N):
            try:
                if i == N - 2:
                    raise KeyError("out")
                if i % 2:
                    raise ValueError
            except ValueError:
                pass
            except (TypeError, IndexError):
                out.append("wrong")
    except KeyError as e:
        out.append(str(e))
    return out


def with_else_and_finally():
    order = []
    a = b = c = 0
    for i in range(N):
        try:
            if i % 3 == 0:
                raise Own
        except Own:
            a += 1
        else:
            b += 1
        finally:
            c += i
        if i < 3:
            order.append((a, b, c))
    return a, b, c, order


def finally_with_jumps():
    n = 0
    for i in range(N):
        try:
            try:
                if i % 4 == 0:
                    continue
                if i % 4 == 1:
                    raise Own(i)
                n += 1
            finally:
                n += 10
        except Own:
            n += 100
    return n


def returns_in_finally(i):
    try:
        if i % 2:
            return "try"
        raise Own
    except Own:
        return "except"
    finally:
        counts[i % 3] = counts.get(i % 3, 0) + 1


counts = {}


def use_returns():
    out = {}
    for i in range(N):
        r = returns_in_finally(i)
        out[r] = out.get(r, 0) + 1
    return out, sorted(counts.items())


def handler_raises():
    out = set()
    for i in range(N):
        try:
            try:
                {}[i]
            except KeyError:
                [][i]
        except IndexError as e:
            out.add((type(e.__context__).__name__, tuple(lines(e)), tuple(lines(e.__context__))))
    return sorted(out)


def nothing_to_reraise():
    n = 0
    for i in range(N):
        try:
            raise
        except RuntimeError as e:
            n += 1
    return n


# What lives on.

class Loud:
    log = []

    def __init__(self, i):
        self.i = i

    def __del__(self):
        Loud.log.append(self.i)


def raise_with(loud):
    kept = loud
    raise Own(kept.i)


def finalizers():
    for i in range(N):
        try:
            raise_with(Loud(i))
        except Own as e:
            Loud.log.append("handling")
        Loud.log.append("after")


def finalized():
    finalizers()
    # The interpreter may keep an exception that a call raised until the next call that its frame makes, by how the frame was
    # entered: an object dies after its handler began and before the next one does.
    handlings = 0
    out = []
    for entry in Loud.log:
        if entry == "handling":
            handlings += 1
        elif entry != "after":
            out.append(entry == handlings - 1)
    return handlings, len(out), all(out), len(Loud.log)


def weak_references():
    dead = []
    for i in range(N):
        try:
            raise Own(i)
        except Own as e:
            r = weakref.ref(e)
        dead.append(r() is None)
    return dead.count(True)


def frames_of_tracebacks():
    kept = []
    for i in range(N):
        try:
            middle(i % 2)
        except Own as e:
            if i % 500 == 1:
                kept.append(e)
    out = []
    for e in kept:
        tb = e.__traceback__.tb_next.tb_next
        f = tb.tb_frame
        out.append((f.f_locals, f.f_lineno - f.f_code.co_firstlineno, f.f_back.f_code.co_name, e.__traceback__.tb_frame.f_locals["i"]))
    return out


def catches(i):
    x = i * 2
    try:
        {}[i]
    except KeyError as e:
        saved.append(e)
    y = x + 1
    return y


saved = []


def frame_after_return():
    for i in range(N):
        catches(i)
    f = saved[-1].__traceback__.tb_frame
    return sorted(f.f_locals.items(), key=str), f.f_lineno - f.f_code.co_firstlineno


def printed_traceback():
    text = None
    for i in range(N):
        try:
            middle(1)
        except Own:
            if i == N - 1:
                text = traceback.format_exc(limit=-2)
    return [line.strip() for line in text.splitlines() if line.strip().startswith(("raise", "return"))]


# with

class Manager:
    def __init__(self):
        self.log = []
        self.entered = self.left = 0

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, t, v, tb):
        self.left += 1
        if t is not None and len(self.log) < 3:
            self.log.append((t.__name__, v.args, tb.tb_lineno - tb.tb_frame.f_code.co_firstlineno))
        return t is KeyError


def managers():
    m = Manager()
    n = 0
    for i in range(N):
        try:
            with m as same:
                n += same.entered - m.left
                if i % 4 == 1:
                    raise KeyError(i)
                if i % 4 == 2:
                    raise Own(i)
                if i % 4 == 3:
                    continue
            n += 10
        except Own as e:
            n += 100
    return n, m.entered, m.left, m.log


def locks():
    lock = threading.Lock()
    n = 0
    for i in range(N):
        with lock:
            n += lock.locked()
        try:
            with lock:
                raise Own
        except Own:
            n += not lock.locked()
    return n


@contextlib.contextmanager
def made(log):
    log[0] += 1
    try:
        yield log[0]
    except KeyError:
        log[1] += 1
    finally:
        log[2] += 1


def contextlibs():
    log = [0, 0, 0]
    n = 0
    for i in range(N):
        with made(log) as k:
            n += k
            if i % 3 == 0:
                raise KeyError
        with contextlib.suppress(IndexError):
            [].pop()
        with contextlib.nullcontext(5) as five:
            n += five
    return n, log


class Broken:
    def __init__(self, in_enter):
        self.in_enter = in_enter

    def __enter__(self):
        if self.in_enter:
            raise Own("enter")

    def __exit__(self, *args):
        raise Own("exit")


def broken_managers():
    out = set()
    for i in range(N):
        try:
            with Broken(i % 2):
                if i % 3 == 0:
                    {}[0]
        except Own as e:
            out.add((str(e), type(e.__context__).__name__))
    return sorted(out)


def no_manager():
    out = set()
    for i in range(N):
        try:
            with (i if i % 2 else Manager()):
                pass
        except TypeError as e:
            out.add("protocol" in str(e))
        except AttributeError as e:
            out.add(True)
    return out


def asserts():
    n = 0
    texts = set()
    for i in range(N):
        try:
            assert i % 3, "a multiple"
            assert i % 2
            n += 1
        except AssertionError as e:
            texts.add(str(e))
    return n, sorted(texts)


for function, *args in [
    (dict_miss, {1: 1, 3: 3}), (list_index, [1, 2, 3]), (store_index, [0, 0, 0]), (parse, ["1", "x", " 7 ", "", "9" * 30]),
    (divide,), (float_divide,), (pop_all,), (exhaust,), (attributes, [Value(1), Value(), Value(3)]),
    (through_calls,), (inlined,), (handled_exception,), (chained,), (reraised_lines,), (unbound_afterwards,), (not_matching,),
    (with_else_and_finally,), (finally_with_jumps,), (use_returns,), (handler_raises,), (nothing_to_reraise,), (finalized,), (weak_references,), (frames_of_tracebacks,),
    (frame_after_return,), (printed_traceback,), (managers,), (locks,), (contextlibs,), (broken_managers,), (no_manager,), (asserts,),
]:
    show(function.__name__, function(*args))

# At module level the loop's variables are in registers.
total = missed = 0
table = {2: 5, 4: 7}
for i in range(N):
    try:
        total += table[i % 6]
    except KeyError as e:
        missed += e.args[0]
        if missed % 1000 == 1:
            show("globals", globals()["total"], globals()["missed"])
show("module", total, missed, "e" in globals())
