# A missing key is a jump: no exception is made, and the hot loop makes no general call.
# in the loop: dict_find_int
# not in the loop: get_item, raised, swap_handled
def f(d, n):
    s = 0
    for i in range(n):
        try:
            s += d[i & 7]
        except KeyError:
            s -= 1
    return s


f({1: 2, 5: 1}, 5000)
