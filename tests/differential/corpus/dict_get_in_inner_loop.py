# What `get` finds is loop-invariant here, and a key that is missing has no entry to look at before the loop begins.


def count(table, key, default, n):
    total = 0
    for i in range(n):
        for j in range(n):
            total += table.get(key, default)
    return total


def gather(tables, keys, n):
    out = []
    for table in tables:
        for key in keys:
            out.append(count(table, key, 1, n))
    return out


def nothing(table, key, n):
    found = 0
    for i in range(n):
        j = 0
        while j < n:
            if table.get(key) is not None:
                found += 1
            j += 1
    return found


numbers = {i: i * 3 for i in range(40)}
words = {str(i): i for i in range(40)}
floats = {i: i / 2 for i in range(8)}
for attempt in range(6):
    print(gather([numbers, {}, {7: 5}, {1: 2, 3: 4}], [7, 99, -1, 3], 12))
    print([count(floats, key, 0.5, 9) for key in [2, 77, 3, 78]])
    print([count(words, key, 2, 9) for key in ["7", "none", "39", ""]])
    print([nothing(words, key, 9) for key in ["7", "none", "39", ""]], nothing({}, 3, 5))
