"""Pancake flipping over all permutations: short lists of small integers, rotated and reversed in place."""
import sys
from time import perf_counter

SIZE = 9


def fannkuch(n):
    order = list(range(n))
    work = [0] * n
    rotations = [0] * n
    checksum = 0
    most = 0
    even = True
    while True:
        first = order[0]
        if first:
            for k in range(n):
                work[k] = order[k]
            flips = 0
            while first:
                low = 0
                high = first
                while low < high:
                    kept = work[low]
                    work[low] = work[high]
                    work[high] = kept
                    low += 1
                    high -= 1
                flips += 1
                first = work[0]
            if flips > most:
                most = flips
            checksum += flips if even else -flips
        even = not even
        # The next permutation: rotate a prefix, and a longer one each time a shorter has gone round.
        length = 1
        while True:
            if length == n:
                return checksum, most
            head = order[0]
            for k in range(length):
                order[k] = order[k + 1]
            order[length] = head
            rotations[length] += 1
            if rotations[length] <= length:
                break
            rotations[length] = 0
            length += 1


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = fannkuch(SIZE)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("fannkuch", check)


if __name__ == "__main__":
    main()
