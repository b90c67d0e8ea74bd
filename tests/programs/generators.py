"""Generators and coroutine-style send, throw, close; pipelines; hot loops over generators that end or raise early."""
import itertools


def count_up(n):
    i = 0
    while i < n:
        yield i
        i += 1


def evens(source):
    for value in source:
        if value % 2 == 0:
            yield value


def windows(source, size):
    window = []
    for value in source:
        window.append(value)
        if len(window) > size:
            window.pop(0)
        if len(window) == size:
            yield tuple(window)


def averager():
    total = 0.0
    count = 0
    average = None
    while True:
        value = yield average
        if value is None:
            return total, count
        total += value
        count += 1
        average = total / count


def delegating(log):
    while True:
        result = yield from averager()
        log.append(result)


def guarded(log):
    try:
        while True:
            try:
                received = yield len(log)
                log.append(received)
            except ValueError as problem:
                log.append("caught " + str(problem))
    finally:
        log.append("closed")


def tree_walk(tree):
    if isinstance(tree, (list, tuple)):
        for branch in tree:
            yield from tree_walk(branch)
    else:
        yield tree


def primes():
    composites = {}
    for candidate in itertools.count(2):
        factors = composites.pop(candidate, None)
        if factors is None:
            yield candidate
            composites[candidate * candidate] = [candidate]
        else:
            for factor in factors:
                composites.setdefault(candidate + factor, []).append(factor)


def changing(n):
    """Yields ints, then floats, then strings: the consumer's loop has to follow."""
    for i in range(n):
        if i < n // 3:
            yield i
        elif i < 2 * n // 3:
            yield i / 2
        else:
            yield str(i)


def failing(n):
    for i in range(n):
        yield i
    raise LookupError("after %d" % n)


def consume(source):
    total = 0
    texts = 0
    for value in source:
        if isinstance(value, str):
            texts += len(value)
        else:
            total += value
    return total, texts


print(consume(count_up(5000)), consume(evens(count_up(5000))), consume(changing(3000)))
print(consume(map(lambda pair: pair[0] * pair[1], windows(count_up(2000), 2))))
try:
    consume(failing(3000))
except LookupError as problem:
    print("LookupError:", problem)

a = averager()
next(a)
for i in range(2000):
    last = a.send(i if i < 1500 else i * 0.5)
print(last)
try:
    a.send(None)
except StopIteration as stop:
    print(stop.value)
log = []
d = delegating(log)
next(d)
for i in range(1200):
    d.send(i)
    if i % 400 == 399:
        d.send(None)
print(log)
log = []
g = guarded(log)
next(g)
print(g.send("x"), g.throw(ValueError("v")), g.send(3))
g.close()
print(log)
try:
    g.send(1)
except StopIteration:
    print("stopped")
try:
    guarded([]).send(1)
except TypeError as problem:
    print(problem)

print(list(tree_walk([1, [2, (3, [4, []], 5)], [[[6]]]])))
print(list(itertools.islice(primes(), 300))[-5:])
print(sum(x * x for x in range(3000) if x % 3), max((-abs(x - 700), x) for x in count_up(1500))[1])


def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


total = 0
for index, value in enumerate(fibonacci()):
    total += value % 1000
    if value > 2 ** 200:
        break
print(index, total)


def two_at_once(n):
    """Two generators advance in turn from one loop, and one is closed in the middle."""
    left, right = count_up(n), fibonacci()
    out = 0
    for i in range(n):
        out += next(left)
        if i == n // 2:
            right.close()
        out ^= next(right, 7) & 0xFFFF
    return out


print(two_at_once(2500))


def running(n):
    try:
        for value in itself_holder[0]:
            yield value + n
    except ValueError as problem:
        yield str(problem)


itself_holder = [None]
itself_holder[0] = running(1)
print(list(itself_holder[0]))


def returns_early(n):
    for i in range(n):
        if i * i > n:
            return "stopped at %d" % i
        yield i


def report(n):
    result = yield from returns_early(n)
    yield result


print(list(report(2000))[-2:])


def raises_stop():
    yield 1
    raise StopIteration


try:
    list(raises_stop())
except RuntimeError as problem:
    print("RuntimeError:", problem)
state = count_up(3)
print(state.gi_frame is not None, state.gi_running, next(state), list(state), state.gi_frame)
lazy = (1 / x for x in (2, 1, 0))
try:
    print(next(lazy), next(lazy), next(lazy))
except ZeroDivisionError:
    print("division", list(lazy))
squares = {i: (j for j in range(i)) for i in range(50)}
print(sum(sum(g) for g in squares.values()), [next(g, "empty") for g in squares.values()][:3])
