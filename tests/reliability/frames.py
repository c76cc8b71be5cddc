"""Frames on the wire, fast enough for many sessions; for both ends of them."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["BINARY", "CLOSE", "TEXT", "FrameReader", "frame"]

TEXT, BINARY, CLOSE = 1, 2, 8


def frame(opcode: int, payload: bytes, *, masked: bool = False) -> bytes:
    """A whole message or a control frame; the masking key, if there is one, is zero."""
    mask = 0x80 if masked else 0
    if len(payload) < 126:
        size = bytes([mask | len(payload)])
    elif len(payload) < 1 << 16:
        size = bytes([mask | 126]) + len(payload).to_bytes(2, "big")
    else:
        size = bytes([mask | 127]) + len(payload).to_bytes(8, "big")
    return bytes([0x80 | opcode]) + size + (bytes(4) if masked else b"") + payload


class FrameReader:
    """Reads frames, masked or not."""

    def __init__(self) -> None:
        self._data = bytearray()

    @property
    def within_frame(self) -> bool:
        """Whether a part of a frame has come, and not the rest."""
        return bool(self._data)

    def read(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The opcodes and payloads of the frames that are whole now."""
        self._data += data
        while (whole := self._next()) is not None:
            yield whole

    def _next(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        length, start = data[1] & 0x7F, 2
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[2:start], "big")
        key = b""
        if data[1] & 0x80:
            key = bytes(data[start : start + 4])
            start += 4
        if len(data) < start + length:
            return None
        opcode, payload = data[0] & 0x0F, bytes(data[start : start + length])
        del data[: start + length]
        return opcode, _unmasked(payload, key) if any(key) else payload


def _unmasked(payload: bytes, key: bytes) -> bytes:
    length = len(payload)
    mask = (key * (length // 4 + 1))[:length]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return number.to_bytes(length, "big")
