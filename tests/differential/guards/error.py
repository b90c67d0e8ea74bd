"""Errors that the interpreter raises, in the middle of loops that have run for long."""


def divide(n):
    s = 0
    for i in range(n):
        s += 1000 // (2500 - i)  # breaks: error
    return s


def index(items, n):
    s = 0
    for i in range(n):
        s += items[i]  # breaks: error
    return s


for call in (lambda: divide(3000), lambda: index([1] * 2000, 3000)):
    try:
        call()
    except (ZeroDivisionError, IndexError) as e:
        inner = e.__traceback__.tb_next.tb_next
        print(type(e).__name__, inner.tb_lineno, inner.tb_frame.f_locals["i"], inner.tb_frame.f_locals["s"])
