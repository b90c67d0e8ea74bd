"""Wrong arguments: the same errors with and without a compiler."""

import psyco
from support import raises


def f():
    pass


class Empty:
    pass


for call in psyco.bind, psyco.unbind:
    raises(TypeError, call, 5)
    raises(TypeError, call, "text")
    raises(TypeError, call, len)
    raises(TypeError, call, [].append)
    raises(TypeError, call, None)
    raises(TypeError, call)
    raises(psyco.error, call, Empty)
    raises(psyco.error, call, Empty())
    raises(psyco.error, call, int)
raises(TypeError, psyco.bind, f, "deep")
raises(TypeError, psyco.bind, f, 1.5)
raises(ValueError, psyco.bind, f, -1)
raises(TypeError, psyco.bind, f, 1, 2)
psyco.bind(f, 10 ** 30)

for call in psyco.proxy, psyco.unproxy:
    raises(TypeError, call, 5)
    raises(TypeError, call, len)
    raises(TypeError, call, Empty)
    raises(TypeError, call, [].append)
raises(TypeError, psyco.proxy, f, "deep")
raises(psyco.error, psyco.unproxy, f)

for call in psyco.cannotcompile, psyco.explain, psyco.disassemble:
    raises(TypeError, call, 5)
    raises(TypeError, call, len)
    raises(TypeError, call, Empty)
    raises(TypeError, call)

raises(TypeError, psyco.setfilter, 5)
raises(TypeError, psyco.setfilter)

for call in psyco.full, psyco.jit, psyco.profile, psyco.background, psyco.runonly:
    for name in "memory", "time", "memorymax", "timemax":
        raises(TypeError, call, **{name: "much"})
        raises(TypeError, call, **{name: True})
        raises(ValueError, call, **{name: -1})
        raises(ValueError, call, **{name: float("nan")})
    raises(TypeError, call, unknown=1)
for call in psyco.profile, psyco.background:
    for name in "watermark", "halflife", "pollfreq", "parentframe":
        raises(TypeError, call, **{name: "much"})
        raises(ValueError, call, **{name: -1})
    raises(ValueError, call, watermark=0)
    raises(ValueError, call, watermark=1.5)
    raises(ValueError, call, halflife=0)
    raises(ValueError, call, parentframe=2)
raises(TypeError, psyco.stop, 1)

raises(TypeError, psyco.log, 5)
raises(ValueError, psyco.log, "x", "r")
raises(TypeError, psyco.log, "x", "w", "many")
raises(ValueError, psyco.log, "x", "w", -1)
raises(OSError if psyco.stats()["available"] else FileNotFoundError, psyco.log, "no such directory/file")
raises(FileNotFoundError, psyco.dumpcodebuf, "no such directory/file")

assert issubclass(psyco.error, Exception) and issubclass(psyco.warning, Warning)
assert psyco.version_info >= (1, 6) and psyco.hexversion >= 0x01060000
for name in psyco.__all__:
    assert getattr(psyco, name) is not None

# What was refused has changed nothing.
assert psyco.stats()["mode"] in ("auto", "full", "off")
print("ok")
