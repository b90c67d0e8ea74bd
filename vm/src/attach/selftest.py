# What the hooks of the self-test rewrite while it runs.
def count(n):
    s = 0
    while n:
        s = s + 1
        n = n - 1
    return [s, n]
def ident(x):
    return x
loop = count(6)
entry = ident(3) + ident(4)
