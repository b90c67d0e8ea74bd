"""Instances of one class that come with their attributes in any order, with more or fewer of them, and with some that hide those
of the class; the places that use them have seen other shapes before."""


class Point:
    z = "from the class"

    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)

    def total(self):
        return self.x + self.y

    def kind(self):
        return "method"


def orders(i):
    kind = i % 7
    if kind == 0:
        return Point(x=i, y=1)
    if kind == 1:
        return Point(y=2, x=i)
    if kind == 2:
        return Point(a=0, b=0, x=i, y=3.5)
    if kind == 3:
        return Point(z="own", y=i, x=4)
    if kind == 4:
        p = Point(x=0, y=5, gone=1)
        del p.gone
        p.x = i
        return p
    if kind == 5:
        p = Point(gone=1, y=6, x=i)
        del p.gone, p.x
        p.x = i + 1
        return p
    p = Point(x=i, y=7)
    p.__dict__ = {"w": 1, "y": i, "x": 2}
    return p


def read(p):
    return (p.x, p.y, p.z)


def write(p, i):
    p.x = i
    p.fresh = i * 2
    p.z = p.z + "!" if i % 3 else "set"
    return list(p.__dict__.items())


def call(p):
    return p.kind(), p.total()


def lacks(p):
    try:
        return p.missing
    except AttributeError as error:
        return str(error)


def run(n):
    out = []
    for i in range(n):
        p = orders(i)
        out.append(read(p))
        out.append(call(p))
        out.append(write(p, i))
        if i % 11 == 10:
            p.kind = lambda: "own function"
            p.missing = "not any more"
        out.append(call(p))
        out.append(lacks(p))
    return out


seen = run(700)
print(len(seen), seen[:10], seen[-10:])
print(hash(repr(seen)) == hash(repr(run(700))))


# The class itself changes, too.
def after_changes():
    out = []
    for i in range(400):
        p = orders(i)
        if i == 150:
            Point.kind = lambda self: "another method"
        if i == 250:
            Point.y = property(lambda self: -1, lambda self, value: None)
        if i == 300:
            del Point.y
        if i == 350:
            del Point.z
            Point.__getattr__ = lambda self, name: "looked for " + name
            p.y = 0
        out.append((p.kind(), p.y, p.z))
    return out


changed = after_changes()
for i in (0, 10, 149, 150, 249, 250, 299, 300, 349, 350, 399):
    print(i, changed[i])


# Names of objects that are equal to attributes' and are not the same object.
class Bag:
    pass


def bags(n):
    total = 0
    for i in range(n):
        b = Bag()
        b.__dict__["".join(["c", "o", "unt"])] = i
        if i % 2:
            b.__dict__["".join(["o", "ther"])] = 1
        b.count += 1
        total += b.count
        b.__dict__[i] = i
        total += b.count
    return total


print(bags(600))
