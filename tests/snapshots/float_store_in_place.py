# A float that only the list holds is overwritten instead of allocated anew.
# in the loop: store float.value, is_unique
# not in the loop: set_item
def f(a, n):
    for _ in range(n):
        a[0] = a[0] * 0.5 + 1.0
    return a


f([1.0, 2.0], 5000)
