# A tuple inside a tuple that is made late: both are built through the same scratch words.
def pairs(n):
    out = []
    for i in range(n):
        out.append(("range", (i, i + 1)))
        out.append((i, (i * 0.5, (i, "x"))))
    return out


made = pairs(3000)
print(len(made), made[:2], made[-2:])
