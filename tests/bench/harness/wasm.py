"""The table of WebAssembly: psycore in Node, in Chromium and in wasmtime, beside the executable and beside Pyodide in Node.

Cold is the sum of the iterations of a fresh interpreter, as the program's own clock tells it: compilation is in it,
start-up is not, for any of them: it has a row of its own. Warm is the best iteration. Every measurement is a process of
its own, for Chromium a browser with a fresh profile. Pyodide gets the same programs and as many iterations as the others.

Warmed up is cold, but after the package's `warmUp()`, as a program is run in the playground. Nothing is required of it.

Start to first print is the time from the call of the package's `load`, in a process that has loaded it once before, to
the text's arrival in JavaScript: the engine has the compiled module of both by then, interpreters are made anew.
"""
import glob
import hashlib
import json
import math
import os
import re
import shutil
import statistics
import sys

from . import document, measure
from .measure import ARITHMETIC, NUMERIC, ROOT, SLOWER, Bench, Failed, geomean, number, share_row
from .native import find_psycore

PEERS = ["native", "node", "chromium", "wasmtime", "pyodide"]
LABELS = {"native": "native", "node": "Node", "chromium": "Chromium", "wasmtime": "wasmtime", "pyodide": "Pyodide"}
HOSTS = ["node", "chromium", "wasmtime"]  # where psycore runs in WebAssembly
IN_V8 = ["node", "chromium"]
LABELS |= {host + "_off": LABELS[host] + ", --jit=off" for host in HOSTS}
LABELS |= {host + "_warmed": LABELS[host] + ", warmed up" for host in IN_V8}

SCRIPTS = os.path.join(measure.PROGRAMS_DIRECTORY, "hosts")
PSYCORE_PACKAGE = os.path.join(ROOT, "wasm", "web", "npm", "dist")
PYODIDE_PACKAGE = os.path.join(measure.PROGRAMS_DIRECTORY, "node_modules", "pyodide")

STARTS = 5          # interpreters that a process starts, one after another
FIRST_PRINT = 4     # how many times sooner than Pyodide's
SANDBOX = 0.010     # seconds to the first print in a new sandbox


def find_commands(options):
    """The command of each peer that starts. What does not is reported, and then has no times."""
    psycore = find_psycore(options.bin) if {"native", "wasmtime"} & set(options.peers) else ""
    node = shutil.which("node") or "node"
    javascript = [node, os.path.join(SCRIPTS, "run.mjs")]
    candidates = {
        "native": [psycore],
        "node": javascript + ["node"],
        "chromium": javascript + ["chromium"],
        "wasmtime": [psycore, "--sandbox"],
        "pyodide": javascript + ["pyodide"],
    }
    commands, versions = {}, {}
    for peer in options.peers:
        try:
            # In wasmtime this compiles the guest as well, which takes seconds and is kept on disk.
            version = measure.run_process(candidates[peer] + ["-c", "import sys; print(sys.version.replace(chr(10), ' '))"])[2]
        except (Failed, OSError) as error:
            print("bench: %s does not start: %s" % (LABELS[peer], error), file=sys.stderr)
            continue
        commands[peer], versions[peer] = candidates[peer], version.strip()
        if peer in HOSTS:
            commands[peer + "_off"] = candidates[peer] + ["--jit=off"]
        if peer in IN_V8:
            commands[peer + "_warmed"] = candidates[peer] + ["--warm-up"]
    return commands, versions


def measure_pairs(bench, programs):
    """Interleaved pairs with --jit=off in each host, for the program that has little to win."""
    for host in HOSTS:
        if "text" not in programs or host not in bench.commands or bench.failed("text", host):
            continue
        bench.progress("%d pairs with --jit=off: text in %s" % (bench.options.pairs, LABELS[host]))

        def seconds(ours, host=host):
            peer = host if ours else host + "_off"
            done = bench.time_program("text", peer, 1)
            if done is None:
                raise Failed(peer)
            return bench.cold_of(*done)

        try:
            bench.take_pairs("text in %s" % host, seconds)
        except Failed:
            pass  # it was noted


