"""Functions use variables of their module while it gets new ones, loses some, and hides builtins."""
base = 10


def use(i):
    return base + len(str(i)) + helper(i)


def helper(i):
    return i % 3


def assign(i):
    global counter
    counter = i
    return counter


def run(n):
    total = 0
    for i in range(n):
        total += use(i)
        globals()["added_%d" % i] = i
        total += assign(i)
        if i % 50 == 49:
            del globals()["added_%d" % (i - 20)]
    return total


print(run(400))


def hidden(n):
    out = []
    for i in range(n):
        if i == 200:
            globals()["len"] = lambda text: -5
        if i == 300:
            del globals()["len"]
        globals()["more_%d" % i] = i
        out.append(len("four"))
    return out


values = hidden(400)
print(values[199], values[200], values[299], values[300], sum(values))


def missing(n):
    out = []
    for i in range(n):
        globals()["again_%d" % i] = i
        if i == 250:
            globals()["sometimes"] = 1
        if i == 350:
            del globals()["sometimes"]
        try:
            out.append(sometimes)
        except NameError as error:
            out.append(str(error))
    return out


values = missing(400)
print(values[0], values[249], values[250], values[349], values[350])
