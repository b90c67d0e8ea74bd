"""Recursion: shallow and hot, deep until RecursionError is caught, mutual, through methods, generators and sort keys."""
import sys


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def fib_float(n):
    return n if n < 2 else fib_float(n - 1) + fib_float(n - 2)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def hanoi(n, source, target, spare, moves):
    if n:
        hanoi(n - 1, source, spare, target, moves)
        moves.append((source, target))
        hanoi(n - 1, spare, target, source, moves)


def endless(n):
    return endless(n + 1)


def endless_add(n):
    return 1 + endless_add(n + 1)


def ping(n):
    return pong(n + 1)


def pong(n):
    return ping(n + 1)


class Endless:
    depth = 0

    def __getattr__(self, name):
        return self.__getattr__(name)

    def __repr__(self):
        return repr(self)

    def __add__(self, other):
        return self + other

    @property
    def loop(self):
        return self.loop

    def method(self, n):
        Endless.depth = n
        return self.method(n + 1)

    def __call__(self):
        return self()


def guarded(function, *args):
    try:
        return function(*args)
    except RecursionError as problem:
        # There is no text if the machine's stack ends before the limit is reached, which small stacks do.
        return "RecursionError: " + (str(problem)[:32] or "maximum recursion depth exceeded")


print(fib(17), fib_float(15.0), fib_float(15), ackermann(2, 6), fib(True), fib(-1), fib(1.5))
moves = []
hanoi(9, "a", "b", "c", moves)
print(len(moves), moves[:3], moves[-1])
for i in range(20):
    fib(8)
e = Endless()
for function in (lambda: endless(0), lambda: endless_add(0), lambda: ping(0), lambda: e.nothing, lambda: e + 1, lambda: e.loop, lambda: e.method(0), e):
    print(guarded(function))
print(Endless.depth > 500)
try:
    repr(e)
except RecursionError:
    print("repr too deep")


def depth_reached(n):
    try:
        return depth_reached(n + 1)
    except RecursionError:
        return n


# The limit is the same every time, compiled or not, and everything works afterwards.
first = depth_reached(0)
print(all(depth_reached(0) == first for _ in range(15)), fib(12))


def limited(limit):
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        return depth_reached(0)
    finally:
        sys.setrecursionlimit(old)


a, b = limited(300), limited(600)
print(b - a, limited(300) == a, a < 300)


def sum_deep(n):
    return 0 if n == 0 else n + sum_deep(n - 1)


def sum_list(items):
    return items[0] + sum_list(items[1:]) if items else 0


print(sum_deep(400), sum_list(list(range(200))), sum_list([0.5] * 100), sum_list([]))
print(guarded(sum_deep, 10 ** 5), guarded(sum_deep, 10.5))
sys.setrecursionlimit(3000)
print(sum_deep(2500))
sys.setrecursionlimit(1000)


def flatten(tree):
    for item in tree:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item


def nest(n):
    tree = [0]
    for i in range(1, n):
        tree = [tree, i]
    return tree


print(sum(flatten(nest(200))), list(flatten(nest(5))))
print(guarded(lambda: list(flatten(nest(3000))))[:14])


def permutations(items):
    if len(items) < 2:
        return [items]
    return [[item] + rest for i, item in enumerate(items) for rest in permutations(items[:i] + items[i + 1:])]


def subsets(items):
    if not items:
        return [[]]
    rest = subsets(items[1:])
    return rest + [[items[0]] + subset for subset in rest]


def gcd(a, b):
    return a if b == 0 else gcd(b, a % b)


def power(base, exponent):
    if exponent == 0:
        return 1
    half = power(base, exponent // 2)
    return half * half * (base if exponent % 2 else 1)


def digits(n):
    return [n] if n < 10 else digits(n // 10) + [n % 10]


print(len(permutations([1, 2, 3, 4, 5])), permutations("abc" and ["a", "b", "c"])[3], len(subsets(list(range(9)))), gcd(2 ** 64, 6 ** 30), power(3, 200) == 3 ** 200)
print(power(1.5, 20), digits(2 ** 70)[:8], power(2, 100) % 1000007)


def count_calls(n, counter):
    counter["calls"] += 1
    if n > 0:
        for _ in range(2):
            count_calls(n - 1, counter)
        if n == 5:
            counter["five"] = counter.get("five", 0) + 1


counter = {"calls": 0}
count_calls(10, counter)
print(counter)
anonymous = (lambda f: f(f, 12))(lambda self, n: 1 if n < 2 else n * self(self, n - 1))
print(anonymous)


def late_failure(n, bottom):
    """The type of the result is decided at the bottom."""
    return bottom if n == 0 else late_failure(n - 1, bottom) * 2


for bottom in (1, 0.5, "ab", [1], 2 ** 62, True):
    print(repr(late_failure(4, bottom)), end=" ")
try:
    late_failure(50, None)
except TypeError as problem:
    print("\n", problem)
