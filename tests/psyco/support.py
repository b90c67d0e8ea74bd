"""What the programs of this directory share. They run with the compiler on, off and in full mode."""

import psyco

# Whether there is a compiler at all.
ON = psyco.stats()["available"]
FULL = psyco.stats()["mode"] == "full"


def compiled(function):
    """Whether there is any code made from a function: its own, a version for compiled callers, or inlined."""
    text = psyco.explain(function)
    return "  compiled: " in text or "other unit" in text


def entered(function):
    """Whether a function has code that the interpreter can enter."""
    lines = psyco.explain(function).splitlines()
    return any(line.startswith("  compiled: ") and "called from compiled code" not in line for line in lines)


def raises(expected, call, *arguments, **keywords):
    try:
        call(*arguments, **keywords)
    except expected as e:
        assert type(e) is expected, e
        assert str(e), "an error without a text"
        return
    raise AssertionError(f"no {expected.__name__}")
