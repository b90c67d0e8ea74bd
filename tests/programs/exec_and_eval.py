"""exec, eval and compile with hot loops in them: own namespaces, custom mappings, code objects run many times, marshal."""
import marshal
import types

namespace = {}
exec("""
def inner(n):
    total = 0
    for i in range(n):
        total += i * factor
    return total

factor = 3
result = inner(2000)
counter = 0
for k in range(2000):
    counter += k % 3
""", namespace)
print(namespace["result"], namespace["counter"], namespace["k"], sorted(name for name in namespace if name != "__builtins__"))
namespace["factor"] = 0.5
print(namespace["inner"](2000))
namespace["factor"] = "ab"
try:
    namespace["inner"](3)
except TypeError as problem:
    print("TypeError")
    del problem

loop = compile("""
s = start
for i in range(1500):
    s = s + step
""", "<loop>", "exec")
for start, step in ((0, 1), (0.5, 1), (0, 0.25), ("", "ab"), (2 ** 63 - 1000, 1), ((), (1,)), (True, False)):
    scope = {"start": start, "step": step}
    exec(loop, scope)
    value = scope["s"]
    print(value if not isinstance(value, (str, tuple)) else len(value), scope["i"])
try:
    exec(loop, {"start": 0, "step": None})
except TypeError as problem:
    print("TypeError", problem.__traceback__.tb_next.tb_lineno)


class Recorder(dict):
    """A mapping that counts: module-level loops may not bypass it."""

    def __init__(self, *args):
        super().__init__(*args)
        self.reads = self.writes = 0

    def __getitem__(self, key):
        self.reads += 1
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        self.writes += 1
        super().__setitem__(key, value)

    def __missing__(self, key):
        if key == "step":
            return 2
        raise KeyError(key)


recorder = Recorder({"start": 1})
exec(loop, {"range": range}, recorder)
print(recorder["s"], recorder.reads > 3000, recorder.writes > 3000)
exec("x = 1\ndel x\ny = 5", {}, recorder)
print("x" in recorder, recorder["y"])

expression = compile("a * b + a", "<expression>", "eval")
total = 0
for i in range(3000):
    total += eval(expression, {"a": i, "b": 2 if i < 2500 else 0.5})
print(total)
print(eval("[x for x in range(5) if x % 2]"), eval("(lambda y: y + z)(1)", {"z": 2}), eval("__name__"), eval(" 1 + 1 "))


def local_scope(n):
    value = 10
    out = []
    for i in range(n):
        if i % 100 == 0:
            out.append(eval("value + i", globals(), {"value": value, "i": i}))
            exec("value = 99", {}, {})
        value += 1
    return out[-1], value


print(local_scope(1500))
for source in ("1 +", "x = ", "def f(:", "for", "return 1", "a b", "'abc", "break", "(1", "f(x for x in y, 1)", "x = 1\n  y = 2"):
    try:
        exec(source)
        print("fine?", source)
    except SyntaxError as problem:
        print(type(problem).__name__, repr(source))
for source in ("undefined_name", "1 / 0", "[][1]", "{}['k']", "None.x", "len(5)", "'a' + 1"):
    try:
        eval(source)
    except Exception as problem:
        print(type(problem).__name__, end=" ")
print()

module = types.ModuleType("made")
exec(compile("""
state = 0
def step(n):
    global state
    for i in range(n):
        state += 1
    return state
class Counter:
    total = 0
    def add(self, n):
        for i in range(n):
            self.total += i
        return self.total
""", "made.py", "exec"), module.__dict__)
print(module.step(2000), module.step(2000), module.state, module.Counter().add(1500), module.step.__module__, module.Counter.__module__)
module.state = "a"
try:
    module.step(1)
except TypeError:
    print("TypeError", module.state)

# Code objects survive marshal, before and after they have been hot.
code = marshal.loads(marshal.dumps(loop))
scope = {"start": 0, "step": 2}
exec(code, scope)
print(scope["s"], code == loop, code.co_filename, code.co_names == loop.co_names, code.co_code == loop.co_code)
f = module.step.__code__
again = marshal.loads(marshal.dumps(f))
print(again.co_name, again.co_varnames, again == f, again.co_consts == f.co_consts, again.co_stacksize == f.co_stacksize, hash(again) == hash(f))
copied = types.FunctionType(again, {"state": 5})
print(copied(1000), copied.__globals__["state"])
changed = loop.replace(co_filename="other")
scope = {"start": 0, "step": 1}
exec(changed, scope)
print(scope["s"], changed.co_filename)

made = [eval("lambda x, k=%d: x * k + %d" % (i, i)) for i in range(300)]
print(sum(function(7) for function in made), made[5](1, k=10))
functions = {}
for i in range(60):
    exec("def f%d(n):\n    t = %d\n    for j in range(n):\n        t += j %% %d\n    return t" % (i, i, i + 1), functions)
print(sum(functions["f%d" % i](100) for i in range(60)))
exec("total = 0\nfor i in range(2000): total += i")
print(total, i)
print([eval(compile(text, "<c>", "eval")) for text in ("1 if 0 else 2", "not 1", "3 < 4 < 5", "{**{}, 'a': 1}", "f'{1+1}'", "(yes := 5) + yes", "[*range(3)]")])
