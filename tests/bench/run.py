#!/usr/bin/env python3
"""Times the programs of this directory under psycore, psycore --jit=off, CPython and PyPy, compares their answers,
and checks the project's speed requirements. `./x bench` calls it; it needs the standard library only.

A process does its work several times over, five unless told otherwise, which takes CPython about three seconds.
Cold is the whole process with start-up and compilation: the median over the rounds. Warm is its best iteration. A
ratio says how many times faster psycore is: above 1 is faster. The peers take turns, program by program and round by
round, so that a noisy moment of the machine hits all of them alike.
"""
import argparse
import json
import math
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

PROGRAMS = ["int_loop", "fib", "mandelbrot", "module_loop", "bpnn", "nbody", "spectral_norm", "sieve", "matmul",
            "fannkuch", "richards", "word_count", "quicksort", "string_building", "text"]
PEERS = ["psycore", "off", "cpython", "pypy"]
LABELS = {"psycore": "psycore", "off": "--jit=off", "cpython": "CPython", "pypy": "PyPy"}

ARITHMETIC = ["int_loop", "fib", "mandelbrot", "module_loop"]
NUMERIC = ["bpnn", "nbody", "spectral_norm", "sieve", "matmul", "fannkuch"]
OBJECTS = ["richards", "word_count", "quicksort", "string_building"]

PAIRS = 15          # the least number of interleaved cold pairs that decides a row about --jit=off
CLOSE = 0.90        # a program whose cold time is above this share of --jit=off's gets that many pairs
SLOWER = 1.03       # how much of --jit=off's time a cold run may take
EMPTY = 1.2         # the same for `-c pass`
MEMORY_FACTOR = 1.3
MEMORY_EXTRA_KB = 16 * 1024
TIMEOUT = 120.0


class Failed(Exception):
    """A process that could not be timed: it crashed, hung or printed something unexpected."""


