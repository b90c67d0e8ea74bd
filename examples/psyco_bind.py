"""What the module psyco is for: choosing what is compiled, and looking at what came of it.

Nothing here is needed for speed: hot code is compiled by itself. Run it with psycore.
"""

import psyco
from time import perf_counter


def collatz(n):
    """Steps from n down to 1."""
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def longest(limit):
    best = most = 0
    for n in range(1, limit):
        steps = collatz(n)
        if steps > most:
            best, most = n, steps
    return best, most


def timed(function, *arguments):
    start = perf_counter()
    result = function(*arguments)
    print(f"{function.__name__}{arguments} = {result} in {perf_counter() - start:.3f} s")


psyco.stop()  # from here on only what is bound is compiled
timed(longest, 3000)

psyco.bind(longest)  # and what it calls; compiled at the next call
timed(longest, 3000)
timed(longest, 30000)

print(psyco.explain(collatz))
stats = psyco.stats()
if stats["available"]:
    print(f"{stats['units']} units, {stats['code_bytes']} bytes of code, {stats['compile_time'] * 1000:.0f} ms to compile")
else:
    print("Nothing is compiled:", stats["why"])
