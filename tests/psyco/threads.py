# needs: threads
"""Calls from many threads, and from interpreters that have no compiler."""

import psyco
import threading
import time
from support import ON, compiled


def work(n):
    t = 0
    for i in range(n):
        t += i
    return t


def late(n):
    return n + 1


def excluded(n):
    return n + 1


problems = []
refused = []


def use(number):
    try:
        for k in range(20):
            psyco.bind(work)
            psyco.unbind(work)
            psyco.setfilter(lambda code: True)
            psyco.full(memory=100)
            psyco.profile()
            psyco.stop()
            psyco.cannotcompile(excluded)
            fast = psyco.proxy(work)
            assert fast(100) == work(100) == 4950
            for call in psyco.stats, lambda: psyco.explain(work), lambda: psyco.disassemble(work):
                try:
                    call()
                except psyco.error as e:
                    refused.append(str(e))
            assert late(k) == excluded(k) == k + 1
        psyco.bind(late)
    except BaseException as e:
        problems.append(e)


threads = [threading.Thread(target=use, args=(i,)) for i in range(4)]
for t in threads:
    t.start()
psyco.stats()
for t in threads:
    t.join()
assert not problems, problems
assert all("main thread" in text for text in refused)
psyco.setfilter(None)
assert psyco.stats()["mode"] == ("stopped" if ON else "off")
# What the threads asked for is done now.
for k in range(5):
    assert late(k) == excluded(k) == k + 1
assert compiled(late) == ON and not compiled(excluded)

# Another interpreter has none.
import _interpreters

program = """
import psyco
def f(n): return n
assert psyco.stats()["mode"] == "off" and psyco.stats()["why"], psyco.stats()
psyco.bind(f); psyco.full(); psyco.cannotcompile(f); psyco.setfilter(print); psyco.stop()
assert psyco.proxy(f)(1) == f(1) == 1 and __in_psyco__ == 0
class P(psyco.compact):
    pass
p = P()
p.a = 1
assert p.a == 1
"""
other = _interpreters.create()
failed = _interpreters.run_string(other, program)
assert failed is None, failed
_interpreters.destroy(other)
assert psyco.stats()["available"] is ON
psyco.bind(work)
assert work(10) == 45 and compiled(work) == ON
print("ok")
