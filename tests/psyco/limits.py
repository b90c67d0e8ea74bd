"""Profilers: their limits, their queue, runonly and stop."""

import psyco
from support import ON

made = 0


def new_function():
    """A function that has never run, in a module of its own."""
    global made
    made += 1
    namespace = {}
    exec(f"def f(n):\n    t = {made}\n    for i in range(n):\n        t += i * {made}\n    return t", namespace)
    return namespace["f"]


def run(count):
    """Runs so many new functions long enough for any profiler; tells how many units that gave."""
    before = psyco.stats()["units"]
    for _ in range(count):
        f = new_function()
        for _ in range(4):
            f(1000)
    return psyco.stats()["units"] - before


def mode():
    return psyco.stats()["mode"]


assert mode() == "auto" or not ON or mode() == "full"
psyco.full()
assert mode() == ("full" if ON else "off")
assert (run(2) >= 2) == ON

psyco.stop()
assert mode() == ("stopped" if ON else "off")
assert run(3) == 0

# What somebody binds is compiled all the same, and what is compiled runs.
bound = new_function()
psyco.bind(bound)
before = psyco.stats()
bound(100)
assert (psyco.stats()["units"] > before["units"]) == ON
before = psyco.stats()
bound(100)
assert (psyco.stats()["entered"] > before["entered"]) == ON

# Memory that one call may add, in kB. (Intermediate representation that is interpreted is larger than code.)
memory = 100 if psyco.stats()["backend"] == "interp" else 24
before = psyco.stats()["code_bytes_total"]
psyco.full(memory=memory)
assert (run(100) > 0) == ON
added = psyco.stats()["code_bytes_total"] - before
assert mode() == ("stopped" if ON else "off")
assert not ON or memory * 1024 <= added < memory * 4096, added
assert run(3) == 0

# The same from the start of the program: it is used up already.
psyco.full(memorymax=8)
assert run(3) == 0
psyco.full(memorymax=1e6)
assert (run(3) > 0) == ON
psyco.stop()

# Time for compiling.
psyco.full(time=0)
assert run(3) == 0
psyco.full(timemax=0)
assert run(3) == 0
psyco.full(time=1e300, timemax=float("inf"))
assert (run(3) > 0) == ON
psyco.stop()

# The queue: all until the memory is used, then by profile.
psyco.full(memory=4)
psyco.profile()
assert psyco.stats()["waiting_profilers"] == (1 if ON else 0)
assert mode() == ("full" if ON else "off")
run(10)
assert mode() == ("profile" if ON else "off")
assert psyco.stats()["waiting_profilers"] == 0

# One without limits makes room for the next.
psyco.background()
assert mode() == ("background" if ON else "off")
psyco.full(memory=1e6)
psyco.runonly()
psyco.profile(memory=10)
assert psyco.stats()["waiting_profilers"] == (2 if ON else 0)
psyco.stop()
assert psyco.stats()["waiting_profilers"] == 0
assert mode() == ("stopped" if ON else "off")

psyco.runonly()
assert mode() == ("runonly" if ON else "off")
assert run(3) == 0
psyco.jit()
assert mode() == ("full" if ON else "off")
assert (run(2) >= 2) == ON

psyco.profile(halflife=1, pollfreq=5, parentframe=0)
psyco.background(watermark=1, halflife=0.1, pollfreq=1000, parentframe=1)
assert mode() == ("background" if ON else "off")
print("ok")
