"""profile: what is called now and then is forgotten; callers are charged, too."""

import time

import psyco
from support import FULL, ON, compiled


def new(source):
    """A function that has never run, in a module of its own, and that module."""
    namespace = {}
    exec(source, namespace)
    return namespace


def calls_until_compiled(f, most, every, pause):
    for n in range(1, most + 1):
        f(1)
        if n % every == 0:
            time.sleep(pause)
        if compiled(f):
            return n
    return most + 1


# What is called would be compiled as a part of it.
psyco.cannotcompile(calls_until_compiled)

if ON and not FULL:
    # About 133 calls are needed at once (a watermark of 0.02 of the 0.09 that mean 600). Ten in 20 ms or more with a
    # half-life of 10 ms never come to a charge of more than about 20.
    once = new("def f(n): return n + 1")["f"]
    seldom = new("def f(n): return n + 1")["f"]
    # Compiling may have had its share of the time for the moment.
    for _ in range(100):
        psyco.profile(watermark=0.02, halflife=1000)
        found = calls_until_compiled(once, 400, 1000, 0)
        if found <= 400:
            break
        time.sleep(0.2)
    assert found <= 400, found
    psyco.profile(watermark=0.02, halflife=0.01)
    found = calls_until_compiled(seldom, 400, 10, 0.02)
    assert found == 401, found

    # The caller runs too seldom to be compiled on its own account: 18 calls of 600, 1800 turns of 2000. What it calls is
    # charged 600 calls, and it a part of them.
    def caller_is_compiled(parentframe):
        namespace = new("def callee(n):\n    return n + 1\n"
                        "def caller(n):\n    for _ in range(100):\n        callee(n)\n")
        psyco.profile(halflife=1000, parentframe=parentframe)
        for _ in range(3):
            for _ in range(6):
                namespace["caller"](1)
            # The compiler works beside the program.
            time.sleep(0.02)
        return compiled(namespace["caller"])

    assert not caller_is_compiled(0)
    assert not caller_is_compiled(0.5)
    for _ in range(100):
        found = caller_is_compiled(1)
        if found:
            break
        time.sleep(0.2)
    assert found
else:
    psyco.profile(halflife=0.01, parentframe=0.5)
print("ok")
