"""Rebinding a global drops the last reference of an object whose `__del__` writes another global of the same loop."""


class Witness:
    def __del__(self):
        global finalized
        finalized += 1


finalized = 0
seen = []
for i in range(2000):
    w = Witness()
    finalized += 10
    if i % 500 == 0:
        seen.append(finalized)
del w
print(seen, finalized)


class Recorder:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        global last, dropped
        last = self.n
        dropped = dropped + 0.5


last, dropped = None, 0
checked = 0
for i in range(2000):
    r = Recorder(i)
    if i and last == i - 1:
        checked += 1
    dropped += 1
print(last, dropped, checked)
