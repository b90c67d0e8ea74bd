"""A sum and a product leave 64 bits after thousands of turns, and come back."""


def run(n):
    s = 0
    for i in range(n):
        s += 1 << 52  # breaks: overflow
        if s > 1 << 70:
            s = 0
    return s


def square(n):
    out = 0
    for i in range(n, n + 6000):
        out ^= (i * i) & 0xFFFF  # breaks: overflow
    return out


print(run(5000), square(3037000499 - 4500))
