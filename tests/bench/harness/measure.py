"""Runs the programs under their peers, in turns, compares the answers and keeps the times.

Which peers there are, and what is required of the times, is not known here.
"""
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAMS_DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(PROGRAMS_DIRECTORY))

PROGRAMS = ["int_loop", "fib", "mandelbrot", "module_loop", "bpnn", "nbody", "spectral_norm", "sieve", "matmul",
            "fannkuch", "richards", "word_count", "quicksort", "string_building", "text"]
ARITHMETIC = ["int_loop", "fib", "mandelbrot", "module_loop"]
NUMERIC = ["bpnn", "nbody", "spectral_norm", "sieve", "matmul", "fannkuch"]
OBJECTS = ["richards", "word_count", "quicksort", "string_building"]

PAIRS = 15          # the least number of interleaved pairs that decides a row about --jit=off
SLOWER = 1.03       # how much of --jit=off's time a cold run may take
TIMEOUT = 120.0


class Failed(Exception):
    """A process that could not be timed: it crashed, hung or printed something unexpected."""


def run_process(command, may_fail=False, timeout=TIMEOUT):
    """Runs a command; returns seconds, its peak memory in kB, and what it wrote on stdout and stderr.

    The peak comes from wait4, and is never below this script's own size: Linux carries it over an exec.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=PROGRAMS_DIRECTORY,
                                   env=dict(os.environ, PYTHONHASHSEED="0"))
        status, usage = wait_with_timeout(process.pid, timeout)
        seconds = time.perf_counter() - start
        process.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        out.seek(0)
        err.seek(0)
        stdout, stderr = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    if process.returncode != 0 and not (may_fail and process.returncode == 1):
        tail = "\n".join(stderr.strip().splitlines()[-3:])
        raise Failed("%s: exit code %d\n%s" % (" ".join(command), process.returncode, tail))
    return seconds, usage.ru_maxrss, stdout, stderr


def wait_with_timeout(pid, timeout):
    """A blocking wait4, ended by an alarm that kills the process when it takes too long.

    Polling would be inexact, and a watchdog thread would compete with the process for one of the cores.
    """
    previous = signal.signal(signal.SIGALRM, lambda _signal, _frame: os.kill(pid, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        _, status, usage = os.wait4(pid, 0)
        return status, usage
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def iteration_times(stderr):
    return [float(line.split()[1]) for line in stderr.splitlines() if line.startswith("iter ")]


def program_path(program):
    return os.path.join(PROGRAMS_DIRECTORY, program + ".py")


class Bench:
    """The measurements of one table. `cold_of` says what a cold time is, given a process's seconds and its iterations'."""

    def __init__(self, commands, labels, options, cold_of):
        self.commands = commands
        self.labels = labels
        self.options = options
        self.cold_of = cold_of
        self.cold = {}       # (program, peer) -> seconds of each round
        self.warm = {}       # (program, peer) -> best iteration of each round
        self.memory = {}     # (program, peer) -> peak in kB
        self.pairs = {}      # what was compared -> seconds of (psycore, --jit=off) pairs, cold
        self.answers = {}    # program -> (peer, the line it printed)
        self.failures = []   # (program, peer, what happened)

    def failed(self, program, peer):
        return any(p == program and q == peer for p, q, _ in self.failures)

    def fail(self, program, peer, reason):
        if not self.failed(program, peer):
            self.failures.append((program, peer, reason))
            print("bench: %s under %s: %s" % (program, self.labels[peer], reason), file=sys.stderr)

    def arguments(self, program):
        """What a peer's command runs, before the number of iterations."""
        return [program_path(program)]

    def time_program(self, program, peer, iterations):
        """Seconds of the process and of its iterations, or None after a failure that has been noted."""
        try:
            seconds, memory, stdout, stderr = run_process(self.commands[peer] + self.arguments(program) + [str(iterations)])
        except Failed as error:
            self.fail(program, peer, str(error))
            return None
        lines = stdout.splitlines()
        times = iteration_times(stderr)
        if len(times) != iterations or len(lines) != iterations:
            self.fail(program, peer, "%d answers and %d times instead of %d" % (len(lines), len(times), iterations))
            return None
        known_from, expected = self.answers.setdefault(program, (peer, lines[0]))
        for line in lines:
            if line != expected:
                self.fail(program, peer, "wrong answer\n  %s: %s\n  %s: %s" % (
                    self.labels[known_from], expected, self.labels[peer], line))
                return None
        self.memory[program, peer] = max(memory, self.memory.get((program, peer), 0))
        return seconds, times

    def round(self, number, programs, peers, reference):
        """Times each program under each peer. The reference answers first of all, so that the others are compared with it."""
        for program in programs:
            turn = number % max(1, len(peers))
            order = peers[turn:] + peers[:turn]
            if number == 0 and reference in order:
                order.remove(reference)
                order.insert(0, reference)
            for peer in order:
                if self.failed(program, peer):
                    continue
                done = self.time_program(program, peer, self.options.iterations)
                if done:
                    self.cold.setdefault((program, peer), []).append(self.cold_of(*done))
                    self.warm.setdefault((program, peer), []).append(min(done[1]))
            self.progress("round %d of %d: %s" % (number + 1, self.options.rounds, program))

    def take_pairs(self, what, time_one):
        """Interleaved pairs of `time_one(True)` and `time_one(False)`, without and with --jit=off. Raises what it raises."""
        taken = []
        for index in range(self.options.pairs + 1):
            pair = {}
            for ours in (True, False) if index % 2 else (False, True):
                pair[ours] = time_one(ours)
            if index:  # the first only warms the file cache
                taken.append((pair[True], pair[False]))
        self.pairs[what] = taken

    def print_failures(self):
        for program, peer, reason in self.failures:
            print("FAILED: %s under %s: %s" % (program, self.labels[peer], reason))

    def progress(self, text):
        if sys.stderr.isatty():
            print("\r\033[K%s" % text, end="", file=sys.stderr, flush=True)
        elif text:
            print("bench: %s" % text, file=sys.stderr, flush=True)

    @staticmethod
    def median(table, program, peer):
        values = table.get((program, peer))
        return statistics.median(values) if values else math.nan

    @staticmethod
    def best(table, program, peer):
        values = table.get((program, peer))
        return min(values) if values else math.nan

    def seconds(self, kind, program, peer):
        """Cold is the median over the rounds, warm the best iteration of all; nan where there is none."""
        return self.median(self.cold, program, peer) if kind == "cold" else self.best(self.warm, program, peer)

    def ratio(self, kind, program, peer, ours="psycore"):
        """How many times faster `ours` is than the peer; nan when one of them has no time."""
        return self.seconds(kind, program, peer) / self.seconds(kind, program, ours)

    def measurements(self):
        """All of it, for JSON."""
        return {
            "cold": {"%s %s" % key: values for key, values in self.cold.items()},
            "warm": {"%s %s" % key: values for key, values in self.warm.items()},
            "memory_kb": {"%s %s" % key: value for key, value in self.memory.items()},
            "pairs": self.pairs,
            "failures": self.failures,
        }


def number(value, width, digits=3, suffix=""):
    text = "-" if math.isnan(value) else "%.*f%s" % (digits, value, suffix)
    return text.rjust(width)


def geomean(values):
    values = [value for value in values if not math.isnan(value)]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def share_row(bench, pairs, what, limit):
    """The row of a requirement about --jit=off: (what, required, measured, met)."""
    shares = [ours / off for ours, off in bench.pairs.get(pairs, [])]
    if not shares:
        return what, "<= %g of --jit=off" % limit, "-", False
    share = statistics.median(shares)
    measured = "%.3f in %d pairs" % (share, len(shares))
    if len(shares) < PAIRS:
        measured += " (too few to count)"
    return what, "<= %g of --jit=off" % limit, measured, share <= limit and len(shares) >= PAIRS


def print_rows(rows, note=""):
    print("\nrequired")
    for what, required, measured, met in rows:
        print("%-33s %-40s %-34s %s" % (what, required, measured, "met" if met else "NOT MET"))
    print("%d of %d rows met%s" % (sum(1 for row in rows if row[3]), len(rows), note))
