#!/usr/bin/python3
"""Writes cases/*/wire.hex with Google's protobuf, zlib and a COBS of its own: nothing of the codec.

Needs protoc and python3-protobuf of the distribution. Run it after a change of the protocol, then FOG_UPDATE_GOLDEN=1 the test and review.
"""
import binascii
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
HELLO, WELCOME, DATA, ACK, NAK, TIME, SCHEMA_REQ, SCHEMA, COMMAND, RESULT, LOG, PING = range(12)

with tempfile.TemporaryDirectory() as folder:
    proto = HERE.parent / "proto"
    subprocess.run(["protoc", f"-I{proto}", f"--python_out={folder}", "mcu_link.proto"], check=True)
    sys.path.insert(0, folder)
    import mcu_link_pb2 as pb


def cobs(plain):
    out = bytearray()
    for group in plain.split(b"\0"):
        while len(group) >= 254:
            out += b"\xff" + group[:254]
            group = group[254:]
        out += bytes([len(group) + 1]) + group
    return bytes(out)


def frame(kind, message=b"", seq=0, flags=0, crc16=False, version=1, damage=None):
    payload = message if isinstance(message, bytes) else message.SerializeToString()
    plain = struct.pack("<BBHH", version << 4 | kind, flags, seq, 0) + payload
    if crc16 and kind not in (HELLO, WELCOME, NAK):
        plain += struct.pack("<H", binascii.crc_hqx(plain, 0xFFFF))
    else:
        plain += struct.pack("<I", zlib.crc32(plain))
    if damage is not None:
        plain = plain[:damage] + bytes([plain[damage] ^ 0x10]) + plain[damage + 1 :]
    return cobs(plain) + b"\0"


def schema(*points):
    encoded = pb.Schema(points=points).SerializeToString()
    return encoded, struct.unpack("<Q", hashlib.sha256(encoded).digest()[:8])[0]


TEMP = pb.Point(id=1, name="temp", unit="Cel", scale=0.01, interval_ms=1000)
HUM = pb.Point(id=2, name="relHumidity", unit="%")
RELAY = pb.Point(id=3, name="relay", writable=True)
MODE = pb.Point(id=4, name="mode")


def hello(hash_, **more):
    return pb.Hello(device_id="node-7", model="demo", firmware="1.2", boot_nonce=77,
                    schema_hash=hash_, tick_hz=1000, max_frame=256, **more)


def start(*points, crc=0, **more):
    encoded, hash_ = schema(*points)
    part = pb.SchemaPart(hash=hash_, offset=0, total=len(encoded), chunk=encoded)
    return frame(HELLO, hello(hash_, crc=crc, **more)) + frame(SCHEMA, part, crc16=crc == 1)


def data(seq, samples, flags=1, dropped=0, crc16=False, damage=None):
    message = pb.Data(ticks=1000 + seq, samples=samples, dropped=dropped)
    return frame(DATA, message, seq=seq, flags=flags, crc16=crc16, damage=damage)


S = pb.Sample
ALL = (TEMP, HUM, RELAY, MODE)
SPLIT_SCHEMA, SPLIT_HASH = schema(*ALL)

