"""Counting words with a dict: the ten that are most frequent in a text that is made here."""

SYLLABLES = "ka lo mi ren tas vu sho bel dar fin gor hul".split()


def make_text(lines):
    """A text with few frequent words and many rare ones."""
    state = 7
    words = [a + b for a in SYLLABLES for b in SYLLABLES]
    text = []
    for _ in range(lines):
        line = []
        for _ in range(10):
            state = (state * 69069 + 1) % 4294967296
            pick = state >> 8
            line.append(words[(pick % 144) * (pick // 144 % 144) // 144])
        text.append(" ".join(line))
    return text


def count_words(lines):
    counts = {}
    for line in lines:
        for word in line.lower().split():
            counts[word] = counts.get(word, 0) + 1
    return counts


lines = make_text(20000)
counts = count_words(lines)
most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
for word, n in most[:10]:
    print("%6d  %s" % (n, word), "#" * (60 * n // most[0][1]))
print(sum(counts.values()), "words,", len(counts), "different ones")
