"""`list * int` in compiled code: what it shares, and what it says when it can't."""


def rows(width, height):
    return [[0] * width for _ in range(height)]


def grow(n, times):
    out = []
    for i in range(n):
        row = [i, str(i)] * times
        out.append(len(row))
    return sum(out), row[:5]


def shared(n):
    inner = []
    for i in range(n):
        many = [inner] * 3
        many[0].append(i)
    return inner, many[1] is many[2]


def in_place(n):
    data = [1]
    same = data
    for _ in range(n):
        data *= 2
    return len(same), same is data


class Times(list):
    def __mul__(self, other):
        return ("mine", other)


def mixed(values):
    out = []
    for value in values:
        out.append(value * 2)
    return out


def too_many(n):
    row = [None]
    try:
        for i in range(n):
            row = [None, i] * (2 ** 62 if i == n - 1 else 2)
    except (MemoryError, OverflowError):
        return len(row), "too many"
    return len(row), "no error"


grid = rows(7, 900)
grid[3][2] = 1
print(sum(map(sum, grid)), grid[3], grid[4])
print(grow(3000, 3), grow(1500, 0), grow(1500, -2))
print(shared(2000)[0][-3:], shared(900)[1])
print(in_place(12))
print(mixed([[1, 2]] * 1500)[-1], mixed([[1, 2]] * 1500 + [Times([1]), "ab", 4, 2.5, (3,)])[-5:])
print(too_many(1500))
