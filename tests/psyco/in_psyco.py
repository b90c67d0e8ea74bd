"""The builtin __in_psyco__: 1 where code runs compiled."""

import builtins
import psyco
from support import ON

assert builtins.__in_psyco__ == 0


def inside():
    return __in_psyco__


assert inside() == 0
psyco.bind(inside)
assert inside() == (1 if ON else 0)
assert inside() == (1 if ON else 0)


def choose(n):
    fast = slow = 0
    for i in range(n):
        if __in_psyco__:
            fast += 1
        else:
            slow += 1
    return fast, slow


psyco.bind(choose)
for _ in range(30):
    fast, slow = choose(1000)
    assert fast + slow == 1000
assert (fast, slow) == ((1000, 0) if ON else (0, 1000))

psyco.cannotcompile(choose)
assert choose(10) == (0, 10)


# It is a name like any other.
def shadowed(__in_psyco__):
    return __in_psyco__


psyco.bind(shadowed)
assert shadowed(7) == 7


def global_one():
    return __in_psyco__


__in_psyco__ = "mine"
psyco.bind(global_one)
assert global_one() == global_one() == inside() == "mine"
del __in_psyco__
assert inside() in (0, 1)
builtins.__in_psyco__ = 5
assert inside() == 5 and global_one() == 5
builtins.__in_psyco__ = 0
print("ok")
