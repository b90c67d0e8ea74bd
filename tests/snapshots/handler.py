# The handler is in the same unit: what raises is called, given its traceback entry, and jumps there.
# contains: raised, swap_handled, exc_match
def f(words):
    s = 0
    for w in words:
        try:
            s += int(w)
        except ValueError as e:
            s -= 1
    return s


f(["1", "x"] * 3000)
