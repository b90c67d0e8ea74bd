# Items of bytes, and lists extended by lists, tuples and whatever else comes.


def total(b, n):
    s = 0
    for i in range(n):
        s += b[i % 7] - b[-1 - i % 7]
    return s


def at(b, places):
    out = []
    for i in places:
        try:
            out.append(b[i])
        except (IndexError, TypeError) as e:
            out.append(f"{type(e).__name__}: {e}")
    return out


class Bytes(bytes):
    def __getitem__(self, i):
        return "mine"


print(total(b"\x00\x7f\x80\xffabc", 500))
print(at(b"\x00\x7f\x80\xff", [0, 1, 2, 3, -1, -4] * 60 + [4])[-7:])
print(at(b"\x00\x7f\x80\xff", [True, False] * 100 + [-5])[-3:])
print(at(b"ab", [0, 1] * 100 + [2**70])[-2:])
print(at(b"ab", [0, 1] * 100 + ["x", None, slice(0, 1)])[-4:])
print(at(b"", [0, -1] * 100)[-2:])
for other in [bytearray(b"xyz1234"), [1, 2, 3, 4, 5, 6, 7], "text", Bytes(b"1234567"), memoryview(b"1234567")]:
    for b in [b"1234567"] * 3 + [other] * 2:
        try:
            print(total(b, 300))
        except TypeError as e:
            print(e)


def extended(makers, n):
    items, given = [], []
    for i in range(n):
        more = makers[i % len(makers)](i)
        given.append(items.extend(more))
        if i % 50 == 49:
            items.extend(items[:3])
            items = items[-20:]
    items.extend(items)
    return items[-8:], len(items), set(given)


class Own(list):
    def extend(self, more):
        super().extend(x * 2 for x in more)


print(extended([lambda i: (i, i + 1)], 300))
print(extended([lambda i: [i]], 300))
print(extended([lambda i: [i], lambda i: (i, 2.5), lambda i: "ab", lambda i: {i: 1}, lambda i: range(2), lambda i: iter([i])], 300))
for bad in [7, None]:
    try:
        extended([lambda i: [i] if i < 200 else bad], 300)
    except TypeError as e:
        print(e)


def pairs(n, items):
    for i in range(n):
        items.extend((i, i))
    return items[-4:]


print(pairs(300, []), pairs(300, Own()), pairs(5, [1]))
