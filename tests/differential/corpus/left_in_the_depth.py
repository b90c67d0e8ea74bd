"""Compiled code is left in the depth of a recursion: what the waiting frames show, raise and handle."""
import sys
import traceback


def down(n, k):
    if n == 0:
        return k()
    return down(n - 1, k) + 1


def held(n, k):
    if n == 0:
        return k()
    a = n * 2
    return a + held(n - 1, k) - a


def caught(n, k):
    if n == 0:
        return k()
    try:
        return caught(n - 1, k) + 1
    except KeyError:
        if n % 50:
            raise
        return n


def named(n, *, k):
    if n == 0:
        return k()
    return named(n - 1, k=k) + 1


def defaults(n, k, m=3, o=4, p=5, q=6, r=7):
    if n == 0:
        return k()
    return defaults(n - 1, k) + m - 2


def rest(n, k, *more):
    if n == 0:
        return k()
    return rest(n - 1, k) + 1


def cell(n, k):
    total = n

    def see():
        return total

    if n == 0:
        return k()
    return cell(n - 1, k) + see() - n + 1


class Object:
    def __init__(self, v):
        self.v = v

    def method(self, n, k):
        if n == 0:
            return k()
        return self.method(n - 1, k) + self.v

    def __add__(self, n):
        if n == 0:
            return 2**64
        return (self + (n - 1)) + 1


def one():
    return 1


def big():
    return 2**70


def text():
    return "x"


def bad():
    raise KeyError("deep")


def frames():
    f = sys._getframe()
    seen = []
    while f is not None and len(seen) < 500:
        seen.append((f.f_code.co_name, f.f_lineno, f.f_locals.get("n"), f.f_locals.get("a")))
        f = f.f_back
    print(len(seen), seen[:4], seen[60:63], seen[-3:])
    return 2**65


def show(f, deep):
    for i in range(30):
        f(60, one)
    print(f.__name__, f(deep, one), f(deep, big), f(deep, frames))
    for k in (bad, text):
        try:
            print(f(deep, k))
        except (KeyError, TypeError) as e:
            entries = traceback.extract_tb(e.__traceback__)
            print(type(e).__name__, e, len(entries), [(t.lineno, t.name) for t in entries[:3] + entries[-2:]])


def named_down(n, k):
    return named(n, k=k)


# Where the interpreter calls without going deeper in the machine's stack, so must what takes the place of compiled code.
for f in (down, held, caught, cell, Object(1).method):
    show(f, 400)
for f in (named_down, defaults, rest):
    show(f, 90)
for i in range(30):
    Object(1) + 50
print(Object(1) + 90)


def limit(n):
    return limit(n + 1) + 1


def limit_held(n):
    try:
        return limit_held(n + 1) + 1
    except RecursionError:
        if n == 7:
            return n
        raise


for i in range(3):
    try:
        limit(0)
    except RecursionError as e:
        print(e)
    print(limit_held(0))
print(down(400, frames))
