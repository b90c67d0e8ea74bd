"""What a loop walks over is released when the loop ends, not later."""


gone = []


def report(what, *values):
    print(what, *values, sorted(gone))
    gone.clear()


class Item:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        gone.append(self.n)


def items(n):
    return [Item(i) for i in range(n)]


def walk(n):
    total = 0
    for item in items(n):
        total += item.n
    item = None
    report("after the loop", total)


def walk_and_leave(n):
    for item in items(n):
        if item.n == n - 3:
            break
    report("left at", item.n)


def walk_nested(n):
    total = 0
    for a in items(2):
        for b in items(n):
            total += a.n * b.n
        b = None
        report("inner done")
    return total


def change(n):
    work = list(range(n))
    seen = 0
    for x in work:
        seen += 1
        if x % 7 == 3 and len(work) < 3 * n:
            work.append(x + 1)
        if x % 11 == 5:
            work.pop()
    return seen, len(work)


def characters(n):
    seen = []
    text = iter("abc" * n)
    for ch in text:
        seen.append(ch)
        if len(seen) % 50 == 0:
            next(text, None)
    return len(seen), "".join(seen)[-5:]


walk(40)
walk_and_leave(40)
print(walk_nested(20))
print(change(200), characters(100))
