"""Loops that were compiled for numbers of a usual size are entered again with others, and leave 64 bits."""

SIZES = [0, 1, -1, 10**9, 2**30 - 1500, 2**30, -(2**30), 2**31 - 7, 2**46, 2**47, 2**48 - 1500, 2**48, 2**61, 2**62 - 1, 2**62,
         1 - 2**62, -(2**62), 2**63 - 4000, 2**63 - 1, -(2**63), 3000 - 2**63, 2**63, 2**64 + 5, -(2**70), 0]


def sums(start, turns):
    s = start
    for i in range(turns):
        s += i * i % 7
    return s


def either_way(start, turns):
    up = down = start
    for i in range(turns):
        if i % 3 == 0:
            up += i & 63
        elif i % 3 == 1:
            down -= i & 63
        else:
            up, down = up + 1, down - 1
    return up, down


def products(first, turns):
    last = out = 0
    for i in range(first, first + turns):
        last = i * (i + 1)
        out ^= last & 0xFFFF
    return last, out


def grows(start, turns):
    s = start
    for i in range(turns):
        s += i << 20
    return s


def doubles(start, turns):
    s = start
    for i in range(turns):
        s += s
        if not -(2**70) < s < 2**70:
            s = start
    return s


def counts_in_steps(start, end):
    turns = 0
    i = start
    while i < end:
        i += 3 if turns & 1 else 2
        turns += 1
    return i, turns


def nested(start, turns):
    s = start
    for i in range(turns // 40):
        for j in range(40):
            s += i * j
        s -= i
    return s


def ends_below(first, end):
    above = 0
    for i in range(first, end):
        if i >= 3:
            above += 1
    if end < 3:
        return "below", above
    return "above", above


for function in sums, either_way, products, grows, doubles, nested:
    for size in SIZES:
        print(function.__name__, size, function(size, 3000), function(size, 2400))
for size in SIZES:
    print(counts_in_steps(size, size + 9000), counts_in_steps(size, size + 7000))
for end in 2, 5000, 1, 6000, 0, 3:
    print(ends_below(0, end), ends_below(1, end))
