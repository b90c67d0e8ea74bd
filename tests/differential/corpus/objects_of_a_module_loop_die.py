"""Objects made in a loop at module level die when their name is bound again, whatever they were put into weakly."""
import gc
import weakref


class Thing:
    alive = 0

    def __init__(self, n):
        self.n = n
        Thing.alive += 1

    def __del__(self):
        Thing.alive -= 1


gc.disable()
table = weakref.WeakValueDictionary()
keys = weakref.WeakKeyDictionary()
keep = []
for i in range(600):
    thing = Thing(i)
    table[i] = thing
    keys[thing] = i
    if i % 100 == 0:
        keep.append(thing)
del thing
print(sorted(table), sorted(keys.values()), Thing.alive)
keep.clear()
print(len(table), len(keys), Thing.alive)
most = 0
for i in range(2000):
    other = Thing(i)
    other.n += 1
    pair = (other, i)
    most = max(most, Thing.alive)
print(most, Thing.alive)
