# The method's instructions stand in the loop; there is no call and no frame.
# in the loop: mul_ovf, add_ovf
# not in the loop: call_fn, call_rt call
class Scale:
    def __init__(self, k):
        self.k = k

    def by(self, x):
        return x * self.k


def f(s, n):
    total = 0
    for i in range(n):
        total += s.by(i)
    return total


f(Scale(3), 5000)
