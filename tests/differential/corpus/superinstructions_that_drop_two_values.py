"""Variables that a loop may find unbound are overwritten by instructions that do two things: the old value's destructor
runs when both are done."""
import sys

log = []


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append("%s dies" % self.name)


def pairs(n):
    # Both stores of `first, second = ...` are one instruction, and each may drop the last reference.
    kept = []
    for i in range(n):
        if i % 7 == 3:
            kept.append(len(log))
        first, second = Noisy("first %d" % i), [i]
        third, first = second, (first if i % 5 else Noisy("other %d" % i))
        kept.append((second, third))
    return len(kept), first.name


def stored_and_loaded(n):
    # The store of `thing` and the load of `things` are one instruction.
    things = []
    total = 0
    for i in range(n):
        thing = Noisy("thing %d" % i)
        things.append(i)
        if i > 2:
            last = thing
            total += len(things)
    return total, last.name


def unpacked(cleanups):
    done = 0
    while cleanups:
        function, args, kwargs = cleanups.pop()
        with Manager():
            function(*args, **kwargs)
        done += 1
    return done


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False


class Callable(Noisy):
    def __call__(self, *args, **kwargs):
        log.append((self.name, args, sorted(kwargs)))


def deleted(n):
    for i in range(n):
        if i % 3 == 1:
            del gone
        gone, other = Noisy("gone %d" % i), i
        if i % 3 == 2:
            del gone, other
            gone = Noisy("again %d" % i)
    return i


for turn in range(40):
    print(pairs(9), stored_and_loaded(6), deleted(9))
    print(unpacked([(Callable("call %d" % i), (i,) * i, {"key": i} if i % 2 else {}) for i in range(6)]))
    print(len(log), log[-1])
    log.clear()
print(sys.version_info[0])
