"""Lists, dicts, sets and what fills them."""
import bisect
import collections
import heapq


def dict_of_strs(n=80_000):
    words, table = ["w%d" % (i * 7 % 97) for i in range(200)], {}
    for i in range(n):
        word = words[i % 200]
        table[word] = table.get(word, 0) + 1
    return sum(table.values()) + len(table)


def dict_of_ints(n=80_000):
    table = {}
    for i in range(n):
        key = i * 7919 % 5003
        if key in table:
            table[key] += 1
        else:
            table[key] = 1
    return len(table)


def dict_of_tuples(n=40_000):
    grid = {}
    for i in range(n):
        x, y = i % 50, i // 50 % 40
        grid[x, y] = grid.get((x - 1, y), 0) + 1
    return sum(grid.values())


def set_operations(n=40_000):
    seen, total = set(), 0
    for i in range(n):
        key = "k%d" % (i % 300)
        if key not in seen:
            seen.add(key)
        else:
            total += 1
        if i % 1000 == 0:
            seen = seen - {key} | {"other"}
    return total + len(seen)


def comprehensions(n=1500):
    total = 0
    for i in range(n):
        squares = [k * k for k in range(100) if k % 3]
        table = {k: v for k, v in zip(range(100), squares)}
        total += len({v % 17 for v in table.values()}) + sum([a * b for a in range(10) for b in range(a)])
    return total


def defaultdict_of_lists(n=300_000):
    groups = collections.defaultdict(list)
    for i in range(n):
        groups[i % 101].append(i)
    return sum(len(group) * key for key, group in groups.items())


def counting(n=1000):
    words, total = [("word%d" % (i * i % 37)) for i in range(400)], 0
    for _ in range(n):
        total += collections.Counter(words).most_common(1)[0][1]
    return total


def ordered_dict(n=80_000):
    table = collections.OrderedDict()
    for i in range(n):
        table[i % 64] = i
        table.move_to_end(i % 64)
        if len(table) > 50:
            table.popitem(last=False)
    return sum(table.values())


def queues(n=400_000):
    queue, total = collections.deque(range(50)), 0
    for i in range(n):
        queue.append(i)
        total += queue.popleft()
    return total


def heaps(n=20_000):
    heap, total = [], 0
    for i in range(n):
        heapq.heappush(heap, (i * 7919 % 10007, i))
        if len(heap) > 100:
            total += heapq.heappop(heap)[0]
    return total


def bisecting(n=40_000):
    places, total = sorted(i * 37 % 1009 for i in range(500)), 0
    for i in range(n):
        total += bisect.bisect_left(places, i % 1009)
    return total


def slices(n=40_000):
    items, total = list(range(100)), 0
    for i in range(n):
        part = items[i % 50:i % 50 + 10]
        total += part[0] + len(items[::7]) + part[-1]
    return total


def slice_assignment(n=30_000):
    items = list(range(60))
    for i in range(n):
        items[10:20] = items[19:9:-1]
        items[0:3] = [i, i + 1, i + 2]
    return sum(items)


def inserted_and_removed(n=250_000):
    items = list(range(30))
    for i in range(n):
        items.insert(3, items.pop())
        if i % 10 == 0:
            items.append(items.pop(0))
    return items[0] * 100 + items[-1]


def nested_lists(n=120):
    size = 40
    a = [[i + j for j in range(size)] for i in range(size)]
    total = 0
    for _ in range(n):
        for i in range(size):
            for j in range(size):
                total += a[i][j] * a[j][i] & 15
                a[i][j] = total & 31
    return total


def sorting_tuples(n=60):
    rows = [(i * 7919 % 101, str(i), i) for i in range(400)]
    return sum(sorted(rows)[k][2] for k in range(n)) + sum(len(sorted(rows, reverse=True)) for _ in range(n))


def walked_nested_data(n=800):
    data = {"name": "root", "items": [{"id": i, "tags": ["a", "b", str(i)], "size": i * 1.5} for i in range(20)]}

    def weigh(value):
        if isinstance(value, dict):
            return sum(weigh(v) for v in value.values()) + len(value)
        if isinstance(value, list):
            total = 0
            for item in value:
                total += weigh(item)
            return total
        return len(value) if isinstance(value, str) else value
    return sum(weigh(data) for _ in range(n))


def unpacking(n=250_000):
    rows, total = [(i, (i + 1, i + 2), [i, 1]) for i in range(50)], 0
    for k in range(n // 50):
        for a, (b, c), [d, e] in rows:
            total += a + b * c - d + e
    first, *rest = rows
    return total + len(rest)
