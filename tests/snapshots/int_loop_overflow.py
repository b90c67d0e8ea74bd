# Ints are unboxed; only where the sum leaves 64 bits is there a way out. What the loop counts to is so near to zero that its
# squares fit.
# in the loop: add_ovf, poll
# not in the loop: mul_ovf, call_rt, load, store, guard
def f(n):
    s = 0
    for i in range(n):
        s += i * i
    return s


f(5000)
