"""The spectral norm of an infinite matrix by the power method: small calls inside nested float loops."""
import sys
from time import perf_counter

SIZE = 260
POWER_STEPS = 10


def element(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def times(v, n):
    result = []
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += element(i, j) * v[j]
        result.append(total)
    return result


def transposed_times(v, n):
    result = []
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += element(j, i) * v[j]
        result.append(total)
    return result


def spectral_norm(n):
    u = [1.0] * n
    v = u
    for _ in range(POWER_STEPS):
        v = transposed_times(times(u, n), n)
        u = transposed_times(times(v, n), n)
    uv = vv = 0.0
    for a, b in zip(u, v):
        uv += a * b
        vv += b * b
    return (uv / vv) ** 0.5


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = spectral_norm(SIZE)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("spectral_norm %.9f" % check)


if __name__ == "__main__":
    main()
