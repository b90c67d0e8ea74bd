//! Programs with hooks everywhere, none of which ever fires, do what they do without.

use super::{Never, outcome, with_jit, with_vm};
use crate::hook::Thresholds;

/// Runs the program without and with hooks (never hot, and always asking) and compares.
#[track_caller]
fn same(source: &str) {
    let plain = with_vm(|vm| outcome(vm, source));
    for calls in [u32::MAX, 1] {
        let options = Thresholds { calls, iterations: calls };
        let hooked = with_jit(Box::new(Never), options, |vm, _| outcome(vm, source));
        assert_eq!(hooked, plain, "{source}");
    }
}

#[test]
fn functions_loops_generators() {
    same(
        "
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def gen(n):
    for i in range(n):
        x = yield i
        while x:
            x = yield x * 2
            if x > 3: x = 0
def nested(n):
    total = 0
    for i in range(n):
        for j in range(i):
            if j % 3: continue
            if j > 20: break
            total += j
        else:
            total += 1
    return total
class C:
    'doc'
    for z in range(4): pass
    def __init__(self, v=3): self.v = v
    def m(self): return [x for x in range(self.v)]
out = [fib(12), list(gen(5)), nested(30), C().m(), C.z, {k: v for k, v in zip('abc', range(3))}]
g = gen(3); next(g); out.append(g.send(2)); out.append(g.send(5))
i = 0
while i < 50:
    i += 1
    try:
        if i % 7 == 0: raise ValueError(i)
    except ValueError as e:
        out.append(e.args)
    finally:
        out.append(i)
print(out)
",
    );
}

#[test]
fn tracebacks_and_positions() {
    same(
        "
import traceback, sys
def f(x):
    return undefined_name + x
def g(x):
    for i in range(3):
        y = f(i)
    return y
def h(): return g(1).attr
try:
    h()
except NameError:
    print(traceback.format_exc())
    tb = sys.exc_info()[2]
    while tb:
        # The first instruction of a function really runs behind the code.
        print(tb.tb_frame.f_code.co_name == 'f' or tb.tb_lasti, tb.tb_lineno, tb.tb_frame.f_code.co_name, tb.tb_frame.f_lineno)
        tb = tb.tb_next
def k():
    while True:
        try:
            1 / 0
        except ZeroDivisionError as e:
            raise KeyError('x') from e
try: k()
except KeyError: print(traceback.format_exc())
def where(): return sys._getframe(1).f_lineno, sys._getframe(1).f_lasti
def lines():
    a = where()
    for i in range(2):
        a += where()
    return a
print(lines())
lst = [1, 2]
for q in lst:
    lst2 = lst[q - 1:][
        5]
",
    );
}

#[test]
fn code_objects_look_original() {
    same(
        "
import marshal, dis, io, types, inspect, copy
src = '''
def f(a, b=2, *c, d, **e):
    \"doc\"
    t = 0
    for i in range(a):
        t += i
    def inner(): return t, i
    return inner
def one(): return 1
x = [f(3, d=1)() for _ in range(2)]
'''
code = compile(src, 'name', 'exec')
ns = {}
exec(code, ns)
f = ns['f']
orig = code.co_consts[0] if hasattr(code.co_consts[0], 'co_code') else None
pairs = {c.co_name: c for c in code.co_consts if hasattr(c, 'co_code')}
for name, c in pairs.items():
    got = ns[name].__code__
    for a in sorted(dir(c)):
        if a.startswith('co_') and not callable(getattr(c, a)) and a != 'co_consts' or a == 'co_flags':
            assert getattr(c, a) == getattr(got, a), (name, a, getattr(c, a), getattr(got, a))
    assert len(c.co_consts) == len(got.co_consts), (c.co_consts, got.co_consts)
    assert c == got and hash(c) == hash(got), name
    assert c.co_consts == got.co_consts
    assert list(c.co_lines()) == list(got.co_lines())
    n = len(c.co_code) // 2
    assert list(c.co_positions())[:n] == list(got.co_positions())[:n]
    assert marshal.dumps(c) == marshal.dumps(got), name
    a, b = io.StringIO(), io.StringIO()
    dis.dis(c, file=a); dis.dis(got, file=b)
    import re
    strip = lambda s: re.sub('0x[0-9a-f]+', '', s.getvalue())
    assert strip(a) == strip(b), (strip(a), strip(b))
    r = got.replace(co_name='other')
    assert r.co_name == 'other' and r.co_code == c.co_code
print(marshal.loads(marshal.dumps(f.__code__)).co_stacksize == f.__code__.co_stacksize, ns['x'])
print(inspect.signature(f), f.__doc__, f.__code__.co_varnames)
g = types.FunctionType(pairs['one'], {})
print(g(), g.__code__ == pairs['one'])
def z(): return 5
z.__code__ = pairs['one']
print(z(), z.__code__ == pairs['one'], exec.__name__, eval.__name__, eval(' 1+(2)'), callable(exec))
try: eval('1 +')
except SyntaxError as e: print(e)
try: exec('a b')
except SyntaxError as e: print(e)
try: exec('x\\0')
except (SyntaxError, ValueError) as e: print(type(e), e)
import gc
print([type(o).__name__ for o in gc.get_objects() if type(o).__name__ == 'hook'])
",
    );
}

