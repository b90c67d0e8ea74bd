"""Counting words with a dict: splitting lines, looking keys up, adding to counters, sorting the result."""
import sys
from time import perf_counter

LINES = 250000

SYLLABLES = "ka lo mi ren tas vu sho bel dar fin gor hul".split()


def make_text(lines):
    """The same pseudo-random text everywhere, with few frequent words and many rare ones."""
    state = 7
    words = []
    for a in SYLLABLES:
        for b in SYLLABLES:
            for c in SYLLABLES:
                words.append(a + b + c)
    text = []
    for _ in range(lines):
        line = []
        for _ in range(10):
            state = (state * 69069 + 1) % 4294967296
            pick = state >> 8
            line.append(words[(pick % 1728) * (pick // 1728 % 1728) // 1728])
        text.append(" ".join(line))
    return text


def count_words(lines):
    counts = {}
    for line in lines:
        for word in line.split():
            if word in counts:
                counts[word] += 1
            else:
                counts[word] = 1
    return counts


def main():
    lines = make_text(LINES // 10)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        start = perf_counter()
        total = 0
        for _ in range(10):
            counts = count_words(lines)
            total += len(counts)
        best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:4]
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print("word_count", total, sum(counts.values()), best)


if __name__ == "__main__":
    main()
