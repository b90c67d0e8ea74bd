"""The sieve of Eratosthenes over a list of booleans, crossed out one element at a time."""
import sys
from time import perf_counter

SIZE = 3500000


def sieve(n):
    flags = [True] * (n + 1)
    flags[0] = flags[1] = False
    i = 2
    while i * i <= n:
        if flags[i]:
            for j in range(i * i, n + 1, i):
                flags[j] = False
        i += 1
    count = 0
    last = 0
    for i in range(n + 1):
        if flags[i]:
            count += 1
            last = i
    return count, last


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = sieve(SIZE)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("sieve", check)


if __name__ == "__main__":
    main()
