# needs: signals
"""Signals that come while the frames of a recursion are made: handlers run between any two of them, and the one that raises is in
the traceback, as all frames are."""
import signal


class Stop(Exception):
    pass


def handler(number, frame):
    global left
    if left > 0:
        left -= 1
        if left == 0:
            raise Stop


def spin(n, k):
    global deep
    if n == 0:
        deep = True
        for i in range(k):
            k ^= i
        return k
    return spin(n - 1, k) + 1


def interrupt(count):
    global left, deep
    deep = False
    left = count
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.00004)
        print(spin(900, 10**14))
    except Stop as e:
        signal.setitimer(signal.ITIMER_REAL, 0)
        names = []
        entry = e.__traceback__
        while entry is not None:
            names.append(entry.tb_frame.f_code.co_name)
            entry = entry.tb_next
        assert not deep or names == ["interrupt"] + ["spin"] * 901 + ["handler"], (names[:3], names[-3:], len(names))


left = 0
signal.signal(signal.SIGALRM, handler)
for i in range(40):
    spin(30, 200)
for i in range(40):
    interrupt(1 + i % 5)
print("ended")
