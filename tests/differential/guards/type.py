"""One item of the list is of another type than the thousands before it."""


def total(values):
    result = 0
    for v in values:
        result = result + v  # breaks: type
    return result


print(total([1] * 3000 + [2.5] + [3] * 3000))
print(total([1] * 3000 + [True] + [3] * 10 + [10**30] + [4] * 1000))
