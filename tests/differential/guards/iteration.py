# expect: rustpython
"""A dict changes while a compiled loop walks over it, in ways that leave its length alone."""


def exchange(d):
    del d[1]
    d[100] = 1


def last_again(d):
    d.popitem()
    d[200] = 2


def rebuilt(d):
    items = list(d.items())
    d.clear()
    d.update(items)


def walk(d, change):
    seen = 0
    try:
        for k, v in d.items():  # breaks: iteration
            seen += v
            if k == 3:
                change(d)
    except RuntimeError as e:
        return seen, str(e)
    return seen


for change in (len, exchange, last_again, rebuilt):
    results = set()
    for _ in range(300):
        results.add(walk({k: k * 2 for k in range(7)}, change))
    print(change.__name__, results)
