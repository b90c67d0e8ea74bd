# An int meets a float: it is converted, not boxed.
# in the loop: fmul, fadd, i64_to_f64
# not in the loop: call_rt
def f(n):
    total = 0.0
    for i in range(n):
        total += i * 0.5
    return total


f(5000)
