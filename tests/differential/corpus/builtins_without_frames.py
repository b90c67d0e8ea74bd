"""Builtin methods called in functions that compiled code calls or takes in, with arguments that run Python code now and then."""
import sys


class Key:
    def __init__(self, n):
        self.n = n

    def __hash__(self):
        return hash(self.n)

    def __eq__(self, other):
        seen.append(sys._getframe(1).f_code.co_name)
        return isinstance(other, (Key, int)) and getattr(other, "n", other) == self.n


class Index:
    def __index__(self):
        seen.append("index from " + sys._getframe(1).f_code.co_name)
        return 1


class Noisy:
    def __del__(self):
        seen.append("dies")


seen = []


def pops(items, where):
    return items.pop(where)


def inserts(items, where, what):
    items.insert(where, what)
    return len(items)


def gets(table, key):
    return table.get(key, "nothing")


def takes(table, key):
    return table.pop(key, "none")


def adds(group, key):
    group.add(key)
    return len(group)


def sets(table, key, value):
    return table.setdefault(key, value)


def fills(text, n):
    return text.zfill(n)


def run(n):
    out = []
    items, table, group = [], {}, set()
    for i in range(n):
        inserts(items, 0, i)
        out.append(pops(items, -1))
        inserts(items, 0, Noisy() if i % 9 == 0 else i)
        if i % 50 == 49:
            inserts(items, Index(), "between")
            out.append(len(items))
        if i % 3 == 2:
            out.append(type(pops(items, 0)).__name__)
        table[i % 13] = i
        out.append(gets(table, i % 17))
        out.append(sets(table, "k%d" % (i % 5), i))
        if i % 40 == 39:
            table[Key(i % 13)] = "odd"
            out.append(gets(table, Key(i % 13)))
            out.append(gets(table, i % 13))
            out.append(takes(table, Key(i % 13)))
        out.append(takes(table, i % 11))
        out.append(adds(group, i % 19))
        if i % 30 == 29:
            out.append(adds(group, Key(i % 19)))
            group.clear()
        out.append(fills(str(i), 5))
        try:
            out.append(fills("x", Index() if i % 25 == 24 else "wrong" if i % 25 == 12 else 3))
        except TypeError as error:
            out.append(type(error).__name__)
        try:
            out.append(pops([], 0))
        except IndexError as error:
            out.append((type(error).__name__, error.__traceback__.tb_next.tb_lineno))
        out.append(len(seen))
    return out


result = run(500)
print(len(result), len(seen), sorted(set(seen)))
print(result[-30:])
print(hash(str(result)) != 0, result.count("nothing"), result.count("none"))
