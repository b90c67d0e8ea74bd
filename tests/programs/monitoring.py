# expect: rustpython
"""sys.monitoring switched on and off around, and in the middle of, hot loops: no event may be lost, none invented."""
import sys

events = sys.monitoring.events
TOOL = sys.monitoring.DEBUGGER_ID
counts = {}


def count(name):
    def callback(code, *rest):
        if code.co_name in ("work", "helper", "midway", "failing", "branchy"):
            key = name, code.co_name
            counts[key] = counts.get(key, 0) + 1
    return callback


def helper(i):
    return i + 1


def work(n):
    total = 0
    for i in range(n):
        total += helper(i)
    return total


def branchy(n):
    odd = 0
    for i in range(n):
        if i % 2:
            odd += 1
    return odd


def failing(n):
    for i in range(n):
        if i == n - 1:
            raise ValueError(i)


def report():
    print(sorted(counts.items()))
    counts.clear()


print(work(3000), branchy(3000))
sys.monitoring.use_tool_id(TOOL, "test")
print(sys.monitoring.get_tool(TOOL))
for name in ("PY_START", "PY_RETURN", "LINE", "JUMP", "RAISE"):
    sys.monitoring.register_callback(TOOL, getattr(events, name), count(name))
sys.monitoring.set_events(TOOL, events.PY_START | events.PY_RETURN)
work(50)
report()
sys.monitoring.set_events(TOOL, events.LINE)
work(20)
branchy(10)
report()
sys.monitoring.set_events(TOOL, events.JUMP)
work(30)
report()
sys.monitoring.set_events(TOOL, 0)
print(work(3000))
report()
sys.monitoring.set_events(TOOL, events.RAISE)
try:
    failing(2000)
except ValueError as problem:
    print(problem)
report()
sys.monitoring.set_events(TOOL, 0)


def midway(n):
    total = 0
    for i in range(n):
        if i == n - 10:
            sys.monitoring.set_events(TOOL, events.PY_START)
        total += helper(i)
        if i == n - 5:
            sys.monitoring.set_events(TOOL, 0)
    return total


print(midway(100))
counts.clear()
print(midway(3000))
report()


def disable(code, offset):
    counts["disabled", code.co_name] = counts.get(("disabled", code.co_name), 0) + 1
    return sys.monitoring.DISABLE


sys.monitoring.register_callback(TOOL, events.PY_START, disable)
sys.monitoring.set_local_events(TOOL, helper.__code__, events.PY_START)
work(200)
print(counts.get(("disabled", "helper"), 0) >= 1)
counts.clear()
sys.monitoring.set_local_events(TOOL, helper.__code__, 0)
sys.monitoring.free_tool_id(TOOL)
print(work(3000), sys.monitoring.get_tool(TOOL), counts)
