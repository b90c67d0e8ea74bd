"""Matrices as lists of lists: LU decomposition with pivoting, determinants, inverses, exact with fractions too."""
from fractions import Fraction


class Singular(ArithmeticError):
    pass


def lu(matrix):
    """Returns (lower and upper in one matrix, permutation, sign)."""
    n = len(matrix)
    a = [row[:] for row in matrix]
    order = list(range(n))
    sign = 1
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(a[i][k]))
        if a[pivot][k] == 0:
            raise Singular("column %d has no pivot" % k)
        if pivot != k:
            a[pivot], a[k] = a[k], a[pivot]
            order[pivot], order[k] = order[k], order[pivot]
            sign = -sign
        top = a[k]
        for i in range(k + 1, n):
            row = a[i]
            row[k] = factor = row[k] / top[k]
            for j in range(k + 1, n):
                row[j] -= factor * top[j]
    return a, order, sign


def solve(decomposition, b):
    a, order, _ = decomposition
    n = len(a)
    x = [b[i] for i in order]
    for i in range(n):
        for j in range(i):
            x[i] -= a[i][j] * x[j]
    for i in reversed(range(n)):
        for j in range(i + 1, n):
            x[i] -= a[i][j] * x[j]
        x[i] /= a[i][i]
    return x


def determinant(matrix):
    try:
        a, _, sign = lu(matrix)
    except Singular:
        return 0
    for i in range(len(a)):
        sign *= a[i][i]
    return sign


def multiply(a, b):
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def inverse(matrix):
    n = len(matrix)
    parts = lu(matrix)
    one, zero = matrix[0][0] ** 0, matrix[0][0] * 0
    columns = [solve(parts, [one if i == j else zero for i in range(n)]) for j in range(n)]
    return [list(row) for row in zip(*columns)]


def power(matrix, exponent):
    n = len(matrix)
    result = [[1 if i == j else 0 for j in range(n)] for i in range(n)]
    while exponent:
        if exponent & 1:
            result = multiply(result, matrix)
        matrix = multiply(matrix, matrix)
        exponent >>= 1
    return result


def sample(n, kind=float):
    return [[kind((i * 7 + j * 3 + i * j) % 11 - 4 + (9 if i == j else 0)) for j in range(n)] for i in range(n)]


a = sample(14)
b = [float(i) for i in range(14)]
x = solve(lu(a), b)
residual = max(abs(sum(p * q for p, q in zip(row, x)) - r) for row, r in zip(a, b))
print(residual < 1e-10, "%.6f" % sum(x))
print("%.4f" % determinant(a))

# The same functions with another number type: code compiled for floats meets fractions, then ints.
exact = sample(6, Fraction)
print(determinant(exact), determinant(sample(6)))
product = multiply(exact, inverse(exact))
print(product == [[Fraction(int(i == j)) for j in range(6)] for i in range(6)])
hilbert = [[Fraction(1, i + j + 1) for j in range(5)] for i in range(5)]
print(determinant(hilbert))
print(inverse(hilbert)[0])
print(power([[1, 1], [1, 0]], 200)[0][1])
print([round(v, 6) for v in power([[0.5, 0.25], [0.5, 0.75]], 40)[0]])
print(determinant([[1.0, 2.0], [2.0, 4.0]]), determinant([[0, 1], [1, 0]]))
try:
    lu([[1, 2, 3], [2, 4, 6], [0, 0, 1]])
except Singular as problem:
    print("singular:", problem, isinstance(problem, ArithmeticError))
try:
    multiply([[1, "a"]], [[2.0], [1.5]])
except TypeError as problem:
    print("TypeError:", problem)
