"""Control over the just-in-time compiler.

Programs are compiled without any of this. The functions here choose what is compiled and
when, set limits, and tell what was done. They accept everything and do nothing where there
is no compiler; stats() says so.

    import psyco
    psyco.full()            # compile everything soon
    psyco.bind(function)    # compile this at its next call
"""

import _psyco
import atexit as _atexit
import builtins as _builtins
import functools as _functools
import operator as _operator
import sys as _sys
import types as _types
import weakref as _weakref

__all__ = [
    "full", "jit", "profile", "background", "runonly", "stop",
    "bind", "unbind", "proxy", "unproxy", "cannotcompile", "setfilter",
    "log", "dumpcodebuf", "stats", "explain", "disassemble",
    "compact", "compacttype", "error", "warning",
    "version_info", "hexversion",
]

# Of the interface, which is that of Psyco 1.6.
version_info = (1, 6, 0, "final", 0)
hexversion = 0x010600F0
__version__ = _psyco.__version__
# It is a part of the program, not of the standard library.
globals().pop("__file__", None)

if not hasattr(_builtins, "__in_psyco__"):
    _builtins.__in_psyco__ = 0


class error(Exception):
    """A function of this module can't do what it was asked to."""


class warning(Warning):
    """Accelerated code may mean something else. Never issued: it never does."""


# Profilers

def _limit(name, value):
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(type(value), "__float__"):
        raise TypeError(f"{name} must be a number or None, not {type(value).__name__}")
    value = float(value)
    if not value >= 0.0:
        raise ValueError(f"{name} must not be negative")
    return value


def _number(name, value, least, most=float("inf")):
    if isinstance(value, bool) or not hasattr(type(value), "__float__"):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    value = float(value)
    if not least < value <= most:
        raise ValueError(f"{name} is out of range: {value}")
    return value


_NO_CHARGING = (1.0, 1.0, 0.0)


def _start(chooser, charging, memory, time, memorymax, timemax):
    _psyco.start(
        chooser, *charging,
        _limit("memory", memory), _limit("time", time),
        _limit("memorymax", memorymax), _limit("timemax", timemax),
    )


def full(memory=None, time=None, memorymax=None, timemax=None):
    """Compile everything soon, until a limit is reached.

    memory (kilobytes of code) and time (seconds of compiling) limit what this call adds;
    memorymax and timemax count from the start of the program.
    """
    _start("full", _NO_CHARGING, memory, time, memorymax, timemax)


def jit(memory=None, time=None, memorymax=None, timemax=None):
    """The older name of full()."""
    full(memory, time, memorymax, timemax)


def _profile(chooser, watermark, halflife, pollfreq, parentframe, limits):
    watermark = _number("watermark", watermark, 0.0, 1.0)
    halflife = _number("halflife", halflife, 0.0)
    _number("pollfreq", pollfreq, 0.0)
    if parentframe != 0:
        parentframe = _number("parentframe", parentframe, 0.0, 1.0)
    _start(chooser, (watermark / _psyco.WATERMARK, halflife, float(parentframe)), *limits)


def profile(watermark=0.09, halflife=0.5, pollfreq=20, parentframe=0.25,
            memory=None, time=None, memorymax=None, timemax=None):
    """Compile what is hot, until a limit is reached.

    The compiler's own counters of calls and loops are the profiler. watermark scales how
    often code must run. Half of what was counted is forgotten after halflife seconds.
    What a function is charged its caller is charged, too, times parentframe. pollfreq
    is checked and has no effect, since nothing is polled.
    """
    _profile("profile", watermark, halflife, pollfreq, parentframe, (memory, time, memorymax, timemax))


def background(watermark=0.09, halflife=0.5, pollfreq=100, parentframe=0.25,
               memory=None, time=None, memorymax=None, timemax=None):
    """As profile(): the counters cost too little for another way."""
    _profile("background", watermark, halflife, pollfreq, parentframe, (memory, time, memorymax, timemax))


def runonly(memory=None, time=None, memorymax=None, timemax=None):
    """Run what is compiled, and compile nothing new but what is bound."""
    _start("runonly", _NO_CHARGING, memory, time, memorymax, timemax)


