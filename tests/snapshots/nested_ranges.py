# The inner range is no object: it is counted.
# in the loop: add_ovf
# not in the loop: call_rt iter_next, new_int
def f(n):
    s = 0
    for i in range(n):
        for j in range(i, n, 3):
            s += j
    return s


f(200)
