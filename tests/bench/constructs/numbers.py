"""Numbers: small, mixed, large, complex."""
import array


def int_or_float(n=80_000):
    values, total = [1, 2.5, 3, 4.0, True], 0
    for i in range(n):
        total += values[i % 5] * 2
        if total > 1000:
            total -= 1000
    return total


def int_or_none(n=250_000):
    values, total = [1, None, 3, None, 5, 0], 0
    for i in range(n):
        value = values[i % 6]
        if value is not None and value != 3:
            total += value
        elif value == None:  # noqa: E711 (people write it)
            total += 1
    return total


def sixty_four_bits(n=40_000):
    state, total = 0x9E3779B97F4A7C15, 0
    for _ in range(n):
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        total += state & 7
    return total


def large_ints(n=4800):
    a, b = 1, 1
    for _ in range(n):
        a, b = b, a * 3 + b
    for _ in range(n * 10):
        a = (a * 31 + 7) % (1 << 521)
    return a % 1_000_003


def julia(n=200):
    inside = 0
    for row in range(n):
        for column in range(n):
            z, steps = complex(column / n * 3 - 1.5, row / n * 2 - 1), 0
            while abs(z) < 2 and steps < 30:
                z = z * z + (-0.4 + 0.6j)
                steps += 1
            inside += steps == 30
    return inside


def typed_array(n=200):
    cells = array.array("d", [0.5] * 500)
    for _ in range(n):
        for i in range(1, 499):
            cells[i] = (cells[i - 1] + cells[i + 1]) * 0.5 + 0.25
    return round(sum(cells), 6)


def digits(n=15_000):
    total = 0
    for i in range(n):
        k = i * 37
        while k:
            k, digit = divmod(k, 10)
            total += digit
    return total


def primes(n=48_000):
    found = []
    for candidate in range(2, n):
        for p in found:
            if p * p > candidate:
                found.append(candidate)
                break
            if candidate % p == 0:
                break
        else:
            found.append(candidate)
    return len(found)


def grid_life(n=72):
    size = 40
    cells = {(x * 7 % size, x * x % size) for x in range(300)}
    for _ in range(n):
        counts = {}
        for x, y in cells:
            for dx in (-1, 0, 1):
                for dy in (-1, 0, 1):
                    if dx or dy:
                        key = (x + dx) % size, (y + dy) % size
                        counts[key] = counts.get(key, 0) + 1
        cells = {key for key, count in counts.items() if count == 3 or count == 2 and key in cells}
    return len(cells)
