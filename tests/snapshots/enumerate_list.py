# Neither the enumerate object nor its pairs nor the counts are made.
# in the loop: load_elem list.item
# not in the loop: iter_next, build_tuple, new_int
def f(a):
    s = 0
    for i, x in enumerate(a):
        s += i * x
    return s


for _ in range(1000):
    f([3, 4])
