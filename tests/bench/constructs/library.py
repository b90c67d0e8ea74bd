"""Modules of the library that do the work themselves."""
import copy
import datetime
import decimal
import enum
import fractions
import json
import pickle
import random
import re
import struct


class Color(enum.Enum):
    RED = 1
    GREEN = 2
    BLUE = 3


DATA = {"name": "thing", "sizes": [1, 2, 3.5, None, True], "inner": {"a": [{"x": i} for i in range(20)], "text": "é\n\"quoted\""}}


def regular_expressions(n=4000):
    words, total = re.compile(r"(\w+)\s*=\s*(\d+)"), 0
    for i in range(n):
        for match in words.finditer("alpha = 12, beta=7; gamma =  99"):
            total += int(match.group(2)) + len(match.group(1))
        total += len(re.sub(r"[aeiou]", "", "some vowels in here"))
    return total


def json_both_ways(n=300):
    return sum(len(json.dumps(json.loads(json.dumps(DATA)))) for _ in range(n))


def deep_copies(n=400):
    return sum(len(copy.deepcopy(DATA)["inner"]["a"]) for _ in range(n))


def pickled(n=3000):
    return sum(len(pickle.loads(pickle.dumps(DATA))) for _ in range(n))


def dates(n=4_000):
    day, total = datetime.datetime(2024, 1, 31, 12, 30), 0
    for i in range(n):
        later = day + datetime.timedelta(days=i, minutes=i)
        total += (later - day).days + later.weekday() + len(later.isoformat())
    return total


def random_numbers(n=20_000):
    source, total = random.Random(7), 0
    for _ in range(n):
        total += source.randint(1, 6) + source.choice((1, 2, 3)) + int(source.random() * 10)
    return total


def enum_members(n=30_000):
    members, total = list(Color), 0
    for i in range(n):
        color = members[i % 3]
        total += color.value if color is not Color.RED else len(color.name)
        total += Color(2).value
    return total


def packed(n=50_000):
    total = 0
    for i in range(n):
        a, b, c = struct.unpack("<IhB", struct.pack("<IhB", i, i % 100, i & 255))
        total += a + b + c
    return total


def decimals(n=25_000):
    total = decimal.Decimal(0)
    for i in range(1, n):
        total += decimal.Decimal(i) / decimal.Decimal("1.1")
    return str(total.quantize(decimal.Decimal("0.001")))


def fractions_summed(n=8000):
    total = fractions.Fraction(0)
    for i in range(1, n):
        total = total + fractions.Fraction(1, i % 30 + 1)
    return str(total)