def measure_starts(bench):
    """Seconds to the first print, by peer: of the first interpreter of each process, and of the later ones."""
    first_print = [shutil.which("node") or "node", os.path.join(SCRIPTS, "first_print.mjs")]
    commands = {"node": first_print + ["node"], "pyodide": first_print + ["pyodide"]}
    if "wasmtime" in bench.commands:
        built = os.path.dirname(bench.commands["wasmtime"][0])
        commands["wasmtime"] = [os.path.join(built, "examples", "first_print")]
    starts = {}
    for index in range(bench.options.rounds):
        bench.progress("starts: round %d of %d" % (index + 1, bench.options.rounds))
        for peer, command in commands.items():
            if peer not in bench.commands or bench.failed("first print", peer):
                continue
            try:
                stdout = measure.run_process(command + [str(STARTS + 1)])[2]
                seconds = [float(line) for line in stdout.split()]
            except (Failed, OSError, ValueError) as error:
                bench.fail("first print", peer, str(error))
                continue
            first, later = starts.setdefault(peer, ([], []))
            first.append(seconds[0])
            later.extend(seconds[1:])
    return starts


# What is fetched only by programs that import a module which is in it.
LATER = ("psycore-library.wasm",)


def at_once(files):
    """What a page fetches before it runs Python."""
    return sum(size for name, size in files.items() if name not in LATER)


def measure_sizes(bench):
    """Compressed bytes of what a page fetches: {peer: {file: bytes}}. Only packages that are whole."""
    files = {
        "node": [os.path.join(PSYCORE_PACKAGE, name) for name in ("psycore.wasm", "psycore_web_bg.wasm", *LATER)]
        + sorted(glob.glob(os.path.join(PSYCORE_PACKAGE, "*.js"))),
        "pyodide": [os.path.join(PYODIDE_PACKAGE, name)
                    for name in ("pyodide.asm.wasm", "python_stdlib.zip", "pyodide.asm.mjs", "pyodide.mjs")],
    }
    sizes = {}
    for peer, paths in files.items():
        bench.progress("compressing what is downloaded: %s" % LABELS[peer])
        try:
            sizes[peer] = {os.path.basename(path): brotli_bytes(path) for path in paths}
        except (Failed, OSError) as error:
            bench.fail("download", peer, str(error))
    return sizes


def brotli_bytes(path):
    """The size of a file under brotli's best compression. That takes minutes for the largest, so it is remembered."""
    with open(path, "rb") as file:
        key = hashlib.sha256(file.read()).hexdigest()
    directory = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "psycore", "brotli-sizes")
    known = os.path.join(directory, key)
    if not os.path.exists(known):
        size = measure.run_process([shutil.which("node") or "node", os.path.join(SCRIPTS, "brotli.mjs"), path], timeout=900)[2]
        os.makedirs(directory, exist_ok=True)
        with open(known, "w") as file:
            file.write(size)
    with open(known) as file:
        return int(file.read())


def share(bench, kind, program, host):
    """The time in a host as a multiple of the executable's."""
    return 1 / bench.ratio(kind, program, "native", host)


def print_times(bench, programs):
    for kind in ("cold", "warm"):
        note = "iterations of a fresh interpreter together, median of rounds" if kind == "cold" else "best iteration"
        print("\n%s: %s; seconds, then how many times faster than Pyodide, then multiples of the native time" % (kind, note))
        print("%-16s" % "" + "".join("%10s" % LABELS[peer] for peer in PEERS) + "  |"
              + "".join("%10s" % LABELS[host] for host in HOSTS) + "  |" + "".join("%10s" % LABELS[host] for host in HOSTS))
        faster = {(program, host): bench.ratio(kind, program, "pyodide", host) for program in programs for host in HOSTS}
        shares = {(program, host): share(bench, kind, program, host) for program in programs for host in HOSTS}
        for program in programs:
            print("%-16s" % program + "".join(number(bench.seconds(kind, program, peer), 10) for peer in PEERS) + "  |"
                  + "".join(number(faster[program, host], 10, 2, "x") for host in HOSTS) + "  |"
                  + "".join(number(shares[program, host], 10, 2) for host in HOSTS))
        print("%-16s" % "geomean" + " " * 10 * len(PEERS) + "  |"
              + "".join(number(geomean([faster[program, host] for program in programs]), 10, 2, "x") for host in HOSTS) + "  |"
              + "".join(number(geomean([shares[program, host] for program in programs]), 10, 2) for host in HOSTS))


