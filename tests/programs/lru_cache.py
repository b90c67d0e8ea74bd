"""Caches with a bounded size: a doubly linked list by hand, OrderedDict, functools.lru_cache, and a two-level one."""
from collections import OrderedDict
from functools import lru_cache


class Entry:
    __slots__ = ("key", "value", "before", "after")

    def __init__(self, key=None, value=None):
        self.key = key
        self.value = value
        self.before = self.after = self


class LinkedCache:
    def __init__(self, size):
        self.size = size
        self.entries = {}
        self.root = Entry()
        self.hits = self.misses = self.evicted = 0

    def _unlink(self, entry):
        entry.before.after = entry.after
        entry.after.before = entry.before

    def _link_first(self, entry):
        root = self.root
        entry.before, entry.after = root, root.after
        root.after.before = entry
        root.after = entry

    def get(self, key, default=None):
        entry = self.entries.get(key)
        if entry is None:
            self.misses += 1
            return default
        self.hits += 1
        self._unlink(entry)
        self._link_first(entry)
        return entry.value

    def put(self, key, value):
        entry = self.entries.get(key)
        if entry is not None:
            entry.value = value
            self._unlink(entry)
        else:
            if len(self.entries) >= self.size:
                last = self.root.before
                self._unlink(last)
                del self.entries[last.key]
                self.evicted += 1
            self.entries[key] = entry = Entry(key, value)
        self._link_first(entry)

    def __len__(self):
        return len(self.entries)

    def __contains__(self, key):
        return key in self.entries

    def __iter__(self):
        entry = self.root.after
        while entry is not self.root:
            yield entry.key
            entry = entry.after


class OrderedCache(OrderedDict):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def get(self, key, default=None):
        try:
            self.move_to_end(key, last=False)
        except KeyError:
            return default
        return self[key]

    def put(self, key, value):
        self[key] = value
        self.move_to_end(key, last=False)
        if len(self) > self.size:
            self.popitem()


def requests(count, keys):
    state = 17
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        key = (state >> 8) % keys
        yield key * key // keys


linked, ordered = LinkedCache(20), OrderedCache(20)
for turn, key in enumerate(requests(6000, 60)):
    if turn % 3:
        assert linked.get(key, -1) == ordered.get(key, -1)
    else:
        linked.put(key, turn)
        ordered.put(key, turn)
    if turn == 4000:
        # Keys of another type that hash and compare alike: the same entries must be found.
        linked.put(3.0, "three")
        ordered.put(True + 2, "three")
        print(linked.get(3), ordered.get(3), 3 in linked)
print(len(linked), linked.hits, linked.misses, linked.evicted)
print(list(linked) == list(ordered), list(linked)[:8])

calls = 0


@lru_cache(maxsize=100)
def collatz(n):
    global calls
    calls += 1
    return 1 if n == 1 else 1 + collatz(n // 2 if n % 2 == 0 else 3 * n + 1)


print(max((collatz(n), n) for n in range(1, 400)), calls)
print(collatz.cache_info())
collatz.cache_clear()
print(collatz.cache_info().currsize, collatz.__wrapped__(8), collatz.__name__)


class Squares(dict):
    def __missing__(self, key):
        if key < 0:
            raise KeyError("negative: %d" % key)
        self[key] = result = key * key
        return result


squares = Squares()
print(sum(squares[i % 50] for i in range(3000)), len(squares))
try:
    squares[-4]
except KeyError as problem:
    print(problem)
