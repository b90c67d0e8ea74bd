"""The item of a for loop is unpacked; the loop gets hot while the items are tuples of changing types."""


def sum_flagged(rows):
    total = 0
    for y in range(len(rows)):
        for row, whole in ((rows[y - 1], True), (rows[y], False), (rows[(y + 1) % len(rows)], True)):
            parts = [row, row + 1]
            if whole:
                parts.append(row)
            for part in parts:
                total += part
    return total


for turn in range(40):
    result = sum_flagged(list(range(40)))
print(result)
for function, argument in ((abs, -1.0), (len, "abc"), (str, -1), (abs, -2)):
    print(function(argument))
for a, b in [(i, str(i)) for i in range(30)] + [("x", 1), (None, 2.5)]:
    last = a, b
print(last)
