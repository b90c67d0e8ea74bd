# `math.sqrt` is one instruction, behind a check that it is still that function.
# in the loop: fsqrt
# not in the loop: call_rt
import math


def f(n):
    total = 0.0
    for i in range(n):
        total += math.sqrt(i)
    return total


f(5000)
