"""Big-integer mathematics: digits of pi and e, primality, RSA, square roots, number bases, partitions."""


def pi_digits(count):
    """Gibbons' spigot: unbounded integers that start small and grow all along the loop."""
    q, r, t, k, n, l = 1, 0, 1, 1, 3, 3
    digits = []
    while len(digits) < count:
        if 4 * q + r - t < n * t:
            digits.append(n)
            q, r, n = q * 10, 10 * (r - n * t), (10 * (3 * q + r)) // t - 10 * n
        else:
            q, r, t, k, n, l = q * k, (2 * q + r) * l, t * l, k + 1, (q * (7 * k + 2) + r * l) // (t * l), l + 2
    return "".join(map(str, digits))


def e_digits(count):
    scale = 10 ** (count + 5)
    total = term = scale
    k = 1
    while term:
        term //= k
        total += term
        k += 1
    return str(total)[:count]


def is_prime(n):
    if n < 2:
        return False
    for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        if n % p == 0:
            return n == p
    d, s = n - 1, 0
    while d % 2 == 0:
        d //= 2
        s += 1
    for a in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        x = pow(a, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def next_prime(n):
    n += 1 + n % 2
    while not is_prime(n):
        n += 2
    return n


def extended_gcd(a, b):
    x, next_x, y, next_y = 1, 0, 0, 1
    while b:
        quotient = a // b
        a, b = b, a - quotient * b
        x, next_x = next_x, x - quotient * next_x
        y, next_y = next_y, y - quotient * next_y
    return a, x, y


def power_mod(base, exponent, modulus):
    result = 1
    base %= modulus
    while exponent > 0:
        if exponent & 1:
            result = result * base % modulus
        base = base * base % modulus
        exponent >>= 1
    return result


def square_root(n):
    if n < 0:
        raise ValueError("negative")
    if n == 0:
        return 0
    x = 1 << (n.bit_length() + 1) // 2
    while True:
        y = (x + n // x) // 2
        if y >= x:
            return x
        x = y


def to_base(n, base):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    if n == 0:
        return "0"
    out = ""
    negative, n = n < 0, abs(n)
    while n:
        n, digit = divmod(n, base)
        out = digits[digit] + out
    return "-" * negative + out


def partitions(limit):
    table = [1] + [0] * limit
    for part in range(1, limit + 1):
        for total in range(part, limit + 1):
            table[total] += table[total - part]
    return table


def pollard(n):
    """Pollard's rho, from machine words to big integers with the same code."""
    for c in range(1, 20):
        x = y = 2
        d = 1
        while d == 1:
            x = (x * x + c) % n
            y = (y * y + c) % n
            y = (y * y + c) % n
            d, _, _ = extended_gcd(abs(x - y), n)
        if d != n:
            return d
    return None


print(pi_digits(120))
print(e_digits(100))
p, q = next_prime(2 ** 89 + 12345), next_prime(10 ** 30)
n, phi = p * q, (p - 1) * (q - 1)
_, d, _ = extended_gcd(65537, phi)
d %= phi
message = int.from_bytes(b"attack at dawn", "big")
cipher = power_mod(message, 65537, n)
plain = power_mod(cipher, d, n)
print(p, q, cipher == pow(message, 65537, n))
print(plain.to_bytes((plain.bit_length() + 7) // 8, "big"))
print([x for x in range(100) if is_prime(x)], is_prime(2 ** 61 - 1), is_prime(2 ** 67 - 1), is_prime(561))
root = square_root(2 * 10 ** 120)
print(root, root * root <= 2 * 10 ** 120 < (root + 1) ** 2, square_root(0), square_root(15), square_root(16))
for number in (0, 255, -255, 2 ** 70 - 1, -2 ** 63):
    for base in (2, 7, 16, 36):
        assert int(to_base(number, base), base) == number
    print(to_base(number, 36), bin(number), oct(number), hex(number))
table = partitions(300)
print(table[100], table[200], table[300])
for composite in (8051, 10403, 1000003 * 1000033, (2 ** 31 - 1) * 1000003):
    factor = pollard(composite)
    print(composite, sorted((factor, composite // factor)))
print(len(str(2 ** 5000 - 1)), str(3 ** 700)[-20:], sum(int(c) for c in str(7 ** 900)))
print((-2 ** 100) >> 3, (-2 ** 100) // 7, (-2 ** 100) % 7, 2 ** 100 & -2 ** 90, ~(2 ** 80), -(2 ** 100) ^ 2 ** 99, 2 ** 100 | 1)
print((2 ** 100).bit_length(), (2 ** 64).to_bytes(9, "little"), int.from_bytes(b"\xff" * 9, "big", signed=True), 2 ** 200 / 2 ** 190, 10 ** 400 // 10 ** 399)
for bad in (lambda: 10 ** 400 / 3, lambda: float(10 ** 400), lambda: (256).to_bytes(1, "big"), lambda: int("12x")):
    try:
        print(bad())
    except (OverflowError, ValueError) as problem:
        print(type(problem).__name__, problem)
