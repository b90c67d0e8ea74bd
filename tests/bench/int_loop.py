"""Integer arithmetic in a counted loop: one local accumulator, one multiplication, one remainder."""
import sys
from time import perf_counter

SIZE = 12000000


def int_loop(n):
    s = 0
    for i in range(n):
        s += i * i % 7
    return s


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = int_loop(SIZE)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("int_loop", check)


if __name__ == "__main__":
    main()
