"""Conway's game of life: a glider gun on a board whose edges meet."""

WIDTH, HEIGHT, GENERATIONS = 76, 36, 400

GUN = """
........................O...........
......................O.O...........
............OO......OO............OO
...........O...O....OO............OO
OO........O.....O...OO..............
OO........O...O.OO....O.O...........
..........O.....O.......O...........
...........O...O....................
............OO......................
""".split()


def step(grid):
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


def show(grid):
    for upper, lower in zip(grid[::2], grid[1::2]):
        print("".join(" ▀▄█"[a + 2 * b] for a, b in zip(upper, lower)).rstrip())


grid = [[0] * WIDTH for _ in range(HEIGHT)]
for y, row in enumerate(GUN):
    for x, cell in enumerate(row):
        grid[y + 2][x + 2] = int(cell == "O")
for generation in range(1, GENERATIONS + 1):
    grid = step(grid)
    if generation in (30, 120, GENERATIONS):
        print("generation", generation, "with", sum(map(sum, grid)), "cells")
        show(grid)
