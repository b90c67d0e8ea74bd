"""Compiled functions are left by exceptions that they do not handle, and loops meet handlers for the first time."""


def check(i):
    if i % 3 == 1:
        raise ValueError(i)  # breaks: raise
    return i


def first(n):
    s = 0
    for i in range(n):
        try:
            s += check(i * 3 if i < 1000 else i)
        except ValueError as e:
            s -= e.args[0]
    return s


def late(n):
    s = 0
    for i in range(n):
        try:
            if i > 2000:
                raise KeyError(i)
            s += i
        except KeyError as e:
            s += len(e.args)
    return s


print(first(3000), late(4000))
try:
    check(1)
except ValueError as e:
    print(e.__traceback__.tb_next.tb_lineno, e.__traceback__.tb_next.tb_frame.f_locals)
