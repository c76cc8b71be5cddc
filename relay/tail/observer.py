"""What a tail is told of one direction: sizes alone, or texts, too.

Only for texts is anything unmasked or decompressed, and no more than 64 KiB of a message is held.
"""

from __future__ import annotations

from typing import Protocol

from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Close, mask
from relay.protocol.meters.inflater import CompressedError, Inflater
from relay.tail.redaction import HELD, Redaction

__all__ = ["UNREADABLE", "ContentObserver", "Reader", "SizeObserver"]

UNREADABLE = "…(compressed, and refers to what came before)"
"""In place of a message that cannot be read without those before it, which nobody has read."""

_KINDS = {TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
_RSV1 = 0x40
_OPCODE = 0x0F


class Reader(Protocol):
    """The tail, as its observers need it."""

    @property
    def is_full(self) -> bool:
        """Whether a line would be dropped."""

    def add(self, side: str, kind: str, size: int, content: str | None = None) -> None:
        """Say that a message has passed, or a control frame."""

    def fail(self) -> None:
        """End the tail for a fault."""


class SizeObserver:
    """Tells of each message what it is, and how large, once it is whole.

    Args:
        tail: Is told.
        side: Who sends: ``client`` or ``provider``.
    """

    def __init__(self, tail: Reader, side: str) -> None:
        self._tail = tail
        self._side = side
        self._first = 0  # the first byte of the message under way
        self._size = 0  # of its payload, as it was sent
        self._fin = True
        self._left = 0  # of the frame under way

    def message(self, data: bytes, start: int) -> None:
        """Take a whole message in one frame."""
        self._tail.add(self._side, _KINDS[data[0] & _OPCODE], len(data) - start)

    def frame(self, first: int, length: int, key: bytes) -> None:  # noqa: ARG002
        """Take the beginning of a frame."""
        if first & _OPCODE != CONTINUATION:
            self._first, self._size = first, 0
        self._fin = first >= 0x80
        self._left = length
        self._size += length
        if self._fin and not length:
            self._end()

    def payload(self, data: bytes, start: int, end: int) -> None:  # noqa: ARG002
        """Take a piece of payload."""
        self._left -= end - start
        if self._fin and not self._left:
            self._end()

    def control(self, opcode: int, data: bytes, start: int, end: int) -> None:  # noqa: ARG002
        """Take a control frame."""
        self._tail.add(self._side, _KINDS[opcode], end - start)

    def failed(self) -> None:
        """Give up."""
        self._tail.fail()

    def _end(self) -> None:
        """The message is whole."""
        self._tail.add(self._side, _KINDS[self._first & _OPCODE], self._size)


class ContentObserver(SizeObserver):
    """The same, with what text messages and Close frames say. What a tail that is full would drop
    is not read.

    Args:
        tail: Is told.
        side: Who sends: ``client`` or ``provider``.
        redaction: Shows what they say.
        masked: Whether frames are masked.
    """

    def __init__(self, tail: Reader, side: str, redaction: Redaction, *, masked: bool) -> None:
        super().__init__(tail, side)
        self._redaction = redaction
        self._masked = masked
        self._key = b""  # to unmask the next byte of payload with
        self._collected = bytearray()
        self._whole = True  # whether that is all of the message
        self._inflater: Inflater | None = None  # None: it has lost track
        self._reads = False  # the message under way

    def message(self, data: bytes, start: int) -> None:
        """Take a whole message in one frame."""
        size = len(data) - start
        self.frame(data[0], size, data[start - 4 : start] if self._masked else b"")
        if size:
            self.payload(data, start, len(data))

    def frame(self, first: int, length: int, key: bytes) -> None:
        """Take the beginning of a frame."""
        if first & _OPCODE != CONTINUATION:
            self._begin(first)
        self._key = key
        super().frame(first, length, key)

    def payload(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of payload."""
        if self._reads:
            # Of what is not compressed, only what will be shown; of what is, the next message may
            # refer to all of it.
            most = None if self._first & _RSV1 else HELD - len(self._collected)
            last = end if most is None else min(end, start + most)
            piece = data[start:last]
            self._whole = self._whole and last == end
            if self._masked:
                piece = mask(piece, self._key)
                turned = (end - start) % 4
                self._key = self._key[turned:] + self._key[:turned]
            self._collect(piece)
        super().payload(data, start, end)

    def control(self, opcode: int, data: bytes, start: int, end: int) -> None:
        """Take a control frame."""
        content = None
        if opcode == CLOSE and not self._tail.is_full:
            payload = data[start:end]
            close = Close.parse(mask(payload, data[start - 4 : start]) if self._masked else payload)
            reason = self._redaction.show(close.reason.encode())
            content = "" if close.code is None else f"{close.code} {reason}".rstrip()
        self._tail.add(self._side, _KINDS[opcode], end - start, content)

    def _begin(self, first: int) -> None:
        """A message begins."""
        self._collected.clear()
        self._whole = True
        compressed, is_text = first & _RSV1, first & _OPCODE == TEXT
        self._reads = not self._tail.is_full and bool(compressed or is_text)
        if compressed and not self._reads:
            self._inflater = None
        elif compressed and self._inflater is None:
            # Whatever was negotiated: that messages do not refer to others is no harm.
            self._inflater = Inflater(takeover=True, joined=True)

    def _collect(self, piece: bytes, *, last: bool = False) -> None:
        """Take what was unmasked."""
        if self._first & _RSV1:
            if self._inflater is None:
                return
            try:
                piece = self._inflater.receive(piece, last=last)
            except CompressedError:
                self._inflater = None
                return
        room = HELD - len(self._collected)
        self._collected += piece[:room]
        self._whole = self._whole and len(piece) <= room

    def _end(self) -> None:
        kind = _KINDS[self._first & _OPCODE]
        content = None
        if self._reads:
            compressed = self._first & _RSV1
            if compressed:
                self._collect(b"", last=True)
            if kind == "text":
                lost = compressed and (self._inflater is None or 0 in self._collected)
                content = (
                    UNREADABLE
                    if lost
                    else self._redaction.show(bytes(self._collected), whole=self._whole)
                )
        self._tail.add(self._side, kind, self._size, content)
