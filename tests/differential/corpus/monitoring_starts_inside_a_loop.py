# expect: rustpython
"""sys.monitoring events that a loop switches on in its own middle are reported from the next call on."""
import sys

TOOL = sys.monitoring.DEBUGGER_ID
START = sys.monitoring.events.PY_START
seen = []


def helper(i):
    return i + 1


def midway(n):
    total = 0
    for i in range(n):
        if i == n - 10:
            sys.monitoring.set_events(TOOL, START)
        total += helper(i)
        if i == n - 5:
            sys.monitoring.set_events(TOOL, 0)
    return total


sys.monitoring.use_tool_id(TOOL, "test")
sys.monitoring.register_callback(TOOL, START, lambda code, offset: seen.append(code.co_name))
for n in (50, 3000, 3000):
    print(midway(n), seen.count("helper"))
    seen.clear()
sys.monitoring.free_tool_id(TOOL)
