# needs: threads
"""Functions whose first call comes on another thread, or while another one waits: they must be what they were, and work."""
import marshal
import threading
import types

SOURCE = """
def loop_first(n, out):
    while n:
        out.append(n)
        n -= 1
    return out

def recursive(n):
    return n if n < 2 else recursive(n - 1) + recursive(n - 2)

def generator(n):
    for i in range(n):
        yield i * i

def closing(n):
    def add(x):
        return x + n
    return add

def raising(n):
    if n > 5:
        raise KeyError(n)
    return n
"""
fresh = compile(SOURCE, "<late>", "exec")
codes = {code.co_name: code for code in fresh.co_consts if isinstance(code, types.CodeType)}


def module():
    space = {}
    exec(compile(SOURCE, "<late>", "exec"), space)
    return space


def use(space):
    out = [space["loop_first"](4, []), space["recursive"](10), list(space["generator"](5)), space["closing"](3)(4)]
    for n in 5, 6:
        try:
            out.append(space["raising"](n))
        except KeyError as e:
            tb = e.__traceback__.tb_next
            out.append((repr(e), tb.tb_lineno, tb.tb_frame.f_code.co_name))
    return out


def same(space):
    """Whether the functions' code is what was compiled."""
    return all(space[name].__code__ == code and marshal.dumps(space[name].__code__) == marshal.dumps(code) for name, code in codes.items())


first = use(module())
print(first)

space = module()
results = []
thread = threading.Thread(target=lambda: results.append(use(space)))
thread.start()
thread.join()
print("thread", results == [first], same(space), use(space) == first)

space = module()
waiting, going = threading.Event(), threading.Event()
thread = threading.Thread(target=lambda: (waiting.set(), going.wait()))
thread.start()
waiting.wait()
print("beside", use(space) == first)
going.set()
thread.join()
print("alone", use(space) == first, same(space))
