"""Calls and displays with * and **, unpacking, del, imports and match in hot loops, with their errors."""
import sys
def f(a, b=2, *args, k=3, **kw): return (a, b, args, k, sorted(kw.items()))
def g(*args, **kw): return f(*args, **kw)
def h(*args): return f(*args)
def bad(a): return a
class M:
    def keys(self): return ['x', 'k']
    def __getitem__(self, k): return k + '!'
def calls(n):
    r = None
    for i in range(n):
        r = g(i, 2, 3, k=i, z=1)
        r = h(i, *(1, 2), *[4])
        r = f(*[i], **{'k': 1}, **M() if i % 7 == 0 else {})if i % 7 else f(*[i], **M())
        t = (i, i)
        r = (r, f(*t), f(i, *t, **{}))
    return r
def err1(n):
    for i in range(n):
        d = {'a': 1} if i < n - 2 else {'zz': 1}
        bad(**d)
def err2(n):
    for i in range(n):
        t = (1,) if i < n - 2 else 5
        bad(*t)
def err3(n):
    for i in range(n):
        t = {'k': 1} if i < n - 2 else {'b': 2}
        f(1, **{'b': 3}, **t) 
def err4(n):
    for i in range(n):
        t = {} if i < n - 2 else 5
        f(1, **t)
def unpack(n):
    s = 0
    for i in range(n):
        a, *b, c = (i, 2, 3, 4)
        d, *e = [i]
        x, y = {1: 2, i + 2: 3}
        p, q = map(str, (i, 2))
        s += a + len(b) + c + d + len(e) + x + y + len(p)
    return s
def uerr(n):
    for i in range(n):
        a, *b, c = [1, 2] if i < n - 1 else [1]
def uerr2(n):
    for i in range(n):
        a, b = iter((1, 2)) if i < n - 1 else iter((1, 2, 3))
def disp(n):
    for i in range(n):
        d = {'a': 1, **{'b': i}, 'c': 2}
        s = {1, *[i, 2], *(5,)}
        l = [*range(2), *'ab', i]
        t = (*l, i)
        u = +i, +1.5, +True
    return d, sorted(s), l, t, u
def derr(n):
    for i in range(n):
        m = {'a': 1} if i < n - 1 else [1]
        d = {**m}
class O: pass
def dels(n):
    global G
    o = O()
    for i in range(n):
        o.x = i
        del o.x
        G = i
        del G
        d = {1: 2}; del d[1]
    try: G
    except NameError as e: print(e)
    del o.x
def imp(n):
    for i in range(n):
        import math, os.path
        from math import sqrt, floor as fl
        from os import path
    return math is sys.modules['math'], sqrt(4), fl(2.5), path is os.path
def imperr(n):
    for i in range(n):
        if i == n - 1: from math import nope
class Pt:
    __match_args__ = ('x', 'y')
    def __init__(self, x, y): self.x = x; self.y = y
class Bad: __match_args__ = ['x']
def mt(n):
    out = []
    for i in range(n):
        for v in (i, (i, 1), [1, 2, 3], {'k': i, 'z': 2}, 'str', Pt(1, i), Pt(0, 0), 1.5, None, {}, True, b'x'):
            match v:
                case Pt(x=0, y=0): r = 'origin'
                case Pt(x, y) if x == 1: r = ('pt', y)
                case {'k': k, **rest}: r = ('map', k, rest)
                case {}: r = 'empty'
                case [a, b]: r = ('seq2', a, b)
                case [a, *b]: r = ('seq', a, b)
                case bool(b): r = ('bool', b)
                case int(q): r = ('int', q)
                case str() | bytes(): r = 'text'
                case None: r = 'none'
                case _: r = 'other'
            if i == n - 1: out.append(r)
    return out
def merr(n):
    for i in range(n):
        v = Pt(1, 2)
        match v:
            case Pt(1, 2, 3) if False: pass
def merr2(n):
    for i in range(n):
        match Bad() if i == n - 1 else 5:
            case Bad(1): pass
for fn in (calls, err1, err2, err3, err4, unpack, uerr, uerr2, disp, derr, dels, imp, imperr, mt, merr, merr2):
    for n in (50, 3000):
        try: print(fn.__name__, fn(n))
        except ImportError as e: print(type(e))
        except Exception as e:
            t = e.__traceback__.tb_next; ls = []
            while t: ls.append((t.tb_frame.f_code.co_name, t.tb_lineno, sorted(k for k in t.tb_frame.f_locals))); t = t.tb_next
            print(fn.__name__, type(e), e, ls)
# module level
for i in range(3000):
    zz = i
    del zz
    e = {**{'a': i}}
    (p, *q) = 'abc'
print(e, p, q)
