# needs: signals
"""What a signal raises reaches the innermost frame of a recursion, and no frame is left out on the way back."""
import signal


class Stop(Exception):
    pass


def handler(number, frame):
    raise Stop


def twice(n):
    if n < 2:
        return n
    return twice(n - 1) + twice(n - 2)


def counted(n):
    global depth
    depth += 1
    try:
        if n < 2:
            return n
        return counted(n - 1) + counted(n - 2)
    finally:
        depth -= 1


def spin(n, k):
    global deep
    if n == 0:
        deep = True
        for i in range(k):
            k ^= i
        return k
    return spin(n - 1, k) + 1


signal.signal(signal.SIGALRM, handler)
for f, warm, stuck in ((twice, (18,), (90,)), (counted, (18,), (90,)), (spin, (30, 2000), (200, 10**14))):
    depth = 0
    deep = False
    f(*warm)
    for i in range(12):
        depth = 0
        deep = False
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.012 + i * 0.0013)
            print(f(*stuck))
        except Stop as e:
            levels = []
            entry = e.__traceback__
            while entry is not None:
                levels.append(entry.tb_frame.f_code.co_name)
                entry = entry.tb_next
            assert levels[-1] == "handler", levels
            assert set(levels[1:-1]) <= {f.__name__}, levels
            # The signal may come between the first two statements.
            assert depth in (0, 1), depth
            if deep:
                assert len(levels) == 203, levels
    print(f.__name__)
