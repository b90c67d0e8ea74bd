# Attributes are found by the shape of the instance's dict.
# in the loop: add_ovf
# not in the loop: get_attr, set_attr
class Counter:
    def __init__(self):
        self.count = 0


def f(c, n):
    for _ in range(n):
        c.count = c.count + 1
    return c.count


f(Counter(), 5000)
