"""Exact arithmetic with decimal and fractions: money, contexts, rounding modes, series, conversions from ints and floats."""
import decimal
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction

for mode in (ROUND_DOWN, ROUND_UP, ROUND_HALF_UP, ROUND_HALF_EVEN):
    print(mode, [str(Decimal(text).quantize(Decimal("0.1"), rounding=mode)) for text in ("0.25", "0.35", "-0.25", "2.05", "9.99")])

print(Decimal("0.1") + Decimal("0.2"), Decimal(1) / Decimal(7), Decimal("1e5") * 3, Decimal(10) ** -3, -Decimal("0.00"))
print(Decimal("1.10") == Decimal("1.1"), Decimal("1.10").normalize(), Decimal(0.1), Decimal(5) // 2, Decimal(-5) % 3, divmod(Decimal(7), 2))
print(sorted([Decimal("3"), Decimal("-1.5"), Decimal("Infinity"), Decimal("2.50")]), max(Decimal(1), 2), Decimal(3) > 2.5)
print(Decimal("123.456").as_tuple(), Decimal("1E+3").to_integral_value(), int(Decimal("-7.9")), round(Decimal("2.675"), 2), float(Decimal("0.5")))
print("%s %r" % (Decimal("1.5"), Decimal("1.5")), "{:.2f} {:>10} {:,}".format(Decimal("2.345"), Decimal("1"), Decimal("1234567.8")))
with decimal.localcontext() as context:
    context.prec = 40
    print(Decimal(2).sqrt(), Decimal(1).exp(), Decimal(10).ln())
    context.prec = 5
    print(Decimal(2).sqrt(), Decimal(100000) + Decimal("0.5"))
print(decimal.getcontext().prec)
for work in (lambda: Decimal(1) / 0, lambda: Decimal("x"), lambda: Decimal(0) / 0, lambda: Decimal(1) + 1.5, lambda: Decimal(-1).sqrt()):
    try:
        print(work())
    except (decimal.DecimalException, TypeError) as problem:
        print(type(problem).__name__)


def interest(start, rate, years):
    """Compound interest, rounded to cents every month: hot with Decimal, then with Fraction, then with float."""
    balance = start
    for _ in range(years * 12):
        balance = balance + balance * rate / 12
        if isinstance(balance, Decimal):
            balance = balance.quantize(Decimal("0.01"))
    return balance


print(interest(Decimal(1000), Decimal("0.05"), 20))
print("%.6f" % interest(1000.0, 0.05, 20))
print(float(interest(Fraction(1000), Fraction(1, 20), 3)))

print(Fraction(3, 6), Fraction("0.125"), Fraction(0.5), Fraction(-7, 3) // 1, Fraction(7, 3) % 1, Fraction(2, 3) ** -2, Fraction(1, 3) + 1, 1 - Fraction(1, 3))
print(Fraction(1, 3) < 0.34, Fraction(1, 2) == 0.5, hash(Fraction(1, 2)) == hash(0.5), Fraction(1, 3) + 0.5, round(Fraction(22, 7), 3), int(Fraction(-7, 2)))
print(Fraction(314159265, 100000000).limit_denominator(1000), Fraction(10 ** 30, 10 ** 29 * 3), Fraction(5).numerator)
try:
    Fraction(1, 0)
except ZeroDivisionError as problem:
    print(problem)


def harmonic(n, one):
    total = one * 0
    for k in range(1, n + 1):
        total += one / k
    return total


print(harmonic(30, Fraction(1)), "%.12f" % harmonic(2000, 1.0), "%.12f" % harmonic(2000, 1))
print(harmonic(200, Decimal(1)))


def continued(value, terms):
    out = []
    for _ in range(terms):
        whole = value.numerator // value.denominator
        out.append(whole)
        value -= whole
        if not value:
            break
        value = 1 / value
    return out


print(continued(Fraction(415, 93), 10), continued(Fraction(3.141592653589793), 8))


def bernoulli(n):
    row = [Fraction(0)] * (n + 1)
    for m in range(n + 1):
        row[m] = Fraction(1, m + 1)
        for j in range(m, 0, -1):
            row[j - 1] = j * (row[j - 1] - row[j])
    return row[0]


print([str(bernoulli(n)) for n in (0, 1, 2, 4, 10, 20)])


def mixed(values):
    """Int, float, Fraction and Decimal meet in one hot addition."""
    total = 0
    errors = 0
    for value in values:
        try:
            total = total + value
        except TypeError:
            errors += 1
    return total, errors


print(mixed([1] * 800 + [Fraction(1, 3)] * 3 + [2] * 300 + [Decimal(1)]))
print(mixed([1] * 800 + [Decimal("0.1")] * 10 + [2] * 300 + [0.5, True]))
print(mixed([1] * 800 + [Fraction(1, 2)] + [0.25] * 100))