def stop():
    """Compile nothing new but what is bound, and forget the profilers that wait."""
    _psyco.stop()


# Single functions and classes

def _depth(rec):
    if rec is None:
        return 10
    rec = _operator.index(rec)
    if rec < 0:
        raise ValueError("rec must not be negative")
    return min(rec, 255)


def _function(obj):
    """The Python function in a function, method or descriptor, or None."""
    while True:
        if isinstance(obj, _types.FunctionType):
            return obj
        if isinstance(obj, (_types.MethodType, staticmethod, classmethod)):
            obj = obj.__func__
        elif isinstance(obj, _functools.partial):
            obj = obj.func
        elif isinstance(obj, _functools.partialmethod):
            obj = obj.func
        elif isinstance(obj, _functools.cached_property):
            obj = obj.func
        else:
            return None


def _members(obj):
    """The functions in a value of a class's or module's dict."""
    if isinstance(obj, property):
        parts = (obj.fget, obj.fset, obj.fdel)
    else:
        parts = (obj,)
    for part in parts:
        function = _function(part)
        if function is not None:
            yield function
        elif isinstance(wrapped := getattr(part, "__wrapped__", None), _types.FunctionType):
            # functools.lru_cache and the like.
            yield wrapped


def _of_class(cls):
    for base in cls.__mro__:
        for value in list(base.__dict__.values()):
            yield from _members(value)


def _functions(obj, verb):
    """All functions that binding an object is about; each once."""
    function = _function(obj)
    if function is not None:
        return [function]
    if isinstance(obj, type):
        found = _of_class(obj)
    elif isinstance(obj, property) or isinstance(getattr(obj, "__wrapped__", None), _types.FunctionType):
        found = _members(obj)
    elif isinstance(obj, _types.MethodType) or not hasattr(obj, "__dict__"):
        raise TypeError(f"can't {verb} {type(obj).__name__} objects")
    else:
        found = []
        for value in list(obj.__dict__.values()):
            if isinstance(value, type):
                if isinstance(obj, _types.ModuleType) and value.__module__ == obj.__name__:
                    found.extend(_of_class(value))
            else:
                found.extend(_members(value))
    found = list({id(f): f for f in found}.values())
    if not found:
        raise error(f"nothing to {verb} in this {type(obj).__name__} object")
    return found


def bind(x, rec=None):
    """Compile a function at its next call, in place.

    x is a function, a method, a class (all its functions, inherited ones too) or anything
    with a __dict__ (its functions; a module's own classes). What it calls by name is bound too, to a
    depth of rec, 10 by default. psyco.error if there is nothing to bind.
    """
    depth = _depth(rec)
    for function in _functions(x, "bind"):
        _psyco.bind(function, depth)


def unbind(x):
    """Undo bind(): drop what was compiled and count again. Silent for what is not bound."""
    for function in _functions(x, "unbind"):
        _psyco.unbind(function, 255)


_originals = _weakref.WeakKeyDictionary()


def proxy(x, rec=None):
    """A copy of a function or method that is compiled at its first call. The original stays as it is.

    Works as a decorator.
    """
    _depth(rec)
    if isinstance(x, _types.MethodType) and isinstance(x.__func__, _types.FunctionType):
        return _types.MethodType(proxy(x.__func__, rec), x.__self__)
    if not isinstance(x, _types.FunctionType):
        raise TypeError(f"can't make a proxy of {type(x).__name__} objects")
    copy = _types.FunctionType(x.__code__.replace(), x.__globals__, x.__name__, x.__defaults__, x.__closure__)
    copy.__kwdefaults__ = x.__kwdefaults__ and dict(x.__kwdefaults__)
    copy.__dict__.update(x.__dict__)
    for name in ("__module__", "__qualname__", "__doc__", "__annotations__", "__type_params__"):
        try:
            setattr(copy, name, getattr(x, name))
        except AttributeError:
            pass
    _originals[copy] = x
    # What it calls is compiled as a part of it, not in place.
    _psyco.bind(copy, 0)
    return copy


