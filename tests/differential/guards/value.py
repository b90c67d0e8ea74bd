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
