"""Frames on the wire (RFC 6455 5.2): written and read by nothing of the relay's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import NamedTuple

from relay.protocol.frames import CLOSE, CONTINUATION

__all__ = [
    "MASKING_KEY",
    "Frame",
    "Item",
    "close_frame",
    "cut",
    "decode",
    "delivered",
    "encode",
    "frame_size",
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
        """Without what is as usual."""
        shown = [str(self.opcode), repr(self.payload)]
        shown += ["fin=False"] * (not self.fin) + ["rsv1=True"] * self.rsv1
        shown += [f"missing={self.missing}"] * bool(self.missing)
        return f"Frame({', '.join(shown)})"

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
    while data:
        bit, length = data[1] & 0x80, data[1] & 0x7F
        assert bool(bit) is masked, "the other side's masking"
        size = {126: 4, 127: 10}.get(length, 2)
        if size > 2:
            length = int.from_bytes(data[2:size], "big")
        key = data[size : size + 4] if masked else b"\0\0\0\0"
        size += 4 if masked else 0
        assert len(data) >= size, "part of a frame header"
        payload = data[size : size + length]
        frames.append(
            Frame(
                opcode=data[0] & 0x0F,
                payload=_xor(payload, key),
                fin=data[0] >= 0x80,
                missing=length - len(payload),
                rsv1=bool(data[0] & 0x40),
            )
        )
        data = data[size + length :]
    return frames


def frame_size(data: bytes | bytearray, *, masked: bool) -> int:
    """The size of the frame that ``data`` begins with; 0 if it is not wholly there."""
    length = data[1] & 0x7F if len(data) > 1 else 0
    size = 2 + {126: 2, 127: 8}.get(length, 0)
    if len(data) < size:
        return 0
    if size > 2:
        length = int.from_bytes(data[2:size], "big")
    size += length + (4 if masked else 0)
    return size if len(data) >= size else 0


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


def close_frame(code: int | None, reason: str = "") -> Frame:
    """A Close frame (RFC 6455 5.5.1); without a code, an empty one."""
    return Frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason.encode())


def _xor(payload: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
