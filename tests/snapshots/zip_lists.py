# Neither the zip object nor its iterators nor the tuples are made.
# in the loop: load_elem list.item
# not in the loop: call_rt, incref
def f(x, y):
    s = 0.0
    for a, b in zip(x, y):
        s += a * b
    return s


for _ in range(1000):
    f([3.0, 4.0], [5.0, 6.0])
