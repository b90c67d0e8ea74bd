"""The same code object runs with other globals: through exec, and in functions made from it."""
import types

loop = compile("s = start\nfor i in range(1500):\n    s = s + step\n", "<loop>", "exec")
for start, step in ((0, 1), (0.5, 1), (0, 0.25), (2 ** 63 - 1000, 1)):
    scope = {"start": start, "step": step}
    exec(loop, scope)
    print(scope["s"], scope["i"])


def template(n):
    total = start
    for i in range(n):
        total += i * factor
    return total


for start_value, factor in ((0, 2), (100, 2), (0, 1.5), (0.5, 3), (7, 7)):
    made = types.FunctionType(template.__code__, {"start": start_value, "factor": factor, "range": range})
    print(made(2000), made(3))
