# needs: signals
"""What a signal handler raises reaches the program, wherever the interpreter was at that moment."""
import signal
import traceback


class Tick(Exception):
    pass


armed = False
fired = 0
files = set()


def handler(number, frame):
    global armed, fired
    if armed:
        armed = False
        fired += 1
        raise Tick


# Each turn has functions, globals and instances that nothing was compiled for.
SOURCE = """
class Point:
    def __init__(self, x, y):
        self.x{n} = x
        self.y{n} = y

    def move(self, d):
        self.x{n} += d
        self.z{n} = self.x{n} * self.y{n}

def work():
    total = 0
    for i in range(400):
        p = Point(i, limit{n})
        p.move(i)
        total += p.z{n}
    return total

limit{n} = 3
result = work()
"""

signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
caught = done = 0
for n in range(60):
    code = compile(SOURCE.replace("{n}", str(n % 20)), "work.py", "exec")
    try:
        armed = True
        space = {}
        exec(code, space)
        armed = False
    except Tick as e:
        caught += 1
        files.update(entry.filename.rsplit("/")[-1] for entry in traceback.extract_tb(e.__traceback__))
    else:
        done += space["result"] == 478800
signal.setitimer(signal.ITIMER_REAL, 0)
print(caught == fired, caught + done, caught > 0)
print(sorted(files - {"work.py"}))
