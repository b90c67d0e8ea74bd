"""Text formatting of numbers and strings: %, str.format, f-strings, format specs, repr, in hot loops with mixed types."""


class Temperature:
    def __init__(self, value):
        self.value = value

    def __format__(self, spec):
        if spec.endswith("F"):
            return format(self.value * 9 / 5 + 32, spec[:-1] + "f") + "F"
        return format(self.value, spec or ".1f") + "C"

    def __str__(self):
        return "T%s" % self.value

    def __repr__(self):
        return "Temperature(%r)" % self.value


VALUES = [0, 7, -7, 255, 10 ** 20, -2 ** 63, True]
FLOATS = [0.0, -0.0, 1.5, -2.675, 1e-7, 123456.789, 1e22, float("inf"), float("nan")]
for value in VALUES:
    print("%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%#x|%s|%r" % ((value,) * 11))
    print("{0}|{0:8}|{0:<8}|{0:^8}|{0:+}|{0: }|{0:b}|{0:#o}|{0:,}|{0:_}|{0:e}".format(value))
for value in FLOATS:
    print("%f|%.2f|%e|%g|%8.3f|%-8.1f|%+.1f|%s|%r" % ((value,) * 9))
    print(f"{value}|{value:.3}|{value:10.2f}|{value:<10}|{value:+.1e}|{value:g}|{value:%}|{value:,.2f}|{value:010.1f}|{value!r}")
for text in ("", "abc", "h\u00e9llo", "\u4f60\u597d", "q'\"\n"):
    print("%s|%5s|%-5s|%.2s|%r|%a" % ((text,) * 6), f"{text:*^9}|{text:>6}|{text!r:<8}|{text:.1}")
t = Temperature(21.25)
print(f"{t} {t:.2f} {t:.1F} {t!s} {t!r} {t!s:>8}", "{:.0F} {} {!r}".format(t, t, t), "%s %r" % (t, t))
name, width, table = "x", 12, {"k": [1, 2, {"z": 5}]}
print(f"{name:{width}}|{name:>{width - 4}}|{table['k'][2]['z']}|{{literal}}|{1 + 2 = }|{name=}|{width!r:>4}|{'nested ' + f'{width:03}'}")
print("{a} {b[0]} {c.value} {0} {d[k]}".format("pos", a=1, b=[2], c=t, d={"k": "v"}), "{} {}".format(1, "two"), "{1} {0}".format("a", "b"))
print("%(a)s %(b)05.1f %%" % {"a": 1, "b": 2.25}, "%c%c" % (65, "z"), "%*d|%-*d|%.*f" % (6, 42, 6, 42, 2, 3.14159), "%s" % (1,), "%s" % [1])
print("abc".center(9, "-"), "7".zfill(3), "-7".zfill(4), "a".ljust(3) + "|", "b".rjust(3, "."), "Tab\tx".expandtabs(4))
for bad in (lambda: "%d" % "x", lambda: "%d %d" % (1,), lambda: "%d" % (1, 2), lambda: "{}".format(), lambda: "{:d}".format(1.5), lambda: "{x}".format(),
            lambda: "%z" % 1, lambda: f"{1:q}", lambda: "{0.nope}".format(1), lambda: format("s", "d"), lambda: "{".format()):
    try:
        print(bad())
    except (TypeError, ValueError, IndexError, KeyError, AttributeError) as problem:
        print(type(problem).__name__)


def table_of(rows):
    """The same f-string sees ints, then floats, strings, None and objects."""
    lines = []
    for index, row in enumerate(rows):
        lines.append(f"{index:4} {row!s:>10} {'even' if index % 2 == 0 else 'odd'}")
    return lines


rows = list(range(1500)) + [1.5, "text", None, t, 10 ** 30, (1, 2)]
lines = table_of(rows)
print(len("\n".join(lines)), lines[-6:], lines[700])


def checksum(n):
    total = 0
    for i in range(n):
        text = "%d:%s:%.2f" % (i, i * i, i / 3) + str(i) + repr(i * 0.1) + "{:>6}".format(i) + hex(i)[2:] + f"{i:08b}"
        total = (total * 31 + len(text) + ord(text[-1]) + text.count("1")) % 1000003
    return total


print(checksum(2500))


def number_words(n):
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()
    if n < 20:
        return ones[n]
    if n < 100:
        return tens[n // 10 - 2] + ("-" + ones[n % 10] if n % 10 else "")
    if n < 1000:
        return ones[n // 100] + " hundred" + (" and " + number_words(n % 100) if n % 100 else "")
    return number_words(n // 1000) + " thousand" + (" " + number_words(n % 1000) if n % 1000 else "")


def roman(n):
    out = ""
    for value, sign in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "M CM D CD C XC L XL X IX V IV I".split()):
        while n >= value:
            out += sign
            n -= value
    return out


print(sum(len(number_words(n).replace(" ", "").replace("-", "")) for n in range(1, 1001)), number_words(421999))
print(roman(1994), max((roman(n) for n in range(1, 2000)), key=len), sum(len(roman(n)) for n in range(1, 1500)))
print(repr([1, "a", None, 1.0, (2,), {3: {4}}, b"x", 1j, range(3), slice(1, 2), ..., print]))
print(str(10 ** 50), str(-2 ** 200)[:20], repr(0.1 + 0.2), str(1e16), str(123456789012345680.0), ascii("\u00fc"), "\x7f\x00\u200b".__repr__())
