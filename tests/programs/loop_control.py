"""Loops of every kind with break, continue, else, return and try around them, empty ones, infinite ones, nested ones."""


def for_else(n, stop):
    for i in range(n):
        if i == stop:
            break
    else:
        return "completed", n
    return "broke", i


def while_else(n, stop):
    i = 0
    while i < n:
        i += 1
        if i == stop:
            break
        if i % 3:
            continue
    else:
        return "completed", i
    return "broke", i


def nested(n):
    found = []
    for a in range(1, n):
        for b in range(a, n):
            c = a * a + b * b
            d = int(c ** 0.5)
            if d >= n:
                break
            if d * d == c:
                found.append((a, b, d))
                continue
        else:
            found.append(("all", a))
    return len(found), found[:3], found[-1]


def infinite(n):
    total = 0
    while True:
        total += 1
        while True:
            total += 2
            if total % 5 == 0:
                break
        if total > n:
            return total


def with_try(n):
    log = {"else": 0, "finally": 0, "except": 0, "skipped": 0}
    for i in range(n):
        try:
            if i % 5 == 0:
                continue
            if i % 5 == 1:
                raise IndexError
            if i == n - 2:
                break
        except IndexError:
            log["except"] += 1
            continue
        else:
            log["else"] += 1
        finally:
            log["finally"] += 1
        log["skipped"] += 1
    return i, log


def returns_from_finally_block(n):
    for i in range(n):
        try:
            if i == n - 1:
                return "try", i
        finally:
            last = i
    return last


def while_conditions(n):
    out = []
    i, items = 0, list(range(n))
    while items:
        items.pop()
        i += 1
    out.append(i)
    while i and i > 5 or i == 3:
        i -= 1
    out.append(i)
    text = "x" * n
    while text:
        text = text[3:]
        i += 1
    out.append(i)
    x = 1.0
    while x == x and x != float("inf"):
        x *= 1.5
        i += 1
    out.append(i)
    node = None
    for k in range(n):
        node = (k, node)
    length = 0
    while node is not None:
        _, node = node
        length += 1
    out.append(length)
    return out


def steps():
    out = []
    for arguments in ((0,), (1,), (5, 5), (5, 0), (0, 10, 3), (10, 0, -3), (0, -10, -1), (-3, 3), (2 ** 63 - 2, 2 ** 63 + 2), (True, 4), (10, 9, 5), (0, 2 ** 70, 2 ** 68)):
        count, last = 0, None
        for i in range(*arguments):
            count += 1
            last = i
        out.append((count, last))
    for bad in ((1.0,), ("3",), (1, 2, 0), (), (None,)):
        try:
            for i in range(*bad):
                pass
        except (TypeError, ValueError) as problem:
            out.append(type(problem).__name__)
    return out


def change_counter(n):
    """Assigning the loop variable changes nothing about the iteration."""
    total = 0
    for i in range(n):
        total += i
        i = i * 10 if i % 2 else "text"
    return total, i


def change_bound(n):
    total = 0
    limit = n
    for i in range(limit):
        limit = 3
        total += 1
    j = 0
    limit = n
    while j < limit:
        j += 1
        if j == n // 2:
            limit = limit + 0.5
        elif j == n // 2 + 100:
            limit = 2 ** 65 if j > n else n + 10
    return total, j


def reuse_range(n):
    r = range(n)
    total = 0
    for i in r:
        for j in r[::500]:
            total += i * j % 3
    return total, len(r), r[-1], r[5:10], n - 1 in r, 0.5 in r, r.index(7), r == range(0, n)


def labelled(n):
    """Leaving two loops by a flag, by an exception and by a function."""
    class Done(Exception):
        pass

    flag = False
    for a in range(n):
        for b in range(n):
            if a * b == 2 * n:
                flag = True
                break
        if flag:
            break
    first = a, b
    try:
        for a in range(n):
            for b in range(n):
                if a * b == 3 * n:
                    raise Done
    except Done:
        pass
    return first, (a, b)


def unrolled(n):
    a = b = c = d = 0
    for i in range(n):
        if i & 1:
            if i & 2:
                a += 1
            else:
                b += i
        elif i & 2:
            c -= i
            if i > n - 10:
                d += 1
                continue
        else:
            d ^= i
    return a, b, c, d


def state_machine(text):
    state, counts, i = "start", {}, 0
    while i < len(text):
        ch = text[i]
        counts[state] = counts.get(state, 0) + 1
        if state == "start":
            state = "word" if ch.isalpha() else "number" if ch.isdigit() else "start"
        elif state == "word":
            if not ch.isalnum():
                state = "start"
        elif ch == ".":
            state = "fraction" if state == "number" else "error"
        elif not ch.isdigit():
            state = "start"
            continue
        i += 1
    return sorted(counts.items()), state


def boolean_mixtures(n):
    hits = 0
    value = None
    for i in range(n):
        if (i % 3 and i % 5) or (not i % 7 and i > 10):
            hits += 1
        value = value or (i > 100 and i) or None
        hits += bool(i & 4) + (i % 11 == 0)
        if not (i < 50 or i > n - 50) and "a" if i % 2 else i:
            hits += 1
    return hits, value


for n, stop in ((3000, 2500), (3000, -1), (0, 0), (1, 0), (5, 4)):
    print(for_else(n, stop), while_else(n, stop))
for function, argument in ((nested, 90), (infinite, 5000), (with_try, 2000), (returns_from_finally_block, 1500), (while_conditions, 1200), (change_counter, 2000),
                           (change_bound, 2000), (reuse_range, 1200), (labelled, 60), (unrolled, 4000), (state_machine, "ab1 12.5 x.y 7..3 z9 " * 60), (boolean_mixtures, 2000)):
    print(function.__name__, function(argument))
print(steps())
for i in range(3):
    for i in range(2000):
        pass
    print(i, end=" ")
else:
    print("else", i)
while True:
    try:
        i += 1
        if i < 5000:
            continue
        break
    finally:
        total = i
print(total)
