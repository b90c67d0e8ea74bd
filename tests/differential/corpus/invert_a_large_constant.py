# `~` of a constant that fits no machine word must end, and be right.
def invert(n):
    total = 0
    for i in range(n):
        total += ~9223372036854775808 + (~i if i % 2 else ~True)
    return total


print(invert(40))
