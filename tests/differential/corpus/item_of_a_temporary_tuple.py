# The only reference to an item of a tuple that is never made: the item lives on when the tuple goes.


def pair(a, b):
    return a, b


def second(n):
    return [pair(f"x{i}", [i])[1] for i in range(n)][-3:]


def nested(n):
    return [pair(f"x{i}", ([i], 2))[1][0] for i in range(n)][-3:]


def both(n):
    return [(lambda item: pair(item, item)[0])([i]) for i in range(n)][-3:]


print(second(300), nested(300), both(300))
