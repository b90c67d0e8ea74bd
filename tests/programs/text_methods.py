"""Methods of strs in loops, on ASCII and other texts, with the arguments that they take and those that they refuse."""


class Text(str):
    def split(self, *args):
        return ["split", *args]

    def __len__(self):
        return 99


TEXTS = ["", "a", "  two words\t", "one,two,,three,", "MiXed Case 123", "ALL UPPER", "é à Ünïcode ß", "中文 字符",
         "line\nbreak\r\nend", "\x1c\x1d sep \x85\xa0", "x" * 70, "tab\tand\x0bmore\x0c", "123", "aXbXc", "\ud800 lone"]


def questions(texts):
    out = []
    for s in texts:
        out.append([s.isalpha(), s.isdigit(), s.isalnum(), s.isspace(), s.isupper(), s.islower(), s.istitle(),
                    s.isdecimal(), s.isnumeric(), s.isascii(), s.startswith("a"), s.endswith("e"), s.startswith("")])
    return out


def changes(texts):
    out = []
    for s in texts:
        out.append((s.lower(), s.upper(), s.title(), s.swapcase(), s.capitalize(), s.casefold(), s.strip(), s.lstrip(),
                    s.rstrip(), s.strip("ax,"), s.lstrip("é "), s.rstrip("Xe"), s.replace("X", "--"), s.replace(",", ""),
                    s.replace("", "."), s.replace("é", "e"), s.removeprefix("one"), s.removesuffix("end")))
    return out


def parts(texts):
    out = []
    for s in texts:
        out.append((s.split(), s.split(","), s.split(" "), s.rsplit(), s.rsplit(","), s.splitlines(), s.partition(","),
                    s.rpartition(" "), s.split(None), s.split("wo")))
    return out


def places(texts):
    out = []
    for s in texts:
        out.append((s.find("X"), s.rfind("X"), s.find(""), s.rfind(""), s.count("X"), s.count(""), s.find("wo"),
                    s.count("xx"), s.find("ï"), s.rfind("o"), "o" in s, "" in s, "文" in s, "two" not in s))
    return out


def index_of(texts, what):
    out = []
    for s in texts:
        try:
            out.append(s.index(what))
        except ValueError as error:
            out.append(str(error))
    return out


def joined(pieces, n):
    out = []
    for i in range(n):
        out.append(", ".join(pieces))
        out.append("".join(pieces[:1]))
        out.append("é".join(tuple(pieces)))
    return len(out), out[0], out[1], out[2]


def wrong(action):
    try:
        for _ in range(3):
            action()
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)


def characters(text):
    out = []
    for ch in text:
        code = ord(ch)
        if "a" <= ch <= "z":
            out.append(chr((code - 97 + 13) % 26 + 97))
        elif ch == "!":
            out.append(chr(code + 1000))
        elif ch in "XYZ":
            out.append(ch * 2)
        else:
            out.append(ch)
    return "".join(out)


def indexed(text):
    n = 0
    for i in range(len(text)):
        if text[i] == text[-1 - i]:
            n += ord(text[i])
    return n


def numbers(texts):
    out = []
    for s in texts:
        try:
            out.append(int(s))
        except ValueError as error:
            out.append(str(error))
    return out


def appended(n):
    s = ""
    kept = []
    for i in range(n):
        s += "ab"
        if i % 10 == 0:
            kept.append(s)
        s += str(i)
    t = s
    t += "!"
    u = "é"
    for i in range(5):
        u += s[:3]
        u = u + u
    return len(s), [len(k) for k in kept], kept[1], t == s, t[-3:], len(u)


def prepended(n):
    s = ""
    while n:
        s = chr(48 + n % 10) + s
        n //= 10
    return s


def formatted(n):
    out = []
    for i in range(n):
        x = (i - 5) / 7 * 10 ** (i % 6)
        out.append("%d|%5d|%05d|%s|%.2f|%8.3f|%%" % (i, i, -i, "s", x, x))
        out.append(f"{i}|{i:4d}|{i:04}|{x:.1f}|{x:.3f}|{x:10.2f}|{x}|{i!r}|{'q'!s}")
        out.append("%s" % i + "%s" % x + "%s" % "é" + "%x" % i + "%5s" % "a" + "%-5d|" % i + "%s" % True)
        out.append(str(i) + str(-i) + str(x) + str("same") + str(i > 3) + format(i, "b"))
    return out


def same_object(text):
    n = 0
    for word in text.split():
        if word.strip() is word:
            n += 1
        if str(word) is word:
            n += 1
    return n


def main():
    for _ in range(6):
        q, c, p, l = questions(TEXTS), changes(TEXTS), parts(TEXTS), places(TEXTS)
    for rows in (q, c, p, l):
        for row in rows:
            print(ascii(row))
    print(index_of(TEXTS * 10, "o")[:15])
    print(joined(["a", "bc", "", "d" * 40], 20), joined(["é", "x"], 20))
    print(wrong(lambda: ", ".join(["a", 1])), wrong(lambda: "a".split("")), wrong(lambda: "a".startswith(1)),
          wrong(lambda: 5 in "a"), wrong(lambda: "a" + 1),
          wrong(lambda: "%d" % "x"), wrong(lambda: "%d %d" % (1,)), wrong(lambda: "%d" % (1, 2)), wrong(lambda: chr(-1)),
          wrong(lambda: ord("ab")), wrong(lambda: "a".replace("a")), sep="\n")
    print(characters("Hello, World! XYZ " * 20)[-30:], ascii(characters("naïve 中 text!" * 10)[-14:]))
    print(indexed("abcdcba" * 20), indexed("é中é" * 20))
    print(numbers(["12", "-5", "+7", " 8 ", "1_000", "x", "", "9" * 30, "\u0663", "-", "0012"] * 5)[:11])
    print(appended(100))
    print([prepended(n) for n in (0, 7, 1234567890, 2 ** 62)])
    for line in formatted(30):
        print(line)
    print(same_object("some words in a text" * 20))
    text = Text("a b c")
    print([text.split() for _ in range(5)][-1], len(text), text.upper())
    print(["%s %s" % (Text("sub"), [1]) for _ in range(20)][-1])


main()
