"""docs/measured.md: the figures that the project states, written by `./x bench --write` and by nobody else.

It has a section for each table, and a run replaces its own. What is in them, native.py and wasm.py say.
"""
import math
import os
import platform
import time

from . import measure

PATH = os.path.join(measure.ROOT, "docs", "measured.md")

SECTIONS = {"native": "The executable", "wasm": "In WebAssembly"}
HEAD = """# What was measured

Made by `./x bench --write`, and with `--wasm` for the second part; not to be edited. All figures of a part are of one machine and
one run, and good as ratios only. [performance.md](performance.md) says what bounds them.
"""


def figure(value, suffix=""):
    """A number with three digits that mean something."""
    if math.isnan(value):
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return "%.*f%s" % (digits, value, suffix)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| %s |\n" % " | ".join(line) for line in lines)


def unmet(rows):
    """What is required and was not reached, of rows (what, required, measured, met)."""
    missed = [(what, required, measured) for what, required, measured, met in rows if not met]
    text = "%d of %d requirements are met." % (len(rows) - len(missed), len(rows))
    if not missed:
        return text + "\n"
    return text + " Not met are:\n\n" + table(["", "required", "measured"], missed)


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return "%s, %d cores" % (model, os.cpu_count() or 1)


def about(versions, rounds):
    """Where and when it was measured, and with what."""
    return "%s; %s. %s; %d rounds.\n" % (machine(), time.strftime("%Y-%m-%d"), ", ".join(versions), rounds)


def write(section, body):
    parts = dict.fromkeys(SECTIONS, "Not measured yet.\n")
    if os.path.exists(PATH):
        with open(PATH) as file:
            for part in file.read().split("\n## ")[1:]:
                title, _, rest = part.partition("\n")
                for name, known in SECTIONS.items():
                    if title == known:
                        parts[name] = rest.strip("\n") + "\n"
    parts[section] = body.strip("\n") + "\n"
    with open(PATH, "w") as file:
        file.write(HEAD + "".join("\n## %s\n\n%s" % (SECTIONS[name], text) for name, text in parts.items()))
