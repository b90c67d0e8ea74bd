"""Generators, coroutines, and what takes from them. Their time is in suspending and resuming."""
import asyncio
import itertools


def count_to(n):
    for i in range(n):
        yield i


class Tree:
    def __init__(self, low, high):
        self.value = (low + high) // 2
        self.left = Tree(low, self.value - 1) if low < self.value else None
        self.right = Tree(self.value + 1, high) if self.value < high else None

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right


class Countdown:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.n == 0:
            raise StopAsyncIteration
        self.n -= 1
        return self.n


def in_a_for(n=250_000):
    total = 0
    for i in count_to(n):
        total += i
    return total


def expression_into_sum(n=2000):
    return sum(sum(k * k for k in range(200) if k & 1) for _ in range(n))


def expression_into_any_and_all(n=4000):
    total = 0
    for i in range(n):
        total += any(k == 40 for k in range(50)) + all(k < 45 for k in range(50))
    return total


def expression_into_join_list_dict(n=1000):
    total = 0
    for _ in range(n):
        total += len(",".join(str(k) for k in range(50))) + len(list(k for k in range(50))) + len(dict((k, k) for k in range(50)))
    return total


def yield_from(n=40):
    tree = Tree(0, 1000)
    return sum(sum(tree) for _ in range(n))


def send(n=120_000):
    def averager():
        total, count = 0, 0
        while True:
            total += yield total
            count += 1
    running = averager()
    next(running)
    for i in range(n):
        last = running.send(i)
    return last


def pipeline(n=100_000):
    def evens(source):
        for item in source:
            if item % 2 == 0:
                yield item

    def squared(source):
        for item in source:
            yield item * item
    return sum(squared(evens(count_to(n))))


def awaited(n=100_000):
    async def leaf(i):
        return i & 7

    async def work():
        total = 0
        for i in range(n):
            total += await leaf(i)
        return total
    return asyncio.run(work())


def async_for(n=60_000):
    async def work():
        total = 0
        async for i in Countdown(n):
            total += i
        return total
    return asyncio.run(work())


def zips_and_maps(n=40):
    total = 0
    for _ in range(n):
        for i, (a, b) in enumerate(zip(range(500), map(str, range(500)))):
            total += i + a + len(b)
        total += len(list(filter(lambda k: k % 3, range(500))))
    return total


def itertools_chained(n=300):
    total = 0
    for _ in range(n):
        total += sum(itertools.islice(itertools.chain(range(300), itertools.repeat(2, 300)), 500))
        total += len(list(itertools.product(range(12), repeat=2))) + sum(a for a, in itertools.combinations(range(100), 1))
        for key, group in itertools.groupby(range(300), key=lambda k: k // 10):
            total += key + len(list(group))
    return total
