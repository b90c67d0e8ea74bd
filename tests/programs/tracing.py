"""sys.settrace, sys.setprofile, line counters and call counters, switched on and off around hot loops."""
import sys


def work(n):
    total = 0
    for i in range(n):
        total += i
        if i % 2:
            total -= 1
    return total


def helper(n):
    return n * 2


def caller(n):
    total = 0
    for i in range(n):
        total += helper(i)
    return total


def failing(n):
    for i in range(n):
        if i == n - 1:
            raise ValueError(i)


print(work(3000), caller(2000))
events = []


def tracer(frame, event, arg):
    events.append((event, frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno))
    return tracer


sys.settrace(tracer)
work(3)
sys.settrace(None)
print(len(events), events)
events.clear()
print(work(3000))
sys.settrace(tracer)
caller(2)
try:
    failing(3)
except ValueError:
    pass
sys.settrace(None)
print([event for event in events if event[0] != "line"])
print(len(events))
events.clear()


def profiler(frame, event, arg):
    events.append((event, frame.f_code.co_name, getattr(arg, "__name__", arg)))


sys.setprofile(profiler)
caller(3)
len("abc")
sys.setprofile(None)
print([event for event in events if event[1] in ("caller", "helper", "<module>") and event[2] != "range"])
events.clear()
print(caller(2000), events)


# Tracing that begins in the middle of a running, hot function.
def begins_midway(n):
    total = 0
    for i in range(n):
        total += i
        if i == n - 3:
            sys.settrace(tracer)
            sys._getframe().f_trace = tracer
    sys.settrace(None)
    return total


begins_midway(10)
events.clear()
print(begins_midway(3000))
print(events)
events.clear()


# A called function switches tracing on for its hot caller.
def switch_on():
    sys.settrace(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))


def switched(n):
    total = 0
    for i in range(n):
        if i == n - 5:
            switch_on()
        total += helper(i)
    sys.settrace(None)
    return total


switched(6)
events.clear()
print(switched(2000), events)
events.clear()


# The tracer changes a local variable and an opcode-level trace counts.
def count_lines(function, *args):
    lines = {}

    def local(frame, event, arg):
        if event == "line":
            line = frame.f_lineno - frame.f_code.co_firstlineno
            lines[line] = lines.get(line, 0) + 1
        return local

    sys.settrace(local)
    try:
        result = function(*args)
    finally:
        sys.settrace(None)
    lines = {line: count for line, count in lines.items() if line > 0}
    return result, sorted(lines.items())


print(count_lines(work, 50))
for i in range(500):
    work(3)
print(count_lines(work, 50))


class Profile:
    """A call counter as profilers have one: every call must be seen, inlined and direct ones too."""

    def __init__(self):
        self.calls = {}

    def __call__(self, frame, event, arg):
        if event == "call":
            name = frame.f_code.co_name
            self.calls[name] = self.calls.get(name, 0) + 1


profile = Profile()
sys.setprofile(profile)
caller(300)
sys.setprofile(None)
print(profile.calls.get("helper"), profile.calls.get("caller"))


def exception_trace(frame, event, arg):
    if event == "exception":
        events.append((frame.f_code.co_name, arg[0].__name__, str(arg[1])))
    return exception_trace


for i in range(300):
    try:
        failing(4)
    except ValueError:
        pass
events.clear()
sys.settrace(exception_trace)
try:
    failing(5)
except ValueError:
    pass
sys.settrace(None)
print(events)
print(sys.gettrace(), sys.getprofile(), work(3000))
