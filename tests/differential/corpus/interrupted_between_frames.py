# needs: signals
"""Signals that come while the frames of a recursion are made: handlers run between any two of them, and the one that raises is in
the traceback, as all frames are. Where two of them raise, neither is lost but for the other one's sake."""
import signal


class Stop(Exception):
    pass


def handler(number, frame):
    global left
    left -= 1
    if -raises < left <= 0:
        raise Stop(1 - left)


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
        if deep:
            assert names == ["interrupt"] + ["spin"] * 901 + ["handler"] * (len(names) - 902), (names[:3], names[-3:], len(names))
            assert names[-1] == "handler", names[-3:]


def interrupt_twice(count):
    global left
    left = count
    seen = []
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.00004)
            print(spin(900, 10**14))
        except Stop as e:
            while left > -1:
                pass
            seen.append(e)
    except Stop as e:
        seen.append(e)
    signal.setitimer(signal.ITIMER_REAL, 0)
    # The first is not seen if the second comes between what raised it and its handler.
    assert 2 in [e.args[0] for e in seen], seen


left = 0
raises = 0
signal.signal(signal.SIGALRM, handler)
for i in range(40):
    spin(30, 200)
raises = 1
for i in range(40):
    interrupt(1 + i % 5)
raises = 2
for i in range(20):
    interrupt_twice(1 + i % 4)
print("ended")
