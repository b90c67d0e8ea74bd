"""Dataclasses, named tuples and enumerations as records that hot loops make, compare, sort and replace."""
import enum
from collections import namedtuple
from dataclasses import FrozenInstanceError, asdict, astuple, dataclass, field, fields, replace
from typing import ClassVar, List, NamedTuple


@dataclass
class Item:
    name: str
    price: float = 1.0
    tags: List[str] = field(default_factory=list)
    count: ClassVar[int] = 0

    def __post_init__(self):
        Item.count += 1

    @property
    def total(self):
        return self.price * (1 + len(self.tags))


@dataclass(order=True, frozen=True)
class Version:
    major: int
    minor: int = 0
    label: str = field(default="", compare=False)


@dataclass
class Special(Item):
    discount: float = 0.5

    @property
    def total(self):
        return super().total * self.discount


@dataclass(eq=False)
class Node:
    value: int
    children: list = field(default_factory=list, repr=False)

    def depth(self):
        return 1 + max((child.depth() for child in self.children), default=0)


class Color(enum.Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1

    @property
    def pretty(self):
        return self.name.title()


class Flag(enum.IntFlag):
    READ = 4
    WRITE = 2
    RUN = 1


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


Pair = namedtuple("Pair", "left right", defaults=[0])


class Reading(NamedTuple):
    time: int
    value: float = 0.0

    def scaled(self, factor):
        return self._replace(value=self.value * factor)


print(Item("a"), Item("b", 2, ["x"]) == Item("b", 2, ["x"]), Item("a") == 1, Special("s", 4.0, ["t"]).total)
print(asdict(Special("s", tags=["q"])), astuple(Item("z")), [f.name for f in fields(Special)])
print(Version(1, 2) < Version(1, 10), sorted([Version(2), Version(1, 5, "x"), Version(1, 5, "a"), Version(0, 9)]))
print({Version(1): "one"}[Version(1, 0, "other")], replace(Version(1, 2), minor=7), hash(Version(3)) == hash(Version(3)))
for action in (lambda: setattr(Version(1), "major", 2), lambda: Item(), lambda: Item("a", nope=1), lambda: hash(Item("q")), lambda: Version(1) < 2):
    try:
        print(action())
    except (FrozenInstanceError, TypeError) as problem:
        print(type(problem).__name__ + ":", problem)

tree = Node(1, [Node(2, [Node(3)]), Node(4)])
print(tree, tree.depth(), Node(1) == Node(1))
print(Color.RED, Color(2), Color["CRIMSON"] is Color.RED, Color.GREEN.pretty, [c.value for c in Color], Color.RED in Color)
print(Flag.READ | Flag.RUN, Flag.READ in (Flag.READ | Flag.WRITE), int(Flag.READ | Flag.WRITE), Flag(7) & ~Flag.RUN == Flag(6), Level.HIGH > 5, Level.LOW + 1)
try:
    Color(9)
except ValueError as problem:
    print(problem)
print(Pair(1), Pair(1, 2)._asdict(), Pair(*"ab").left, Pair(1, 2) == (1, 2), Pair._fields, Reading(3, 1.5).scaled(2))


def total(items):
    result = 0
    for item in items:
        result += item.total
    return result


items = [Item("i%d" % i, i % 5) for i in range(1500)]
print(total(items))
items[1200] = Special("special", 100.0, ["a", "b"])
items[1300].tags = ("x",) * 3
print(total(items), Item.count)


def newest(count):
    best = Version(0)
    for i in range(count):
        version = Version(i * 7919 % 101, i % 13)
        if version > best:
            best = version
    return best


print(newest(1500))


def unpack_all(count):
    pair = Pair(0, 1)
    for i in range(count):
        left, right = pair
        pair = Pair(right, (left + right) % 1000003)
        if i == 1000:
            pair = pair._replace(left=0.5)
    return pair


print(unpack_all(2000))


def tally(values):
    counts = dict.fromkeys(Color, 0)
    levels = 0
    for value in values:
        color = Color.RED if value % 3 else Color.GREEN
        counts[color] += 1
        if color is Color.GREEN and value & Flag.WRITE:
            levels += Level.HIGH
    return {color.name: n for color, n in counts.items()}, levels


print(tally(range(2000)))


class Cursor:
    """Match-like dispatch on records of several kinds in one loop."""

    def __init__(self):
        self.x = self.y = 0
        self.log = []

    def apply(self, command):
        if isinstance(command, Pair):
            self.x += command.left
            self.y += command.right
        elif isinstance(command, Reading):
            self.log.append(command.time)
        elif isinstance(command, Level):
            self.x *= command
        else:
            self.y = command


cursor = Cursor()
for i in range(1200):
    cursor.apply((Pair(i, -i), Reading(i), Level.LOW, i / 2)[i % 4 if i > 100 else 0])
print(cursor.x, cursor.y, len(cursor.log), sum(cursor.log))
