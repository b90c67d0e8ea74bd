# Both sides of a branch that goes both ways are compiled. No sum can overflow: the loop begins near zero and ends at `n`.
# in the loop: srem
# not in the loop: add_ovf, call_rt
def f(n):
    i = odd = 0
    while i < n:
        i += 1
        if i % 3 == 0:
            continue
        odd += i & 1
    return odd


f(5000)
