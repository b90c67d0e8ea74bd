# expect: rustpython
"""What `except` and `raise` are given changes in loops that have run for long, to what is no exception too."""
N = 1500


class Own(Exception):
    pass


def handler_class_changes():
    global Expected
    Expected = KeyError
    out = []
    for i in range(N):
        if i == 1000:
            Expected = ValueError
        if i == 1200:
            Expected = (OSError, ValueError)
        if i == 1300:
            Expected = "no class"
        try:
            try:
                raise ValueError if i >= 1000 else KeyError
            except Expected:
                continue
        except TypeError as e:
            out.append(str(e))
            break
    return out


class Meta(type):
    def __instancecheck__(cls, o):
        return True


class Odd(Exception, metaclass=Meta):
    pass


def special_classes():
    n = 0
    for i in range(N):
        try:
            try:
                raise KeyError(i)
            except Odd:
                n += 1000
        except KeyError:
            n += 1
    return n


def not_exceptions():
    out = set()
    for i in range(N):
        try:
            if i % 3 == 0:
                raise 42
            elif i % 3 == 1:
                raise Own from 42
            raise Own from None
        except TypeError as e:
            out.add(str(e))
        except Own as e:
            out.add((e.__cause__, e.__suppress_context__))
    return sorted(map(str, out))


print(handler_class_changes())
print(special_classes())
print(not_exceptions())
