"""Calls of functions and methods, with every kind of argument."""
import functools


class Circle:
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return self.radius * self.radius * 3

    def scale(self, by, offset=0, *, limit=1000):
        return min(self.radius * by + offset, limit)

    @property
    def width(self):
        return self.radius * 2

    @staticmethod
    def units(value):
        return value + 1

    @classmethod
    def unit(cls):
        return cls(1)

    def __call__(self, value):
        return value + self.radius


class Square:
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side * self.side


class Triangle:
    def __init__(self, base, height):
        self.base, self.height = base, height

    def area(self):
        return self.base * self.height // 2


def shapes_of(count):
    made = []
    for number in range(count):
        made.append(type("Shape%d" % number, (), {
            "__init__": lambda self, size: setattr(self, "size", size),
            "area": (lambda factor: lambda self: self.size + factor)(number),
        }))
    return made


def add(a, b):
    for step in (1,):
        a += b * step
    return a


def method(n=150_000):
    circle, total = Circle(3), 0
    for _ in range(n):
        total += circle.area()
    return total


def polymorphic_3(n=120_000):
    shapes, total = [Circle(2), Square(3), Triangle(4, 5)] * 10, 0
    for _ in range(n // 30):
        for shape in shapes:
            total += shape.area()
    return total


def polymorphic_8(n=100_000):
    shapes, total = [cls(7) for cls in shapes_of(8)] * 4, 0
    for _ in range(n // 32):
        for shape in shapes:
            total += shape.area()
    return total


def keyword(n=80_000):
    circle, total = Circle(3), 0
    for i in range(n):
        total += circle.scale(by=i & 7, limit=20)
    return total


def defaults(n=40_000):
    circle, total = Circle(3), 0
    for i in range(n):
        total += circle.scale(i & 7)
    return total


def starred(n=80_000):
    def count(*values, **named):
        return len(values) + len(named)
    total = 0
    for i in range(n):
        total += count(i, i, key=i)
    return total


def forwarded(n=20_000):
    def inner(a, b=1, c=2):
        return a + b + c

    def outer(*args, **kwargs):
        return inner(*args, **kwargs)
    total = 0
    for i in range(n):
        total += outer(i, c=3)
    return total


def spread(n=80_000):
    pairs, total = [(i, i + 1) for i in range(100)], 0
    for _ in range(n // 100):
        for pair in pairs:
            total += add(*pair)
    return total


def properties(n=120_000):
    circle, total = Circle(3), 0
    for _ in range(n):
        total += circle.width
    return total


def static_and_class_methods(n=60_000):
    total = 0
    for i in range(n):
        total += Circle.units(i) + Circle.unit().radius
    return total


def bound_method_in_a_variable(n=150_000):
    area, total = Circle(3).area, 0
    for _ in range(n):
        total += area()
    return total


def callable_instance(n=120_000):
    circle, total = Circle(3), 0
    for i in range(n):
        total += circle(i)
    return total


def mutual_recursion(n=1500):
    def even(k):
        return True if k == 0 else odd(k - 1)

    def odd(k):
        return False if k == 0 else even(k - 1)
    return sum(even(i % 400) for i in range(n))


def memoised_recursion(n=120):
    total = 0
    for start in range(n):
        known = {}

        def ways(k):
            if k < 2:
                return 1
            if k not in known:
                known[k] = (ways(k - 1) + ways(k - 2) + start) % 1_000_003
            return known[k]
        total += ways(150)
    return total


def callbacks(n=300):
    rows = [(i * 7919 % 1000, "name%d" % (i % 50)) for i in range(150)]
    total = 0
    for _ in range(n):
        rows.sort(key=lambda row: row[0])
        rows.sort(key=lambda row: row[1])
        total += max(rows, key=lambda row: row[0] % 97)[0] + sum(map(lambda row: row[0], rows))
    return total


def partial_and_reduce(n=20_000):
    double = functools.partial(add, b=2)
    total = 0
    for i in range(n):
        total += double(i)
    return functools.reduce(lambda a, b: (a * 31 + b) % 1_000_003, range(n), total)


def cached(n=100_000):
    @functools.lru_cache(maxsize=None)
    def slow(k):
        return k * k
    total = 0
    for i in range(n):
        total += slow(i % 100)
    return total
