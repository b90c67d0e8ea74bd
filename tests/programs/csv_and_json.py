"""Round trips through csv, json, configparser-like text, struct and base64, with the odd values that break naive code."""
import base64
import csv
import io
import json
import struct
import sys

ROWS = [
    ["name", "amount", "note"],
    ["plain", "1", "text"],
    ["quoted, with comma", "2.5", 'says "hi"'],
    ["line\nbreak", "-3", ""],
    ["  spaces  ", "1e3", "\u00fcnic\u00f6de \u2603"],
]


def csv_round_trip(rows, **options):
    out = io.StringIO()
    csv.writer(out, **options).writerows(rows)
    text = out.getvalue()
    return text, list(csv.reader(io.StringIO(text, newline=""), **options))


text, back = csv_round_trip(ROWS)
print(repr(text))
print(back == ROWS)
text, back = csv_round_trip(ROWS, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
print(repr(text), back == ROWS)
records = list(csv.DictReader(io.StringIO("a,b,c\n1,2,3\n4,5\n")))
print([dict(record) for record in records])
out = io.StringIO()
writer = csv.DictWriter(out, ["x", "y"], extrasaction="ignore", lineterminator="\n")
writer.writeheader()
for i in range(5):
    writer.writerow({"x": i, "y": i / 4, "z": "dropped"})
print(out.getvalue().split("\n"))

VALUES = [0, -1, 2 ** 64, 1.5, -0.0, 1e100, True, None, "", "tab\t quote\" back\\ slash/ \u2028 \U0001f600", [], {}, [[[]]],
          {"k": [1, {"n": None}]}, [1.0, "1", 1]]
for value in VALUES:
    encoded = json.dumps(value)
    print(encoded, json.loads(encoded) == value, type(json.loads(encoded)) is type(value))
print(json.dumps({"b": 1, "a": [1, 2, {"z": (3, 4)}]}, indent=2, sort_keys=True))
print(json.dumps({1: 2, None: 3, True: 4, 1.5: 5}), json.dumps("\u00e9", ensure_ascii=False), json.dumps([1, 2], separators=(",", ":")))
print(json.loads("[NaN, Infinity, -Infinity, 1E2, -0]"), json.loads(' {"a" : 1, "a" : 2 } '))
for bad in ("", "{", "[1,]", "{'a': 1}", '"\\x"', "nul", "[1] 2"):
    try:
        json.loads(bad)
    except json.JSONDecodeError as problem:
        print("JSONDecodeError")
        print(problem, file=sys.stderr)
for bad in (object(), {1, 2}, {(1, 2): 3}):
    try:
        json.dumps(bad)
    except TypeError as problem:
        print("TypeError:", str(problem)[:30])
cycle = []
cycle.append(cycle)
try:
    json.dumps(cycle)
except ValueError as problem:
    print("ValueError:", problem)


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


class Encoder(json.JSONEncoder):
    def default(self, value):
        if isinstance(value, Point):
            return {"point": [value.x, value.y]}
        if isinstance(value, set):
            return sorted(value)
        return super().default(value)


def decode(mapping):
    return Point(*mapping["point"]) if "point" in mapping else mapping


encoded = json.dumps({"p": Point(1, 2.5), "s": {3, 1, 2}}, cls=Encoder)
print(encoded, json.loads(encoded, object_hook=decode)["p"].y, json.loads("1.10", parse_float=str))


def serialise(value):
    """A JSON writer by hand: many types through one recursive function."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(serialise, value)) + "]"
    return "{" + ", ".join("%s: %s" % (serialise(k), serialise(v)) for k, v in value.items()) + "}"


def parse(text):
    """And a reader by hand: a recursive descent with an index in a closure."""
    position = 0

    def skip():
        nonlocal position
        while position < len(text) and text[position] in " \n\t":
            position += 1

    def value():
        nonlocal position
        skip()
        ch = text[position]
        if ch in "[{":
            closing = "]" if ch == "[" else "}"
            position += 1
            items = []
            while True:
                skip()
                if text[position] == closing:
                    position += 1
                    return items if ch == "[" else dict(items)
                item = value()
                if ch == "{":
                    skip()
                    position += 1
                    item = item, value()
                items.append(item)
                skip()
                if text[position] == ",":
                    position += 1
        if ch == '"':
            start = position = position + 1
            while text[position] != '"':
                position += 2 if text[position] == "\\" else 1
            position += 1
            return text[start:position - 1].replace('\\"', '"').replace("\\\\", "\\")
        start = position
        while position < len(text) and text[position] not in ",]} \n":
            position += 1
        word = text[start:position]
        if word in ("null", "true", "false"):
            return {"null": None, "true": True, "false": False}[word]
        return float(word) if "." in word or "e" in word else int(word)

    return value()


document = {"list": [1, 2.5, None, True, "a\"b\\c"], "nested": {"x": {"y": []}}, "n": [{"i": i, "f": i / 8} for i in range(120)]}
for _ in range(8):
    assert parse(serialise(document)) == document == json.loads(serialise(document))
print(len(serialise(document)), serialise(document) == json.dumps(document))
packed = struct.pack("<ihq?d4s", -1, 300, 2 ** 40, True, 0.1, b"abcdef")
print(packed.hex(), struct.unpack("<ihq?d4s", packed), struct.calcsize("<ihq?d4s"))
try:
    struct.pack("B", 256)
except struct.error as problem:
    print("struct.error")
print(base64.b64encode(packed).decode(), base64.b64decode("cHN5Y28=").decode(), base64.b16encode(b"\x00\xff"))
