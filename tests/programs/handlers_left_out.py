"""Handlers that only replace a value: of items that are missing and divisions by zero, in loops, in functions that are
called from loops, and of what is raised in a called function."""
import sys

N = 3000


def default(d):
    s = 0
    for i in range(N):
        try:
            v = d[i % 11]
        except KeyError:
            v = -1
        s += v
    return s


def count(items):
    s = missed = 0
    for i in range(N):
        try:
            s += items[i % 9]
        except LookupError:
            missed += 1
            continue
        s += 1
    return s, missed


def passes(text):
    s = 0
    for i in range(N):
        try:
            s += ord(text[i % 7])
        except IndexError:
            pass
    return s


def parse(words):
    s = 0
    for i in range(N):
        try:
            v = int(words[i % len(words)])
        except ValueError:
            v = -1
        s += v
    return s


def quotient(a, b):
    try:
        return a // b
    except ZeroDivisionError:
        return 0


def ratio(a, b):
    return a / b


def divisions():
    s = 0
    t = 0.0
    for i in range(N):
        s += quotient(i, i % 5)
        try:
            t += ratio(i, i % 4)
        except ZeroDivisionError:
            t += 0.5
    return s, t


def item(d, k):
    return d[k]


def nested(d):
    s = 0
    for i in range(N):
        try:
            try:
                v = item(d, i % 6)
            except IndexError:
                v = 100
            s += v
        except KeyError:
            s -= 1
    return s


def shrinking():
    n = left = 0
    for i in range(300):
        items = [i, i + 1, 2]
        while left < 5:
            try:
                n += items.pop()
            except IndexError:
                left = left + 1
        left = 0
    return n


def overflowing(d):
    n = 2**63 - 1400
    for i in range(N):
        try:
            n += d[i % 2]
        except KeyError:
            n = n + 1
    return n


def kinds_change(d):
    n = 0
    out = []
    for i in range(N):
        if i == 1000:
            n = 0.5
        elif i == 2000:
            n = "x"
            out.append(n)
        try:
            n = n * d[i % 3]
        except KeyError:
            n = n * 1
        if i == 2100:
            break
    return n, out


def rebound(d):
    global KeyError
    out = 0
    for i in range(N):
        if i == 2500:
            KeyError = ValueError
        try:
            v = d[i % 2]
        except KeyError:
            v = 1
        out += v
    return out


def unbound(d):
    s = 0
    for i in range(N):
        try:
            v = d[i]
        except KeyError:
            s += i
            if i == N - 1:
                break
    try:
        return s, v
    except UnboundLocalError as e:
        return s, "unbound"


class Dict(dict):
    def __missing__(self, key):
        return 5


class Loud:
    def __init__(self, log):
        self.log = log

    def __del__(self):
        self.log.append(sys.exc_info()[0])


def temporary():
    log = []
    s = 0
    for i in range(N):
        try:
            v = {1: Loud(log)}[i % 2]
        except KeyError:
            v = None
        s += v is None
    v = None
    return s, len(log), sorted(map(str, set(log)))


def looks(d):
    """The exception that is handled outside is not changed."""
    seen = set()
    try:
        raise OSError
    except OSError:
        for i in range(N):
            try:
                v = d[i]
            except KeyError:
                v = 0
            seen.add(sys.exc_info()[0])
    return seen, v


print(default({1: 1, 5: 7}), default({}), default(Dict({1: 2})))
print(count([1, 2, 3]), count([]), count("".join(["a"]) and [5] * 20))
print(passes("abc"))
print(parse(["1", "x", " 7 ", "", "+5", "1_0", "_1", "3.0", "\x1f4\t", "- 1", "12345678901234567890123", "\u0663", "\u00b2"]))
print(divisions())
print(nested({0: 1, 3: 3}))
print(shrinking())
print(overflowing({1: 1}))
print(kinds_change({0: 1}))
print(unbound({}))
print(temporary())
print(looks({1: 2}))
try:
    print(rebound({1: 1}))
except LookupError as e:
    print("not caught", e, e.__traceback__.tb_next.tb_lineno)
