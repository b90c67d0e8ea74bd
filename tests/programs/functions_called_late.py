"""Functions whose first call comes in an unusual place: they must be what they were before it, and work."""
import marshal
import sys
import types

SOURCE = '''
def no_names(x):
    return x + 1

def loop_first(n, out):
    while n:
        out.append(n)
        n -= 1
    return out

def forever():
    while True:
        return "once"

def guarded(x):
    try:
        return 10 // x
    except ZeroDivisionError as e:
        return type(e).__name__
    finally:
        seen.append(x)

def closing(a):
    def inner(b):
        nonlocal a
        a += b
        return a
    return inner

def generator(n):
    """Doc."""
    for i in range(n):
        yield i * i

async def coroutine(n):
    total = 0
    for i in range(n):
        total += i
    return total

class Thing:
    table = [i * 2 for i in range(5)]
    for row in table:
        last = row

    def method(self, k=3, *rest, key=None, **more):
        return self.table[k], rest, key, sorted(more)

    @staticmethod
    def make():
        return lambda: Thing.last

def recursive(n):
    return 1 if n < 2 else n * recursive(n - 1)

def raising(n):
    raise KeyError(n)
'''
NAMES = "no_names loop_first forever guarded closing generator coroutine recursive raising".split()


def module():
    space = {"seen": []}
    code = compile(SOURCE, "<late>", "exec")
    before = marshal.dumps(code)
    exec(code, space)
    return code, before, space


def run(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as e:
        return e.value


def use(space):
    out = [space["no_names"](1), space["loop_first"](3, []), space["forever"](), space["guarded"](5), space["guarded"](0)]
    inner = space["closing"](10)
    out += [inner(1), inner(2), list(space["generator"](4)), run(space["coroutine"](5)), space["recursive"](6)]
    thing = space["Thing"]()
    out += [thing.method(), thing.method(1, 2, key="k", z=1, y=2), thing.make()(), space["seen"]]
    try:
        space["raising"](7)
    except KeyError as e:
        tb = e.__traceback__.tb_next
        out.append((repr(e), tb.tb_lineno, tb.tb_frame.f_code.co_name))
    return out


def same(space, expected):
    """Whether the functions' code is what was compiled."""
    codes = {c.co_name: c for c in expected.co_consts if isinstance(c, types.CodeType)}
    for name in NAMES:
        mine, theirs = space[name].__code__, codes[name]
        if mine != theirs or hash(mine) != hash(theirs) or marshal.dumps(mine) != marshal.dumps(theirs):
            return name
        for attribute in "co_code co_consts co_names co_stacksize co_linetable co_flags co_exceptiontable".split():
            if getattr(mine, attribute) != getattr(theirs, attribute):
                return name, attribute
    return True


fresh = compile(SOURCE, "<late>", "exec")

code, before, space = module()
print("before", same(space, fresh), marshal.dumps(code) == before, code == fresh)
first = use(space)
for line in first:
    print(line)
print("after", same(space, fresh), marshal.dumps(code) == before, code == fresh)

# The compiled code can be run again, and a copy of it.
for again in code, marshal.loads(before), marshal.loads(marshal.dumps(code)):
    space = {"seen": []}
    exec(again, space)
    print(use(space) == first)

# A first call that a tool watches.
code, before, space = module()
events = []


def trace(frame, event, arg):
    if frame.f_code.co_filename == "<late>":
        events.append((frame.f_code.co_name, event, frame.f_lineno))
        return trace


sys.settrace(trace)
traced = use(space)
sys.settrace(None)
print("traced", traced == first, len(events), events[:8])
print("untraced", use({**space, "seen": []}) is not None, same(space, fresh))

# Generators and coroutines that are made and begun later.
code, before, space = module()
generators = [space["generator"](n) for n in range(5)]
print([list(g) for g in reversed(generators)], sys.getsizeof(space["generator"].__code__) > 0)

# New functions of old code.
code, before, space = module()
g = types.FunctionType(space["recursive"].__code__, {"recursive": lambda n: 100})
print(g(5), space["recursive"](5))


def target(x):
    return None


target.__code__ = space["no_names"].__code__
print(target(4), space["no_names"](4))

# More constants than a unit can number.
many = "def many(x):\n    return [" + ", ".join(f"x + {i}.5" for i in range(300)) + "]\n"
space = {}
exec(many, space)
print(sum(space["many"](1)), sum(space["many"](1)))
