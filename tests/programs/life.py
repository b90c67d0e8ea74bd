"""Conway's game of life on a set of cells, on a list of lists that wraps around, and on integers as bit rows."""


def step_cells(cells):
    counts = {}
    for x, y in cells:
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                if dx or dy:
                    key = (x + dx, y + dy)
                    counts[key] = counts.get(key, 0) + 1
    return {cell for cell, count in counts.items() if count == 3 or count == 2 and cell in cells}


def step_grid(grid):
    height, width = len(grid), len(grid[0])
    result = []
    for y in range(height):
        above, here, below = grid[y - 1], grid[y], grid[(y + 1) % height]
        row = []
        for x in range(width):
            left, right = x - 1, (x + 1) % width
            count = (above[left] + above[x] + above[right] + here[left] + here[right]
                     + below[left] + below[x] + below[right])
            row.append(1 if count == 3 or (count == 2 and here[x]) else 0)
        result.append(row)
    return result


def step_bits(rows, width):
    """Each row is one integer; carries of a bitwise adder count the neighbours of all cells of a row at once."""
    mask = (1 << width) - 1

    def turn(row, by):
        return (row << 1 | row >> width - 1) & mask if by > 0 else (row >> 1 | (row & 1) << width - 1)

    result = []
    n = len(rows)
    for y in range(n):
        ones = twos = fours = 0
        for row, whole in ((rows[y - 1], True), (rows[y], False), (rows[(y + 1) % n], True)):
            parts = [turn(row, 1), turn(row, -1)]
            if whole:
                parts.append(row)
            for part in parts:
                carry = ones & part
                ones ^= part
                overflow = twos & carry
                twos ^= carry
                fours |= overflow
        result.append(twos & ~fours & (ones | rows[y]) & mask)
    return result


def show(grid):
    return "\n".join("".join(".#"[cell] for cell in row) for row in grid)


def grid_of(cells, width, height):
    return [[1 if (x, y) in cells else 0 for x in range(width)] for y in range(height)]


GLIDER = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
PENTOMINO = {(11, 10), (12, 10), (10, 11), (11, 11), (11, 12)}

cells = GLIDER
for _ in range(40):
    cells = step_cells(cells)
print(sorted(cells) == sorted((x + 10, y + 10) for x, y in GLIDER))

width, height = 24, 20
grid = grid_of(PENTOMINO, width, height)
rows = [sum(cell << x for x, cell in enumerate(row)) for row in grid]
history = []
for generation in range(40):
    grid = step_grid(grid)
    rows = step_bits(rows, width)
    population = sum(map(sum, grid))
    history.append(population)
    assert [sum(cell << x for x, cell in enumerate(row)) for row in grid] == rows, generation
print(history)
print(show(grid))

cells = PENTOMINO
sizes = []
for generation in range(60):
    cells = step_cells(cells)
    if generation % 10 == 9:
        sizes.append(len(cells))
print(sizes, min(cells), max(cells))
