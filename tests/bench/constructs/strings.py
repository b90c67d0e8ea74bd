"""Texts: made, walked, compared, formatted."""


def joined(n=2000):
    total = 0
    for i in range(n):
        parts = []
        for k in range(100):
            parts.append("item" + str(k))
        total += len(",".join(parts))
    return total


def appended(n=300_000):
    text = ""
    for i in range(n):
        text += "x" if i % 3 else "yz"
    return len(text)


def characters(n=400):
    text, total = "The quick brown fox jumps over the lazy dog. " * 40, 0
    for _ in range(n):
        for c in text:
            if c == " ":
                total += 1
            elif c.isupper():
                total += 2
    return total


def methods(n=12_000):
    total = 0
    for i in range(n):
        line = "  Key%d = some value, other value  " % (i % 10)
        key, _, value = line.strip().partition("=")
        fields = [f.strip().lower() for f in value.split(",")]
        total += len(key.strip().upper()) + len(fields) + line.count("e") + value.startswith(" some")
    return total


def formatted(n=25_000):
    total = 0
    for i in range(n):
        total += len("%d:%s" % (i, "a")) + len("{}-{:>5}".format(i, "b")) + len(f"{i:04d}/{i * 0.5:.2f}")
    return total


def tokenized(n=300):
    text, counts = "let x1 = (alpha + 42) * beta_2 - 7 / gamma;\n" * 12, {"name": 0, "number": 0, "sign": 0}
    for _ in range(n):
        at = 0
        while at < len(text):
            c = text[at]
            start = at
            if c.isspace():
                at += 1
                continue
            if c.isalpha():
                while at < len(text) and (text[at].isalnum() or text[at] == "_"):
                    at += 1
                counts["name"] += 1
            elif c.isdigit():
                while at < len(text) and text[at].isdigit():
                    at += 1
                counts["number"] += int(text[start:at]) > 10
            else:
                at += 1
                counts["sign"] += 1
    return sorted(counts.items())


def compared(n=60_000):
    names, total = ["alpha", "beta", "gamma", "delta", "alpine"], 0
    for i in range(n):
        a, b = names[i % 5], names[(i * 3 + 1) % 5]
        if a == b:
            total += 1
        elif a < b:
            total += 2
        if "p" in a and a.endswith("a"):
            total += 3
    return total


def mapped_characters(n=800):
    text, total = "abcdefghij" * 20, 0
    for _ in range(n):
        total += len("".join(chr(ord(c) ^ 1) for c in text))
        total += sum(ord(c) for c in text[::3])
    return total


def byte_arrays(n=300):
    data, total = bytearray(range(256)) * 8, 0
    for _ in range(n):
        for i in range(0, len(data), 3):
            data[i] = (data[i] + 7) & 255
        total += data[100] + len(bytes(data[:50]))
    return total
