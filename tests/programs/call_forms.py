"""Calls in every form: positional, keyword, defaults, *args, **kwargs, positional-only, keyword-only, bound, class, partial."""
import functools
import operator


def plain(a, b):
    return a - b


def defaults(a, b=2, c=3):
    return a * 100 + b * 10 + c


def keyword_only(a, *, b=1, c):
    return a, b, c


def positional_only(a, b=5, /, c=6, *, d=7):
    return a, b, c, d


def collect(*args, **kwargs):
    return len(args), sum(args), sorted(kwargs.items())


def everything(a, b=2, *args, c, d=4, **kwargs):
    return a, b, args, c, d, kwargs


def forward(*args, **kwargs):
    return everything(*args, **kwargs)


class Caller:
    def __init__(self, base=0, *, scale=1):
        self.base, self.scale = base, scale

    def method(self, a, b=1):
        return (self.base + a * b) * self.scale

    @classmethod
    def make(cls, base):
        return cls(base, scale=2)

    @staticmethod
    def static(a, b=3):
        return a + b

    def __call__(self, *args, key=0):
        return self.base + len(args) + key

    def __getitem__(self, index):
        return self.method


def repeat(n):
    total = 0
    caller = Caller(1)
    bound = caller.method
    pair = (1, 2)
    options = {"b": 3, "c": 4}
    for i in range(n):
        total += plain(i, 1) + plain(b=1, a=i) + plain(i, b=2) + plain(*pair) + plain(**{"a": 1, "b": 2})
        total += defaults(i) + defaults(i, 1) + defaults(i, c=1) + defaults(i, **options) + defaults(*pair, c=i)
        total += collect(1, 2, *pair)[1] + collect(*range(4), x=1)[0] + len(forward(1, c=2))
        total += bound(i) + caller.method(i, b=2) + Caller.method(caller, i) + caller.static(i) + Caller.static(i, 1)
        total += caller() + caller(1, 2, key=3) + caller[0](i) + Caller.make(2).scale + Caller(base=i).base
        total += (lambda q, r=2: q * r)(i) + (lambda *p: len(p))(1, 2) + (lambda: 1)()
        total += max(i, 5) + max([i, 5], default=0) + int("7") + len(str(i)) + round(i / 3) + divmod(i, 7)[1] + pow(2, 3, 5)
    return total


print(repeat(800))
print(keyword_only(1, c=2), keyword_only(1, c=2, b=3), positional_only(1), positional_only(1, 2, 3, d=4), positional_only(1, c=0))
print(collect(), collect(1, 2, x=3), collect(*[1], *(2,), **{"a": 1}, **{"b": 2}), everything(1, c=3), everything(1, 2, 3, 4, c=5, z=6))

BAD = [lambda: plain(1), lambda: plain(1, 2, 3), lambda: plain(1, b=2, a=3), lambda: plain(1, d=2), lambda: plain(), lambda: keyword_only(1),
       lambda: keyword_only(1, 2, c=3), lambda: positional_only(a=1), lambda: positional_only(), lambda: plain(*[1, 2, 3]), lambda: plain(**{"a": 1, "b": 2, "z": 3}),
       lambda: collect(**{1: 2}), lambda: collect(*5), lambda: collect(**[1]), lambda: defaults(1, **{"b": 1}, **{"b": 2}), lambda: Caller(1, 2), lambda: Caller().method(),
       lambda: (1)(2), lambda: None(), lambda: "f"(), lambda: everything(1, 2), lambda: plain(1, *(2, 3), b=4), lambda: Caller.method(1), lambda: Caller().nothing()]
for bad in BAD:
    try:
        print(bad())
    except (TypeError, AttributeError) as problem:
        print(type(problem).__name__, problem)


def varying(n):
    """The callee, the number of arguments and their types change while the loop is hot."""
    functions = [plain, max, Caller().method, lambda a, b: b, functools.partial(defaults, 1), operator.mul, Caller, pow, divmod]
    out = 0
    for i in range(n):
        function = functions[i * len(functions) // n]
        result = function(i, 2)
        if isinstance(result, Caller):
            result = result.base if False else 1
        if isinstance(result, tuple):
            result = result[0]
        out = (out + result) % 1000003
    return out


def varying_caller(n):
    try:
        return varying(n)
    except TypeError as problem:
        return str(problem)


print(varying_caller(1800))
Caller.__init__ = lambda self, base=0, other=0, *, scale=1: self.__dict__.update(base=base, scale=scale)
print(varying_caller(1800))


def growing(*args):
    return growing(*args, len(args)) if len(args) < 40 else args


print(sum(growing()), growing()[-1])


def shapes(n):
    total = 0
    for i in range(n):
        args = tuple(range(i % 5))
        kwargs = {"k%d" % k: k for k in range(i % 3)}
        a, b, c = collect(*args, **kwargs)
        total += a * 100 + b * 10 + len(c)
    return total


print(shapes(1500))


def evaluation_order(log):
    def note(value):
        log.append(value)
        return value
    collect(note(1), *[note(2), note(3)], x=note(4), **{"y": note(5)})
    note(collect)(note(6), k=note(7))
    {note("a"): note("b"), note("c"): note("d")}
    [note(0), note(1)][note(1)] = note(9)
    return [value if not callable(value) else "collect" for value in log]


for _ in range(300):
    order = evaluation_order([])
print(order)


def mutated_defaults(n):
    def f(a, cache={}):
        cache[a % 10] = cache.get(a % 10, 0) + 1
        return len(cache)
    total = 0
    for i in range(n):
        total += f(i)
    return total, f.__defaults__[0][3]


print(mutated_defaults(1500))


def kwargs_are_copied(n):
    options = {"a": 1}

    def change(**kwargs):
        kwargs["a"] += 1
        kwargs["b"] = 2
        return len(kwargs)

    total = sum(change(**options) for _ in range(n))
    return total, options


print(kwargs_are_copied(1500))


class Descriptor:
    def __get__(self, instance, owner):
        return lambda *args: (instance is not None, len(args))


class Has:
    d = Descriptor()
    call_int = int
    built = len
    part = staticmethod(functools.partial(plain, 10))

    def __init_subclass__(cls, **options):
        cls.options = options


class Sub(Has, flag=True):
    pass


has = Has()
for i in range(1500):
    results = has.d(1), Has.d(), has.call_int("5"), has.built("abc"), has.part(3)
print(results, Sub.options)
print(functools.reduce(lambda f, g: lambda x: g(f(x)), [lambda x, k=k: x + k for k in range(30)])(0), list(map(plain, [5, 6], [1, 2])), sorted([3, 1, 2], key=functools.partial(plain, 0)))
print((lambda *, k: k)(k=1), (lambda a, /: a)(2), [f(3) for f in (abs, float, str, bool, lambda v: -v)], type("T", (), {"__call__": lambda self, v: v + 1})()(4))
