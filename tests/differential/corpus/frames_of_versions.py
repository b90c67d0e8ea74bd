"""Functions that compiled code calls and that run Python code themselves: what can be seen of their frames, by whom, and
where compiled code leaves in the middle of them."""
import sys
import traceback
import weakref

N = 400


class Key:
    """Hashed and compared by Python code."""

    def __init__(self, value):
        self.value = value

    def __hash__(self):
        return hash(self.value)

    def __eq__(self, other):
        return self.value == other.value


class Caller:
    """Does whatever it is given, from Python code that looks like any other."""

    def __init__(self, what):
        self.what = what

    def __len__(self):
        return self.what()


def names(depth):
    frame, out = sys._getframe(2), []
    for _ in range(depth):
        if frame is None:
            break
        out.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))
        frame = frame.f_back
    return out


# Who looks at the frames, now and then.


class Looks:
    seen = []
    turn = 0

    def __hash__(self):
        Looks.turn += 1
        if Looks.turn % 97 == 0:
            frame = sys._getframe(1)
            while frame is not None and frame.f_code.co_name != "looked_at":
                Looks.seen.append((frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno, sorted(frame.f_locals)))
                Looks.seen.append([frame.f_locals[k] for k in ("n", "twice", "half") if k in frame.f_locals])
                frame = frame.f_back
        return 7


def outer_of_three(table, n):
    twice = n + n
    return middle_of_three(table, twice) + twice


def middle_of_three(table, n):
    half = n / 2
    inner_of_three(table, n)
    return half


def inner_of_three(table, n):
    table[Looks()] = n
    n = None


def looked_at():
    table, total = {}, 0
    for i in range(N):
        total += outer_of_three(table, i)
        table.clear()
    return total, Looks.seen


# Frames that somebody keeps.


class Keeps:
    frames = []
    turn = 0

    def __len__(self):
        Keeps.turn += 1
        if Keeps.turn % 50 == 0:
            Keeps.frames.append(sys._getframe(1))
        return Keeps.turn


def measured(keeper, n):
    before = n
    size = len(keeper)
    after = n + size
    return after


def kept():
    keeper, total = Keeps(), 0
    for i in range(N):
        total += measured(keeper, i)
    return total, [(f.f_code.co_name, f.f_lineno - f.f_code.co_firstlineno, f.f_locals["before"], f.f_locals["size"],
                    f.f_locals["after"], f.f_back.f_code.co_name if f.f_back else None) for f in Keeps.frames]


# Leaving in the middle, at any depth, with all kinds of values in variables.


def adds(table, n, a, b):
    x = a + b
    table[Key(n % 5)] = x
    y = x * 2
    return y if n % 7 else None


def calls_adds(table, n, a, b):
    first = adds(table, n, a, b)
    second = adds(table, n + 1, b, a)
    if first is None:
        return second
    return (first, second)


def leaves():
    table, out = {}, []
    for i in range(N):
        # Other classes, overflow, and what was never seen.
        if i % 90 == 89:
            out.append(calls_adds(table, i, "a", "b"))
        elif i % 70 == 69:
            out.append(calls_adds(table, i, 2**62, 2**62))
        elif i % 50 == 49:
            out.append(calls_adds(table, i, 1.5, i))
        else:
            calls_adds(table, i, i, 1)
    return out, sorted((k.value, v) for k, v in table.items())


# Exceptions that pass, and those that are handled on the way.


class Own(Exception):
    pass


def raises_often(table, n):
    table[Key(n)] = n
    if n % 3 == 0:
        raise Own(n)
    return n


def passes(table, n):
    local = [n]
    return raises_often(table, n) + local[0]


def handles(table, n):
    try:
        return passes(table, n)
    except Own as e:
        return -e.args[0]


def handles_and_raises(table, n):
    try:
        passes(table, n)
    except Own as e:
        raise KeyError(n) from e
    finally:
        table.pop(Key(n))
    return n


def lines(e):
    tb, out = e.__traceback__, []
    while tb is not None:
        out.append((tb.tb_frame.f_code.co_name, tb.tb_lineno - tb.tb_frame.f_code.co_firstlineno))
        tb = tb.tb_next
    return out


