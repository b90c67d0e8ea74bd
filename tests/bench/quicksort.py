"""Quicksort in place on a list of integers, recursive, with a median-of-three pivot and insertion at the ends."""
import sys
from time import perf_counter

SIZE = 300000


def make_numbers(n):
    state = 12345
    numbers = []
    for _ in range(n):
        state = (state * 1664525 + 1013904223) % 4294967296
        numbers.append(state >> 4)
    return numbers


def insertion_sort(a, low, high):
    for i in range(low + 1, high + 1):
        value = a[i]
        j = i - 1
        while j >= low and a[j] > value:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = value


def quicksort(a, low, high):
    while high - low > 12:
        middle = (low + high) // 2
        if a[middle] < a[low]:
            a[middle], a[low] = a[low], a[middle]
        if a[high] < a[low]:
            a[high], a[low] = a[low], a[high]
        if a[high] < a[middle]:
            a[high], a[middle] = a[middle], a[high]
        pivot = a[middle]
        i = low
        j = high
        while i <= j:
            while a[i] < pivot:
                i += 1
            while pivot < a[j]:
                j -= 1
            if i <= j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1
        if j - low < high - i:
            quicksort(a, low, j)
            low = i
        else:
            quicksort(a, i, high)
            high = j
    insertion_sort(a, low, high)


def is_sorted(a):
    for i in range(1, len(a)):
        if a[i - 1] > a[i]:
            return False
    return True


def main():
    numbers = make_numbers(SIZE)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        a = list(numbers)
        start = perf_counter()
        quicksort(a, 0, len(a) - 1)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("quicksort", is_sorted(a), sum(a) == sum(numbers), a[0], a[len(a) // 2], a[-1])


if __name__ == "__main__":
    main()
