# The list of one item that a product repeats is never made.
# in the loop: list_of
# not in the loop: build_list, list_repeat
def f(n):
    total = 0.0
    for i in range(n):
        total += len([0.5] * i)
    return total


f(3000)