def print_warmed(bench, programs):
    if not programs:
        return
    print("\nwarmed up: as cold, after Psycore.warmUp(); multiples of the native time, cold")
    for program in programs:
        print("%-16s" % program + "".join("%s %s     " % (LABELS[host], number(share(bench, "cold", program, host + "_warmed"), 0, 2))
                                          for host in IN_V8))


def said_version(command):
    """The number in what `command --version` says."""
    try:
        return re.search(r"\d[\d.]*", measure.run_process([command, "--version"])[2]).group()
    except (Failed, OSError, AttributeError):
        return "-"


def package_version(directory):
    try:
        with open(os.path.join(directory, "package.json")) as file:
            return json.load(file)["version"]
    except (OSError, KeyError, ValueError):
        return "-"


def median(values):
    return statistics.median(values) if values else math.nan


def milliseconds(values):
    return "%s ms" % number(1000 * median(values), 0, 1)


def print_starts(starts):
    print("\nstart to first print: of a new interpreter, and of the first one in a process; medians")
    for peer, (first, later) in starts.items():
        print("%-16s%12s%12s" % (LABELS[peer], milliseconds(later), milliseconds(first)))


def print_sizes(sizes):
    for peer, files in sizes.items():
        name = "psycore" if peer == "node" else LABELS[peer]
        print("\ndownload of %s with brotli: %s MB, %s in all" % (name, megabytes(at_once(files)), megabytes(sum(files.values()))))
        for name, size in files.items():
            print("    %-28s%8s MB" % (name, megabytes(size)))


def megabytes(size):
    return number(size / 1e6, 0, 2)


def check_rows(bench, programs, starts, sizes):
    """The requirements as rows: (what, required, measured, met). A missing measurement never counts as met."""
    rows = []

    def speed(group, pyodide, native):
        for program in group:
            for host in IN_V8 if program in programs else []:
                for kind in ("cold", "warm"):
                    faster, slower = bench.ratio(kind, program, "pyodide", host), share(bench, kind, program, host)
                    required, measured = ">= %gx Pyodide" % pyodide, "%s Pyodide" % number(faster, 0, 2, "x")
                    if native is not None:
                        required += ", <= %gx native's time" % native
                        measured += ", %s native" % number(slower, 0, 2, "x")
                    met = faster >= pyodide and (native is None or slower <= native)
                    rows.append(("%s in %s, %s" % (program, LABELS[host], kind), required, measured, met))

    speed(ARITHMETIC, 20, 2)
    speed(NUMERIC, 5, None)
    if "text" in programs:
        rows += [share_row(bench, "text in %s" % host, "text in %s, cold" % LABELS[host], SLOWER) for host in HOSTS]
    for program in ARITHMETIC + NUMERIC + ["text"]:
        for kind in ("cold", "warm") if program in programs else []:
            slower = share(bench, kind, program, "wasmtime")
            rows.append(("%s in wasmtime, %s" % (program, kind), "<= 1.6x native's time", number(slower, 0, 2, "x"), slower <= 1.6))

    ours, theirs = (starts.get(peer, ([], []))[1] for peer in ("node", "pyodide"))
    rows.append(("first print in Node", ">= %gx Pyodide" % FIRST_PRINT, "%s, Pyodide %s" % (milliseconds(ours), milliseconds(theirs)),
                 median(theirs) / median(ours) >= FIRST_PRINT))
    sandbox = starts.get("wasmtime", ([], []))[1]
    rows.append(("first print in a new sandbox", "< %g ms" % (1000 * SANDBOX), milliseconds(sandbox), median(sandbox) < SANDBOX))
    ours, theirs = (at_once(sizes[peer]) if peer in sizes else math.nan for peer in ("node", "pyodide"))
    rows.append(("download, brotli", "< Pyodide's", "%s MB, Pyodide %s MB" % (megabytes(ours), megabytes(theirs)), ours < theirs))
    return rows


