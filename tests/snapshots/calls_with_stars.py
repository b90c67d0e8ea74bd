# Calls with `*` of known shape are calls: no tuple or list is made, nothing goes by an entry point.
# in the loop: mul_ovf, add_ovf
# not in the loop: call_rt, call_fn
def three(a, b, c):
    return a * b + c


def forward(f, *args):
    return f(*args)


def f(pair, n):
    total = 0
    for i in range(n):
        total += forward(three, i, *pair)
    return total


f([3, 4], 5000)
