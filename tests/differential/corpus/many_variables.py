"""Loops with many variables that are bound on some ways only and are of several kinds, so that there are more versions of their
blocks than anybody wants: what the frames hold then, deletions, comprehensions and cells included."""
import sys

N = 3000


class Token:
    def __init__(self, kind, text):
        self.kind = kind
        self.text = text


class Loud:
    log = []

    def __init__(self, name):
        self.name = name

    def __del__(self):
        Loud.log.append(self.name)


def scan(tokens):
    depth = 0
    out = []
    for i, token in enumerate(tokens):
        kind = token.kind
        if kind == 0:
            a = i
        elif kind == 1:
            b = token.text
        elif kind == 2:
            c = i / 2
        elif kind == 3:
            d = None if i % 2 else (i, kind)
        elif kind == 4:
            e = i % 3 == 0
            depth += 1
        elif kind == 5:
            f = [i]
            del f
        elif kind == 6:
            g = token
            depth -= 1
        elif kind == 7:
            try:
                h = b + c
            except UnboundLocalError:
                h = "unbound"
            except TypeError:
                h = i
        elif kind == 8:
            j = [k for k in range(i % 4)]
        else:
            m = {"a": i}
            try:
                del m["b"]
            except KeyError as error:
                n = str(error)
        try:
            last = (a, b, c, d, e)
        except UnboundLocalError as error:
            last = type(error).__name__
        while depth > 2:
            depth -= 1
            if kind > 3:
                o = depth
            else:
                p = depth * 1.5
        out.append(last)
    names = sorted(k for k, v in sys._getframe().f_locals.items() if v is not None)
    return out[:3], out[-3:], depth, h, j, g.kind, n, names


def lets_go(n):
    kept = None
    for i in range(n):
        if i % 3 == 0:
            first = Loud(i)
        elif i % 3 == 1:
            second = Loud(i)
        else:
            kept = second
        third = Loud(-i)
        Loud.log.append("turn")
    del third
    return len(Loud.log), Loud.log[:12], Loud.log[-6:], kept.name


def with_cells(n):
    total = 0
    hooks = []

    def add(x):
        nonlocal total
        total += x
        return total

    for i in range(n):
        if i % 7 == 0:
            a = add(i)
        elif i % 5 == 0:
            b = add(0.5)
        elif i % 3 == 0:
            c = add(i % 2)
        elif i % 2 == 0:
            total = total - 1
            d = str(total)
        else:
            e = total
            hooks.append(lambda x=i: x + total)
        if len(hooks) > 5:
            f = sum(h() for h in hooks)
            hooks.clear()
    return total, a, b, c, d, e, f


def large(kind, n):
    x = y = z = None
    out = 0
    for i in range(n):
        k = (kind + i) % 12
        if k == 0:
            x = i
        if k == 1:
            x = i * 0.5
        if k == 2:
            x = "s"
        if k == 3:
            y = x
        if k == 4:
            y = [x]
        if k == 5:
            z = (x, y)
        if k == 6:
            x, y = y, x
        if k == 7:
            z = None
        if k == 8:
            y = i
        if k == 9 and z is not None:
            out += len(z)
        if k == 10 and y.__class__ is int:
            out += y
        if k == 11:
            out += x.__class__ is str
    return out, x, y, z


tokens = [Token((i * 7 + i // 11) % 10, str(i)) for i in range(N)]
for _ in range(3):
    print(scan(tokens))
print(lets_go(N))
print(with_cells(N))
print([large(k, N) for k in range(4)])