def unproxy(x):
    """The function that a proxy was made of."""
    if isinstance(x, _types.MethodType) and isinstance(x.__func__, _types.FunctionType):
        return _types.MethodType(unproxy(x.__func__), x.__self__)
    if not isinstance(x, _types.FunctionType):
        raise TypeError(f"{type(x).__name__} objects are no proxies")
    try:
        return _originals[x]
    except KeyError:
        raise error(f"{x.__name__}() is not a proxy") from None


def _code(x, verb):
    if isinstance(x, _types.CodeType):
        return x
    function = _function(x)
    if function is None:
        raise TypeError(f"can't {verb} {type(x).__name__} objects")
    return function.__code__


def cannotcompile(x):
    """Never compile a function, method or code object, alone or inlined. What it calls may be."""
    _psyco.cannotcompile(_code(x, "exclude"))


_filter = None


def setfilter(func):
    """Ask func once about each code object before it is compiled; a false result leaves it interpreted.

    None asks nobody. Returns the filter before.
    """
    global _filter
    if func is not None and not callable(func):
        raise TypeError(f"the filter must be callable or None, not {type(func).__name__}")
    before, _filter = _filter, func
    _psyco.setfilter(func)
    return before


# Telling

def _told(text, without):
    if text is None:
        return f"{without}: {_psyco.without()}\n"
    if isinstance(text, tuple):
        raise error(text[0])
    return text


def stats():
    """Counters as a dict; see the reference for their names and units."""
    found = _psyco.stats()
    if isinstance(found, str):
        raise error(found)
    if found is None:
        return {"mode": "off", "available": False, "why": _psyco.without(), **_NO_STATS, "exits": {}, "exit_places": []}
    return {"mode": found.pop("mode"), "available": True, "why": None, **found}


_NO_STATS = dict.fromkeys((
    "waiting_profilers", "bound", "units", "versions", "rebuilds", "refused", "live_units", "freed_units", "emptied",
    "code_bytes", "code_bytes_total", "code_bytes_limit", "entered", "left", "objects",
), 0) | {"backend": None, "compile_time": 0.0}


def explain(x):
    """Text about a function: its compiled versions, where they were left and why, and why there are no more."""
    return _told(_psyco.text("explain", _code(x, "explain")), "not compiled")


def disassemble(x):
    """The intermediate representation and the machine code of a function's compiled versions, as text."""
    return _told(_psyco.text("disassemble", _code(x, "disassemble")), "no code")


def dumpcodebuf(filename="psyco.dump"):
    """Write disassemble() of everything to a file."""
    text = _told(_psyco.text("dump"), "no code")
    with open(filename, "w", encoding="utf-8") as f:
        f.write(text)


_log_top = None


def log(logfile="", mode="w", top=10):
    """Write messages about compiling to a file, and at exit the top functions.

    By default the file is named after the script, with the extension log-psyco.
    """
    global _log_top
    if not isinstance(logfile, str):
        raise TypeError(f"logfile must be a string, not {type(logfile).__name__}")
    if mode not in ("w", "a"):
        raise ValueError("mode must be 'w' or 'a'")
    top = _operator.index(top)
    if top < 0:
        raise ValueError("top must not be negative")
    if not logfile:
        import os.path
        logfile = os.path.splitext(_sys.argv[0] if _sys.argv else "")[0]
        if os.path.basename(logfile):
            logfile += "."
        logfile += "log-psyco"
    import time
    first = _log_top is None
    if not _psyco.log(logfile, mode == "a"):
        with open(logfile, mode, encoding="utf-8") as f:
            f.write(f"nothing is compiled: {_psyco.without()}\n")
        return
    _log_top = top
    _psyco.note(f"log started on {time.strftime('%Y-%m-%d at %H:%M:%S')}\n")
    if first:
        _atexit.register(_end_log)


def _end_log():
    text = _psyco.charges(_log_top)
    if text is not None:
        _psyco.note(f"most charged functions:\n{text}")
    _psyco.log(None, False)


from psyco.classes import compact, compacttype  # noqa: E402
