"""Doubly recursive Fibonacci numbers: the cost of a call, a comparison and two small-integer operations."""
import sys
from time import perf_counter

SIZE = 33


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = fib(SIZE)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("fib", check)


if __name__ == "__main__":
    main()
