"""Hostile frames, and harmless ones that look alike, with what has to become of them.

They stand here as a client sends them, with a masking key of zeros; :func:`mirror` makes of them
what a provider would send.
"""

from __future__ import annotations

from typing import NamedTuple

from relay.protocol import Close

__all__ = ["ACCEPTED", "COMPRESSED", "INVALID_TEXT", "REJECTED", "Accepted", "Rejected", "mirror"]


class Rejected(NamedTuple):
    """Bytes that fail the connection."""

    name: str
    error: str
    broken: bytes
    """From the frame on that breaks a rule; nothing of it may be forwarded."""
    accepted: bytes = b""
    """The frames before it."""
    close_code: int = 1002


class Accepted(NamedTuple):
    """Bytes that pass."""

    name: str
    data: bytes
    close: Close | None = None
    discarded: bytes = b""
    """What comes after a Close."""


_KEY = bytes(4)
_h = bytes.fromhex

REJECTED = [
    Rejected("no mask", "frame is not masked", _h("8105") + b"hello"),
    Rejected("RSV3", "a reserved bit is set", _h("9185") + _KEY + b"hello"),
    Rejected("RSV2", "a reserved bit is set", _h("a185") + _KEY + b"hello"),
    Rejected("RSV1 and RSV2", "a reserved bit is set", _h("e185") + _KEY + b"hello"),
    Rejected("RSV1 and RSV3", "a reserved bit is set", _h("d285") + _KEY + b"hello"),
    Rejected("RSV1 on a control frame", "a reserved bit is set", _h("c980") + _KEY),
    Rejected("RSV1 on a Close", "a reserved bit is set", _h("c882 00000000 03e8")),
    Rejected("RSV1 and a reserved opcode", "a reserved bit is set", _h("c380") + _KEY),
    Rejected(
        "RSV1 on a continuation",
        "a reserved bit is set",
        _h("c081 00000000 62"),
        accepted=_h("0181 00000000 61"),
    ),
    Rejected("opcode 3", "reserved opcode", _h("8380") + _KEY),
    Rejected("opcode 6", "reserved opcode", _h("8680") + _KEY),
    Rejected("opcode B", "reserved opcode", _h("8b80") + _KEY),
    Rejected("opcode C", "reserved opcode", _h("8c80") + _KEY),
    Rejected("opcode D", "reserved opcode", _h("8d80") + _KEY),
    Rejected("fragmented Ping", "fragmented control frame", _h("0980") + _KEY),
    Rejected("fragmented Close", "fragmented control frame", _h("0880") + _KEY),
    Rejected(
        "long Ping",
        "control frame payload over 125 bytes",
        _h("89fe 007e") + _KEY + b"p" * 126,
    ),
    Rejected(
        "long Close",
        "control frame payload over 125 bytes",
        _h("88fe 007e") + _KEY + b"\x03\xe8" + b"r" * 124,
    ),
    Rejected("continuation of nothing", "continuation of no message", _h("8081 00000000 61")),
    Rejected(
        "text inside a message",
        "new message inside a fragmented one",
        _h("8181 00000000 62"),
        accepted=_h("0181 00000000 61"),
    ),
    Rejected(
        "continuation after the end",
        "continuation of no message",
        _h("8081 00000000 63"),
        accepted=_h("0181 00000000 61 8081 00000000 62"),
    ),
    Rejected(
        "16-bit length for 5 bytes",
        "payload length not minimally encoded",
        _h("81fe 0005") + _KEY + b"hello",
    ),
    Rejected(
        "64-bit length for 200 bytes",
        "payload length not minimally encoded",
        _h("82ff 00000000000000c8") + _KEY + b"x" * 200,
    ),
    Rejected("length 2^63", "payload length over 63 bits", _h("82ff 8000000000000000") + _KEY),
    Rejected("length 2^62", "message too big", _h("82ff 4000000000000000") + _KEY, close_code=1009),
    Rejected(
        "4 GiB",
        "message too big",
        _h("82ff 0000000100000000") + _KEY + b"x" * 100,
        close_code=1009,
    ),
    Rejected("Close of one byte", "Close frame with one byte", _h("8881 00000000 03")),
    *(
        Rejected(
            f"Close {code}",
            "invalid status code in Close frame",
            _h("8882") + _KEY + code.to_bytes(2, "big"),
        )
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    ),
    Rejected(
        "Close with a surrogate",
        "reason of Close frame is not UTF-8",
        _h("8887 00000000 03e8 ceba eda080"),
        close_code=1007,
    ),
]

COMPRESSED = [
    Rejected("RSV1, empty", "a reserved bit is set", _h("c280") + _KEY),
    Rejected("RSV1, not deflate", "a reserved bit is set", _h("c285") + _KEY + b"\xff" * 5),
    Rejected("RSV1, deflate", "a reserved bit is set", _h("c187 00000000 f248cdc9c90700")),
    Rejected(
        "RSV1, fragmented",
        "a reserved bit is set",
        _h("4183 00000000 f248cd 8084 00000000 c9c90700"),
    ),
]
"""Rejected, unless permessage-deflate was negotiated."""

ACCEPTED = [
    *(
        Accepted(
            f"Close {code}",
            _h("8885") + _KEY + code.to_bytes(2, "big") + b"bye",
            Close(code, "bye"),
        )
        for code in (1000, 1001, 1008, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
    ),
    Accepted("Close with a reason", _h("8889 00000000 03e9") + b"because", Close(1001, "because")),
    Accepted("empty Close", _h("8880") + _KEY, Close(None)),
    Accepted(
        "Ping after Close",
        _h("8882 00000000 03e8"),
        Close(1000),
        discarded=_h("8981 00000000 70"),
    ),
    Accepted("violation after Close", _h("8882 00000000 03e8"), Close(1000), discarded=_h("ffff")),
    Accepted("Ping", _h("8984") + _KEY + b"ping"),
    Accepted("unsolicited Pong", _h("8a81 00000000 78 818b") + _KEY + b"still-alive"),
    Accepted("Ping between fragments", _h("0181 00000000 61 8981 00000000 70 8081 00000000 62")),
    Accepted("code point over two fragments", _h("0182 00000000 e282 8081 00000000 ac")),
    Accepted("text early", _h("818b") + _KEY + b"hello-early"),
]

INVALID_TEXT = {
    "truncated at the end": _h("8184 00000000 6f6b e282"),
    "no lead byte": _h("8182 00000000 fffe"),
    "surrogate": _h("8183 00000000 eda080"),
    "overlong": _h("8182 00000000 c0af"),
    "over U+10FFFF": _h("8184 00000000 f4908080"),
    "truncated over two fragments": _h("0181 00000000 e2 8081 00000000 82"),
}
"""Messages that end the direction with 1007, in the lane that looks."""


def mirror(data: bytes) -> bytes:
    """Take the mask from frames that have one, and give one to the others, valid or not."""
    mirrored = b""
    while data:
        length, masked = data[1] & 0x7F, data[1] & 0x80
        size = {126: 4, 127: 10}.get(length, 2)
        if size > 2:
            length = int.from_bytes(data[2:size], "big")
        start = size + (4 if masked else 0)
        key = b"" if masked else _KEY
        end = start + length
        mirrored += bytes([data[0], data[1] ^ 0x80]) + data[2:size] + key + data[start:end]
        data = data[end:]
    return mirrored
