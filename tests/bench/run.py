#!/usr/bin/env python3
"""Times the programs of this directory, compares their answers, and checks the project's speed requirements.

`./x bench` calls it. There are two tables: of the executable, beside CPython and PyPy (harness/native.py), and with
--wasm of the WebAssembly guest in its hosts, beside Pyodide (harness/wasm.py). Each says there what it calls cold and
warm. A process does its work several times over, five unless told otherwise, which takes CPython about three seconds.
The peers take turns, program by program and round by round, so that a noisy moment of the machine hits all of them
alike. Needs the standard library only; --wasm needs Node, the packages of this directory and of tests/hosts, and
Chromium.
"""
import argparse
import json
import os
import platform
import sys
import time

from harness import native, suite, wasm
from harness.measure import PAIRS, PROGRAMS


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./x bench", description=__doc__.split("\n")[0])
    parser.add_argument("--wasm", action="store_true",
                        help="the table of WebAssembly instead: Node, Chromium, wasmtime and Pyodide")
    parser.add_argument("--suite", choices=suite.SUITES,
                        help="the table of a suite instead: many small pieces of work, as multiples of CPython's time")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds over all programs (3; of a suite 1)")
    parser.add_argument("--iterations", type=int, metavar="N",
                        help="iterations of a process (5; of a suite %s)" % ", ".join(map(str, suite.ITERATIONS.values())))
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N", help="pairs with --jit=off (%d)" % PAIRS)
    parser.add_argument("--only", metavar="NAME,..", help="only these programs")
    parser.add_argument("--peers", metavar="NAME,..", help="only these of %s; with --wasm of %s" % (
        ",".join(native.PEERS), ",".join(wasm.PEERS)))
    parser.add_argument("--quick", action="store_true", help="one round, three iterations, three pairs")
    parser.add_argument("--all", action="store_true", help="also the programs of tests/programs, cold, against --jit=off")
    parser.add_argument("--bin", metavar="FILE", help="the psycore to time (what `./x bin` prints)")
    parser.add_argument("--write", action="store_true", help="also write the table's part of docs/measured.md")
    parser.add_argument("--json", metavar="FILE", help="also write all measurements there")
    options = parser.parse_args()
    if options.suite and (options.wasm or options.all or options.write):
        parser.error("--suite is a table of its own, without --wasm, --all and --write")
    options.rounds = options.rounds or (1 if options.suite else 3)
    options.iterations = options.iterations or (suite.ITERATIONS[options.suite] if options.suite else 5)
    if options.quick:
        options.rounds, options.iterations, options.pairs = 1, 3, 3
    for name in ("rounds", "iterations", "pairs"):
        if getattr(options, name) < 1:
            parser.error("--%s must be at least 1" % name)
    if options.write and (options.quick or options.only or options.peers):
        parser.error("--write is for all programs and peers, and not for quick runs")
    if options.wasm and options.all:
        parser.error("--all is for the table of the executable")
    peers = wasm.PEERS if options.wasm else native.PEERS
    programs = suite.rows_of(options.suite) if options.suite else PROGRAMS
    options.only = options.only.split(",") if options.only else programs
    options.peers = options.peers.split(",") if options.peers else peers
    for name in options.only:
        if name not in programs:
            parser.error("no program %s; there are %s" % (name, ", ".join(programs)))
    for name in options.peers:
        if name not in peers:
            parser.error("no peer %s; there are %s" % (name, ", ".join(peers)))
    return options


def main():
    options = parse_arguments()
    load = os.getloadavg()[0]
    print("%s, %d cores, load %.2f, %s" % (platform.machine(), os.cpu_count() or 1, load, time.strftime("%Y-%m-%d %H:%M")))
    if load > 0.5 * (os.cpu_count() or 1):
        print("bench: the machine is busy; times below are worth little", file=sys.stderr)
    measured = (suite if options.suite else wasm if options.wasm else native).run(options)
    if options.json:
        rows = [{"what": a, "required": b, "measured": c, "met": d} for a, b, c, d in measured["rows"]]
        with open(options.json, "w") as file:
            json.dump({**measured, "load": load, "rows": rows}, file, indent=1)
    return 1 if measured["failures"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
