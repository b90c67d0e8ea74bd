"""Building strings: appending characters, formatting numbers, joining pieces, replacing by table."""
import sys
from time import perf_counter

SIZE = 70000


def digits(n):
    """Decimal digits of n, one character at a time, the way a beginner writes it."""
    text = ""
    while n:
        text = chr(48 + n % 10) + text
        n //= 10
    return text or "0"


def table(n):
    rows = []
    for i in range(n):
        rows.append("<tr><td>" + str(i) + "</td><td>%d</td><td>" % (i * i) + f"{i / 7:.3f}" + "</td></tr>")
    return "\n".join(rows)


def rot13(text):
    result = []
    for ch in text:
        code = ord(ch)
        if 97 <= code <= 122:
            code = (code - 97 + 13) % 26 + 97
        elif 65 <= code <= 90:
            code = (code - 65 + 13) % 26 + 65
        result.append(chr(code))
    return "".join(result)


def run(n):
    total = 0
    line = ""
    for i in range(n):
        line += digits(i * 7919)
        line += ","
        if len(line) > 200:
            total += len(line)
            line = ""
    rows = table(n)
    turned = rot13(rows[:n * 20])
    return total, len(rows), turned.count("gq"), rot13(turned) == rows[:n * 20]


def main():
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        check = run(SIZE)
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("string_building", check)


if __name__ == "__main__":
    main()
