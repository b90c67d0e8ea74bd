"""profile: a small watermark compiles sooner than a large one."""

import time

import psyco
from support import ON, FULL, compiled


def calls(watermark):
    """How many calls a new function takes until it is compiled."""
    # Made before the threshold changes: what counts is the one that holds now.
    namespace = {}
    exec("def f(n): return n + 1", namespace)
    f = namespace["f"]
    # Nothing is forgotten, however slow the machine is.
    psyco.profile(watermark=watermark, halflife=1e6)
    for n in range(1, 3000):
        f(1)
        if compiled(f):
            return n
    return 3000


# The caller would compile it as a part of itself.
psyco.cannotcompile(calls)
psyco.stop()
if FULL:
    # Compiling has had its share of the time already.
    calls(0.09)
elif ON:
    # What compiling may take grows with the time: on a busy machine it can be used up, and then the
    # code waits for a later call.
    for _ in range(100):
        found = [calls(watermark) for watermark in (0.0001, 0.01, 0.09, 0.5)]
        if found == sorted(set(found)):
            break
        time.sleep(0.5)
    assert found == sorted(set(found)), found
    assert found[0] == 2 and found[-1] > 500, found
else:
    assert calls(0.09) == 3000
print("ok")
