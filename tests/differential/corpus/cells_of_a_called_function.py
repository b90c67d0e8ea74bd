# A function whose variables are captured, called from compiled code: its cells must exist before anything uses them.
def make(n):
    total = 0
    for i in range(n):
        def inner(step):
            nonlocal total
            total += step + i
        inner(i)
    return total


def caller(n):
    result = 0
    for _ in range(n):
        result += make(5)
    return result


print(caller(30))
try:
    for _ in range(3):
        (lambda: make(missing))()
except NameError as problem:
    print(problem)
