//! What must hold on every JavaScript host, as functions that take the package. They run in Node as they are, and in
//! Chromium sent there as text: so each uses nothing but its arguments and what is in this file.

/** What a promise is rejected with, or null. */
function failure(promise) {
  return promise.then(
    () => null,
    (error) => error,
  );
}

/** Runs a program until it prints something, which it does when it has begun, however busy the machine is. Gives the error of being stopped. */
function stopped(vm, code, options = {}) {
  const abort = new AbortController();
  return failure(vm.run(code, { signal: abort.signal, onStdout: () => abort.abort(), ...options }));
}

/** Name of the test, then the test: it gets the package, options for `load` and `equal`, and throws if something is wrong. */
export const suite = {
  async "a program prints, and its last expression is its value"(Psycore, load, equal) {
    const vm = await load();
    let out = "";
    let err = "";
    const code = "import sys\nprint('hällo', '✓' * 3)\nprint('oops', file=sys.stderr)\n6 * 7";
    const value = await vm.run(code, { onStdout: (text) => (out += text), onStderr: (text) => (err += text) });
    equal([value, out, err], [42, "hällo ✓✓✓\n", "oops\n"]);
    vm.dispose();
  },

  async "characters that writes cut in two arrive whole"(Psycore, load, equal) {
    const vm = await load();
    let out = "";
    await vm.run("import os\nfor byte in '✓ä'.encode(): os.write(1, bytes([byte]))", { onStdout: (text) => (out += text) });
    equal(out, "✓ä");
    vm.dispose();
  },

  async "values come back as they went"(Psycore, load, equal) {
    const vm = await load();
    // prettier-ignore
    const values = [
      null, true, 0, -1, 1.5, -0, NaN, Infinity, 2 ** 53, 2 ** 53 - 1, 2n ** 63n, -(2n ** 64n), 2n ** 200n, -(2n ** 200n), "", "a ✓ 𝄞",
      [], [1, [2, [3]]], {}, { a: 1, b: { c: null } }, new Map([[1, "x"], [null, 2]]), new Set(["a"]), new Uint8Array([0, 255]), { ["__proto__"]: 1 },
    ];
    for (const value of values) {
      await vm.set("x", value);
      equal(await vm.get("x"), value);
    }
    // prettier-ignore
    equal(await vm.run("(1, 2.5, 'x', b'y', {1, 2}, frozenset([3]), {1: 2}, {'k': (3,)}, 2**53, None)"), [
      1, 2.5, "x", new Uint8Array([121]), new Set([1, 2]), new Set([3]), new Map([[1, 2]]), { k: [3] }, 9007199254740992n, null,
    ]);
    equal(
      await vm.run("[type(v).__name__ for v in vs]", {
        globals: {
          vs: [1, 1.5, 2n ** 70n, "", [], {}, new Map(), new Set(), new Uint8Array(), true, undefined, new Float64Array([1])],
        },
      }),
      ["int", "float", "int", "str", "list", "dict", "dict", "set", "bytes", "bool", "NoneType", "list"],
    );
    vm.dispose();
  },

  async "values without a counterpart are refused"(Psycore, load, equal) {
    const vm = await load();
    const loop = [];
    loop.push(loop);
    const failures = [];
    for (const value of [new Date(), Symbol("s"), loop]) await vm.set("x", value).catch((error) => failures.push(error.name));
    equal(failures, ["TypeError", "TypeError", "RangeError"]);
    equal(await vm.run("1"), 1);
    vm.dispose();
  },

  async "modules that few programs import come when they are wanted"(Psycore, load, equal) {
    const code = "import decimal, json\nstr(decimal.Decimal('1.10') + 1) + json.dumps([1])";
    const vm = await load();
    equal(await vm.run(code), "2.10[1]");
    vm.dispose();
    const without = await load({ library: new Uint8Array(100) });
    const error = await failure(without.run(code));
    equal([error.type, error.message], ["ImportError", "there is no psycore-library.wasm, where 'decimal' is"]);
    equal(await without.run("import json\njson.dumps([1])"), "[1]");
    without.dispose();
  },

  async "exceptions carry type, message, traceback and places"(Psycore, load, equal) {
    const vm = await load();
    const raise = (code) => failure(vm.run(code, { file: "main.py" }));
    let error = await raise("def f():\n    1 / 0\n\nf()");
    equal([error.type, error.name, error.message], ["ZeroDivisionError", "ZeroDivisionError", "division by zero"]);
    equal(
      error.frames.map(({ file, line }) => [file, line]),
      [
        ["main.py", 4],
        ["main.py", 2],
      ],
    );
    equal(error.traceback.startsWith("Traceback (most recent call last):\n"), true);
    equal(error.traceback.trimEnd().endsWith("ZeroDivisionError: division by zero"), true);
    error = await raise("x = 1\ny = (2,\n");
    equal([error.type, error.frames.at(-1).line], ["SyntaxError", 2]);
    error = await raise("import sys\nsys.exit(3)");
    equal([error.type, error.exitCode], ["SystemExit", 3]);
    equal(await vm.run("1"), 1);
    vm.dispose();
  },

  async "functions of the page can be called"(Psycore, load, equal) {
    const vm = await load();
    const add = (a, b, named) => a + b + (named?.c ?? 0);
    equal(await vm.run("add(1, 2), add(1, 2, c=4), list(map(lambda x: add(x, x), [1, 2]))", { globals: { add } }), [
      3,
      7,
      [2, 4],
    ]);
    const fail = () => {
      throw new RangeError("no such thing");
    };
    equal(
      await vm.run("try:\n    fail()\nexcept ValueError as e:\n    got = str(e)\ngot", { globals: { fail } }),
      "no such thing",
    );
    equal((await vm.get("add")) === undefined, false);
    vm.dispose();
  },

  async "functions of Python can be called, and let go"(Psycore, load, equal) {
    const vm = await load();
    await vm.run("def f(a, b=10, *rest, c=100): return a + b + c + sum(rest)\nclass Thing: pass\nthing = Thing()");
    equal(await vm.call("f", [1]), 111);
    equal(await vm.call("f", [1, 2, 3], { c: 4 }), 10);
    const f = await vm.get("f");
    equal([typeof f, f.pythonClass, await f(1, 2)], ["function", "function", 103]);
    const thing = await vm.get("thing");
    equal([typeof thing, thing.pythonClass, thing.repr.includes("Thing")], ["object", "Thing", true]);
    equal(await vm.run("same is thing", { globals: { same: thing } }), true);
    thing.release();
    equal((await failure(vm.set("x", thing))).name, "TypeError");
    equal((await failure(vm.call("missing"))).type, "NameError");
    vm.dispose();
  },

  async "files go in, are read and written, and come out"(Psycore, load, equal) {
    const vm = await load({ files: { "always.txt": "here" } });
    const code = `
import os
lines = open("in/data.csv").read().split()
with open("out.txt", "w") as file:
    file.write("sum " + str(sum(map(int, lines))))
os.mkdir("made")
with open("made/more.bin", "wb") as file:
    file.write(bytes(range(256)) * 100)
with open("out.txt", "a") as file:
    file.write("!")
open("always.txt").read(), sorted(os.listdir("."))`;
    const [always, names] = await vm.run(code, { files: { "in/data.csv": "1\n2\n3\n" } });
    equal([always, names], ["here", ["always.txt", "in", "made", "out.txt"]]);
    equal(new TextDecoder().decode(await vm.readFile("out.txt")), "sum 6!");
    equal((await vm.readFile("/made/more.bin")).length, 25600);
    equal(await vm.listFiles(), ["always.txt", "in/data.csv", "made/more.bin", "out.txt"]);
    equal([await vm.removeFile("made"), await vm.removeFile("made"), await vm.readFile("made/more.bin")], [true, false, null]);
    await vm.writeFile("module_of_mine.py", "answer = 42");
    equal(await vm.run("import module_of_mine\nmodule_of_mine.answer"), 42);
    vm.dispose();
  },

  async "stdin is a text, a function, or empty"(Psycore, load, equal) {
    const vm = await load();
    const onStdout = () => {};
    equal(await vm.run("a = input('? ')\nb = input()\n[a, b]", { stdin: "one\ntwo\n", onStdout }), ["one", "two"]);
    const lines = ["x\n", "y\n", null];
    equal(await vm.run("import sys\n[input(), sys.stdin.read()]", { stdin: () => lines.shift() ?? null, onStdout }), [
      "x",
      "y\n",
    ]);
    equal((await failure(vm.run("input()"))).type, "EOFError");
    vm.dispose();
  },

  async "a fresh interpreter knows nothing of the old one"(Psycore, load, equal) {
    const vm = await load({ files: { "kept.txt": "x" } });
    await vm.run("x = 1", { files: { "lost.txt": "y" } });
    await vm.reset();
    equal((await failure(vm.get("x"))).type, "NameError");
    equal(await vm.listFiles(), ["kept.txt"]);
    vm.dispose();
    equal((await failure(vm.run("1"))).name, "GuestCrash");
  },

  async "deep recursion raises and does not trap"(Psycore, load, equal) {
    const vm = await load();
    const code = (body) => `${body}\ntry:\n    go(0)\n    got = None\nexcept RecursionError:\n    got = "RecursionError"\ngot`;
    const bodies = [
      "def go(n): return go(n + 1)",
      "class A:\n    def __getattr__(self, name): return getattr(self, name + 'x')\ndef go(n): return A().x",
      "def go(n): return sorted([2, 1], key=lambda x: go(x))",
      "def go(n): return eval('go(n)')",
      "class E:\n    def __eq__(self, other): return self == E()\ndef go(n): return E() == 1",
    ];
    for (const body of bodies) equal(await vm.run(code(body)), "RecursionError");
    vm.dispose();
  },

  async "sleeping takes its time"(Psycore, load, equal) {
    const vm = await load();
    const slept = await vm.run("import time\nt = time.perf_counter()\ntime.sleep(0.1)\ntime.perf_counter() - t");
    equal(slept >= 0.099, true);
    vm.dispose();
  },

  async "threads can't be started, as in other Pythons of browsers"(Psycore, load, equal) {
    const vm = await load();
    const error = await vm.run("import threading\nthreading.Thread(target=print).start()").catch((e) => e);
    equal([error.type, error.message], ["RuntimeError", "can't start new thread"]);
    vm.dispose();
  },

  async "the same result with and without the JIT"(Psycore, load, equal) {
    const code = `
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
total = 0
for i in range(300000):
    total += i * i % 7
xs = [0.5 * i for i in range(1000)]
for _ in range(50):
    s = 0.0
    for x in xs:
        s += x * x
big = 1
for i in range(100):
    big = big * 3 + i
[fib(18), total, s, str(big)]`;
    const results = [];
    for (const jit of ["off", "auto", "full"]) {
      const vm = await load({ jit });
      results.push(await vm.run(code));
      vm.dispose();
    }
    equal(results[1], results[0]);
    equal(results[2], results[0]);
  },
};

