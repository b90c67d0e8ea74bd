"""The loop has an instruction that is not compiled."""


def run(n):
    s = caught = 0
    for i in range(n):
        s += i
        try:
            if i % 3 == 0:
                raise ValueError(i)
        except* ValueError as group:  # breaks: unsupported
            caught += len(group.exceptions)
    return s, caught


print(run(9000))
