"""All ways to put n queens on a board so that none attacks another."""


def solve(n):
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


def count(n):
    """How many there are, with the attacked squares as bits of integers."""
    full = (1 << n) - 1

    def below(columns, left, right):
        if columns == full:
            return 1
        total = 0
        free = full & ~(columns | left | right)
        while free:
            bit = free & -free
            free ^= bit
            total += below(columns | bit, (left | bit) << 1, (right | bit) >> 1)
        return total

    return below(0, 0, 0)


for row in solve(8)[3]:
    print(" ".join("♛" if column == row else "·" for column in range(8)))
print()
for n in range(4, 11):
    print(n, "queens:", count(n), "ways")
