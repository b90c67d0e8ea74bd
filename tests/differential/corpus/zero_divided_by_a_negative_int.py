# The sign of a quotient that is zero must be the interpreter's.
def divide(n, k):
    return n / k


def signs(n):
    out = []
    for i in range(-n, n):
        out.append(repr(divide(0, i or 1)))
        out.append(repr(divide(i, 2 ** 60 + i)))
        out.append(repr(0.0 / (i or 2)))
    return out


lines = signs(40)
print(len(lines), set(lines[::3]), lines[-3:], lines[:6])
