"""Frames on the wire (RFC 6455 5.2): written and read by nothing of the relay's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import NamedTuple

from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "MASKING_KEY",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "Item",
    "binary",
    "close",
    "close_code",
    "cut",
    "decode",
    "delivered",
    "encode",
    "frame_size",
    "ping",
    "pong",
    "text",
]

MASKING_KEY = b"\x37\xfa\x21\x3d"
"""A client's, where it does not matter which (RFC 6455 5.3)."""

Item = tuple[int, bytes]
"""What a receiver is handed: a whole message or a control frame, as opcode and payload."""


class Frame(NamedTuple):
    """One frame, its payload unmasked."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    missing: int = 0
    """Bytes of the declared payload that are not there."""
    rsv1: bool = False
    """Whether a compressed message begins with it (RFC 7692 6)."""

    def __repr__(self) -> str:
        """As one would write it: ``text('hello')``, ``close(1000)``, or what is unusual of it."""
        return _call(self) or _fields(self)

    def encode(self, masking_key: bytes | None = None) -> bytes:
        """The frame's bytes; masked if there is a key."""
        first = bytes([self.fin << 7 | self.rsv1 << 6 | self.opcode])
        bit = 0 if masking_key is None else 0x80
        length = len(self.payload) + self.missing
        if length < 126:
            head = first + bytes([bit | length])
        elif length < 65536:
            head = first + bytes([bit | 126]) + length.to_bytes(2, "big")
        else:
            head = first + bytes([bit | 127]) + length.to_bytes(8, "big")
        if masking_key is None:
            return head + self.payload
        return head + masking_key + _xor(self.payload, masking_key)


def encode(frames: Iterable[Frame], masking_key: bytes | None = None) -> bytes:
    """The bytes of several frames."""
    return b"".join(frame.encode(masking_key) for frame in frames)


def decode(data: bytes, *, masked: bool) -> list[Frame]:
    """Read frames; every header has to be whole, the last payload need not be."""
    frames = []
    position = 0
    while position < len(data):
        bit, length = data[position + 1] & 0x80, data[position + 1] & 0x7F
        assert bool(bit) is masked, "the other side's masking"
        start = position + {126: 4, 127: 10}.get(length, 2)
        if length > 125:
            length = int.from_bytes(data[position + 2 : start], "big")
        key = data[start : start + 4] if masked else b"\0\0\0\0"
        start += 4 if masked else 0
        assert len(data) >= start, "part of a frame header"
        payload = data[start : start + length]
        frames.append(
            Frame(
                opcode=data[position] & 0x0F,
                payload=_xor(payload, key),
                fin=data[position] >= 0x80,
                missing=length - len(payload),
                rsv1=bool(data[position] & 0x40),
            )
        )
        position = start + length
    return frames


def frame_size(data: bytes | bytearray, *, masked: bool, start: int = 0) -> int:
    """The size of the frame that begins at ``data[start]``; 0 if it is not wholly there."""
    available = len(data) - start
    length = data[start + 1] & 0x7F if available > 1 else 0
    size = 2 + {126: 2, 127: 8}.get(length, 0)
    if available < size:
        return 0
    if size > 2:
        length = int.from_bytes(data[start + 2 : start + size], "big")
    size += length + (4 if masked else 0)
    return size if available >= size else 0


def delivered(frames: Iterable[Frame]) -> list[Item]:
    """What a receiver of these frames is handed, in order: messages when whole, control frames."""
    items: list[Item] = []
    opcode, message = CONTINUATION, b""
    for frame in frames:
        if frame.opcode >= CLOSE:
            items.append((frame.opcode, frame.payload))
            continue
        opcode = frame.opcode or opcode
        message += frame.payload
        if frame.fin and not frame.missing:
            items.append((opcode, message))
            message = b""
    return items


def cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Cut a stream into chunks of these sizes, cyclically. None is empty.

    Args:
        data: All that one side sends.
        sizes: Each at least 1.
    """
    chunks = []
    position = 0
    for size in cycle(sizes):
        if position >= len(data):
            break
        chunks.append(data[position : position + size])
        position += size
    return chunks


def text(message: str) -> Frame:
    """A text message of one frame (RFC 6455 5.6)."""
    return Frame(TEXT, message.encode())


def binary(message: bytes) -> Frame:
    """A binary message of one frame (RFC 6455 5.6)."""
    return Frame(BINARY, message)


def ping(payload: bytes = b"") -> Frame:
    """A Ping (RFC 6455 5.5.2), of up to 125 bytes."""
    return Frame(PING, payload)


def pong(payload: bytes = b"") -> Frame:
    """A Pong (RFC 6455 5.5.3), of up to 125 bytes."""
    return Frame(PONG, payload)


def close(code: int | None = None, reason: str = "") -> Frame:
    """A Close frame (RFC 6455 5.5.1); without a code, an empty one."""
    return Frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason.encode())


def close_code(frame: Frame) -> int | None:
    """The status code of a Close frame; None if it is empty."""
    return int.from_bytes(frame.payload[:2], "big") if frame.payload else None


_OPCODES = {
    CONTINUATION: "CONTINUATION",
    TEXT: "TEXT",
    BINARY: "BINARY",
    CLOSE: "CLOSE",
    PING: "PING",
    PONG: "PONG",
}
_CALLS = {BINARY: "binary", PING: "ping", PONG: "pong"}


def _call(frame: Frame) -> str | None:
    """The call that makes a frame; None if there is none."""
    opcode, payload = frame.opcode, frame.payload
    if frame != Frame(opcode, payload):
        return None
    try:
        if opcode == TEXT:
            return f"text({_short(payload.decode())})"
        if opcode == CLOSE and len(payload) != 1:
            code = [str(close_code(frame))] if payload else []
            reason = [repr(payload[2:].decode())] if payload[2:] else []
            return f"close({', '.join(code + reason)})"
    except UnicodeDecodeError:
        return None
    return f"{_CALLS[opcode]}({_short(payload)})" if opcode in _CALLS else None


def _fields(frame: Frame) -> str:
    """What differs from the defaults."""
    shown = [_OPCODES.get(frame.opcode, hex(frame.opcode)), _short(frame.payload)]
    shown += ["fin=False"] * (not frame.fin) + ["rsv1=True"] * frame.rsv1
    shown += [f"missing={frame.missing}"] * bool(frame.missing)
    return f"Frame({', '.join(shown)})"


def _short(content: str | bytes) -> str:
    """An expression for it, short if it is one character many times over."""
    if len(content) > 40 and content == content[:1] * len(content):
        return f"{content[:1]!r} * {len(content)}"
    return repr(content)


def _xor(payload: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