def section(about, bench, programs, starts, sizes, rows):
    """The section of docs/measured.md."""
    def by_program(hosts, value):
        columns = [(host, kind) for host in hosts for kind in ("warm", "cold")]
        rows = [[program] + [document.figure(value(kind, program, host)) for host, kind in columns] for program in programs]
        return document.table([""] + ["%s, %s" % (LABELS[host], kind) for host, kind in columns], rows)

    warmed = [[program] + [document.figure(share(bench, "cold", program, host + "_warmed")) for host in IN_V8]
              for program in programs if program in ARITHMETIC]
    others = [["first `print` of a new interpreter in %s" % LABELS[peer], "%s ms" % document.figure(1000 * median(later))]
              for peer, (_, later) in starts.items()]
    others += [["first `print` of the first interpreter in a process of %s" % LABELS[peer],
                "%s ms" % document.figure(1000 * median(first))] for peer, (first, _) in starts.items()]
    for peer, files in sizes.items():
        name = "Psycore" if peer == "node" else LABELS[peer]
        others.append(["download of %s with brotli until a program runs" % name, "%s MB" % megabytes(at_once(files))])
        if sum(files.values()) > at_once(files):
            others.append(["with the rest of the library", "%s MB" % megabytes(sum(files.values()))])
    others += [["%s, as a multiple of the time with `--jit=off`, %d pairs" % (what, len(pairs)),
                document.figure(statistics.median(ours / off for ours, off in pairs))]
               for what, pairs in bench.pairs.items() if pairs]
    return "\n".join([
        about,
        "Cold is several iterations of a fresh interpreter together, without its start, warm the best of them.\n",
        "Times as fast as Pyodide in Node:\n",
        by_program(IN_V8, lambda kind, program, host: bench.ratio(kind, program, "pyodide", host)),
        "Multiples of the native time:\n",
        by_program(HOSTS, lambda kind, program, host: share(bench, kind, program, host)),
        "Multiples of the native time after `Psycore.warmUp()`, cold:\n",
        document.table([""] + [LABELS[host] for host in IN_V8], warmed),
        document.table(["", "measured"], others),
        document.unmet(rows),
    ])


def run(options):
    """Measures and prints all of it. Gives what is to be kept as JSON."""
    commands, versions = find_commands(options)
    for peer in commands:
        if peer in versions:
            print("%-10s %s  (%s)" % (LABELS[peer], " ".join(commands[peer]), versions[peer]))

    bench = Bench(commands, LABELS, options, cold_of=lambda _seconds, iterations: sum(iterations))
    peers = [peer for peer in PEERS if peer in commands]
    warmed = [host + "_warmed" for host in IN_V8 if host in commands]
    arithmetic = [program for program in options.only if program in ARITHMETIC]
    for index in range(options.rounds):
        bench.round(index, options.only, peers, "pyodide")
        bench.round(index, arithmetic, warmed, None)
    measure_pairs(bench, options.only)
    starts = measure_starts(bench)
    sizes = measure_sizes(bench)
    if sys.stderr.isatty():
        bench.progress("")

    print_times(bench, options.only)
    print_warmed(bench, arithmetic)
    print_starts(starts)
    print_sizes(sizes)
    rows = check_rows(bench, options.only, starts, sizes)
    measure.print_rows(rows)
    bench.print_failures()
    if options.write:
        chromium = os.environ.get("CHROMIUM") or "chromium"
        names = ["Node %s" % said_version(shutil.which("node") or "node"), "Chromium %s" % said_version(chromium),
                 "Pyodide %s" % package_version(PYODIDE_PACKAGE)]
        document.write("wasm", section(document.about(names, options.rounds), bench, options.only, starts, sizes, rows))
    return {"commands": commands, "versions": versions, "rows": rows, "starts": starts, "sizes": sizes, **bench.measurements()}
