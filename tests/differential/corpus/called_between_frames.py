# needs: signals
"""A destructor or a signal's handler calls the function for which frames are made in place of compiled code."""
import gc, signal, sys

gc.set_threshold(1)

class Cycle:
    def __init__(self): self.me = self
    def __del__(self):
        global n
        n += 1
        assert down(3, one) == 4
n = 0
def one(): return 1
def make():
    Cycle()
    return 2**70
def down(n, k):
    if n == 0:
        return k()
    return down(n - 1, k) + 1
def on(s, f):
    global n
    n += 1
    assert down(3, one) == 4
signal.signal(signal.SIGALRM, on)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0003)
for i in range(1500):
    assert down(40 + i % 30, make) == 2**70 + 40 + i % 30
    assert down(40 + i % 30, one) == 41 + i % 30
signal.setitimer(signal.ITIMER_REAL, 0)
print("ok", n > 0)
