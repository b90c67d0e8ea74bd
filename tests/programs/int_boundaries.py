"""Integers on both sides of 2**31, 2**62, 2**63 and 2**64: additions, products, negations, bits, loops across."""
import sys

EDGES = [0, 1, 2, 255, 256, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 61, 2 ** 62, 2 ** 63, 2 ** 64, 2 ** 127]
EDGES = sorted({sign * (edge + delta) for edge in EDGES for delta in (-1, 0, 1) for sign in (1, -1)})


def add(a, b):
    return a + b


def sub(a, b):
    return a - b


def mul(a, b):
    return a * b


def bits(a, b):
    return a & b, a | b, a ^ b, ~a


def checksum(function):
    """A hash over all pairs of edges, so that one line covers thousands of results."""
    total = 0
    for a in EDGES:
        for b in EDGES:
            result = function(a, b)
            if isinstance(result, tuple):
                for part in result:
                    total = (total * 31 + part) % 1000000007
            else:
                total = (total * 31 + result) % 1000000007
    return total


def climb(start, step, count):
    value = start
    crossed = None
    for i in range(count):
        value += step
        if crossed is None and (value > 2 ** 63 - 1 or value < -2 ** 63):
            crossed = i
    return value, crossed


def double(count):
    value = 1
    for _ in range(count):
        value = value + value
    return value


def factorial(n):
    product = 1
    for k in range(2, n + 1):
        product *= k
    return product


def count_down_through(limit, count):
    """The other way: a big integer that becomes small again inside the loop."""
    value = limit
    small = 0
    for _ in range(count):
        value = value // 2 - 1
        if -2 ** 31 <= value < 2 ** 31:
            small += 1
    return value, small


def negate_all():
    out = []
    for value in (2 ** 63 - 1, 2 ** 63, -2 ** 63, -2 ** 63 + 1, 2 ** 62, -2 ** 62, 0):
        out.append((-value, +value, abs(value), ~value, value.bit_length()))
    return out


print(len(EDGES), EDGES[:3], EDGES[-3:])
for function in (add, sub, mul, bits):
    print(function.__name__, checksum(function))

for edge in (2 ** 31, 2 ** 32, 2 ** 62, 2 ** 63, 2 ** 64):
    print(climb(edge - 1500, 1, 3000), climb(-edge + 1500, -1, 3000))
print(climb(2 ** 63 - 5000 * 12345, 12345, 10000))
print(double(3000) == 2 ** 3000, double(62), double(63), double(64))
print([factorial(n) for n in (12, 13, 20, 21, 25)], len(str(factorial(500))))
print(count_down_through(2 ** 2000, 2500))
for line in negate_all():
    print(*line)


def fibonacci_mod(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
        if b > 2 ** 90:
            a, b = a % 2 ** 61, b % 2 ** 61
    return a, b


print(fibonacci_mod(5000))


def hash_text(text, rounds):
    h = 0xCBF29CE484222325
    for _ in range(rounds):
        for ch in text:
            h ^= ord(ch)
            h = (h * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


print("%016x" % hash_text("specializer", 300))


def xorshift(state, n):
    total = 0
    for _ in range(n):
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        total += state & 0xFF
    return state, total


print(xorshift(88172645463325252, 4000))

print(range(2 ** 63 - 3, 2 ** 63 + 3)[4], list(range(2 ** 64, 2 ** 64 + 3)), len(range(-(sys.maxsize // 2), 2)) == sys.maxsize // 2 + 2)
total = 0
for i in range(2 ** 63 - 1000, 2 ** 63 + 1000):
    total += i & 0xFFFF
print(total, i)
for i in range(2 ** 31 - 2, 2 ** 31 + 2):
    print(i, i * i, i * i * i, i << 31, -i >> 3)
print(hash(2 ** 61 - 1), hash(2 ** 61), hash(-1), hash(-2 ** 63), hash(2 ** 64))
print(int("9223372036854775807") + 1, int("-9223372036854775808") - 1, -(-9223372036854775808))
print(sum([2 ** 62, 2 ** 62, 2 ** 62]), sum(range(100000)), max(2 ** 63, 2.0 ** 63), min(-2 ** 63, -2.0 ** 63))
