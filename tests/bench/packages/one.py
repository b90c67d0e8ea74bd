"""Does one row several times: `one.py MODULE.FUNCTION ITERATIONS` prints each answer, and on stderr each time. The packages are those
of PYTHONPATH."""
import importlib
import os
import sys
from time import perf_counter


def main():
    sys.path[0] = os.path.dirname(sys.path[0])
    module, name = sys.argv[1].split(".")
    work = getattr(importlib.import_module("packages." + module), name)
    for _ in range(int(sys.argv[2])):
        start = perf_counter()
        answer = work()
        print("iter %.6f" % (perf_counter() - start), file=sys.stderr)
        print(answer)


if __name__ == "__main__":
    main()