CASES = {
    "first-contact": start(*ALL)
    + data(0, [S(point=1, i64=2150), S(point=2, f32=40.1), S(point=3, flag=True)])
    + data(1, [S(point=1, i64=-5), S(point=4, text="eco"), S(point=3, flag=False)]),
    "crc16-agreed": start(TEMP, crc=1) + data(0, [S(point=1, i64=100)], crc16=True),
    "schema-in-two-parts": frame(HELLO, hello(SPLIT_HASH))
    + frame(SCHEMA, pb.SchemaPart(hash=SPLIT_HASH, offset=0, total=len(SPLIT_SCHEMA),
                                  chunk=SPLIT_SCHEMA[:30]))
    + frame(SCHEMA, pb.SchemaPart(hash=SPLIT_HASH, offset=30, total=len(SPLIT_SCHEMA),
                                  chunk=SPLIT_SCHEMA[30:]))
    + data(0, [S(point=2, f64=55.5)]),
    "schema-hash-wrong": frame(HELLO, hello(123))
    + frame(SCHEMA, pb.SchemaPart(hash=123, offset=0, total=len(SPLIT_SCHEMA), chunk=SPLIT_SCHEMA))
    + data(0, [S(point=2, f64=55.5)]),
    "repeats-and-gap": start(TEMP)
    + data(0, [S(point=1, i64=1)])
    + data(0, [S(point=1, i64=1)], flags=3)
    + data(2, [S(point=1, i64=3)])
    + data(1, [S(point=1, i64=2)], flags=3)
    + data(2, [S(point=1, i64=3)], flags=3),
    "damaged-then-next": start(TEMP)
    + data(0, [S(point=1, i64=1)], damage=9)
    + b"garbage\0\0\xff\xff\0"
    + data(0, [S(point=1, i64=1)], flags=3),
    "sequence-wraps": start(TEMP, oldest=65535)
    + data(65535, [S(point=1, i64=1)])
    + data(0, [S(point=1, i64=2)])
    + data(65535, [S(point=1, i64=1)], flags=3)
    + data(1, [S(point=1, i64=3)]),
    "no-value-and-quality": start(*ALL)
    + data(0, [S(point=2, f64=float("nan")), S(point=2, f32=float("inf")), S(point=1, status=1),
               S(point=2, f64=1.5, status=4), S(point=2), S(point=2, f64=3, status=9),
               S(point=9, i64=1)]),
    "dropped-by-device": start(TEMP)
    + data(0, [S(point=1, i64=1)], flags=5, dropped=12)
    + data(1, [S(point=1, i64=1)], dropped=3),
    "another-version": frame(HELLO, hello(1), version=2) + frame(DATA, b"", version=3),
    "no-session": data(5, [S(point=1, i64=1)]),
    "log-and-ping": start(TEMP) + frame(LOG, pb.Log(level=4, text="brown-out")) + frame(PING)
    + frame(15, b"later"),
    "new-boot-new-schema": start(TEMP) + data(0, [S(point=1, i64=1)])
    + frame(HELLO, pb.Hello(device_id="node-7", boot_nonce=78, schema_hash=SPLIT_HASH, tick_hz=1000))
    + frame(SCHEMA, pb.SchemaPart(hash=SPLIT_HASH, offset=0, total=len(SPLIT_SCHEMA),
                                  chunk=SPLIT_SCHEMA))
    + data(0, [S(point=2, f64=2)]),
    "counter-64-bit": start(pb.Point(id=1, name="count"))
    + data(0, [S(point=1, i64=9007199254740993), S(point=1, i64=-9223372036854775808)]),
}

for name, wire in CASES.items():
    folder = HERE / "cases" / name
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(
        "\n".join(line.hex(" ") for line in (part[i : i + 32] for i in range(0, len(part), 32)))
        for part in (p + b"\0" for p in wire.split(b"\0")[:-1])
    )
    (folder / "wire.hex").write_text(text + "\n")
(HERE / "corpus").mkdir(exist_ok=True)
for name in ("first-contact", "damaged-then-next", "crc16-agreed"):
    (HERE / "corpus" / name).write_bytes(b"\0" + CASES[name])
part = pb.SchemaPart(hash=SPLIT_HASH, total=len(SPLIT_SCHEMA), chunk=SPLIT_SCHEMA)
inner = b"\1"
for kind, seq, message in (
    (HELLO, 0, hello(SPLIT_HASH)), (SCHEMA, 0, part),
    (DATA, 0, pb.Data(ticks=5, samples=[S(point=1, i64=2150), S(point=4, text="eco", age=3)])),
    (TIME, 1, pb.Time(t1=9)), (LOG, 1, pb.Log(text="x")), (RESULT, 1, pb.CommandResult(id=1, i64=4)),
):
    body = message.SerializeToString()
    inner += bytes([kind, seq, len(body)]) + body
(HERE / "corpus" / "framed-messages").write_bytes(inner)
