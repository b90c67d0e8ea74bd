"""Classes and instances changed in the middle of hot loops: methods, attributes, `__class__`, `__dict__`, bases, slots."""


class Shape:
    sides = 0
    kind = "shape"

    def __init__(self, size):
        self.size = size

    def area(self):
        return self.size * self.size

    def describe(self):
        return self.kind, self.sides


class Square(Shape):
    sides = 4


class Circle(Shape):
    kind = "round"

    def area(self):
        return self.size * self.size * 3


def total_area(shapes, at, action):
    total = 0
    for index, shape in enumerate(shapes):
        total += shape.area()
        if index == at:
            action()
    return total


def put_method():
    Square.area = lambda self: 1


def drop_method():
    del Square.area


shapes = [Square(3) for _ in range(2000)]
print(total_area(shapes, -1, None))
print(total_area(shapes, 1000, put_method))
print(total_area(shapes, 1000, drop_method))


def change_base():
    Shape.area = lambda self: self.size


original_area = Shape.area
print(total_area(shapes, 1500, change_base))
Shape.area = original_area


def own_method():
    for shape in shapes[1200:]:
        shape.area = lambda: 0.5


print(total_area(shapes, 1000, own_method))
for shape in shapes:
    shape.__dict__.pop("area", None)
print(total_area(shapes, 1000, lambda: [setattr(shape, "__class__", Circle) for shape in shapes[500:]]))
print(shapes[0].describe(), shapes[-1].describe(), type(shapes[600]).__name__)


# Attributes: types change, attributes vanish, class attributes shine through.
class Point:
    z = 9

    def __init__(self, x, y):
        self.x = x
        self.y = y


def walk(point, n):
    log = []
    for i in range(n):
        point.x += 1
        point.y = point.y + point.x
        if i == 1000:
            point.x = 0.25
        elif i == 1500:
            point.x = "text"
            log.append(point.x)
            point.x = -1
        elif i == 1800:
            point.z = 1
        elif i == 1900:
            del point.z
        if i % 100 == 99:
            log.append(point.z)
    return point.x, point.y, log


print(walk(Point(0, 0), 2500))


def lose(point, n):
    for i in range(n):
        point.x += point.y
        if i == 1700:
            del point.y
    return point.x


p = Point(0, 1)
try:
    lose(p, 3000)
except AttributeError as problem:
    print("AttributeError:", problem, p.x)
Point.y = 2
print(lose.__name__, p.x + p.y)
del Point.y


# Instances with attributes in another order, and with more of them.
def variants(n):
    out = 0
    for i in range(n):
        p = Point(i, 1)
        if i % 3 == 1:
            del p.x
            p.x = 5
        if i % 5 == 2:
            p.__dict__ = {"y": 2, "x": i, "extra": None}
        if i % 7 == 3:
            p.__dict__["x"] = i * 0.5
        out += p.x * p.y
    return out


print(variants(3000))


# __getattr__, __getattribute__, __setattr__ and properties that appear midway.
class Plain:
    def __init__(self):
        self.value = 1


def read_many(obj, n, at, action):
    total = 0
    for i in range(n):
        total += obj.value
        if i == at:
            action()
    return total


plain = Plain()


def add_property():
    Plain.value = property(lambda self: 10)


def add_getattribute():
    Plain.__getattribute__ = lambda self, name: 100 if name == "value" else object.__getattribute__(self, name)


def remove_all():
    del Plain.__getattribute__
    del Plain.value


print(read_many(plain, 2000, 1000, add_property))
print(read_many(plain, 2000, 1000, add_getattribute))
print(read_many(plain, 2000, 1000, remove_all))


def delete_value():
    del plain.value
    Plain.__getattr__ = lambda self, name: len(name)


print(read_many(plain, 2000, 1000, delete_value))

writes = []


def write_many(obj, n):
    for i in range(n):
        obj.value = i
        if i == n - 5:
            Plain.__setattr__ = lambda self, name, value: writes.append((name, value))
    return obj.__dict__["value"]


print(write_many(plain, 2000), writes)
del Plain.__setattr__


# Operators put on the class after the loop has become hot.
class Number:
    def __init__(self, n):
        self.n = n


def add_all(numbers):
    failures = 0
    total = 0
    for index, number in enumerate(numbers):
        try:
            total = total + number
        except TypeError:
            failures += 1
        if index == 1000:
            Number.__radd__ = lambda self, other: other + self.n
    return total, failures


print(add_all([Number(2)] * 2000))


# Inheritance changes: __bases__ and a method found further up.
class A:
    def who(self):
        return "A"


class B:
    def who(self):
        return "B"


class C(A):
    pass


def ask(obj, n):
    answers = ""
    for i in range(n):
        answer = obj.who()
        if i % 400 == 399:
            answers += answer
        if i == 1000:
            C.__bases__ = (B,)
        elif i == 1500:
            C.who = A.who
        elif i == 2000:
            C.who = staticmethod(lambda: "S")
        elif i == 2300:
            C.who = classmethod(lambda cls: cls.__name__)
    return answers


print(ask(C(), 2800))


# super() and isinstance with a changing class.
class Base:
    def value(self):
        return 1


class Derived(Base):
    def value(self):
        return super().value() + 10


def sum_values(obj, n):
    total = 0
    for i in range(n):
        total += obj.value() + isinstance(obj, Derived)
        if i == 1000:
            Base.value = lambda self: 2
        if i == 2000:
            obj.__class__ = Base
    return total


print(sum_values(Derived(), 3000))


# Calls of a class: __init__ replaced, __new__ added, the metaclass' __call__ stays.
class Thing:
    def __init__(self, n=1):
        self.n = n


def make(n):
    total = 0
    for i in range(n):
        total += Thing().n
        if i == 1000:
            Thing.__init__ = lambda self: setattr(self, "n", 5)
        elif i == 1500:
            Thing.__new__ = lambda cls: Point(0, 0) if False else object.__new__(cls)
        elif i == 1800:
            Thing.n = property(lambda self: -1, lambda self, value: None)
    return total


print(make(2000))
