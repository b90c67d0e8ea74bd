"""bytes, bytearray, memoryview and array: checksums, ciphers, run-length and base encodings, in-place edits in hot loops."""
from array import array


def adler32(data):
    a, b = 1, 0
    for byte in data:
        a = (a + byte) % 65521
        b = (b + a) % 65521
    return b << 16 | a


def make_crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ 0xEDB88320 if n & 1 else n >> 1
        table.append(n)
    return table


CRC_TABLE = make_crc_table()


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def rc4(key, data):
    state = bytearray(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) & 255
        j = (j + state[i]) & 255
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) & 255])
    return bytes(out)


def pack_runs(data):
    out = bytearray()
    i = 0
    while i < len(data):
        j = i
        while j < len(data) and data[j] == data[i] and j - i < 255:
            j += 1
        out += bytes((j - i, data[i]))
        i = j
    return bytes(out)


def unpack_runs(data):
    return b"".join(bytes([data[i + 1]]) * data[i] for i in range(0, len(data), 2))


def base64(data):
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    out = bytearray()
    for i in range(0, len(data), 3):
        chunk = data[i:i + 3]
        number = int.from_bytes(chunk + b"\0" * (3 - len(chunk)), "big")
        for k in range(4):
            out.append(letters[number >> 18 - 6 * k & 63] if k <= len(chunk) else 61)
    return out.decode("ascii")


data = bytes((i * i + 7 * i) & 255 for i in range(1500)) + b"\0" * 300 + b"the end"
print(hex(adler32(data)), hex(crc32(data)), hex(crc32(b"123456789")), adler32(b""))
secret = rc4(b"key", data)
print(secret[:12].hex(), rc4(b"key", secret) == data)
packed = pack_runs(data)
print(len(data), len(packed), unpack_runs(packed) == data, base64(b"any carnal pleas"), base64(b""), base64(b"a"), base64(data)[-12:])

# The same function over other kinds of sequences: a list, an array, a memoryview, a range, a generator.
for kind in (list, bytearray, memoryview, lambda d: array("B", d), lambda d: (b for b in d)):
    print(hex(adler32(kind(data))), end=" ")
print(hex(adler32(range(256))), hex(crc32(array("i", [1, 2, 255]))))


def invert(buffer, n):
    for i in range(len(buffer)):
        buffer[i] = 255 - buffer[i]
        if i == n:
            buffer[i] = 300
    return buffer


print(invert(bytearray(data), -1)[:6])
for buffer in (bytearray(data), data, memoryview(bytearray(data)), array("B", data)):
    try:
        invert(buffer, 1200)
    except (ValueError, TypeError, OverflowError) as problem:
        print(type(problem).__name__, type(buffer).__name__)

b = bytearray(b"hello world")
b[0:5] = b"HOWDY!"
del b[-1]
b.insert(0, 62)
b.extend([33, 63])
b += b"..."
b[::4] = b"-" * len(b[::4])
print(b, b.pop(), b.find(b"W"), b.upper(), b.count(b"-"), b.split(b"-"), b.replace(b"-", b"++"), b * 2, b"x" in b, 33 in b)
print(b"a,b,,c".split(b","), b" x ".strip(), b"abc".hex(), bytes.fromhex("00 ff"), b"%d %s" % (5, b"q"), b"ab" < b"b", b"abc"[1], b"abc"[::-1], bytes(3), bytes("\u00e9", "utf-8"))
view = memoryview(bytearray(range(12)))
part = view[2:8:2]
part[1] = 99
print(part.tolist(), view.tobytes(), len(part), view.cast("I").tolist() if view.itemsize == 1 else None, view.readonly, memoryview(b"q").readonly)
numbers = array("d", [1.5, 2.5])
numbers.append(3)
ints = array("q", range(1000))
for i in range(1, len(ints)):
    ints[i] = ints[i] + ints[i - 1] * 3 % 1000003
print(numbers.tolist(), sum(numbers), ints[-1], ints[:4], array("h", b"\x01\x00\x02\x00"), ints.itemsize)
for bad in (lambda: array("b", [200]), lambda: ints.append(2 ** 63), lambda: ints.append(1.5), lambda: b"a" + "b", lambda: bytes([256]), lambda: bytearray(-1),
            lambda: "abc".encode("ascii") + 1, lambda: "\u00e9".encode("ascii"), lambda: b"\xff".decode("utf-8"), lambda: b"abc"[5]):
    try:
        print(bad())
    except (OverflowError, TypeError, ValueError, IndexError) as problem:
        print(type(problem).__name__)
text = "z\u00df\u6c34\U0001f34c"
for codec in ("utf-8", "utf-16-le", "utf-32-be"):
    encoded = text.encode(codec)
    print(codec, encoded.hex(), encoded.decode(codec) == text)
print(b"\xff\xfeok".decode("utf-8", "replace"), b"\xffok".decode("latin-1"), "\u00e9x".encode("ascii", "backslashreplace"), b"caf\xc3".decode("utf-8", "ignore"))
total = 0
for i in range(3000):
    total += data[i % len(data)] * (i & 3) - (secret[-i % len(data)] >> 1)
print(total)
