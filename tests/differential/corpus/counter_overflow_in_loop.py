"""An int accumulator that leaves 64 bits in the middle of a hot loop, and comes back."""


def run(n):
    s = 2 ** 62
    for i in range(n):
        s += s >> 1
        if s > 2 ** 70:
            s -= 2 ** 70
    return s


print(run(3000))
