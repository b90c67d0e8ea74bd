"""`[item] * n` makes the item n times over, counts each place, and needs no list of one item unless something stops it."""
import sys


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone", self.name)


class Size:
    def __init__(self, n):
        self.n = n

    @property
    def size(self):
        if self.n == 13:
            raise ValueError("unlucky")
        return self.n


def floats(n):
    zeros = [0.0] * n
    for i in range(n):
        zeros[i] += i / 2
    return sum(zeros)


def shared(item, n):
    before = sys.getrefcount(item)
    many = [item] * n
    during = sys.getrefcount(item)
    del many
    return during - before, sys.getrefcount(item) - before


def temporary(n):
    return [Noisy("temporary")] * n


def by_property(s):
    return len([None] * s.size)


def words(n):
    word = "w" + str(n)
    return "".join([word] * (n % 4))


def twice(n):
    inner = [[n] * 2] * 2
    inner[0].append(n)
    return inner


def in_place(n):
    x = [n]
    x *= 3
    return x


def left(n):
    return n * [n]


total = 0.0
for i in range(3000):
    total += floats(i % 7)
print(total)

item = Size(1)
for i in range(2000):
    n = i % 5 - 1
    assert shared(item, n) == (max(n, 0), 0), i
print(shared(item, 1000), shared(i + 10**20, 300))

for i in range(2000):
    assert len([i] * i) == i
    assert words(i) == ("w" + str(i)) * (i % 4)
print(twice(3), in_place(4), left(2))

for i in range(300):
    last = twice(i), in_place(i), left(i % 3)
print(last)

for n in (0, 1, 2):
    kept = temporary(n)
    print("made", n, len(kept))
    del kept
    print("dropped", n)

sizes = [Size(n % 12) for n in range(600)] + [Size(13), Size(True), Size(2)]
for s in sizes:
    try:
        n = by_property(s)
    except ValueError as e:
        print("ValueError", e)
print(n)

# The count may be anything in the end.
for n in [3] * 500 + [-(2**70), True, False, 0]:
    try:
        m = len([1.5] * n)
    except OverflowError as e:
        print("OverflowError", e)
print(m)
for n in [3] * 500 + [2.0]:
    try:
        [n] * n
    except TypeError as e:
        print("TypeError", e)
for n in [3] * 500 + [2**70, 2**62]:
    try:
        [n] * n
    except (OverflowError, MemoryError):
        print("too large")
