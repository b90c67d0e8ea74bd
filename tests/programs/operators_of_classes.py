"""Operators, super(), properties, slots, bound methods and closures in hot loops, with results that ask the other operand."""
import sys
class V:
    def __init__(self, x, y): self.x = x; self.y = y
    def __add__(self, o):
        if o is None: return NotImplemented
        return V(self.x + o.x, self.y + o.y)
    def __radd__(self, o): return V(self.x + o, self.y)
    def __sub__(self, o): return self.x - o.x
    def __mul__(self, k): return V(self.x * k, self.y * k)
    def __eq__(self, o):
        if o is None: return NotImplemented
        return self.x == o.x
    def __lt__(self, o): return self.x < o.x if o is not None else NotImplemented
    def __getitem__(self, i): return self.x + i
    def __setitem__(self, i, v): self.x = v
    def __contains__(self, i): return i == self.x
    def __len__(self): return self.y
    def __call__(self, a, b=2): return a + b + self.x
    def __bool__(self): return self.x % 2 == 0
    def __neg__(self): return V(-self.x, self.y)
class W(V):
    def __radd__(self, o): return 'W'
    def __add__(self, o): return NotImplemented
class R:
    def __radd__(self, o): return 5
class Prop:
    def __init__(self): self._v = 1
    @property
    def v(self): return self._v
    @v.setter
    def v(self, x):
        if x == 9999: raise ValueError(x)
        self._v = x
def add(n):
    a = V(0, 0); b = V(1, 2)
    for i in range(n):
        a = a + b
        if i % 1000 == 7: a += V(i, i)
    return a.x, a.y
def add2(n):
    a = V(0, 0)
    for i in range(n):
        a = 1 + a
        a = a * 2
        if a.x > 1000: a = V(1, 1)
    return a.x
def addw(n):
    r = []
    for i in range(n):
        b = V(1, 2) if i < n - 3 else W(1, 2)
        c = V(2, 3) + b
        r.append(c if c == 'W' else c.x) if i > n - 5 else 0
    return r
def addnone(n):
    for i in range(n):
        b = V(1, 2) if i < n - 3 else None
        c = V(2, 3) + b
def addr(n):
    for i in range(n):
        b = V(1, 2) if i < n - 3 else R()
        class_ = None
        try:
            c = V(2, 3) + (b if i < n - 3 else None)
        except TypeError as e: print(e)
    return c.x
def eq(n):
    s = 0
    a = V(3, 1)
    for i in range(n):
        b = V(i % 5, 0)
        if a == b: s += 1
        if a < b: s += 10
        if i > n - 3: s += (a == None) + (None == a)
        s += a - b
    return s
def lt(n):
    a = V(3, 1)
    for i in range(n):
        b = V(i % 5, 0) if i < n - 2 else None
        if a < b: pass
def item(n):
    a = V(0, 3); s = 0
    for i in range(n):
        s += a[i] + len(a)
        a[0] = i
        if i in a: s += 1
        if 5 not in a: s += 2
        s += a(1) + a(i, 3)
        if a: s += 1
        s += (-a).x
        a.y = 3 if i < n - 2 else -1
    return s
def lens(n):
    a = V(0, 3); s = 0
    for i in range(n):
        if i == n - 1: a.y = 'x'
        s += len(a)
    return s
def boolbad(n):
    class B:
        def __bool__(self): return self.v
    b = B(); s = 0
    for i in range(n):
        b.v = i % 2 == 0 if i < n - 1 else 1
        if b: s += 1
    return s
def prop(n):
    p = Prop()
    for i in range(n):
        p.v = i
    return p.v
class A:
    def __init__(self, x): self.x = x; super().__init__()
    def m(self): return self.x
    @property
    def p(self): return self.x * 2
    k = 7
class B(A):
    def __init__(self, x, y):
        super().__init__(x)
        self.y = y
    def m(self): return super().m() + self.y
    @property
    def p(self): return super().p + super().k
class C(B):
    def m(self): return super().m() * 2
def sup(n):
    s = 0
    for i in range(n):
        b = B(i, 2)
        s += b.m() + b.p
        c = C(i, 1) if i % 3 else b
        s += c.m()
    A.m = lambda self: 100
    s += c.m()
    return s
class S:
    __slots__ = ('a', 'b')
    def __init__(self, a):
        self.a = a
class S2(S):
    __slots__ = ('c',)
    def __init__(self, a):
        S.__init__(self, a)
        self.c = a
class S3(S):
    def __init__(self, a):
        super().__init__(a)
        self.d = a
def slots(n):
    s = 0; l = []
    for i in range(n):
        p = S(i); q = S2(p); r = S3(q)
        s += p.a + q.c.a + r.d.a.a + r.a.a.a
        if i % 100 == 0: l.append((p, q, r))
        p.b = 5
        p.b += i
        s += p.b
        if i > n - 3: 
            try: q.zz = 3
            except AttributeError as e: print(type(e))
    print(l[0][1].c.a, l[0][2].__dict__.keys(), l[0][0].b, hasattr(l[0][1], 'b'))
    return s
class CM:
    @staticmethod
    def st(x): return x + 1
    @classmethod
    def cl(cls, x): return cls.k + x
    k = 3
class CM2(CM): k = 4
def cm(n):
    s = 0
    for i in range(n):
        s += CM.st(i) + CM.cl(i) + CM2.cl(i)
        if i == n - 5: CM2.k = 10
    return s
def bm(n):
    p = B(1, 2); s = 0
    m = p.m
    for i in range(n):
        s += m()
        if i == n - 5: m = C(1, 2).m
        if i == n - 3: m = p.p.__add__
        if i > n - 3: m = lambda: 1
    return s
def counter():
    c = 0
    def inc(d=1):
        nonlocal c
        c += d
        return c
    return inc
def clos(n):
    s = 0
    for i in range(n):
        inc = counter()
        inc(); inc(i)
        s += inc()
        f = lambda x, y=i: x + i + y
        s += f(2)
    return s, f(1), f.__closure__[0].cell_contents, f.__defaults__, f.__qualname__, f.__module__, inc.__name__
def clos2(n):
    t = []
    for i in range(n):
        def g(a, *, k=3): return a + k + i
        t.append(g) if i % 50 == 0 else g(1)
    return sum(f(1) for f in t), t[0].__kwdefaults__
def delv(n):
    for i in range(n):
        x = i
        def g(): return x
        g()
        if i % 2: del x
        else: x = 3
    try: return g()
    except NameError as e: return repr(e)
def mk(a):
    def g(b): return a + b
    return g
def adder(n):
    s = 0
    for i in range(n): s += mk(i)(2)
    return s
def rec(n):
    def fact(k): return 1 if k < 2 else k * fact(k - 1)
    s = 0
    for i in range(n): s += fact(i % 7)
    return s
def deco(f):
    def w(a, b): return f(a, b) + 1
    return w
@deco
def d1(a, b): return a * b
@deco
def d2(a, b): return a - b
def decos(n):
    s = 0
    for i in range(n): s += d1(i, 2) + d2(i, 3)
    return s
for f in (add, add2, addw, addnone, addr, eq, lt, item, lens, boolbad, prop, sup, slots, cm, bm, clos, clos2, delv, adder, rec, decos):
    for n in (50, 10000):
        try: print(f.__name__, f(n))
        except Exception as e:
            t = e.__traceback__.tb_next; ls = []
            while t: ls.append((t.tb_frame.f_code.co_name, t.tb_lineno, sorted(k for k in t.tb_frame.f_locals))); t = t.tb_next
            print(f.__name__, type(e), e, ls)
