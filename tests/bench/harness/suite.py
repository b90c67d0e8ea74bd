"""The table of a suite: many small pieces of work, each in a process of its own.

A row is a function of a module of the suite's directory whose only parameter says how much of it is done. Figures are times as multiples
of CPython's: below 1 is faster. Warm is the best iteration of a process, first the first one, with all that is compiled in it.
"""
import importlib
import inspect
import os
import subprocess
import sys

from . import measure, native
from .measure import Bench, geomean, number

SUITES = ["constructs", "packages"]
ITERATIONS = {"constructs": 12, "packages": 30}
# Of the core of each suite: the geometric mean, and what no row may be above. The time of the other groups is in what suspends, or in
# modules of the library.
REQUIRED = {"constructs": (0.25, 1.0), "packages": (0.8, 1.5)}
NOT_SLOWER = 1.03
OTHER_GROUPS = {"generators": "generators", "library": "library"}
OTHER_ROWS = {"control.with_of_a_generator": "generators"}


def rows_of(suite):
    """The names of all rows, `module.function`."""
    directory = os.path.join(measure.PROGRAMS_DIRECTORY, suite)
    rows = []
    for file in sorted(os.listdir(directory)):
        if not file.endswith(".py") or file == "one.py":
            continue
        module = importlib.import_module("%s.%s" % (suite, file[:-3]))
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and list(
                    inspect.signature(function).parameters) == ["n"] and function.__defaults__:
                rows.append("%s.%s" % (file[:-3], name))
    return rows


def prepare(suite):
    """Installs what the rows need into the directory of builds, where they find it."""
    if suite != "packages":
        return
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(cache, "psycore", "target")
    directory = os.path.join(target, "bench-packages")
    install = os.path.join(measure.PROGRAMS_DIRECTORY, suite, "install.py")
    if subprocess.run([sys.executable, install, directory]).returncode != 0:
        sys.exit("bench: the packages could not be installed")
    os.environ["PYTHONPATH"] = directory


def group_of(row):
    return OTHER_ROWS.get(row) or OTHER_GROUPS.get(row.split(".")[0], "core")


class SuiteBench(Bench):
    """Keeps the first iteration in the place of cold times."""

    def __init__(self, suite, commands, options):
        super().__init__(commands, native.LABELS, options, cold_of=lambda _seconds, iterations: iterations[0])
        self.one = os.path.join(measure.PROGRAMS_DIRECTORY, suite, "one.py")

    def arguments(self, program):
        return [self.one, program]

    def multiple(self, kind, row, peer):
        """The peer's time as a multiple of CPython's."""
        return self.seconds(kind, row, peer) / self.seconds(kind, row, "cpython")


def print_table(bench, rows):
    columns = [(kind, peer) for kind in ("warm", "cold") for peer in native.PEERS if peer in bench.commands and peer != "cpython"]
    if "cpython" not in bench.commands:
        return
    title = {"warm": "warm", "cold": "first"}
    print("\ntimes as multiples of CPython's\n%-42s" % "" + "".join(
        "%18s" % ("%s, %s" % (native.LABELS[peer], title[kind])) for kind, peer in columns))
    for row in rows:
        print("%-42s" % row + "".join(number(bench.multiple(kind, row, peer), 18, 2) for kind, peer in columns))
    for group in ["core", "generators", "library", None]:
        chosen = [row for row in rows if group in (None, group_of(row))]
        if chosen:
            print("%-42s" % ("geomean of %d, %s" % (len(chosen), group or "all")) + "".join(
                number(geomean([bench.multiple(kind, row, peer) for row in chosen]), 18, 2) for kind, peer in columns))


def check_rows(bench, rows, suite):
    """The requirements as rows: (what, required, measured, met)."""
    required, worst = REQUIRED[suite]
    core = [row for row in rows if group_of(row) == "core"]
    mean = geomean([bench.multiple("warm", row, "psycore") for row in core])
    above = [row for row in core if not bench.multiple("warm", row, "psycore") <= worst]
    slower = [row for row in rows if not bench.seconds("warm", row, "psycore") <= NOT_SLOWER * bench.seconds("warm", row, "off")]

    def listed(names):
        return "%d: %s" % (len(names), ", ".join(names)) if names else "none"

    return [
        ("core, geomean", "<= %g of CPython's time" % required, number(mean, 0, 3).strip(), mean <= required),
        ("core, rows above", "none above %g" % worst, listed(above), not above),
        ("all, rows slower than --jit=off", "none above %g" % NOT_SLOWER, listed(slower), not slower),
    ]


def run(options):
    """Measures and prints all of it. Gives what is to be kept as JSON."""
    prepare(options.suite)
    commands = native.find_commands(options)
    versions = {peer: native.version_of(command) for peer, command in commands.items()}
    for peer, command in commands.items():
        print("%-10s %s  (%s)" % (native.LABELS[peer], " ".join(command), versions[peer]))
    bench = SuiteBench(options.suite, commands, options)
    for index in range(options.rounds):
        bench.round(index, options.only, list(commands), "cpython")
    if sys.stderr.isatty():
        bench.progress("")
    print_table(bench, options.only)
    rows = check_rows(bench, options.only, options.suite) if {"psycore", "off", "cpython"} <= set(commands) else []
    if rows:
        measure.print_rows(rows)
    bench.print_failures()
    return {"commands": commands, "versions": versions, "rows": rows, **bench.measurements()}
