"""read_events.py FILE: the scalars of one of TensorBoard's event files, "STEP TAG VALUE" a line; every checksum is looked at.

Written apart from cli/event_file.c, from the formats' descriptions, with a table of CRC-32C and a reader of any protocol buffer.
"""
import struct
import sys

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283  # the check value of the CRC catalogues
assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def unmask(masked):
    rotated = (masked - 0xA282EAD8) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        (length,), (check,) = struct.unpack_from("<Q", data, at), struct.unpack_from("<I", data, at + 8)
        assert unmask(check) == crc32c(data[at:at + 8]), "the checksum of a length"
        body = data[at + 12:at + 12 + length]
        assert len(body) == length, "a record is cut short"
        (check,) = struct.unpack_from("<I", data, at + 12 + length)
        assert unmask(check) == crc32c(body), "the checksum of a record"
        yield body
        at += 16 + length


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def message(data):
    fields, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 1:
            (value,), at = struct.unpack_from("<d", data, at), at + 8
        elif tag & 7 == 5:
            (value,), at = struct.unpack_from("<f", data, at), at + 4
        else:
            assert tag & 7 == 2, "an unknown kind of field"
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        fields.setdefault(tag >> 3, []).append(value)
    return fields


with open(sys.argv[1], "rb") as file:
    content = file.read()
first = True
for record in records(content):
    event = message(record)
    assert event[1][0] > 1e9, "a wall time"
    if first:
        assert event[3] == [b"brain.Event:2"], "a version"
        first = False
        continue
    for value in message(event[5][0])[1]:
        scalar = message(value)
        print(event[2][0] if 2 in event else 0, scalar[1][0].decode(), "%.9g" % scalar[2][0])
