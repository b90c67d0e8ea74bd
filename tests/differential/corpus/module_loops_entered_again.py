"""Loops of a module whose variables begin near zero at first, and then elsewhere."""

STARTS = [0, 3, 0, -2500, 2**30, -1, -2500, 2**31 - 900, 2**62, -(2**62), 2**63 - 2600, 2**63 - 100, -(2**63), 2**64, 0, -70, 5]

for repeat in range(30):
    for start in STARTS:
        i = start
        end = start + 2500 if repeat < 2 else start + 60
        total = start
        while i < end:
            total += i * i % 7
            i += 1
        down = i
        squares = 0
        while down > start:
            down -= 2
            squares ^= down * (down + 1)
        if repeat in (0, 1, 2, 28):
            print(repeat, start, i, total, down, squares)


def count(times, by):
    global n
    for _ in range(times):
        n += 1
        if n * by % 3 == 5:
            print("never")
    return n


for n in 0, 10, -5000, 2**30 - 100, 2**62 - 100, 2**63 - 50, -(2**63), 2**70, 7:
    print([count(300, by) for by in (1, 3, -2, 2**40)], n)
