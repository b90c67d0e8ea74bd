# The iterator is the only object; keys and values are read from the entries.
# in the loop: dict_iter_peek, load_elem dict.key, load_elem dict.value
# not in the loop: iter_next, build_tuple, incref
def f(d):
    s = 0
    for k, v in d.items():
        s += k * v
    return s


for _ in range(1000):
    f({1: 2, 3: 4})
