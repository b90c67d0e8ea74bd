"""Names and where they live: global, nonlocal, class bodies, comprehensions, del, defaults, shadowing, unbound locals."""
x = "module"
counter = 0
values = []


def read_global():
    return x


def local_x(n):
    x = 0
    for i in range(n):
        x += i
    return x, read_global()


def global_x(n):
    global x, made_here
    for i in range(n):
        x = i
        made_here = i * 2
    return read_global()


def count(n):
    global counter
    for _ in range(n):
        counter += 1
        if counter % 1000 == 0:
            values.append(counter)
    return counter


print(local_x(2000), x)
print(global_x(2000), x, made_here)
print(count(1500), count(1500), values)
counter = 0.5
print(count(1500))
counter = "text"
try:
    count(1)
except TypeError:
    print("TypeError", counter)


def levels():
    a = 1

    def middle():
        nonlocal a
        b = 10

        def inner(n):
            nonlocal a, b
            c = 0
            for i in range(n):
                a += 1
                b += a
                c += b
            return c

        result = inner(1500)
        return result, a, b

    return middle(), a


print(levels())


class Body:
    x = "class"
    y = [x for _ in range(2)]
    total = 0
    for i in range(1500):
        total += i

    def method(self):
        return x, self.x

    class Nested:
        x = "nested"

        def get(self):
            return x

    lambdas = [lambda: x, lambda self=None: Body.x]
    del i


print(Body.y, Body.total, Body().method(), Body.Nested().get(), [f() for f in Body.lambdas], hasattr(Body, "i"))


def unbound(n, when):
    for i in range(n):
        if i == when:
            late = i
        if i == n - 1:
            return late


print(unbound(2000, 1000))
try:
    unbound(2000, 5000)
except UnboundLocalError as problem:
    print("UnboundLocalError")


def deleted(n):
    value = 0
    for i in range(n):
        value += 1
        if i == n - 2:
            del value
    return value


try:
    deleted(2000)
except UnboundLocalError:
    print("deleted")


def delete_and_set(n):
    total = 0
    for i in range(n):
        temporary = i
        total += temporary
        del temporary
        try:
            temporary
            total = -1
        except NameError:
            pass
    return total


print(delete_and_set(1500))


def loop_variable_after(n):
    for i in range(n):
        pass
    for j in range(0):
        pass
    try:
        return i, j
    except NameError:
        return i, "j is unbound"


print(loop_variable_after(1500))


def comprehension_scope():
    i = "kept"
    squares = [i * i for i in range(100)]
    nested = [[i * j for i in range(3)] for j in range(3)]
    generator = (i for _ in range(2))
    i = "changed"
    return sum(squares), nested, list(generator), i


print(comprehension_scope())
len_before = len


def shadow(n):
    len = lambda value: 7
    total = 0
    for i in range(n):
        total += len("abc")
    return total


print(shadow(1500), len("abc"))


def parameters(a, b=[], *args, c=x, **kwargs):
    b.append(a)
    return len(b), c, args, sorted(kwargs)


x = "rebound"
for i in range(1500):
    result = parameters(i, d=1)
print(result, parameters(1, [], 2, 3, c="given", e=5, d=4))


def conditional_definition(n):
    total = 0
    for i in range(n):
        if i < n // 2:
            def step():
                return 1
        elif i == n // 2:
            def step():
                return 0.5
        total += step()
    return total


print(conditional_definition(2000))


def imports(n):
    total = 0
    for i in range(n):
        from math import floor
        import math as m
        total += floor(i / 2) + m.ceil(i / 2)
    return total


print(imports(1200))
for x in range(2000):
    counter = x
    if x == 1500:
        del counter
        counter = "again"
print(x, counter)


def dynamic(n):
    out = []
    for i in range(n):
        globals()["dynamic_%d" % (i % 3)] = i
        if i >= n - 2:
            out.append((dynamic_0, dynamic_1, dynamic_2))
    return out


print(dynamic(1500), dynamic_1)


def star_assign(n):
    total = 0
    for i in range(n):
        head, *tail = (i, 1, 2)
        (total, (a, b)) = (total + head + len(tail), (1, 2))
        a = b = total
        a += 1
    return total, a, b


print(star_assign(1500))


def walrus(n):
    hits = 0
    while (n := n - 1) > 0:
        if (half := n / 2) == n // 2 and any((found := v) > 3 for v in range(6)):
            hits += found
    return hits, half, n


print(walrus(1500))
