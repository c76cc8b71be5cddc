"""Frames: reading a header, and building the control frames that the relay sends itself.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-------+-+-------------+-------------------------------+
|F|R|R|R| opcode|M| Payload len |    Extended payload length    |
|I|S|S|S|  (4)  |A|     (7)     |     (16/64, if len==126/127)  |
|N|V|V|V|       |S|             |                               |
| |1|2|3|       |K|             |                               |
+-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
|             Masking-key, if MASK set to 1 (32)                |
+---------------------------------------------------------------+   RFC 6455 5.2
"""

from __future__ import annotations

from typing import NamedTuple

from relay.protocol.errors import LocalProtocolError, RemoteProtocolError

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "MAX_CONTROL_FRAME",
    "PING",
    "PONG",
    "TEXT",
    "Close",
    "FrameHeader",
    "control_frame",
    "frame_header",
    "mask",
]

CONTINUATION, TEXT, BINARY, CLOSE = 0x0, 0x1, 0x2, 0x8
PING = 0x9
"""The opcode of a Ping (RFC 6455 5.5.2)."""
PONG = 0xA
"""The opcode of a Pong (RFC 6455 5.5.3)."""
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_COMPRESSED = frozenset({0x40 | TEXT, 0x40 | BINARY})  # RFC 7692 6: RSV1, on a first frame only
_CONTROL_BIT = 0x8  # RFC 6455 5.5: control frames have the most significant opcode bit set
_MAX_CONTROL_PAYLOAD = 125  # RFC 6455 5.5
MAX_CONTROL_FRAME = 2 + 4 + _MAX_CONTROL_PAYLOAD
"""The bytes of the largest control frame, masked."""


class FrameHeader(NamedTuple):
    """A frame's header, read and checked."""

    fin: bool
    opcode: int
    payload_length: int
    size: int
    """Bytes of the header itself, masking key included."""


def frame_header(
    data: bytes, start: int, *, masked: bool, compressed: bool = False
) -> FrameHeader | None:
    """Read the frame header that begins at ``data[start]``.

    Every rule is checked as soon as the bytes it needs are there, so that what is found does not
    depend on how the stream was cut.

    Args:
        data: Bytes as received; at least one at ``start``.
        start: Where the frame begins.
        masked: Whether frames of this direction must be masked (RFC 6455 5.1).
        compressed: Whether permessage-deflate was negotiated.

    Returns:
        The header, or None if it is not there wholly.

    Raises:
        RemoteProtocolError: The header breaks a rule of RFC 6455 5.2, 5.3 or 5.5, or of RFC 7692.
    """
    first = data[start]
    if first & 0x70 and not (compressed and first & 0x7F in _COMPRESSED):
        raise RemoteProtocolError("a reserved bit is set")  # 5.2: no extension gives it a meaning
    opcode = first & 0x0F
    if opcode not in _OPCODES:
        raise RemoteProtocolError("reserved opcode")
    if first >= 0x80:
        fin = True
    elif opcode & _CONTROL_BIT:
        raise RemoteProtocolError("fragmented control frame")  # 5.5
    else:
        fin = False
    available = len(data) - start
    if available < 2:
        return None
    second = data[start + 1]
    if (second >= 0x80) is not masked:
        raise RemoteProtocolError("frame is not masked" if masked else "frame is masked")  # 5.1
    length = second & 0x7F
    size = 6 if masked else 2
    if length > _MAX_CONTROL_PAYLOAD:
        if opcode & _CONTROL_BIT:
            raise RemoteProtocolError("control frame payload over 125 bytes")  # 5.5
        extended = 2 if length == 126 else 8
        size += extended
        if available < 2 + extended:
            return None
        length = int.from_bytes(data[start + 2 : start + 2 + extended])
        if length >> 63:
            raise RemoteProtocolError("payload length over 63 bits")  # 5.2
        if length < (126 if extended == 2 else 65536):
            raise RemoteProtocolError("payload length not minimally encoded")  # 5.2
    if available < size:
        return None
    return FrameHeader(fin, opcode, length, size)


def mask(payload: bytes, key: bytes) -> bytes:
    """Mask or unmask a payload (RFC 6455 5.3); meant for control frames, so it favours brevity."""
    pad = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(pad)).to_bytes(len(payload))


def control_frame(opcode: int, payload: bytes, masking_key: bytes | None) -> bytes:
    """Build a control frame.

    Args:
        opcode: ``CLOSE``, ``PING`` or ``PONG``.
        payload: At most 125 bytes.
        masking_key: Four unpredictable bytes for a frame to the provider (RFC 6455 5.3), None for
            one to the client.

    Raises:
        LocalProtocolError: The payload is too long.
    """
    if len(payload) > _MAX_CONTROL_PAYLOAD:
        raise LocalProtocolError("control frame payload over 125 bytes")
    if masking_key is None:
        return bytes((0x80 | opcode, len(payload))) + payload
    head = bytes((0x80 | opcode, 0x80 | len(payload)))
    return head + masking_key + mask(payload, masking_key)


# RFC 6455 7.4 and the IANA registry. 1004 is reserved; 1005, 1006 and 1015 never stand in a frame.
_REGISTERED_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


class Close(NamedTuple):
    """What a Close frame says (RFC 6455 5.5.1)."""

    code: int | None
    """The status code; None when the frame is empty, which APIs call 1005."""
    reason: str = ""

    @classmethod
    def parse(cls, payload: bytes) -> Close:
        """Read an unmasked Close payload.

        Raises:
            RemoteProtocolError: A one-byte payload, a code that must not stand in a frame
                (RFC 6455 7.4), or a reason that is not UTF-8 (5.5.1, 8.1).
        """
        if not payload:
            return cls(None)
        if len(payload) == 1:
            raise RemoteProtocolError("Close frame with one byte")
        code = int.from_bytes(payload[:2])
        if code not in _REGISTERED_CODES and not 3000 <= code <= 4999:
            raise RemoteProtocolError("invalid status code in Close frame")
        try:
            return cls(code, payload[2:].decode())
        except UnicodeDecodeError:
            raise RemoteProtocolError(
                "reason of Close frame is not UTF-8", close_code_hint=1007
            ) from None

    def payload(self) -> bytes:
        """The payload that says this.

        Raises:
            LocalProtocolError: The code must not stand in a frame, or an empty Close has a reason.
        """
        if self.code is None:
            if self.reason:
                raise LocalProtocolError("a Close without a status code has no reason")
            return b""
        if self.code not in _REGISTERED_CODES and not 3000 <= self.code <= 4999:
            raise LocalProtocolError(f"status code {self.code} must not stand in a Close frame")
        return self.code.to_bytes(2) + self.reason.encode()
