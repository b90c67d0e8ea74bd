# needs: processes
"""Children made by fork while code is compiled, and compiling themselves."""
import os
import subprocess
import sys
import warnings

# A process with a second thread must not fork: there is a warning for it.
warnings.simplefilter("error")


def squares(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def thirds(n):
    total = 0.0
    for i in range(n):
        total += i / 3
    return total


def child():
    def bits(n):
        found = []
        for i in range(n):
            found.append(i & 3)
        return sum(found)

    return squares(50_000), thirds(20_000), bits(30_000)


def forked(function):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.write(writing, repr(function()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode()
    return text, os.waitpid(pid, 0)[1]


print(squares(60_000))
for turn in range(4):
    print(turn, forked(child), thirds(20_000 + turn))
print(forked(lambda: forked(child)))
program = "print(sum(i * i for i in range(10_000)))"
print(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout)
