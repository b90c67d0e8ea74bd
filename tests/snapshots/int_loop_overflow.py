# Ints are unboxed; only where the sum or the product leaves 64 bits is there a way out.
# in the loop: mul_ovf, add_ovf, poll
# not in the loop: call_rt, load, store, guard
def f(n):
    s = 0
    for i in range(n):
        s += i * i
    return s


f(5000)
