"""A branch that was never taken while the loop was compiled, to what nothing is known of."""


class Late:
    def __init__(self, weight):
        self.weight = weight


def run(n, late):
    s = 0
    for i in range(n):
        if i > 2500:
            s += late.pop().weight  # breaks: unseen
        s += i
    return s


print(run(2600, [Late(3), Late(4)] * 60))
