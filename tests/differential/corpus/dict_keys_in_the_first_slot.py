# Entries whose index in the table of hashes is 0 are there, and deleted ones are not, wherever they were.
def walk(d):
    found = []
    for k in d:
        found.append(k)
    for k, v in d.items():
        found.append((k, v))
    return found


def hole(keys, gone):
    d = {k: -k for k in keys}
    del d[gone]
    return d


for d in {0: 1}, {1: 2}, {8: 1, 3: 3}, {i: i for i in range(8)}, hole(range(5), 0), hole(range(5), 3), hole((8, 16, 1), 8):
    for _ in range(3000):
        found = walk(d)
    print(found)
