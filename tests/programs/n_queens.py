"""The n-queens problem solved four ways: recursion with lists, bit masks, a generator, and permutations."""
from itertools import permutations


def solve_lists(n):
    solutions = []
    columns = [False] * n
    rising = [False] * (2 * n - 1)
    falling = [False] * (2 * n - 1)
    placed = []

    def place(row):
        if row == n:
            solutions.append(tuple(placed))
            return
        for column in range(n):
            if columns[column] or rising[row + column] or falling[row - column + n - 1]:
                continue
            columns[column] = rising[row + column] = falling[row - column + n - 1] = True
            placed.append(column)
            place(row + 1)
            placed.pop()
            columns[column] = rising[row + column] = falling[row - column + n - 1] = False

    place(0)
    return solutions


def count_masks(n):
    full = (1 << n) - 1

    def count(columns, left, right):
        if columns == full:
            return 1
        total = 0
        free = full & ~(columns | left | right)
        while free:
            bit = free & -free
            free ^= bit
            total += count(columns | bit, (left | bit) << 1, (right | bit) >> 1)
        return total

    return count(0, 0, 0)


def generate(n, row=0, placed=()):
    if row == n:
        yield placed
        return
    for column in range(n):
        for other, taken in enumerate(placed):
            if column == taken or abs(column - taken) == row - other:
                break
        else:
            yield from generate(n, row + 1, placed + (column,))


def by_permutations(n):
    rows = range(n)
    for columns in permutations(rows):
        if n == len(set(columns[i] + i for i in rows)) == len(set(columns[i] - i for i in rows)):
            yield columns


def draw(solution):
    n = len(solution)
    return "\n".join("".join("Q" if solution[r] == c else "." for c in range(n)) for r in range(n))


def distinct(solutions):
    """How many solutions remain when turned and mirrored boards count as one."""
    seen = set()
    kinds = 0
    for solution in solutions:
        if solution in seen:
            continue
        kinds += 1
        n = len(solution)
        board = solution
        for _ in range(4):
            board = tuple(board.index(n - 1 - column) for column in range(n))
            seen.add(board)
            seen.add(board[::-1])
    return kinds


for size in range(1, 8):
    found = solve_lists(size)
    assert list(generate(size)) == found
    print(size, len(found), count_masks(size), distinct(found))
print(8, count_masks(8))
assert list(by_permutations(6)) == solve_lists(6)
print(draw(solve_lists(7)[5]))
print(next(generate(9)))
