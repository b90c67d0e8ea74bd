"""Fast Fourier transforms: recursive with complex numbers, iterative on two lists of floats, and convolution."""
import cmath
import math


def fft_complex(values, inverse=False):
    n = len(values)
    if n == 1:
        return list(values)
    even = fft_complex(values[::2], inverse)
    odd = fft_complex(values[1::2], inverse)
    turn = (2j if inverse else -2j) * cmath.pi / n
    result = [0j] * n
    for k in range(n // 2):
        twisted = cmath.exp(turn * k) * odd[k]
        result[k] = even[k] + twisted
        result[k + n // 2] = even[k] - twisted
    return result


def fft_floats(re, im, inverse=False):
    """In place, without complex numbers: bit reversal, then log2(n) passes of butterflies."""
    n = len(re)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            re[i], re[j] = re[j], re[i]
            im[i], im[j] = im[j], im[i]
    length = 2
    while length <= n:
        angle = (2 if inverse else -2) * math.pi / length
        wr, wi = math.cos(angle), math.sin(angle)
        for start in range(0, n, length):
            cr, ci = 1.0, 0.0
            for k in range(start, start + length // 2):
                other = k + length // 2
                tr = re[other] * cr - im[other] * ci
                ti = re[other] * ci + im[other] * cr
                re[other] = re[k] - tr
                im[other] = im[k] - ti
                re[k] += tr
                im[k] += ti
                cr, ci = cr * wr - ci * wi, cr * wi + ci * wr
        length *= 2
    if inverse:
        for i in range(n):
            re[i] /= n
            im[i] /= n


def convolve(a, b):
    size = 1
    while size < len(a) + len(b):
        size *= 2
    ar, ai = [float(v) for v in a] + [0.0] * (size - len(a)), [0.0] * size
    br, bi = [float(v) for v in b] + [0.0] * (size - len(b)), [0.0] * size
    fft_floats(ar, ai)
    fft_floats(br, bi)
    for i in range(size):
        ar[i], ai[i] = ar[i] * br[i] - ai[i] * bi[i], ar[i] * bi[i] + ai[i] * br[i]
    fft_floats(ar, ai, inverse=True)
    return [int(round(v)) for v in ar]


def multiply_by_fft(x, y):
    digits = convolve([int(d) for d in reversed(str(x))], [int(d) for d in reversed(str(y))])
    total = 0
    for digit in reversed(digits):
        total = total * 10 + digit
    return total


n = 128
signal = [math.sin(2 * math.pi * 5 * t / n) + 0.5 * math.cos(2 * math.pi * 20 * t / n) for t in range(n)]
spectrum = fft_complex([complex(v) for v in signal])
peaks = [k for k in range(n // 2) if abs(spectrum[k]) > 1]
print(peaks, ["%.3f" % abs(spectrum[k]) for k in peaks])
re, im = signal[:], [0.0] * n
fft_floats(re, im)
print(max(abs(complex(a, b) - c) for a, b, c in zip(re, im, spectrum)) < 1e-9)
back = [v / n for v in fft_complex(spectrum, inverse=True)]
print(max(abs(a - b) for a, b in zip(back, signal)) < 1e-12)
fft_floats(re, im, inverse=True)
print(max(abs(a - b) for a, b in zip(re, signal)) < 1e-12)
print(convolve([1, 2, 3], [4, 5, 6])[:5])
x, y = 3 ** 80, 7 ** 60
print(multiply_by_fft(x, y) == x * y, len(str(x * y)))

# Complex numbers of every mixture in one expression.
z = 1 + 0j
for k in range(1, 500):
    z = z * (0.6 + 0.8j) + (1 if k % 3 else 0.25) - (1j if k % 5 == 0 else 0)
print("%.9f %.9f" % (z.real, z.imag), abs(3 + 4j), (2 + 3j).conjugate(), complex(1, -0.0), 1j ** 2)
try:
    z < 1
except TypeError as problem:
    print(problem)
try:
    1j / 0
except ZeroDivisionError as problem:
    print(type(problem).__name__)
