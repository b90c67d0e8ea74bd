"""An inlined function of another module keeps that module's variable in a register; an attribute load reads the same."""
import types

other = types.ModuleType("other")
other.rate = 3
other.hits = 0
exec(
    "def touch():\n    global hits, rate\n    hits += 1\n    if hits == 200:\n        rate = 'many'\n    return rate",
    other.__dict__,
)
summary = []
value = 0
for i in range(250):
    rate = other.touch()
    if isinstance(rate, str):
        summary.append(rate)
    else:
        value += other.rate
    if other.hits != i + 1:
        print("lost at", i)
print(value, len(summary), other.hits)
