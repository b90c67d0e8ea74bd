"""`is` on ints that are too large for the cache of small ones: the same object is itself, an equal one is not."""
big = 2 ** 62
values = [big, 2 ** 62 + 1, 1.5, 2 ** 70, 300, "s", None, True]


def same(pairs):
    out = 0
    for a, b in pairs:
        if a is b:
            out += 1
        if a is not b:
            out += 1000
    return out


def nested(items):
    count = 0
    for before in items:
        for after in items:
            if before is not after:
                count += 1
    return count


print(nested(values), same([(big, big)] * 2000), same([(v, v) for v in values] * 200))
for turn in range(50):
    result = nested(values)
print(result)
total = 0
for turn in range(2000):
    x = big
    y = x
    total += x is y
    total += 10 * (x is values[0])
print(total)