def run_process(command, may_fail=False):
    """Runs a command; returns seconds, its peak memory in kB, and what it wrote on stdout and stderr.

    The peak comes from wait4, and is never below this script's own size: Linux carries it over an exec.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=HERE,
                                   env=dict(os.environ, PYTHONHASHSEED="0"))
        status, usage = wait_with_timeout(process.pid)
        seconds = time.perf_counter() - start
        process.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        out.seek(0)
        err.seek(0)
        stdout, stderr = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    if process.returncode != 0 and not (may_fail and process.returncode == 1):
        tail = "\n".join(stderr.strip().splitlines()[-3:])
        raise Failed("%s: exit code %d\n%s" % (" ".join(command), process.returncode, tail))
    return seconds, usage.ru_maxrss, stdout, stderr


def wait_with_timeout(pid):
    """A blocking wait4, ended by an alarm that kills the process when it takes too long.

    Polling would be inexact, and a watchdog thread would compete with the process for one of the cores.
    """
    previous = signal.signal(signal.SIGALRM, lambda _signal, _frame: os.kill(pid, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, TIMEOUT)
    try:
        _, status, usage = os.wait4(pid, 0)
        return status, usage
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def find_psycore(given):
    given = given or os.environ.get("PSYCORE_BIN")  # which `./x bench` sets
    if given:
        found = shutil.which(given)
        if found is None:
            sys.exit("bench: there is no program %s" % given)
        return os.path.abspath(found)
    script = os.path.join(ROOT, "x")
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


def version_of(command):
    try:
        done = subprocess.run(command + ["-c", "import sys; print(sys.version.replace(chr(10), ' '))"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
        return done.stdout.decode().strip()
    except (OSError, subprocess.TimeoutExpired):
        return "does not start"


class Bench:
    def __init__(self, commands, options):
        self.commands = commands
        self.options = options
        self.cold = {}       # (program, peer) -> seconds of each round
        self.warm = {}       # (program, peer) -> best iteration of each round
        self.memory = {}     # (program, peer) -> peak in kB
        self.pairs = {}      # program -> seconds of (psycore, --jit=off) pairs, cold
        self.answers = {}    # program -> (peer, the line it printed)
        self.failures = []   # (program, peer, what happened)

    def failed(self, program, peer):
        return any(p == program and q == peer for p, q, _ in self.failures)

    def fail(self, program, peer, reason):
        if not self.failed(program, peer):
            self.failures.append((program, peer, reason))
            print("bench: %s under %s: %s" % (program, LABELS[peer], reason), file=sys.stderr)

    def time_program(self, program, peer, iterations):
        """Seconds of the process and of its iterations, or None after a failure that has been noted."""
        command = self.commands[peer] + [os.path.join(HERE, program + ".py"), str(iterations)]
        try:
            seconds, memory, stdout, stderr = run_process(command)
        except Failed as error:
            self.fail(program, peer, str(error))
            return None
        lines = stdout.splitlines()
        times = [float(line.split()[1]) for line in stderr.splitlines() if line.startswith("iter ")]
        if len(times) != iterations or len(lines) != iterations:
            self.fail(program, peer, "%d answers and %d times instead of %d" % (len(lines), len(times), iterations))
            return None
        known_from, expected = self.answers.setdefault(program, (peer, lines[0]))
        for line in lines:
            if line != expected:
                self.fail(program, peer, "wrong answer\n  %s: %s\n  %s: %s" % (
                    LABELS[known_from], expected, LABELS[peer], line))
                return None
        self.memory[program, peer] = max(memory, self.memory.get((program, peer), 0))
        return seconds, times

    def round(self, number, programs):
        peers = list(self.commands)
        for program in programs:
            # CPython answers first of all, so that it is the one the others are compared with.
            order = peers[number % len(peers):] + peers[:number % len(peers)]
            if number == 0 and "cpython" in order:
                order.remove("cpython")
                order.insert(0, "cpython")
            for peer in order:
                if self.failed(program, peer):
                    continue
                done = self.time_program(program, peer, self.options.iterations)
                if done:
                    self.cold.setdefault((program, peer), []).append(done[0])
                    self.warm.setdefault((program, peer), []).append(min(done[1]))
            self.progress("round %d of %d: %s" % (number + 1, self.options.rounds, program))

    def measure_pairs(self, programs, others):
        """Interleaved pairs with --jit=off, where a few per cent decide: close programs, others, and the empty one."""
        if "psycore" not in self.commands or "off" not in self.commands:
            return
        for program in programs + others + ["-c pass"]:
            if program in programs:
                if self.failed(program, "psycore") or self.failed(program, "off"):
                    continue
                share = self.median(self.cold, program, "psycore") / self.median(self.cold, program, "off")
                if share < CLOSE and program != "text":
                    continue
            self.progress("%d pairs with --jit=off: %s" % (self.options.pairs, program))
            taken = []
            try:
                for index in range(self.options.pairs + 1):
                    pair = {}
                    for peer in ("psycore", "off") if index % 2 else ("off", "psycore"):
                        work = ["-c", "pass"] if program == "-c pass" else [os.path.join(HERE, program + ".py"), "1"]
                        # Some programs of the test suite end with an error on purpose.
                        pair[peer] = run_process(self.commands[peer] + work, may_fail=program in others)[0]
                    if index:  # the first only warms the file cache
                        taken.append((pair["psycore"], pair["off"]))
            except Failed as error:
                self.fail(program, "psycore", str(error))
                continue
            self.pairs[program] = taken

    def progress(self, text):
        if sys.stderr.isatty():
            print("\r\033[K%s" % text, end="", file=sys.stderr, flush=True)
        else:
            print("bench: %s" % text, file=sys.stderr, flush=True)

    @staticmethod
    def median(table, program, peer):
        values = table.get((program, peer))
        return statistics.median(values) if values else math.nan

    @staticmethod
    def best(table, program, peer):
        values = table.get((program, peer))
        return min(values) if values else math.nan

    def ratio(self, kind, program, peer):
        """How many times faster psycore is than the peer; nan when one of them has no time."""
        if kind == "cold":
            return self.median(self.cold, program, peer) / self.median(self.cold, program, "psycore")
        return self.best(self.warm, program, peer) / self.best(self.warm, program, "psycore")


def number(value, width, digits=3, suffix=""):
    text = "-" if math.isnan(value) else "%.*f%s" % (digits, value, suffix)
    return text.rjust(width)


def geomean(values):
    values = [value for value in values if not math.isnan(value)]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def print_times(bench, programs):
    peers = [peer for peer in PEERS if peer in bench.commands]
    others = [peer for peer in peers if peer != "psycore"] if "psycore" in peers else []
    for kind in ("cold", "warm"):
        note = "whole process, median of rounds" if kind == "cold" else "best iteration in one process"
        print("\n%s: %s; seconds, then how many times faster psycore is than" % (kind, note))
        print("%-16s" % "" + "".join("%10s" % LABELS[peer] for peer in peers) + "  |"
              + "".join("%11s" % LABELS[peer] for peer in others))
        for program in programs:
            times = [bench.median(bench.cold, program, peer) if kind == "cold"
                     else bench.best(bench.warm, program, peer) for peer in peers]
            print("%-16s" % program + "".join(number(value, 10) for value in times) + "  |"
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
            row_share(rows, bench, program, "%s, cold" % program, SLOWER)
        else:
            share = 1 / bench.ratio("cold", program, "off")
            rows.append(("%s, cold" % program, "<= %g of --jit=off" % SLOWER, number(share, 0, 3).strip(), share < CLOSE))
    for program in others:
        if program in bench.pairs:
            row_share(rows, bench, program, "%s, cold" % os.path.basename(program), SLOWER)
    if "-c pass" in bench.pairs:
        row_share(rows, bench, "-c pass", "psycore -c pass", EMPTY)
    for program in programs:
        used = bench.memory.get((program, "psycore"), math.nan)
        allowed = bench.memory.get((program, "off"), math.nan) * MEMORY_FACTOR + MEMORY_EXTRA_KB
        rows.append(("%s, peak memory" % program, "<= 1.3 of --jit=off + 16 MB",
                     "%s of %s MB" % (number(used / 1024, 0, 1), number(allowed / 1024, 0, 1)), used <= allowed))
    return rows


def row_share(rows, bench, program, what, limit):
    shares = [ours / off for ours, off in bench.pairs[program]]
    share = statistics.median(shares)
    measured = "%.3f in %d pairs" % (share, len(shares))
    if len(shares) < PAIRS:
        measured += " (too few to count)"
    rows.append((what, "<= %g of --jit=off" % limit, measured, share <= limit and len(shares) >= PAIRS))


def print_rows(rows, have_pypy):
    print("\nrequired")
    for what, required, measured, met in rows:
        print("%-30s %-40s %-34s %s" % (what, required, measured, "met" if met and have_pypy else "NOT MET"))
    met = sum(1 for row in rows if row[3]) if have_pypy else 0
    print("%d of %d rows met%s" % (met, len(rows), "" if have_pypy else "; without PyPy nothing counts as met"))


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./x bench", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds over all programs (3)")
    parser.add_argument("--iterations", type=int, default=5, metavar="N", help="iterations of a process (5)")
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N", help="pairs with --jit=off (%d)" % PAIRS)
    parser.add_argument("--only", metavar="NAME,..", help="only these programs")
    parser.add_argument("--peers", metavar="NAME,..", default=",".join(PEERS), help="only these of %s" % ",".join(PEERS))
    parser.add_argument("--quick", action="store_true", help="one round, three iterations, three pairs")
    parser.add_argument("--all", action="store_true", help="also the programs of tests/programs, cold, against --jit=off")
    parser.add_argument("--bin", metavar="FILE", help="the psycore to time (what `./x bin` prints)")
    parser.add_argument("--json", metavar="FILE", help="also write all measurements there")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.iterations, options.pairs = 1, 3, 3
    for name in ("rounds", "iterations", "pairs"):
        if getattr(options, name) < 1:
            parser.error("--%s must be at least 1" % name)
    options.only = options.only.split(",") if options.only else PROGRAMS
    options.peers = options.peers.split(",")
    for name in options.only:
        if name not in PROGRAMS:
            parser.error("no program %s; there are %s" % (name, ", ".join(PROGRAMS)))
    for name in options.peers:
        if name not in PEERS:
            parser.error("no peer %s; there are %s" % (name, ", ".join(PEERS)))
    return options


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


def main():
    options = parse_arguments()
    commands = find_commands(options)
    versions = {peer: version_of(command) for peer, command in commands.items()}
    load = os.getloadavg()[0]
    print("%s, %d cores, load %.2f, %s" % (platform.machine(), os.cpu_count() or 1, load, time.strftime("%Y-%m-%d %H:%M")))
    for peer, command in commands.items():
        print("%-10s %s  (%s)" % (LABELS[peer], " ".join(command), versions[peer]))
    if load > 0.5 * (os.cpu_count() or 1):
        print("bench: the machine is busy; times below are worth little", file=sys.stderr)

    bench = Bench(commands, options)
    for index in range(options.rounds):
        bench.round(index, options.only)
    others = []
    if options.all:
        directory = os.path.join(ROOT, "tests", "programs")
        others = [os.path.join(directory, name[:-3]) for name in sorted(os.listdir(directory)) if name.endswith(".py")]
    bench.measure_pairs(options.only, others)
    if sys.stderr.isatty():
        bench.progress("")

    print_times(bench, options.only)
    rows = check_rows(bench, options.only, others) if "psycore" in commands else []
    if rows:
        print_rows(rows, "pypy" in commands)
    for program, peer, reason in bench.failures:
        print("FAILED: %s under %s: %s" % (program, LABELS[peer], reason))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({
                "commands": commands, "versions": versions, "load": load,
                "cold": {"%s %s" % key: values for key, values in bench.cold.items()},
                "warm": {"%s %s" % key: values for key, values in bench.warm.items()},
                "memory_kb": {"%s %s" % key: value for key, value in bench.memory.items()},
                "pairs": bench.pairs,
                "rows": [{"what": a, "required": b, "measured": c, "met": d and "pypy" in commands} for a, b, c, d in rows],
                "failures": bench.failures,
            }, file, indent=1)
    return 1 if bench.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
