"""Frames of a given size, and the accept value of an opening handshake."""

from __future__ import annotations

import base64
import hashlib

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = b"\x12\x34\x56\x78"


def accept_value(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept for a key (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _header(size: int, mask_bit: int) -> bytes:
    if size < 126:
        return bytes((0x82, mask_bit | size))
    if size < 65536:
        return bytes((0x82, mask_bit | 126)) + size.to_bytes(2)
    return bytes((0x82, mask_bit | 127)) + size.to_bytes(8)


def masked_frame(size: int) -> bytes:
    """A client's binary message of ``size`` bytes of payload, in one frame."""
    return _header(size, 0x80) + _KEY + bytes(size)


def unmasked_frame(size: int) -> bytes:
    """A provider's binary message of ``size`` bytes of payload, in one frame."""
    return _header(size, 0) + bytes(size)


def frame_size(size: int, *, masked: bool) -> int:
    """Bytes on the wire of a frame with that payload."""
    return len(_header(size, 0)) + (4 if masked else 0) + size
