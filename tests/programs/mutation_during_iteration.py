"""Containers changed while a hot loop walks over them: dicts, sets, lists, deques, and iterators shared by loops."""
from collections import deque


def guarded(function, *args):
    try:
        return function(*args)
    except (RuntimeError, IndexError, ValueError, StopIteration, TypeError) as problem:
        return "%s: %s" % (type(problem).__name__, problem)


def grow_dict(n):
    table = {i: i for i in range(n)}
    total = 0
    for key in table:
        total += key
        if key == n - 10:
            table[n] = 0
    return total


def shrink_dict(n):
    table = {i: i for i in range(n)}
    for key, value in table.items():
        if key == n - 10:
            del table[0]
    return len(table)


def replace_values(n):
    """Changing values of existing keys is allowed and must be seen."""
    table = {i: 1 for i in range(n)}
    total = 0
    for key in table:
        total += table[key]
        table[n - 1] = 1000
        table[key] = 0
    return total, table[n - 1]


def change_keys(n):
    """Same size, other keys."""
    table = {i: i for i in range(n)}
    seen = 0
    for key in list(table):
        table[key + n] = table.pop(key)
        seen += 1
    return seen, min(table), max(table)


def grow_values(n):
    table = {i: [] for i in range(n)}
    for values in table.values():
        values.append(1)
        if len(table) == n and values is table[n - 5]:
            table["late"] = []
    return len(table)


def grow_set(n):
    items = set(range(n))
    for item in items:
        if item == n // 2:
            items.add(-1)
    return len(items)


def grow_list(n):
    items = list(range(n))
    count = 0
    for item in items:
        count += 1
        if item % 3 == 0 and len(items) < 2 * n:
            items.append(item + 1)
    return count, len(items), sum(items)


def shrink_list(n):
    items = list(range(n))
    kept = []
    for item in items:
        kept.append(item)
        if item % 2 == 0:
            items.remove(item)
    return len(kept), len(items), kept[-1]


def clear_list(n):
    items = list(range(n))
    count = 0
    for item in items:
        count += 1
        if item == n // 2:
            items.clear()
    items.extend([1, 2, 3])
    return count, items


def replace_list(n):
    """The loop keeps the old list while the name moves on to another one."""
    items = list(range(n))
    total = 0
    for item in items:
        total += item
        if item == n // 2:
            items = ["other"]
        elif item < n // 2:
            items[item + 1] += 1
    return total, items


def retype_list(n):
    items = [0] * n
    for i in range(n):
        if i == n - 100:
            items[n - 50] = "text"
            items[n - 40] = 2.5
            items[n - 30] = 2 ** 80
    total = 0
    words = []
    for item in items:
        if isinstance(item, str):
            words.append(item)
        else:
            total += item + 1
    return total, words


def index_past_end(n):
    items = list(range(n))
    total = 0
    for i in range(n + 5):
        total += items[i]
    return total


def negative_indices(n):
    items = list(range(n))
    total = 0
    for i in range(-n, n):
        total += items[i] * (i & 1)
    return total, guarded(lambda: items[-n - 1]), guarded(lambda: items[n])


def shrink_by_index(n):
    items = list(range(n))
    try:
        for i in range(n):
            items[i] += 1
            if i % 10 == 9:
                items.pop()
    except IndexError as problem:
        return i, len(items), str(problem)


def deque_changed(n):
    items = deque(range(n))
    for item in items:
        if item == n - 3:
            items.append(1)
    return len(items)


def shared_iterator(n):
    iterator = iter(range(n))
    pairs = 0
    for first in iterator:
        second = next(iterator, None)
        if second is None:
            break
        pairs += second - first
        if first == n // 2 - n // 2 % 2:
            for third in iterator:
                if third % 7 == 0:
                    break
    return pairs, first, list(iterator)


def exhausted(n):
    iterator = iter(list(range(n)))
    return sum(iterator), sum(iterator), guarded(next, iterator)


def slices(n):
    items = list(range(n))
    for i in range(200):
        items[i:i + 2] = [i, i, i]
    items[::2] = [0] * len(items[::2])
    del items[5:15]
    del items[::3]
    return len(items), sum(items), guarded(items.__setitem__, slice(0, 10, 2), [1])


for function in (grow_dict, shrink_dict, replace_values, change_keys, grow_values, grow_set, grow_list, shrink_list, clear_list,
                 replace_list, retype_list, index_past_end, negative_indices, shrink_by_index, deque_changed, shared_iterator,
                 exhausted, slices):
    print(function.__name__, guarded(function, 3000))

for index in range(4):
    items = list(range(2000))
    count = 0
    while items:
        items.pop(0 if index % 2 else -1)
        if index > 1 and len(items) == 500:
            items = items[:10]
        count += 1
    print(index, count)
