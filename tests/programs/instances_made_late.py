"""Instances that compiled code need not make: used up, escaping, changed classes, exceptions in __init__."""
import sys
class P:
    def __init__(self, x, y):
        self.x = x
        self.y = y
class E: pass
class Bad:
    def __init__(self, x):
        self.x = x
        if x > 5000: return 3
class Exc:
    def __init__(self, x):
        self.x = x
        self.y = 100 / (x - 7000)
class Me:
    def __init__(self, x):
        self.me = self
        self.x = x
class Deep:
    def __init__(self, p, q):
        self.p = P(p, q)
        self.q = [p, q]
        self.t = (p, q)
    def total(self): return self.p.x + self.q[1] + self.t[0]
def loop(n):
    s = 0
    for i in range(n):
        p = P(i, 2)
        s += p.x + p.y
    return s, p.x, p.__dict__
def escape(n):
    l = []
    for i in range(n):
        p = P(i, i * .5)
        q = P(p, p)
        if i % 100 == 0: l.append(q)
        if i % 1000 == 999: p.z = 1; l.append(p)
    return len(l), l[0].x is l[0].y, l[-1].x if i > 99 else 0, sorted(l[0].__dict__)
def bad(n):
    for i in range(n):
        Bad(i)
def exc(n):
    for i in range(n):
        Exc(i)
def me(n):
    s = 0
    for i in range(n):
        m = Me(i)
        s += m.me.me.x
    return s, m.me is m
def deep(n):
    s = 0
    for i in range(n):
        d = Deep(i, 3)
        s += d.total()
        e = E()
        e.a = d
        e.b = e.a.p
        s += e.b.y
    return s, e.__dict__.keys(), d.t, d.q
def carried(n):
    a = P(0, 0)
    for i in range(n):
        a = P(a.x + i, a.y + 1)
        if i == 9000: a = P(1.5, a.x)
    return a.x, a.y
def late(n):
    s = 0
    for i in range(n):
        if i == 9000: P.x = 77
        if i == 9500: 
            P.y = 4
        p = P(i, 1)
        s += p.x + p.y
    if i >= 9500: del P.x, P.y
    return s
def changed(n):
    s = 0
    old = P.__init__
    def new(self, x, y):
        old(self, x, y); self.w = 5
    for i in range(n):
        p = P(i, 2)
        s += len(p.__dict__) if i % 1000 == 0 else p.x
        if i == 8000: P.__init__ = new
    P.__init__ = old
    return s
def truth(n):
    s = 0
    for i in range(n):
        p = P(i, 1)
        q = p
        if p: s += 1
        if p is q: s += 1
        if p is None: s += 10
        if p is not P: s += 1
        if not p: s += 100
    return s
def missing(n):
    for i in range(n):
        p = P(i, 1)
        if i > 9000: p.nope
def fr(n):
    s = 0
    for i in range(n):
        p = P(i, sys)
        if i == 9000:
            f = sys._getframe()
            s += f.f_locals['p'].x
        q = P(1, p)
        s += id(p) == id(q.y)
    return s
def dead(n):
    died = []
    class F:
        def __del__(self): died.append(1)
    for i in range(n):
        p = P(i, F() if i % 1000 == 0 else None)
        p = None
        if i % 1000 == 0: died.append(i)
    return died
def kw(n):
    s = 0
    for i in range(n):
        p = P(y=i, x=2)
        s += p.x * p.y
    return s
def branchy(n):
    s = 0
    for i in range(n):
        if i % 3: p = P(i, 1)
        elif i % 5: p = P(1.5, i)
        else: p = E(); p.x = 1; p.y = 2
        s += p.x + p.y
    return s
class R:
    def __init__(self, d):
        self.l = R(d - 1) if d else None
    def cnt(self): return 1 + (self.l.cnt() if self.l else 0)
def rec(n):
    s = 0
    for i in range(n // 10):
        s += R(i % 5).cnt()
    return s
for f in (loop, escape, bad, exc, me, deep, carried, late, changed, truth, missing, fr, dead, kw, branchy, rec):
    for n in (50, 10000):
        try: print(f.__name__, f(n))
        except Exception as e:
            t = e.__traceback__.tb_next; ls = []
            while t: ls.append((t.tb_frame.f_code.co_name, t.tb_lineno, sorted(k for k in t.tb_frame.f_locals))); t = t.tb_next
            print(f.__name__, type(e), e, ls)
