"""Statistics of a text: letters, words, n-grams, Caesar and Vigenere ciphers, edit distance, compression by runs."""
import re
import string
import textwrap
from collections import Counter

TEXT = """
The specializer watches a program while it runs. What it sees, it believes until it is proven wrong; and what it
believes, it compiles. When a belief breaks, the program must not notice: the values are put back where the
interpreter expects them, and it goes on from there as if nothing had happened. That is all there is to it, and
it is surprisingly hard to get right! A counter overflows; a list holds a word among its numbers; a method is
replaced by another one -- each of these has to work, at any moment, in any loop, 1000 or 1000000 times.
"""


def words_of(text):
    return re.findall(r"[a-z']+", text.lower())


def caesar(text, shift):
    out = []
    for ch in text:
        if "a" <= ch <= "z":
            out.append(chr((ord(ch) - 97 + shift) % 26 + 97))
        elif "A" <= ch <= "Z":
            out.append(chr((ord(ch) - 65 + shift) % 26 + 65))
        else:
            out.append(ch)
    return "".join(out)


def vigenere(text, key, sign=1):
    result = ""
    position = 0
    for ch in text:
        if ch.isalpha():
            shift = sign * (ord(key[position % len(key)]) - 97)
            position += 1
            result += caesar(ch, shift)
        else:
            result += ch
    return result


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


def longest_common(a, b):
    best = ""
    lengths = {}
    for i, x in enumerate(a):
        fresh = {}
        for j, y in enumerate(b):
            if x == y:
                fresh[j] = n = lengths.get(j - 1, 0) + 1
                if n > len(best):
                    best = a[i - n + 1:i + 1]
        lengths = fresh
    return best


def run_lengths(text):
    out = []
    previous, count = "", 0
    for ch in text + "\0":
        if ch == previous:
            count += 1
        else:
            if previous:
                out.append(previous if count == 1 else "%d%s" % (count, previous))
            previous, count = ch, 1
    return "".join(out)


def is_palindrome(phrase):
    letters = [ch for ch in phrase.lower() if ch.isalnum()]
    i, j = 0, len(letters) - 1
    while i < j:
        if letters[i] != letters[j]:
            return False
        i += 1
        j -= 1
    return True


def crack(text):
    """Finds the shift of a Caesar cipher by the frequency of e, t and a."""
    def score(shift):
        counts = Counter(caesar(text, shift).lower())
        return counts["e"] * 3 + counts["t"] * 2 + counts["a"]
    return max(range(26), key=score)


words = words_of(TEXT)
print(len(TEXT), len(words), len(set(words)), max(words, key=len), sum(map(len, words)) / len(words))
print(Counter(words).most_common(4))
letters = Counter(ch for ch in TEXT.lower() if ch in string.ascii_lowercase)
print("".join(ch for ch, _ in sorted(letters.items(), key=lambda item: (-item[1], item[0]))))
pairs = Counter(zip(words, words[1:]))
print(sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:3])
secret = caesar(TEXT, 11)
print(secret[1:60], crack(secret), caesar(secret, 15) == TEXT)
hidden = vigenere(TEXT, "psyco")
print(hidden[1:60], vigenere(hidden, "psyco", -1) == TEXT)
print([edit_distance(a, b) for a, b in (("kitten", "sitting"), ("", "abc"), ("same", "same"), ("interpreter", "compiler"))])
print(repr(longest_common(TEXT[:150], TEXT[150:320])))
print(run_lengths("aaabccddddde"), run_lengths(""), run_lengths("x" * 1000 + "y"))
print([is_palindrome(p) for p in ("A man, a plan, a canal: Panama", "palindrome", "", "No lemon, no melon")])
print(textwrap.fill(TEXT.split("!")[0].replace("\n", " ").strip(), 60, subsequent_indent="  "))
print(TEXT.translate(str.maketrans("aeiou", "AEIOU", " \n"))[:60])
print(TEXT.strip().title().swapcase()[:50], TEXT.count("it"), TEXT.find("hard"), TEXT.index("guard") if "guard" in TEXT else -1)
print(re.sub(r"(\w+) (\w+)", r"\2 \1", "one two three four"), re.split(r"[;:!]\s*", TEXT.strip())[1][:40])
print([m.span() for m in re.finditer(r"\b\d+\b", TEXT)], re.match(r"(?P<first>\w+)\s", TEXT.strip()).groupdict())
wide = "h\u00e9llo w\u00f6rld \u4f60\u597d \U0001f40d"
print(wide.upper(), len(wide), wide[::-1], [ord(ch) for ch in wide if ord(ch) > 127], wide.encode("utf-8")[-4:])
total = 0
for i in range(3000):
    total += ord(wide[i % len(wide)]) ^ ord(TEXT[i % len(TEXT)])
print(total)
