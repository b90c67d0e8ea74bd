"""Switching a profile function off is one C call, and is reported as one."""
import sys

events = []


def profiler(frame, event, arg):
    events.append((event, getattr(arg, "__name__", None)))


def caller(n):
    total = 0
    for i in range(n):
        total += i
    return total


caller(3000)
sys.setprofile(profiler)
len("abc")
sys.setprofile(None)
print([event for event in events if event[0].startswith("c_")])
