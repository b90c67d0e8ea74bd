"""`in` and list equality look at identity before equality, which only nan can tell from equality alone."""
nan = float("nan")


def count(n):
    found = 0
    for i in range(n):
        found += nan in [nan]
        found += nan in (1.0, nan)
        found += 10 * (nan in [float("nan")])
        found += 100 * ([nan] == [nan]) + 1000 * (nan == nan)
    return found


print(count(10), count(3000))
x = nan
hits = 0
for i in range(2000):
    hits += (x in [x]) + (x != x)
print(hits)
