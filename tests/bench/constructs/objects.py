"""Attributes, instances and the methods that operators call."""
import dataclasses
import typing


class Vector:
    def __init__(self, x, y, z):
        self.x, self.y, self.z = x, y, z

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y, self.z + other.z)

    def __mul__(self, factor):
        return Vector(self.x * factor, self.y * factor, self.z * factor)

    def dot(self, other):
        return self.x * other.x + self.y * other.y + self.z * other.z


class Base:
    count = 0

    def __init__(self, name):
        self.name = name
        self.parent = None


class Derived(Base):
    def __init__(self, name, size):
        super().__init__(name)
        self.size = size


class Slotted:
    __slots__ = ("key", "value")

    def __init__(self, key, value):
        self.key = key
        self.value = value

    def __eq__(self, other):
        return self.key == other.key

    def __hash__(self):
        return hash(self.key)

    def __lt__(self, other):
        return self.value < other.value


@dataclasses.dataclass
class Record:
    key: int
    text: str
    weight: float = 1.0


class Entry(typing.NamedTuple):
    key: int
    value: int


class Bag:
    def __init__(self):
        self.items = list(range(20))

    def __len__(self):
        return len(self.items)

    def __contains__(self, item):
        return item in self.items

    def __getitem__(self, index):
        return self.items[index]


class Lazy:
    def __getattr__(self, name):
        if name.startswith("known"):
            return len(name)
        raise AttributeError(name)


class Node:
    def __init__(self, value, following):
        self.value = value
        self.following = following


class Tree:
    def __init__(self, depth):
        self.left = Tree(depth - 1) if depth else None
        self.right = Tree(depth - 1) if depth else None

    def size(self):
        return 1 + (self.left.size() + self.right.size() if self.left else 0)


def vectors_of_ints_and_floats(n=25_000):
    vectors = [Vector(1, 2, 3), Vector(0.5, 1.5, 2.5), Vector(1, 0.5, 2)]
    total = 0
    for i in range(n):
        v = vectors[i % 3] + vectors[(i + 1) % 3] * 2
        total += v.dot(vectors[(i + 2) % 3])
    return total


def instances_of_a_subclass(n=40_000):
    total = 0
    for i in range(n):
        total += Derived("name", i).size
    return total


def instances_in_a_list(n=15_000):
    kept = [Derived("n%d" % (i % 10), i) for i in range(n)]
    for previous, this in zip(kept, kept[1:]):
        this.parent = previous
    return sum(1 for d in kept if d.parent is not None and d.parent.size < d.size)


def none_or_object(n=300_000):
    chain = Node(0, None)
    for i in range(1, 50):
        chain = Node(i, chain)
    total, node = 0, chain
    for _ in range(n):
        total += node.value
        node = node.following if node.following is not None else chain
    return total


def slots(n=60_000):
    total = 0
    for i in range(n):
        s = Slotted(i, i + 1)
        s.value += s.key
        total += s.value
    return total


def objects_as_keys(n=20_000):
    table = {Slotted(i, i): i for i in range(200)}
    total = 0
    for i in range(n):
        total += table[Slotted(i % 200, 0)]
    return total


def sorted_by_lt(n=80):
    items = [Slotted(i, i * 7919 % 1009) for i in range(300)]
    return sum(sorted(items)[k].key for k in range(n)) + sum(len(sorted(items)) for _ in range(n))


def dataclass(n=30_000):
    total = 0
    for i in range(n):
        r = Record(i, "text")
        total += r.key + (r == Record(i, "text", 1.0))
    return total


def named_tuple(n=40_000):
    total = 0
    for i in range(n):
        e = Entry(i, 2)
        key, value = e
        total += e.key * value + key
    return total


def containers_of_ones_own(n=40_000):
    bag, total = Bag(), 0
    for i in range(n):
        total += len(bag) + bag[i % 20] + (i % 40 in bag)
    return total


def looked_up_attributes(n=40_000):
    lazy, total = Lazy(), 0
    for _ in range(n):
        total += lazy.known_name
    return total


def hasattr_and_getattr(n=50_000):
    base, total = Base("name"), 0
    for i in range(n):
        if hasattr(base, "name") and not hasattr(base, "missing"):
            total += len(getattr(base, "name")) + getattr(base, "other", 1)
    return total


def class_attributes(n=100_000):
    Base.count = 0
    for _ in range(n):
        Base.count += 1
    return Base.count


def attributes_added_later(n=30_000):
    total = 0
    for i in range(n):
        b = Base("b")
        if i % 3:
            b.extra = i
        if i % 5 == 0:
            b.other = 2
        total += len(b.__dict__)
    return total


def binary_trees(n=60):
    return sum(Tree(9).size() for _ in range(n))


def isinstance_chain(n=30_000):
    values, total = [1, "text", 2.5, None, [1], (1, 2), {}, Base("b")], 0
    for i in range(n):
        value = values[i % 8]
        if isinstance(value, bool):
            total += 1
        elif isinstance(value, (int, float)):
            total += 2
        elif isinstance(value, str):
            total += 3
        elif isinstance(value, (list, tuple)):
            total += len(value)
        elif isinstance(value, Base):
            total += 7
    return total


def swapped_attributes(n=300_000):
    v = Vector(1, 2, 3)
    for _ in range(n):
        v.x, v.y, v.z = v.y, v.z, v.x
    return v.x * 100 + v.y * 10 + v.z
