# Items are read and written behind a check of the bounds; the list's type is checked before the loop.
# in the loop: load_elem list.item, store_elem list.item
# not in the loop: get_item, set_item
def f(a, n):
    for i in range(1, n):
        a[i] = a[i - 1]
    return a


f([3.5] * 5000, 5000)
