"""The module's dict gets new names between the calls of a hot function, so guards on its keys fail again and again."""
limit = 100


def clamp(value):
    if isinstance(value, int) and not -limit < value < limit:
        return value % 7
    return value


def work(n):
    total = 0
    for i in range(n):
        total += clamp(i * 3)
    return total


for turn in range(60):
    globals()["name_%d" % turn] = turn
    result = work(50)
print(result, work(2000))
limit = 2000.5
print(work(2000))
