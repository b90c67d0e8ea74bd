"""Floor division, remainder, divmod, power and shifts with every combination of signs, hot loops included."""
import sys

VALUES = [-2 ** 64, -2 ** 63, -2 ** 63 + 1, -2 ** 31, -1000, -7, -3, -2, -1, 0, 1, 2, 3, 7, 1000, 2 ** 31, 2 ** 63 - 1,
          2 ** 63, 2 ** 64]


def floor_divide(a, b):
    return a // b


def remainder(a, b):
    return a % b


def divide(a, b):
    return a / b


def left(a, b):
    return a << b


def right(a, b):
    return a >> b


def power(a, b):
    return a ** b


def attempt(function, a, b):
    try:
        return function(a, b)
    except (ZeroDivisionError, ValueError, OverflowError) as problem:
        # Messages differ between versions of Python, so they go where only runs of psycore are compared.
        print(problem, file=sys.stderr)
        return type(problem).__name__


for a in VALUES:
    print(a, [attempt(floor_divide, a, b) for b in (-3, -1, 1, 2, 7)], [attempt(remainder, a, b) for b in (-3, -1, 1, 2, 7)])
for a in (-7, 0, 7, -2 ** 63, 2 ** 70):
    for function in (floor_divide, divide):
        print(function.__name__, a, attempt(function, a, 0), "|", attempt(function, a, 2))

# Python's rule: a == b * (a // b) + a % b, and the remainder has the divisor's sign.
checked = 0
for a in VALUES:
    for b in VALUES:
        if b:
            q, r = divmod(a, b)
            assert a == b * q + r and (r == 0 or (r < 0) == (b < 0)), (a, b)
            assert (floor_divide(a, b), remainder(a, b)) == (q, r)
            checked += 1
print(checked)

FLOATS = [-7.5, -1.0, -0.0, 0.0, 0.5, 3.0, 1e300, float("inf"), float("-inf"), float("nan")]
for a in FLOATS:
    print(a, [attempt(floor_divide, a, b) for b in (2.0, -2.0, float("inf"))],
          [attempt(remainder, a, b) for b in (2.0, -2.0, float("inf"))])
for a in (1.0, -0.0):
    print(attempt(divide, a, 0.0))
for a, b in ((5.5, 2), (5, -2.5), (-5, 2.5), (2 ** 60, 0.5), (True, 2), (7, True)):
    print(a, b, attempt(floor_divide, a, b), attempt(remainder, a, b), attempt(divide, a, b), divmod(a, b))

for a in (-2 ** 63, -5, -1, 0, 1, 5, 2 ** 62, 2 ** 63 - 1):
    print(a, [attempt(left, a, b) for b in (0, 1, 31, 62, 63, 64)], [attempt(right, a, b) for b in (0, 1, 63, 64, 1000)])
print(attempt(left, 1, -1), "/", attempt(right, 1, -1), "/", attempt(left, 0, 2 ** 40), attempt(right, -1, 2 ** 70))

for a, b in ((2, 10), (2, 63), (2, 64), (-2, 63), (-3, 3), (0, 0), (0, 5), (7, 0), (10, 20), (2, -1), (-2, -3), (1, 10 ** 9),
             (-1, 10 ** 9 + 1)):
    print(a, b, attempt(power, a, b))
print(attempt(power, 2.0, 0.5), attempt(power, -8.0, 2), attempt(power, 10.0, -2), attempt(power, 2, 0.5), attempt(power, 2.0, 2000))
print(pow(3, 200, 1000007), pow(3, -1, 7), pow(-2, 5, 7))
for bad in ((0, -1), (0.0, -1)):
    print(type(bad[0]).__name__, attempt(power, *bad))


def digits_sum(n, count):
    total = 0
    for i in range(count):
        x = n + i
        while x:
            total += x % 10
            x //= 10
    return total


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


def collatz(n):
    steps = 0
    while n != 1:
        n = n >> 1 if n & 1 == 0 else 3 * n + 1
        steps += 1
    return steps


def clock(count):
    """Negative remainders in a loop that never leaves small integers."""
    hand = 0
    total = 0
    for i in range(-count, count):
        hand = (hand + i * 5) % -12
        total += hand + i % 12 + i // 7
    return hand, total


def falling_divisor(start):
    """Hot and then a division by zero in the last iteration."""
    total = 0
    for divisor in range(start, -1, -1):
        total += 1000000 // divisor
    return total


print(digits_sum(9223372036854775000, 2000), gcd(2 ** 70 * 3, 6 ** 40), max(collatz(n) for n in range(1, 800)))
print(clock(3000))
try:
    falling_divisor(4000)
except ZeroDivisionError as problem:
    print(problem, file=sys.stderr)
total = 0
for shift in range(3000):
    total ^= 1 << shift % 70
    total += -1 >> shift % 3
print(total)
