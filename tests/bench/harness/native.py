"""The table of the executable: psycore, psycore --jit=off, CPython and PyPy.

Cold is the whole process with start-up and compilation: the median over the rounds. Warm is its best iteration. A
ratio says how many times faster psycore is: above 1 is faster.
"""
import math
import os
import re
import shutil
import statistics
import subprocess
import sys

from . import document, measure
from .measure import ARITHMETIC, NUMERIC, OBJECTS, SLOWER, Bench, Failed, geomean, number, share_row

PEERS = ["psycore", "off", "cpython", "pypy"]
LABELS = {"psycore": "psycore", "off": "--jit=off", "cpython": "CPython", "pypy": "PyPy"}

CLOSE = 0.90        # a program whose cold time is above this share of --jit=off's gets pairs
EMPTY = 1.2         # how much of --jit=off's time `-c pass` may take
MEMORY_FACTOR = 1.3
MEMORY_EXTRA_KB = 16 * 1024


def find_psycore(given):
    given = given or os.environ.get("PSYCORE_BIN")  # which `./x bench` sets
    if given:
        found = shutil.which(given)
        if found is None:
            sys.exit("bench: there is no program %s" % given)
        return os.path.abspath(found)
    script = os.path.join(measure.ROOT, "x")
    try:
        built = subprocess.run([script, "bin"], stdout=subprocess.PIPE, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit("bench: `%s bin` did not give the path of psycore (%s); pass it with --bin" % (script, error))
    return built.stdout.decode().strip()


def find_cpython():
    """Debian's own python3 where there is one, else the first on the path.

    A version manager's python3 is a script that adds to the start-up time, and often a slower build.
    """
    if os.access("/usr/bin/python3", os.X_OK):
        return "/usr/bin/python3"
    return shutil.which("python3")


def find_pypy():
    found = shutil.which("pypy3")
    if found or not shutil.which("apt-get"):
        return found
    print("bench: installing pypy3 with apt-get", file=sys.stderr)
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for arguments in (["install", "-y", "-q", "pypy3"], ["update", "-q"], ["install", "-y", "-q", "pypy3"]):
        try:
            subprocess.run(become + ["apt-get"] + arguments, stdout=sys.stderr, stdin=subprocess.DEVNULL)
        except OSError as error:
            print("bench: %s" % error, file=sys.stderr)
            return None
        if shutil.which("pypy3"):
            break
    return shutil.which("pypy3")


def find_commands(options):
    commands = {}
    if "psycore" in options.peers or "off" in options.peers:
        psycore = find_psycore(options.bin)
        if "psycore" in options.peers:
            commands["psycore"] = [psycore]
        if "off" in options.peers:
            commands["off"] = [psycore, "--jit=off"]
    for peer, find in (("cpython", find_cpython), ("pypy", find_pypy)):
        if peer in options.peers:
            found = find()
            if found:
                commands[peer] = [found]
            else:
                print("bench: %s is not installed" % LABELS[peer], file=sys.stderr)
    return commands


def version_of(command):
    try:
        done = subprocess.run(command + ["-c", "import sys; print(sys.version.replace(chr(10), ' '))"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=measure.TIMEOUT)
        return done.stdout.decode().strip()
    except (OSError, subprocess.TimeoutExpired):
        return "does not start"


def measure_pairs(bench, programs, others):
    """Interleaved pairs with --jit=off, where a few per cent decide: close programs, others, and the empty one."""
    if "psycore" not in bench.commands or "off" not in bench.commands:
        return
    for program in programs + others + ["-c pass"]:
        if program in programs:
            if bench.failed(program, "psycore") or bench.failed(program, "off"):
                continue
            if 1 / bench.ratio("cold", program, "off") < CLOSE and program != "text":
                continue
        bench.progress("%d pairs with --jit=off: %s" % (bench.options.pairs, program))
        work = ["-c", "pass"] if program == "-c pass" else [measure.program_path(program), "1"]

        def seconds(ours):
            # Some programs of the test suite end with an error on purpose.
            return measure.run_process(bench.commands["psycore" if ours else "off"] + work, may_fail=program in others)[0]

        try:
            bench.take_pairs(program, seconds)
        except Failed as error:
            bench.fail(program, "psycore", str(error))


def print_times(bench, programs):
    peers = [peer for peer in PEERS if peer in bench.commands]
    others = [peer for peer in peers if peer != "psycore"] if "psycore" in peers else []
    for kind in ("cold", "warm"):
        note = "whole process, median of rounds" if kind == "cold" else "best iteration in one process"
        print("\n%s: %s; seconds, then how many times faster psycore is than" % (kind, note))
        print("%-16s" % "" + "".join("%10s" % LABELS[peer] for peer in peers) + "  |"
              + "".join("%11s" % LABELS[peer] for peer in others))
        for program in programs:
            print("%-16s" % program + "".join(number(bench.seconds(kind, program, peer), 10) for peer in peers) + "  |"
                  + "".join(number(bench.ratio(kind, program, peer), 11, 2, "x") for peer in others))
        print("%-16s" % "geomean" + " " * 10 * len(peers) + "  |" + "".join(
            number(geomean([bench.ratio(kind, program, peer) for program in programs]), 11, 2, "x")
            for peer in others))


def check_rows(bench, programs, others):
    """The requirements as rows: (what, required, measured, met). A missing measurement never counts as met."""
    rows = []

    def speed(group, cpython, pypy, pypy_text):
        for program in group:
            if program not in programs:
                continue
            for kind in ("cold", "warm"):
                by_cpython = bench.ratio(kind, program, "cpython")
                measured = "%s CPython" % number(by_cpython, 0, 2, "x").strip()
                met = by_cpython >= cpython
                required = ">= %gx CPython" % cpython
                if pypy is not None:
                    by_pypy = bench.ratio(kind, program, "pypy")
                    measured += ", %s PyPy" % number(by_pypy, 0, 2, "x").strip()
                    met = met and by_pypy >= pypy
                    required += ", " + pypy_text
                rows.append(("%s, %s" % (program, kind), required, measured, met))

    speed(ARITHMETIC, 20, math.nextafter(1, 2) if hasattr(math, "nextafter") else 1.0000001, "faster than PyPy")
    speed(NUMERIC, 5, 1 / 1.5, "<= 1.5x PyPy's time")
    speed(OBJECTS, 1.5, None, "")

    for program in programs:
        if program in bench.pairs:
            rows.append(share_row(bench, program, "%s, cold" % program, SLOWER))
        else:
            share = 1 / bench.ratio("cold", program, "off")
            rows.append(("%s, cold" % program, "<= %g of --jit=off" % SLOWER, number(share, 0, 3).strip(), share < CLOSE))
    for program in others:
        if program in bench.pairs:
            rows.append(share_row(bench, program, "%s, cold" % os.path.basename(program), SLOWER))
    if "-c pass" in bench.pairs:
        rows.append(share_row(bench, "-c pass", "psycore -c pass", EMPTY))
    for program in programs:
        used = bench.memory.get((program, "psycore"), math.nan)
        allowed = bench.memory.get((program, "off"), math.nan) * MEMORY_FACTOR + MEMORY_EXTRA_KB
        rows.append(("%s, peak memory" % program, "<= 1.3 of --jit=off + 16 MB",
                     "%s of %s MB" % (number(used / 1024, 0, 1), number(allowed / 1024, 0, 1)), used <= allowed))
    return rows


def short(version):
    """`CPython 3.11.2`, `PyPy 7.3.11` from what `sys.version` says."""
    pypy = re.search(r"PyPy (\d[\d.]*)", version)
    return "PyPy %s" % pypy.group(1) if pypy else "CPython %s" % version.split(" ")[0]


def section(about, bench, programs, rows):
    """The section of docs/measured.md."""
    columns = [(peer, kind) for kind in ("warm", "cold") for peer in ("cpython", "pypy")]
    times = [[program] + [document.figure(bench.ratio(kind, program, peer)) for peer, kind in columns] for program in programs]
    mean = [document.figure(geomean([bench.ratio(kind, program, peer) for program in programs])) for peer, kind in columns]
    shares = [[what, document.figure(statistics.median(ours / off for ours, off in pairs)), str(len(pairs))]
              for what, pairs in bench.pairs.items() if pairs]
    return "\n".join([
        about,
        "Cold is a whole process of several iterations, with start-up and compilation, warm the best of those iterations.\n",
        document.table(["times as fast as"] + ["%s, %s" % (LABELS[peer], kind) for peer, kind in columns],
                       times + [["geometric mean"] + mean]),
        "What little can be gained by, as a multiple of the time with `--jit=off`, cold, medians of interleaved pairs:\n",
        document.table(["", "multiple", "pairs"], shares),
        document.unmet(rows),
    ])


def run(options):
    """Measures and prints all of it. Gives what is to be kept as JSON."""
    commands = find_commands(options)
    versions = {peer: version_of(command) for peer, command in commands.items()}
    for peer, command in commands.items():
        print("%-10s %s  (%s)" % (LABELS[peer], " ".join(command), versions[peer]))

    bench = Bench(commands, LABELS, options, cold_of=lambda seconds, _iterations: seconds)
    for index in range(options.rounds):
        bench.round(index, options.only, list(commands), "cpython")
    others = []
    if options.all:
        directory = os.path.join(measure.ROOT, "tests", "programs")
        others = [os.path.join(directory, name[:-3]) for name in sorted(os.listdir(directory)) if name.endswith(".py")]
    measure_pairs(bench, options.only, others)
    if sys.stderr.isatty():
        bench.progress("")

    print_times(bench, options.only)
    rows = check_rows(bench, options.only, others) if "psycore" in commands else []
    if "pypy" not in commands:
        rows = [(what, required, measured, False) for what, required, measured, _ in rows]
    if rows:
        measure.print_rows(rows, "" if "pypy" in commands else "; without PyPy nothing counts as met")
    bench.print_failures()
    if options.write:
        about = document.about([short(versions[peer]) for peer in ("cpython", "pypy") if peer in versions], options.rounds)
        document.write("native", section(about, bench, options.only, rows))
    return {"commands": commands, "versions": versions, "rows": rows, **bench.measurements()}
