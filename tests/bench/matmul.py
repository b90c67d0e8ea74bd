"""The product of two matrices kept as lists of lists of floats, by the definition: three nested loops."""
import sys
from time import perf_counter

SIZE = 220


def make_matrix(n, seed):
    return [[((i * 31 + j * 17 + seed) % 64 - 32) / 8.0 for j in range(n)] for i in range(n)]


def matmul(a, b, n):
    result = [[0.0] * n for _ in range(n)]
    for i in range(n):
        row = a[i]
        out = result[i]
        for j in range(n):
            total = 0.0
            for k in range(n):
                total += row[k] * b[k][j]
            out[j] = total
    return result


def run(n):
    c = matmul(make_matrix(n, 3), make_matrix(n, 40), n)
    trace = 0.0
    for i in range(n):
        trace += c[i][i]
    return trace, c[1][n - 2], sum(map(sum, c))


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = run(SIZE)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("matmul", check)


if __name__ == "__main__":
    main()
