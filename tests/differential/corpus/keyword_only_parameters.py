"""Keyword-only parameters with and without defaults, which change, in functions that compiled code takes in or calls."""


def scaled(x, by=2, *, limit=100, offset):
    return min(x * by + offset, limit)


def looped(n, *, step=1):
    total = 0
    for i in range(n):
        total += step
    return total


class Thing:
    def __init__(self, name, *, size=3):
        self.name, self.size = name, size

    def grown(self, *, by=1, unit="m"):
        return "%d%s" % (self.size + by, unit)


def wrong(*args, **kwargs):
    try:
        return scaled(*args, **kwargs)
    except TypeError as error:
        return type(error).__name__


def positional(i):
    try:
        return scaled(i, 1, 2)
    except TypeError as error:
        return type(error).__name__


def missing(i):
    try:
        return scaled(i)
    except TypeError as error:
        return type(error).__name__


def run(n):
    out = []
    for i in range(n):
        out.append(scaled(i, offset=1))
        out.append(scaled(i, 3, offset=2, limit=50 + i))
        out.append(scaled(offset=i, x=1))
        out.append(looped(3) + looped(2, step=i))
        out.append(Thing("t", size=i).grown(unit="k"))
        out.append(Thing("t").grown(by=i))
        out.append((positional(i), missing(i)))
        if i == 100:
            scaled.__kwdefaults__["limit"] = 7
        if i == 150:
            looped.__kwdefaults__ = {"step": 5}
        if i == 200:
            scaled.__kwdefaults__["offset"] = -1
        if i == 250:
            del scaled.__kwdefaults__["offset"], scaled.__kwdefaults__["limit"]
            scaled.__kwdefaults__["limit"] = 9
        if i == 300:
            Thing.grown.__kwdefaults__ = None
            Thing.grown.__kwdefaults__ = {"by": 4, "unit": "x"}
    return out


result = run(400)
for i in (0, 99, 100, 101, 149, 150, 151, 200, 201, 250, 251, 300, 301, 399):
    print(i, result[7 * i:7 * i + 7])
print(wrong(1), wrong(1, 2, 3, offset=4), wrong(1, offset=2, other=3), wrong(1, offset=2))