def exceptions():
    table, total, seen = {}, 0, set()
    for i in range(N):
        total += handles(table, i)
        try:
            total += handles_and_raises(table, i)
        except KeyError as e:
            seen.add((tuple(lines(e)), tuple(lines(e.__cause__)), e.__context__ is e.__cause__, sys.exception() is e))
        if sys.exception() is not None:
            seen.add("still handled")
    return total, len(table), sorted(seen)


def context_of_what_is_raised_inside(table, n):
    # Called while an exception is handled.
    table[Key(n)] = n
    try:
        if n % 2:
            raise Own("inside")
    except Own as e:
        return repr(e.__context__)
    return repr(sys.exception())


def handled_outside():
    table, out = {}, {}
    for i in range(N):
        try:
            {}[i % 3]
        except KeyError:
            r = context_of_what_is_raised_inside(table, i)
            out[r] = out.get(r, 0) + 1
            if not isinstance(sys.exception(), KeyError):
                out["lost"] = i
    return sorted(out.items())


# Exits inside of handlers.


def unseen_in_handler(table, n):
    try:
        table[Key(n)]
    except KeyError as e:
        if n > N - 5:
            return str(e.args[0].value) + names(2)[0][0]
        table[Key(n)] = n
    return sys.exception()


def handlers_left():
    table, out = {}, []
    for i in range(N):
        r = unseen_in_handler(table, i)
        if r is not None:
            out.append(r)
        if sys.exception() is not None:
            out.append("still handled")
    return out


# Recursion, through one function and through several.


def depth_of(tree, table):
    if tree is None:
        return 0
    table[Key(tree[2])] = tree
    left = depth_of(tree[0], table)
    right = depth_of(tree[1], table)
    return 1 + (left if left > right else right)


def build(n, label=1):
    return None if n == 0 else (build(n - 1, 2 * label), build(n - 1, 2 * label + 1), label)


def even(table, n):
    table[Key(n % 3)] = n
    return True if n == 0 else odd(table, n - 1)


def odd(table, n):
    table[Key(n % 5)] = n
    return False if n == 0 else even(table, n - 1)


def recursion():
    table, tree = {}, build(6)
    out = [depth_of(tree, table) for _ in range(10)]
    out.append([even({}, i) for i in range(60)][-3:])
    try:
        even({}, 100_000)
    except RecursionError as e:
        out.append(type(e).__name__)
    out.append(even({}, 300))
    return out, len(table)


# Destructors run when a frame ends, in their order.


class Dies:
    log = []

    def __init__(self, name):
        self.name = name

    def __del__(self):
        Dies.log.append(self.name)


def holds(table, n):
    first = Dies(("first", n))
    table[Key(n)] = n
    return weakref.ref(first)


def dying():
    table, alive = {}, 0
    for i in range(N):
        if holds(table, i)() is not None:
            alive += 1
        Dies.log.append(("after", i))
    return alive, Dies.log[:4], Dies.log[-2:], len(Dies.log)


# Variables that calls change, and that are deleted.


def changing(table, n, flag):
    x = n
    table[Key(1)] = x
    if flag:
        x = str(n)
    table[Key(2)] = x
    del n
    table[Key(3)] = x
    if flag and len(x) > 2:
        try:
            return n
        except UnboundLocalError:
            return "unbound"
    return x


def variables():
    table, out = {}, []
    for i in range(N):
        out.append(changing(table, i, i % 4 == 0))
    return out[:6], out[-6:], sorted((k.value, v) for k, v in table.items())


def stack_of_warning(n, table):
    table[Key(n)] = n
    return "".join(traceback.format_stack(limit=3)[-1:]).split("line ")[1].split("\n")[0] if n % 100 == 99 else n


def stacks():
    table, out = {}, []
    for i in range(N):
        r = stack_of_warning(i, table)
        if isinstance(r, str):
            out.append(r)
    return out


def result_of_every_kind(table, n):
    table[Key(n)] = n
    if n % 5 == 0:
        return None
    if n % 5 == 1:
        return n
    if n % 5 == 2:
        return n / 2
    if n % 5 == 3:
        return n > 50
    return [n]


def results():
    table, out = {}, []
    for i in range(N):
        r = result_of_every_kind(table, i)
        if i > N - 7:
            out.append(r)
    return out


for function in [looked_at, kept, leaves, exceptions, handled_outside, handlers_left, recursion, dying, variables, stacks, results]:
    print(function.__name__, function())
