"""A loop at module level without any function: every variable in it is a global of the module."""
import sys
from time import perf_counter

SIZE = 2500000

for turn in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
    start = perf_counter()
    total = 0
    odd = 0
    x = 0.5
    i = 0
    while i < SIZE:
        if i & 1:
            odd += 1
            total += i * 3 % 11
        else:
            total -= i % 5
        x = x * 0.75 + i
        i += 1
    print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
    print("module_loop", total, odd, "%.9f" % x)
