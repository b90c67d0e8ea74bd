"""The classes of instances that are not made change while the loop runs, and so do their operators and cells."""


class Point:
    def __init__(self, x):
        self.x = x

    def __add__(self, other):
        return self.x + other.x

    def __eq__(self, other):
        return self.x == other.x if other is not None else NotImplemented


class Side(Point):
    def __init__(self, x):
        super().__init__(x)
        self.side = 1


def nothing():
    pass


def other_init(self, x):
    self.x = x + 1


def change_init():
    Point.__init__ = other_init


def change_operator():
    Point.__add__ = lambda self, other: 100


def make(actions):
    result = 0
    for action in actions:
        action()
        p = Point(1)  # breaks: shape
        result += p.x
    return result, p.x


def operate(actions):
    result, p, q = 0, Point(1), Point(2)
    for action in actions:
        action()
        result += p + q  # breaks: shape
    return result


def unlike(others):
    result, p = 0, Point(1)
    for other in others:
        result += p == other
    return result


def sides(xs):
    result = 0
    for x in xs:
        s = Side(x)
        result += s.x + s.side
    return result


print(sides([1] * 3000 + [2.5] * 100))
print(operate([nothing] * 3000 + [change_operator] + [nothing] * 3000))
print(unlike([Point(1)] * 3000 + [None] * 50))
print(make([nothing] * 3000 + [change_init] + [nothing] * 3000))
try:
    print(sides([1] * 3000 + [Point]))
except TypeError as error:
    print(type(error).__name__, error.__traceback__.tb_next.tb_lineno)
