"""The loop has an instruction that is not compiled."""


class Depth:
    def __init__(self):
        self.entered = 0

    def __enter__(self):
        self.entered += 1

    def __exit__(self, *exc):
        return False


def run(n):
    depth = Depth()
    s = 0
    for i in range(n):
        s += i
        with depth:  # breaks: unsupported
            s += 1
    return s, depth.entered


print(run(3000))
