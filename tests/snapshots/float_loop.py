# Floats are unboxed, and nothing is allocated.
# in the loop: fmul, fadd
# not in the loop: call_rt, load, store, guard
def f(n, x):
    total = 0.0
    for _ in range(n):
        total = total * x + 1.0
    return total


f(5000, 0.5)
