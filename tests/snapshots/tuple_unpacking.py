# The tuple on the right is never made.
# in the loop: add, srem
# not in the loop: add_ovf, build_tuple, call_rt
def f(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, (a + b) % 1000003
    return a


f(5000)
