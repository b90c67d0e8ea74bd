# What else in these directories hardly any program does in a loop that is compiled.
import math


class Manager:
    def __enter__(self):
        return 2

    def __exit__(self, *exc):
        return False


def numbers(n):
    total = 0.0
    for i in range(1, n):
        x = i * 0.25
        total += math.sin(x) + math.cos(x) + math.tan(x) + math.atan(x) + math.atan2(x, 2.0) + math.tanh(x)
        total += math.exp(-x) + math.log(x) + x // 0.3 + x % 0.7
        if i < x + 0.5:
            total += 1
    return round(total, 9)


def large_numbers(n, limit):
    total = 0
    for i in range(n):
        if 9007199254740993 + i * 1000003 < limit:
            total += 1
    return total


def texts(n):
    out = []
    for i in range(n):
        x = i * 0.5
        out.append(str(x))
        out.append(f"{x:.3f}")
        out.append(f"{out[-1]:>8}")
        out.append(format(i, "5d"))
    return "".join(out)


def sequences(n, numbers, flags):
    total = 0
    for i in range(n):
        total += max(numbers) - min(numbers)
        if any(flags) and not all(flags):
            total += 1
        total += len(numbers * i)
    return total


def handlers(n, classes):
    caught = 0
    for i in range(n):
        try:
            if i % 2:
                raise ValueError(i)
            raise KeyError(i)
        except classes:
            caught += 1
    return caught


def managers(n, manager):
    total = 0
    for i in range(n):
        with manager as value:
            total += value
    return total


def many_managers(n, managers):
    total = 0
    for i in range(n):
        with managers[i % len(managers)] as value:
            total += value
    return total


def patterns(n, mapping):
    total = 0
    for i in range(n):
        match mapping:
            case {"a": a, "b": b}:
                total += a + b
            case _:
                total -= 1
    return total


def attributes(n, o):
    for i in range(n):
        o.total = o.total + i
    return o.total


def main():
    manager = Manager()
    manager.total = 0
    several = [type(f"Manager{i}", (Manager,), {})() for i in range(9)]
    for _ in range(3):
        print(numbers(60), texts(40)[-50:], sequences(20, [3, 1, 2], [0, 1]))
        print(handlers(20, (ValueError, KeyError)), managers(20, manager), patterns(20, {"a": 1, "b": 2}), attributes(20, manager))
        print(large_numbers(3000, 9.0071993e15), many_managers(3000, several))


main()
