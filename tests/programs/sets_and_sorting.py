"""Sets, frozensets and sorting by hand and by library: stability, keys, comparisons that fail, binary search, heaps."""
import bisect
import heapq
import operator


def insertion(values):
    values = list(values)
    for i in range(1, len(values)):
        item = values[i]
        j = i
        while j and item < values[j - 1]:
            values[j] = values[j - 1]
            j -= 1
        values[j] = item
    return values


def merge(values):
    if len(values) < 2:
        return list(values)
    middle = len(values) // 2
    left, right = merge(values[:middle]), merge(values[middle:])
    out = []
    i = j = 0
    while i < len(left) and j < len(right):
        if right[j] < left[i]:
            out.append(right[j])
            j += 1
        else:
            out.append(left[i])
            i += 1
    return out + left[i:] + right[j:]


def heap(values):
    values = list(values)
    n = len(values)

    def sift(root, end):
        while True:
            child = 2 * root + 1
            if child >= end:
                return
            if child + 1 < end and values[child] < values[child + 1]:
                child += 1
            if not values[root] < values[child]:
                return
            values[root], values[child] = values[child], values[root]
            root = child

    for root in reversed(range(n // 2)):
        sift(root, n)
    for end in range(n - 1, 0, -1):
        values[0], values[end] = values[end], values[0]
        sift(0, end)
    return values


def shell(values):
    values = list(values)
    gap = len(values) // 2
    while gap:
        for i in range(gap, len(values)):
            item, j = values[i], i
            while j >= gap and values[j - gap] > item:
                values[j] = values[j - gap]
                j -= gap
            values[j] = item
        gap //= 2
    return values


def counting(values):
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return [value for value in sorted(counts) for _ in range(counts[value])]


class Card:
    compared = 0

    def __init__(self, rank, suit):
        self.rank, self.suit = rank, suit

    def __lt__(self, other):
        Card.compared += 1
        return self.rank < other.rank

    def __gt__(self, other):
        return other < self

    def __eq__(self, other):
        return isinstance(other, Card) and self.rank == other.rank

    def __hash__(self):
        return hash(self.rank)

    def __repr__(self):
        return "%d%s" % (self.rank, self.suit)


def numbers(n, seed=3):
    for _ in range(n):
        seed = (seed * 69069 + 5) % 2 ** 32
        yield seed >> 20


data = list(numbers(150))
inputs = [data, [x / 7 for x in data], [x * 2 ** 60 for x in data], [str(x) for x in data], [(x % 5, -x) for x in data],
          [x if x % 3 else x + 0.5 for x in data], [x % 2 == 0 for x in data], [Card(x % 13, "cdhs"[x % 4]) for x in data]]
for values in inputs:
    expected = sorted(values)
    stable = insertion(values) == merge(values) == expected
    print(type(values[0]).__name__, stable, heap(values) == shell(values) == expected, counting(values) == expected, expected[:3], expected[-1])
for function in (insertion, merge, heap, shell, sorted):
    try:
        function(data + ["x"])
    except TypeError as problem:
        print(function.__name__, "TypeError")
    print(function([]), function([1]), function([2, 1]), function([1.5, 1, True, 0]))

cards = [Card(x % 6, "abc"[i % 3]) for i, x in enumerate(data[:40])]
print("".join(map(repr, sorted(cards)))[:60], Card.compared > 0)
print(sorted(cards, key=lambda card: card.suit)[:6], sorted(cards, key=operator.attrgetter("suit", "rank"), reverse=True)[:4])
print(max(cards, key=lambda c: c.rank), min(cards, key=operator.attrgetter("rank")), sorted(data, key=lambda x: (-(x % 10), x))[:6])
calls = []
print(sorted([3, 1, 2], key=lambda x: calls.append(x) or -x), calls)
values = [5, 3, 1]
values.sort(key=str)
try:
    values.sort(key=lambda x: values.append(x) or x)
except ValueError as problem:
    print("ValueError:", problem)
try:
    sorted(range(2000), key=lambda x: 1 // (1500 - x))
except ZeroDivisionError:
    print("key failed")


def set_algebra(n):
    evens, threes, total = set(range(0, n, 2)), set(range(0, n, 3)), 0
    for i in range(n):
        if i in evens and i not in threes:
            total += i
        elif i in threes:
            evens.discard(i)
        else:
            evens.add(-i)
    return total, len(evens), len(evens & threes), len(evens | threes), len(evens - threes), len(evens ^ threes)


print(set_algebra(3000))
s = {1, 1.0, True, 2, "2", (1,), frozenset([3]), None}
print(len(s), 1.0 in s, frozenset({3}) in s, {3} in s, 2 in s, sorted(map(str, s)))
for bad in (lambda: {[1]}, lambda: {1}.remove(2), lambda: set().pop(), lambda: {1} + {2}, lambda: {1} < [1], lambda: hash({1})):
    try:
        print(bad())
    except (TypeError, KeyError) as problem:
        print(type(problem).__name__)
print({1, 2}.issubset([1, 2, 3]), {1}.isdisjoint("ab"), {1, 2}.symmetric_difference([2, 3]), set("hello") == set("olleh"), {1, 2, 3}.intersection([2], (2, 5)))
a = {1, 2}
b = a
a |= {3}
a &= {2, 3, 4}
a ^= {9}
a -= {2}
print(sorted(b), a is b, frozenset([1]) | {2}, type({1} | frozenset([2])).__name__)

ordered = []
for x in data:
    bisect.insort(ordered, x)
print(ordered == sorted(data), bisect.bisect_left(ordered, data[7]) == ordered.index(data[7]), bisect.bisect(ordered, 10 ** 9))


def search(values, wanted):
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


print(all(search(ordered, x) == bisect.bisect_left(ordered, x) for x in range(0, 4100, 2)), search(ordered, 10.5), search("abcdef", "d"))
queue = []
for i, x in enumerate(numbers(1000, 9)):
    heapq.heappush(queue, (x, i))
    if i % 3 == 2:
        heapq.heappop(queue)
print(heapq.nsmallest(3, queue), heapq.nlargest(2, queue), len(queue), list(heapq.merge([1, 4], [2, 3], [0.5])))
