"""Functions that the loop calls are replaced while it runs, and changed in place."""


def one(x):
    return x + 1


def two(x):
    return x + 2


def nothing():
    pass


def replace():
    global step
    step = two


def change():
    two.__code__ = one.__code__


def run(actions):
    result = 0
    for action in actions:
        action()
        result += step(1)  # breaks: value
    return result


step = one
print(run([nothing] * 3000 + [replace] + [nothing] * 3000 + [change] + [nothing] * 3000))


def three(a, b, c=0):
    return a + b * c


def spread(actions):
    args = [1, 2]
    result = 0
    for action in actions:
        action(args)
        result += three(*args)  # breaks: value
        result += len((0, *args))
    return result


keep, grow = (lambda args: None), (lambda args: args.append(3))
print(spread([keep] * 3000 + [grow] + [keep] * 3000))
