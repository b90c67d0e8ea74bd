"""A branch that was never taken while the loop was compiled."""


def run(n):
    s = 0
    for i in range(n):
        if i > 2500:
            s += divmod(i, 7)[0]  # breaks: unseen
        s += i
    return s


print(run(2600))
