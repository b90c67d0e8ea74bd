"""Closures, decorators, cells shared by several functions, late binding, recursion through cells, partial application."""
import functools
import operator


def make_counter(start, step):
    count = start

    def advance(times=1):
        nonlocal count
        for _ in range(times):
            count += step
        return count

    def reset(value):
        nonlocal count, step
        count, step = value, step * 2

    return advance, reset


def compose(*functions):
    def composed(value):
        for function in functions:
            value = function(value)
        return value
    return composed


def memoize(function):
    cache = {}

    @functools.wraps(function)
    def wrapper(*args):
        if args not in cache:
            cache[args] = function(*args)
        return cache[args]

    wrapper.cache = cache
    return wrapper


def traced(log):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            log.append((function.__name__, args, sorted(kwargs.items())))
            return function(*args, **kwargs)
        return wrapper
    return decorate


class Repeat:
    def __init__(self, times):
        self.times = times

    def __call__(self, function):
        def wrapper(*args):
            for _ in range(self.times):
                result = function(*args)
            return result
        return wrapper


def curry(function, count):
    def step(gathered):
        def take(value):
            values = gathered + (value,)
            return function(*values) if len(values) == count else step(values)
        return take
    return step(())


@memoize
def ackermann(m, n):
    if m == 0:
        return n + 1
    return ackermann(m - 1, 1) if n == 0 else ackermann(m - 1, ackermann(m, n - 1))


@memoize
def ways(amount, coins):
    if amount == 0:
        return 1
    if amount < 0 or not coins:
        return 0
    return ways(amount - coins[0], coins) + ways(amount, coins[1:])


advance, reset = make_counter(0, 3)
for i in range(1000):
    advance()
print(advance(2000))
reset(0.5)
print(advance(1500))
reset("s")
try:
    advance(3)
except TypeError as problem:
    print(problem)
reset(2 ** 62)
print(advance(2000))

pipeline = compose(lambda x: x + 1, lambda x: x * 2, lambda x: x - 3)
total = 0
for i in range(2000):
    total += pipeline(i if i < 1500 else i * 0.5)
print(total, compose()(7))
print(ackermann(2, 40), ackermann(3, 3), len(ackermann.cache), ackermann.__name__)
print(ways(200, (100, 50, 20, 10, 5, 2, 1)), len(ways.cache))

log = []


@traced(log)
def area(width, height=2, *, unit="m"):
    return "%d %s2" % (width * height, unit)


print(area(3), area(3, 4), area(width=5, unit="km"), area.__wrapped__(1))
print(log)


@Repeat(50)
def append_one(values):
    values.append(1)
    return len(values)


print(append_one([]), sum(append_one([]) for _ in range(40)))
print(curry(lambda a, b, c: a * 100 + b * 10 + c, 3)(1)(2)(3))
late = [lambda: i for i in range(5)]
bound = [lambda i=i: i for i in range(5)]
print([f() for f in late], [f() for f in bound])


def shared():
    value = 0

    def add(amount):
        nonlocal value
        value += amount

    def get():
        return value

    class Holder:
        def read(self):
            return value

        value_in_class = value

    return add, get, Holder


add, get, Holder = shared()
holder = Holder()
wrong = 0
for i in range(2500):
    add(i)
    if get() != holder.read():
        wrong += 1
    if i == 2000:
        add(0.25)
print(get(), wrong, holder.value_in_class)


def delayed():
    def use():
        return later * 2
    try:
        use()
    except NameError as problem:
        print("NameError:", str(problem)[:40])
    later = 21
    return use


print(delayed()())


def mutual(n):
    def even(k):
        return True if k == 0 else odd(k - 1)

    def odd(k):
        return False if k == 0 else even(k - 1)

    return [even(k) for k in range(n)]


print(mutual(60).count(True), mutual(5))


def cells_in_loop(n):
    """A variable that is a cell because a lambda captures it, in a hot loop that goes on changing it."""
    total = 0
    snapshots = []
    for i in range(n):
        total += i
        if i % 1000 == 0:
            snapshots.append(lambda: total)
    return total, [snapshot() for snapshot in snapshots]


print(cells_in_loop(4000))
print(functools.reduce(operator.mul, range(1, 21)), functools.reduce(lambda a, b: a + [b] if len(a) < 4 else a, range(2000), []))
print(sorted("Banana apple Cherry".split(), key=str.lower), max([3, -7, 5], key=abs), list(map(operator.itemgetter(1), [(1, 2), (3, 4)])))
compare = functools.cmp_to_key(lambda a, b: (a > b) - (a < b) if a % 2 == b % 2 else a % 2 - b % 2)
print(sorted(range(10), key=compare, reverse=True), [f.__closure__ and len(f.__closure__) for f in (advance, late[0], bound[0], get)])
print([cell.cell_contents for cell in get.__closure__], get.__code__.co_freevars, shared.__code__.co_cellvars)
