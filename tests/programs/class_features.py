"""Class machinery in hot code: properties, slots, descriptors, metaclasses, multiple inheritance, special methods."""
import sys


class Celsius:
    reads = 0

    def __init__(self, degrees):
        self.degrees = degrees

    @property
    def fahrenheit(self):
        Celsius.reads += 1
        return self.degrees * 9 / 5 + 32

    @fahrenheit.setter
    def fahrenheit(self, value):
        if value < -459.67:
            raise ValueError("below absolute zero")
        self.degrees = (value - 32) * 5 / 9

    @fahrenheit.deleter
    def fahrenheit(self):
        self.degrees = None

    @classmethod
    def freezing(cls):
        return cls(0)

    @staticmethod
    def convert(value):
        return value * 9 / 5 + 32


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x):
        self.x = x


class SlottedChild(Slotted):
    __slots__ = ("z",)


class Bounded:
    """A data descriptor with state per instance and a name it is told."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return getattr(instance, self.name, self.low)

    def __set__(self, instance, value):
        if not self.low <= value <= self.high:
            raise ValueError("%s must be from %s to %s, not %r" % (self.name[1:], self.low, self.high, value))
        setattr(instance, self.name, value)


class Lazy:
    """A non-data descriptor that puts its result into the instance and is bypassed from then on."""

    def __init__(self, function):
        self.function = function
        self.name = function.__name__

    def __get__(self, instance, owner):
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.function(instance)
        return value


class Player:
    health = Bounded(0, 100)
    luck = Bounded(-1.0, 1.0)
    computed = 0

    @Lazy
    def title(self):
        Player.computed += 1
        return "player with %d" % self.health


class Registry(type):
    classes = {}

    def __new__(mcls, name, bases, namespace, **options):
        namespace["options"] = options
        cls = super().__new__(mcls, name, bases, namespace)
        mcls.classes[name] = cls
        return cls

    def __init__(cls, name, bases, namespace, **options):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args, **kwargs):
        instance = super().__call__(*args, **kwargs)
        instance.made = cls.made = getattr(cls, "made", 0) + 1
        return instance

    def __len__(cls):
        return 42

    @property
    def label(cls):
        return "<" + cls.__name__ + ">"


class Plugin(metaclass=Registry, version=1):
    pass


class Loud(Plugin, version=2, debug=True):
    def __init_subclass__(cls, **options):
        cls.announced = True


class Louder(Loud):
    pass


class A:
    def trace(self):
        return ["A"]


class B(A):
    def trace(self):
        return ["B"] + super().trace()


class C(A):
    def trace(self):
        return ["C"] + super().trace()


class D(B, C):
    def trace(self):
        return ["D"] + super().trace()


class Vector:
    def __init__(self, *items):
        self.items = list(items)

    def __getitem__(self, index):
        return Vector(*self.items[index]) if isinstance(index, slice) else self.items[index]

    def __setitem__(self, index, value):
        self.items[index] = value

    def __len__(self):
        return len(self.items)

    def __contains__(self, value):
        return value in self.items

    def __iter__(self):
        return iter(self.items)

    def __eq__(self, other):
        return list(self) == list(other)

    def __call__(self, function):
        return Vector(*map(function, self.items))

    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self, other))

    def __neg__(self):
        return self(lambda item: -item)

    def __iadd__(self, other):
        self.items.extend(other)
        return self

    def __rmul__(self, factor):
        return self(lambda item: factor * item)

    def __bool__(self):
        return any(self.items)

    def __index__(self):
        return len(self.items)

    def __repr__(self):
        return "Vector(%s)" % ", ".join(map(repr, self.items))

    def __format__(self, spec):
        return "<" + "; ".join(format(item, spec) for item in self.items) + ">"


c = Celsius(100)
total = 0
for i in range(2000):
    c.fahrenheit = c.fahrenheit + 0.25
    total += c.fahrenheit > 300
print(round(c.degrees, 6), total, Celsius.reads, Celsius.freezing().fahrenheit, Celsius.convert(100))
try:
    for i in range(2000):
        c.fahrenheit -= 1
except ValueError as problem:
    print(problem, i)
del c.fahrenheit
print(c.degrees)

s = SlottedChild(1)
s.z = 0
for i in range(2000):
    s.z += s.x
    if i == 1500:
        s.x = 0.5
print(s.z, hasattr(s, "y"), hasattr(s, "__dict__"))
for action in (lambda: s.y, lambda: setattr(s, "nope", 1), lambda: Slotted(1).z):
    try:
        action()
    except AttributeError as problem:
        print("AttributeError")
        print(problem, file=sys.stderr)
del s.x
try:
    for i in range(3):
        s.z += s.x
except AttributeError as problem:
    print("AttributeError:", problem)

player = Player()
for i in range(2000):
    player.health = i % 100
    player.luck = (player.health - 50) / 50
    if player.title is None:
        print("never")
print(player.health, player.luck, player.title, Player.computed, sorted(vars(player)))
for name, value in (("health", 101), ("luck", -1.5), ("health", float("nan"))):
    try:
        setattr(player, name, value)
    except ValueError as problem:
        print("ValueError:", problem)

print(sorted(Registry.classes), Loud.options, Plugin.options, Louder.announced, len(Louder), Louder.label)
print([Louder().made for _ in range(3)], Loud().made, Louder.made)
print(D().trace(), [k.__name__ for k in D.__mro__])
depth = 0
d = D()
for i in range(1500):
    depth += len(d.trace())
print(depth)
try:
    type("Bad", (A, B), {})
except TypeError as problem:
    print("TypeError")

v = Vector(3, 4.5, -1)
w = 2 * v
v += [10, 20]
print(v, w, v @ w, -w, v[1:3], len(v), 10 in v, [0, 1, 2, 3, 4, "five"][v], v == [3, 4.5, -1, 10, 20], bool(Vector(0)), f"{w:.1f}")
v[0] = 100
print(sum(v), max(v), list(reversed(v)), [*v, *w], v(str), sorted(v), dict(zip("ab", v)))
made = type("Made", (Vector,), {"extra": lambda self: self[0], "__len__": lambda self: -1})
print(made(1, 2).extra(), made.__name__, made.__qualname__)
try:
    len(made(1))
except ValueError as problem:
    print("ValueError:", problem)
total = 0
for i in range(1000):
    total += v[i % 5] * len(w) + (w[0] if i in w else 1)
print(total)