/** Tests for guests in a worker that shares memory with its owner. */
export const workerSuite = {
  async "functions of the page may be asynchronous, and ask Python meanwhile"(Psycore, load, equal) {
    const vm = await load();
    await vm.run("def double(x): return 2 * x\nsecret = 7");
    const ask = async (x) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return (await vm.call("double", [x])) + (await vm.get("secret"));
    };
    equal(await vm.run("ask(10) + ask(1)", { globals: { ask } }), 36);
    const big = "x".repeat(300000);
    equal(await vm.run("s = give(); len(s)", { globals: { give: async () => big } }), 300000);
    const lines = ["later\n"];
    const stdin = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return lines.shift() ?? null;
    };
    equal(await vm.run("input()", { stdin }), "later");
    vm.dispose();
  },

  async "a busy loop can be stopped, and the interpreter goes on"(Psycore, load, equal) {
    const vm = await load();
    let error = await stopped(vm, "x = 1\nwhile True:\n    x += 1\n    if x == 100000: print('begun')");
    equal([error.name, error.stateLost], ["AbortError", false]);
    equal((await vm.get("x")) > 1, true);
    error = await stopped(vm, "import time\nprint()\ntime.sleep(1000)");
    equal(error.name, "AbortError");
    error = await stopped(vm, "print()\nwait()", { globals: { wait: () => new Promise(() => {}) } });
    equal(error.name, "AbortError");
    error = await stopped(vm, "print()\ninput()", { stdin: () => new Promise(() => {}) });
    equal(error.name, "AbortError");
    error = await vm.run("while True: pass", { timeout: 100 }).catch((e) => e);
    equal(error.name, "AbortError");
    equal(await vm.run("1 + 1"), 2);
    vm.dispose();
  },

  async "warming up leaves nothing behind but warmth"(Psycore, load, equal) {
    await Psycore.warmUp();
    const vm = await load();
    equal(await vm.run("'work' in globals()"), false);
    equal((await vm.stats()).units, 0);
    vm.dispose();
  },

  async "a busy loop that is interpreted can be stopped, too"(Psycore, load, equal) {
    const loop = "while True:\n    x += 1\n    if x == 10000: print('begun')\n";
    const endless = `x = 1\ndef f():\n    global x\n    ${loop.replaceAll("\n    ", "\n        ")}`;
    const never = "import psyco\npsyco.cannotcompile(f.__code__)\n";
    for (const [jit, code] of [
      ["off", `${endless}f()`],
      ["off", `x = 1\n${loop}`],
      ["auto", `${endless}${never}f()`],
    ]) {
      const vm = await load({ jit });
      const error = await stopped(vm, code);
      equal([error.name, error.stateLost], ["AbortError", false]);
      equal((await vm.get("x")) > 1, true);
      equal((await vm.stats()).mode, jit);
      vm.dispose();
    }
  },

  async "recursion without a loop can be stopped"(Psycore, load, equal) {
    const code = "def f(n): return 1 if n == 0 else f(n - 1) + f(n - 1)\nx = f(10)\nprint(x)\nf(60)";
    for (const jit of ["auto", "off"]) {
      const vm = await load({ jit });
      const error = await stopped(vm, code);
      equal([error.name, error.stateLost], ["AbortError", false]);
      equal(await vm.get("x"), 1024);
      vm.dispose();
    }
  },

  async "a program that does not want to stop loses its interpreter"(Psycore, load, equal) {
    const vm = await load({ files: { "kept.txt": "x" } });
    const code = "x = 1\nwhile True:\n    try:\n        print()\n        while True: pass\n    except KeyboardInterrupt: pass";
    const error = await stopped(vm, code);
    equal([error.name, error.stateLost], ["AbortError", true]);
    equal(await vm.get("x").catch((e) => e.type), "NameError");
    equal(await vm.run("open('kept.txt').read()"), "x");
    vm.dispose();
  },

  async "a function of the page that never answers leaves nothing behind"(Psycore, load, equal) {
    const vm = await load();
    let late;
    let abort;
    const wait = () => {
      setTimeout(() => abort.abort(), 20);
      return new Promise((resolve) => (late = resolve));
    };
    const stuck = "while True:\n    try: wait()\n    except KeyboardInterrupt: pass";
    for (const code of ["wait()", stuck]) {
      abort = new AbortController();
      equal(await vm.run(code, { globals: { wait }, signal: abort.signal }).catch((e) => e.name), "AbortError");
      // Runs wait for one another again, and an answer that comes too late does no harm.
      const order = [];
      const first = vm.run("import time; time.sleep(0.1); 1").then((value) => order.push(value));
      const second = vm.run("2").then((value) => order.push(value));
      late(new Date());
      await Promise.all([first, second]);
      equal(order, [1, 2]);
    }
    equal(await vm.run("x = 1\nf()\nx", { globals: { f: async () => 5 } }), 1);
    vm.dispose();
  },

  async "a flood of output streams and does not drown the page"(Psycore, load, equal) {
    const vm = await load();
    const abort = new AbortController();
    let characters = 0;
    let pieces = 0;
    const onStdout = (text) => {
      characters += text.length;
      pieces += 1;
      if (characters > 10000 && pieces > 1) abort.abort();
    };
    const error = await vm.run("while True: print('x' * 100)", { signal: abort.signal, onStdout }).catch((e) => e);
    equal(error.name, "AbortError");
    // Nothing would end it if the text came with its end.
    equal((await stopped(vm, "print('first')\nwhile True: pass")).name, "AbortError");
    vm.dispose();
  },
};
