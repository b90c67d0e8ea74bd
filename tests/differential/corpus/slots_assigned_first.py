"""Slots that have no value yet, and get others; attributes that are called and are no methods."""
class S:
    __slots__ = ("a", "b", "c")
    def __init__(self, a, b):
        self.a = a
        self.b = b
        self.c = None
class D:
    def __del__(self):
        log.append(1)
log = []
def make(n):
    out = 0
    s = S(0, 0.5)
    for i in range(n):
        p = S(i, i * 0.5)
        p.c = s
        p.a = p.a + 1
        p.b = "x"
        s.c = D()
        if i % 1000 == 0:
            del s.c
            s.c = i
            s.a = 1 << 80
        s.a = i
        out += p.a
    return out, s.a, s.b, s.c is None, len(log)
print(make(6000)); log.clear()
class N:
    def __new__(cls, *a):
        self = object.__new__(cls)
        return self
def news(n):
    for i in range(n):
        x = N(i)
    return type(x).__name__
print(news(5000))
