"""A sudoku solver: constraint propagation over dicts of strings, then search; and a checker that uses sets."""

DIGITS = "123456789"
ROWS = "ABCDEFGHI"


def cross(a, b):
    return [x + y for x in a for y in b]


SQUARES = cross(ROWS, DIGITS)
UNITS = ([cross(ROWS, c) for c in DIGITS] + [cross(r, DIGITS) for r in ROWS]
         + [cross(rs, cs) for rs in ("ABC", "DEF", "GHI") for cs in ("123", "456", "789")])
UNITS_OF = {s: [u for u in UNITS if s in u] for s in SQUARES}
PEERS_OF = {s: sorted(set(sum(UNITS_OF[s], [])) - {s}) for s in SQUARES}

assignments = 0
eliminations = 0


class Contradiction(Exception):
    def __init__(self, square):
        super().__init__("nothing fits into " + square)
        self.square = square


def parse(text):
    values = {s: DIGITS for s in SQUARES}
    cells = [c for c in text if c in DIGITS or c in "0."]
    if len(cells) != 81:
        raise ValueError("a puzzle has 81 cells, not %d" % len(cells))
    for square, digit in zip(SQUARES, cells):
        if digit in DIGITS:
            assign(values, square, digit)
    return values


def assign(values, square, digit):
    global assignments
    assignments += 1
    for other in values[square].replace(digit, ""):
        eliminate(values, square, other)


def eliminate(values, square, digit):
    global eliminations
    if digit not in values[square]:
        return
    eliminations += 1
    values[square] = left = values[square].replace(digit, "")
    if not left:
        raise Contradiction(square)
    if len(left) == 1:
        for peer in PEERS_OF[square]:
            eliminate(values, peer, left)
    for unit in UNITS_OF[square]:
        places = [s for s in unit if digit in values[s]]
        if not places:
            raise Contradiction(square)
        if len(places) == 1:
            assign_if_open(values, places[0], digit)


def assign_if_open(values, square, digit):
    if len(values[square]) > 1:
        assign(values, square, digit)


def search(values):
    open_squares = [(len(values[s]), s) for s in SQUARES if len(values[s]) > 1]
    if not open_squares:
        return values
    _, square = min(open_squares)
    for digit in values[square]:
        attempt = values.copy()
        try:
            assign(attempt, square, digit)
            return search(attempt)
        except Contradiction:
            continue
    raise Contradiction(square)


def solved(values):
    return all({values[s] for s in unit} == set(DIGITS) for unit in UNITS)


PUZZLES = [
    "003020600 900305001 001806400 008102900 700000008 006708200 002609500 800203009 005010300",
    "4.....8.5 .3....... ...7..... .2.....6. ....8.4.. ....1.... ...6.3.7. 5..2..... 1.4......",
    "200080300 060070084 030500209 000105408 000000000 402706000 301007040 720040060 004010003",
]

for puzzle in PUZZLES:
    answer = search(parse(puzzle))
    for row in ROWS:
        print("".join(answer[row + column] for column in DIGITS), end=" ")
    print(solved(answer), assignments > 0, eliminations > 0)

for bad in ("12", "11" + "." * 79, "123456780" + "000000009" + "." * 63):
    try:
        print(solved(search(parse(bad))))
    except Contradiction as problem:
        print("contradiction:", problem)
    except ValueError as problem:
        print("bad puzzle:", problem)
