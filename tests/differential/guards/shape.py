"""The instance that the loop reads gets another attribute while it runs, the module another variable, and then the
class changes."""


class Point:
    def __init__(self, x):
        self.x = x


def nothing():
    pass


def grow():
    point.extra = 1


def define():
    global another
    another = 1


def change():
    Point.x = property(lambda self: 2)


def run(actions):
    p = point
    total = 0
    for action in actions:
        action()
        total += p.x  # breaks: shape
        total += factor  # breaks: shape
    return total


point = Point(1)
factor = 10
quiet = [nothing] * 3000
print(run(quiet + [grow] + quiet + [define] + quiet + [change] + quiet))