#[test]
fn tools_see_everything() {
    same(
        "
import sys
def body(n):
    t = 0
    for i in range(n):
        t += i
        if t > 5:
            t -= 1
    return t
for _ in range(5): body(4)
events = []
def tracer(frame, event, arg):
    if frame.f_code.co_name == 'body':
        events.append((event, frame.f_lineno))
    return tracer
sys.settrace(tracer); body(3); sys.settrace(None)
print(events)
events = []
sys.setprofile(lambda f, e, a: events.append((e, f.f_code.co_name)) if f.f_code.co_name == 'body' else None)
body(2); sys.setprofile(None)
print(events)
m = sys.monitoring
m.use_tool_id(3, 'x')
got = []
m.register_callback(3, m.events.JUMP, lambda c, a, b: got.append((c.co_name, a, b)))
m.register_callback(3, m.events.PY_START, lambda c, a: got.append((c.co_name, a)))
m.set_events(3, m.events.JUMP | m.events.PY_START)
body(4)
m.set_events(3, 0)
m.free_tool_id(3)
print([g for g in got if g[0] == 'body'])
for _ in range(5): body(4)
print(body(7))
",
    );
}

#[test]
fn threads_run() {
    same(
        "
import threading, queue
q = queue.Queue()
def work(k):
    t = 0
    for i in range(2000):
        t += i % k
    q.put((k, t))
ts = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
for t in ts: t.start()
for t in ts: t.join()
print(sorted(q.get() for _ in ts))
work(3)
print(q.get())
",
    );
}

#[test]
fn big_loops_with_long_jumps() {
    let mut body = String::from("def f(n):\n    t = 0\n    for i in range(n):\n");
    for k in 0..120 {
        body += &format!("        t = (t * 3 + i * {k}) % 1000003\n");
    }
    body += "    return t\nprint(f(30))\nfor a in range(20):\n";
    for k in 0..150 {
        body += &format!("    b = a * {k} + {}\n", k + 300);
    }
    body += "print(b)\n";
    same(&body);
    // Too many constants for a hook.
    let many: String = (0..300).map(|k| format!("{k}.5, ")).collect();
    same(&format!(
        "def f():\n    t = 0\n    for x in [1, 2]:\n        t += sum([{many}][x] for _ in range(3))\n        print('a', [{many}][5] + t)\nf()\nf()\n"
    ));
}

#[test]
fn standard_library_programs() {
    same("
import re, json, collections, functools, itertools, textwrap, string, random, heapq, bisect, statistics, decimal, fractions, datetime, enum, dataclasses, typing, contextlib, io, pprint, difflib, copy, operator, abc, calendar, html, tokenize, ast, argparse
print(re.findall(r'(\\w+)@(\\w+)\\.com', 'a@b.com, joe@site.com'))
print(json.dumps(json.loads('{\"a\": [1, 2.5, null, true], \"b\": {\"c\": \"d\"}}'), indent=1, sort_keys=True))
print(collections.Counter('hello world').most_common(3), collections.OrderedDict(a=1))
P = collections.namedtuple('P', 'x y'); print(P(1, 2), P(1, 2)._replace(x=5))
print(textwrap.fill('the quick brown fox jumps over the lazy dog ' * 3, 30))
random.seed(5); print([random.randint(0, 99) for _ in range(5)])
h = []; [heapq.heappush(h, x) for x in [5, 2, 8, 1]]; print([heapq.heappop(h) for _ in range(4)])
print(statistics.mean([1, 2, 3, 4]), decimal.Decimal('1.1') * 3, fractions.Fraction(3, 9))
class E(enum.Enum):
    A = 1
    B = 2
print(list(E), E('A' and 1))
@dataclasses.dataclass(order=True)
class D:
    a: int
    b: str = 'x'
print(D(1), D(1) < D(2), dataclasses.asdict(D(3)))
print(list(itertools.islice(itertools.permutations('abc'), 4)), functools.reduce(operator.add, range(10)))
pprint.pprint({'k' * i: list(range(i)) for i in range(1, 6)})
print('\\n'.join(difflib.unified_diff('a b c'.split(), 'a x c'.split(), lineterm='')))
print(ast.dump(ast.parse('x = [i for i in y if i]')))
print(calendar.month(2024, 2), html.escape('<a>'))
p = argparse.ArgumentParser(prog='t'); p.add_argument('--n', type=int, default=3); print(p.parse_args(['--n', '7']))
print([t.string for t in tokenize.generate_tokens(io.StringIO('a = b + 1').readline)])
@contextlib.contextmanager
def cm():
    yield 5
with cm() as v: print(v)
");
    same(
        "
import asyncio, unittest, io, logging, tempfile, os, subprocess, importlib, sys
async def work(n):
    for i in range(n): await asyncio.sleep(0)
    return n
async def agen():
    for i in range(3):
        yield i
        await asyncio.sleep(0)
async def main():
    print(await asyncio.gather(*(work(i) for i in range(4))), [x async for x in agen()])
asyncio.run(main())
class T(unittest.TestCase):
    def test_a(self):
        for i in range(3):
            with self.subTest(i=i): self.assertEqual(i * i, i ** 2)
    def test_b(self):
        with self.assertRaises(ZeroDivisionError): 1 / 0
s = io.StringIO()
r = unittest.TextTestRunner(stream=s, verbosity=0).run(unittest.defaultTestLoader.loadTestsFromTestCase(T))
print(r.testsRun, r.failures, r.errors)
with tempfile.TemporaryDirectory() as d:
    with open(os.path.join(d, 'modx.py'), 'w') as f: f.write('def f(n):\\n  t = 0\\n  for i in range(n): t += i\\n  return t\\n')
    sys.path.insert(0, d)
    import modx
    print(modx.f(10))
    modx2 = importlib.reload(modx); print(modx2.f(11))
",
    );
}
