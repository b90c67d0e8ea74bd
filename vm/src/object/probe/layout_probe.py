# What the layout probe looks at while it runs.
class C:
    def m(self): pass
def outer(x):
    def inner(): return x
    return inner
def frame_probe(a, b, c, d, e, f, g):
    return [a, b, (c, grab())]
def frame_caller(a, b, c, d, e, f, g):
    return frame_probe(a, b, c, d, e, f, g)
def gen_probe(a, b, c, d, e, f, g):
    yield [a, b, (c, grab())]
def shape(o):
    o.x = 1
    for i in (1, 2, 3, 4, 5, 6, 7, 8): o.m()
