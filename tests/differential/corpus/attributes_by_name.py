"""`hasattr` and `getattr` with constant names, of objects of every kind: with slots, properties, `__getattr__`, metaclasses."""
import math
import sys

ran = []


class Plain:
    shared = 1


class Slots:
    __slots__ = ("full", "empty")

    def __init__(self):
        self.full = 2


class Property:
    @property
    def shared(self):
        ran.append("property")
        return 3

    @property
    def full(self):
        ran.append("raises")
        raise AttributeError("full")


class Looks:
    def __getattr__(self, name):
        ran.append((name, sys._getframe(1).f_code.co_name))
        if name == "empty":
            raise AttributeError(name)
        return name


class Meta(type):
    @property
    def shared(cls):
        ran.append("meta")
        return 4


class WithMeta(metaclass=Meta):
    pass


def asked(o):
    return hasattr(o, "shared"), hasattr(o, "full"), hasattr(o, "empty"), hasattr(o, "own")


def got(o):
    return getattr(o, "shared", None), getattr(o, "full", 0), getattr(o, "empty", "default"), getattr(o, "own", 2.5)


def must(o):
    try:
        return getattr(o, "full")
    except AttributeError as error:
        return type(error).__name__


def run(objects, rounds):
    out = []
    for i in range(rounds):
        for o in objects:
            out.append((asked(o), got(o), must(o)))
    return out


plain, own = Plain(), Plain()
own.own, own.empty = 5, None
objects = [plain, own, Slots(), Plain, 7, "text", None, math, len, [1]]
first = run(objects, 40)
print(len(first), first[:10])
objects += [Property(), Looks(), WithMeta, WithMeta()]
second = run(objects, 30)
print(len(second), second[-14:])
print(len(ran), ran[:6], sorted(set(map(str, ran))))
plain.full = "now"
del own.own
Plain.empty = "class"
third = run(objects[:4], 30)
print(third[:4], third[-4:])

level = 1


def own_module(n):
    global level
    total = 0
    module = sys.modules[__name__]
    for i in range(n):
        level = level + i
        total += getattr(module, "level") + getattr(module, "other_level", 1)
        if hasattr(module, "level"):
            total += 1
    return total


print(own_module(500))
