"""stats, explain, disassemble, dumpcodebuf and log."""

import os
import psyco
import sys
import tempfile
from support import ON, FULL

directory = tempfile.mkdtemp()
os.chdir(directory)


def poly(x, n):
    t = 0.0
    for i in range(n):
        t = t * x + i
    return t


stats = psyco.stats()
integers = [
    "waiting_profilers", "bound", "units", "versions", "rebuilds", "refused", "live_units", "freed_units", "emptied",
    "code_bytes", "code_bytes_total", "code_bytes_limit", "entered", "left", "objects",
]
for name in integers:
    assert type(stats[name]) is int and stats[name] >= 0, name
assert type(stats["compile_time"]) is float and type(stats["exits"]) is dict and type(stats["exit_places"]) is list
assert stats["mode"] == ("full" if FULL else "auto" if ON else "off")
assert stats["available"] is ON and (stats["why"] is None) == ON
assert (stats["backend"] is None) == (not ON)
assert set(stats) == set(integers) | {
    "mode", "available", "why", "backend", "compile_time", "exits", "exit_places",
}
# Each call gives a dict of its own.
stats["exits"]["mine"] = 1
stats.clear()
assert "mine" not in psyco.stats()["exits"]

psyco.log("messages", top=5)
psyco.bind(poly)
poly(0.5, 100)
poly("a", 0)
poly(2, 100)
try:
    poly("a", 3)
except TypeError:
    pass

text = psyco.explain(poly)
if ON:
    first = poly.__code__.co_firstlineno
    assert text.startswith(f"poly ({__file__}:{first})\n"), text
    assert "compiled: poly(x: float, n: int" in text, text
    assert " bytes, " in text and " exits, " in text
    after = psyco.stats()
    assert after["units"] >= 2 and after["entered"] >= 2 and after["code_bytes"] > 0 and after["compile_time"] > 0
    # Exits that only gave an object its stamp have no place.
    placed = sum(place[4] for place in after["exit_places"])
    assert after["left"] == sum(after["exits"].values()) == placed + after["exits"].get("stamp", 0)
    for function, file, line, reason, count in after["exit_places"]:
        assert isinstance(function, str) and isinstance(file, str) and line >= 0 and count > 0
        assert reason in after["exits"]
    mine = [place for place in after["exit_places"] if place[:2] == ("poly", __file__)]
    assert mine and all(first <= place[2] <= first + 4 for place in mine)
    for _, _, line, reason, count in mine:
        assert f"left {count} times in line {line}, " in text and f": {reason}\n" in text, text
else:
    assert text == "not compiled: it is turned off\n", text

units = psyco.stats()["units"]
listing = psyco.disassemble(poly)
if ON:
    assert listing.startswith(f"; poly ({__file__}:{first})\n; poly(x: float, n: int"), listing[:200]
    assert "function entry" in listing and "fmul" in listing, listing
    assert "mulsd" in listing or "vmulsd" in listing or psyco.stats()["backend"] != "x64"
    assert psyco.disassemble(lambda: 0) == ""
    assert FULL or psyco.stats()["units"] == units, "what is only looked at is no unit"
    assert poly(0.5, 100) == poly(0.5, 100)
else:
    assert listing == "no code: it is turned off\n"

psyco.dumpcodebuf()
with open("psyco.dump") as f:
    dump = f.read()
assert ("\n; poly(x: float, n: int" in dump and "function entry" in dump) if ON else (dump == listing)
psyco.dumpcodebuf("other.dump")
assert os.path.exists("other.dump")


# What can't be compiled says why.
def nothing():
    yield 1


assert ("can't be compiled by itself" in psyco.explain(nothing)) == ON or "no place" in psyco.explain(nothing)

with open("messages") as f:
    messages = f.read()
if ON:
    assert messages.startswith("log started on ") and "compiled poly(x: float, n: int" in messages, messages
    psyco.stop()
    psyco.full(memory=0)
    psyco.bind(lambda: 0)
    psyco.log("messages", "a", top=3)
    with open("messages") as f:
        messages = f.read()
    assert "stopped\n" in messages and "full started" in messages and "full stopped: memory limit" in messages, messages
    assert messages.count("log started on ") == 2
else:
    assert messages == "nothing is compiled: it is turned off\n"

# The name after the script.
sys.argv[0] = os.path.join(directory, "script.py")
psyco.log(top=1000)
assert os.path.exists("script.log-psyco")
print(directory)
