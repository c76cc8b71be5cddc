"""Taps: what a meter gets of one direction, at what it may cost.

Most messages are audio, and a meter has no use for them: they are known by how they begin. What one
message taught is kept, so that the next ones that begin like it cost a comparison. Only what a
meter reads is copied, unmasked, decompressed and parsed, and no more than 256 KiB of a message is
held.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from relay.protocol.frames import BINARY, CONTINUATION, mask
from relay.protocol.meters.inflater import CompressedError, Inflater
from relay.protocol.meters.meter import Meter
from relay.protocol.meters.reading import JsonObject, TooManyValuesError, read_object, text
from relay.protocol.meters.reads import Binary, Reads

__all__ = ["MAX_MESSAGE", "Tap", "TotalsTap"]

MAX_MESSAGE = 256 * 1024
"""Bytes of a message that are held, without what is base64 in it."""

_MAX_LEARNED = 32  # beginnings of messages
_SHORT = 1024  # bytes of messages that are worth no shortcut
_HEAD = 600  # bytes in which a message tells what it is
_RSV1 = 0x40
_BASE64 = re.compile(rb'"[A-Za-z0-9+/_-]{1024,}=*')  # nothing else in JSON goes on so long


class TotalsTap:
    """The observer of a direction of which nothing is read.

    Args:
        clock: Read for the first message, and twice for each that comes in pieces.
    """

    __slots__ = (
        "_began",
        "_clock",
        "_fin",
        "_left",
        "_size",
        "failure",
        "first_message",
        "heard",
        "largest_message",
        "slowest_message",
        "unread",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None  # the message under way, of which a piece has come
        self._fin = True
        self._left = 0
        self._size = 0
        self.largest_message = 0
        """Bytes of payload, as it was sent."""
        self.slowest_message = 0.0
        """Seconds from the first piece of a message to its last, the most of all that are whole."""
        self.first_message: float | None = None
        """When the first message was whole."""
        self.failure: str | None = None
        """Why nothing is read any more: ``failed`` or ``compressed``."""
        self.heard = 0
        """Bytes of audio, in binary messages and in base64, as far as they are counted."""
        self.unread = 0
        """Messages that were to be read and were too large."""

    def message(self, data: bytes, start: int) -> None:
        """Take a whole message in one frame."""
        size = len(data) - start
        if size > self.largest_message:  # noqa: PLR1730 - a call costs more
            self.largest_message = size
        if self.first_message is None:
            self.first_message = self._clock()

    def frame(self, first: int, length: int, key: bytes) -> None:  # noqa: ARG002
        """Take the beginning of a frame."""
        if first & 0x0F != CONTINUATION:
            self._size = 0
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
        elif self._began is None:
            self._began = self._clock()

    def control(self, opcode: int, data: bytes, start: int, end: int) -> None:
        """Take a control frame, which uses nothing."""

    def failed(self) -> None:
        """Stop."""
        self.failure = "failed"

    def slowest_until(self, now: float) -> float:
        """As :attr:`slowest_message`, with the message that is under way, if there is one.

        Args:
            now: The time, by the clock.
        """
        under_way = 0.0 if self._began is None else now - self._began
        return max(self.slowest_message, under_way)

    def _end(self) -> None:
        """The message is whole."""
        self.largest_message = max(self.largest_message, self._size)
        if self._began is not None:
            self.slowest_message = self.slowest_until(self._clock())
            self._began = None
        if self.first_message is None:
            self.first_message = self._clock()


class Tap(TotalsTap):
    """The observer of a direction of which a meter reads messages.

    Args:
        meter: Who reads them.
        reads: Which of them: what the meter says of this direction.
        clock: As in :class:`TotalsTap`.
        inbound: Whether it is the client's direction, where frames are masked.
        inflater: Decompresses, where permessage-deflate was negotiated.
    """

    __slots__ = (
        "_around_base64",
        "_audio_heads",
        "_blob_head",
        "_collected",
        "_content",
        "_dropping",
        "_first",
        "_heads",
        "_inbound",
        "_inflater",
        "_key",
        "_meter",
        "_other_heads",
        "_plain_audio",
        "_reads",
        "_taken",
        "_tally",
        "_whole",
    )

    def __init__(
        self,
        meter: Meter,
        reads: Reads,
        clock: Callable[[], float],
        *,
        inbound: bool,
        inflater: Inflater | None = None,
    ) -> None:
        super().__init__(clock)
        self._meter = meter
        self._tally = meter.tally
        self._reads = reads
        self._inbound = inbound
        self._inflater = inflater
        self._audio_heads: tuple[bytes, ...] = ()
        self._other_heads: tuple[bytes, ...] = ()
        self._heads: tuple[bytes, ...] = ()  # both: how messages begin that are not read
        self._blob_head = b""  # how a message begins that is audio if nothing follows it
        self._around_base64 = 0  # bytes of a message that are not its audio, once known
        self._plain_audio = reads.binary is Binary.AUDIO and inflater is None
        self._taken = 0
        # Of the message under way:
        self._first = 0  # its first byte
        self._key = b""  # to unmask the next byte of payload with
        self._content = 0  # bytes so far, decompressed
        self._collected = bytearray()
        self._whole = True  # whether that is all of them
        self._dropping = False  # whether nothing of it is needed

    def message(self, data: bytes, start: int) -> None:
        """Take a whole message in one frame."""
        size = len(data) - start
        if size > self.largest_message:  # noqa: PLR1730 - a call costs more
            self.largest_message = size
        if self.first_message is None:
            self.first_message = self._clock()
        if data.startswith(self._heads, start):
            return
        if self._blob_head and data.startswith(self._blob_head, start):
            end = data.find(b'"', start + len(self._blob_head))
            if data.find(b'"', end + 1) < 0 <= end:
                return
        if self._plain_audio and data[0] & 0x0F == BINARY:
            self._hear(size)
            return
        if self._is_needless(data[0]):
            return
        if self._inflater is None and self._around_base64 and size > _SHORT:
            self._hear_base64(size - self._around_base64)
            return
        self.frame(data[0], size, data[start - 4 : start] if self._inbound else b"")
        if size:
            self.payload(data, start, start + size)

    def frame(self, first: int, length: int, key: bytes) -> None:
        """Take the beginning of a frame."""
        if first & 0x0F != CONTINUATION:
            self._first = first
            self._content = 0
            self._collected.clear()
            self._whole = True
            self._dropping = self._is_needless(first)
        self._key = key
        super().frame(first, length, key)

    def payload(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of payload."""
        if not self._dropping:
            piece = data[start:end]
            if self._inbound:
                piece = mask(piece, self._key)
                turned = len(piece) % 4
                self._key = self._key[turned:] + self._key[:turned]
            inflater = self._inflater if self._first & _RSV1 else None
            if inflater is not None:
                self._inflate(inflater, piece, last=False)
            elif not self._content and piece.startswith(self._heads):
                self._dropping = True
            else:
                self._collect(piece)
        super().payload(data, start, end)

    def attend(self) -> None:
        """Look at audio again: a turn began or ended."""
        self._audio_heads = ()
        self._heads = self._other_heads
        self._blob_head = b""

    def _is_audio(self, first: int) -> bool:
        """Whether a message that begins with this byte is audio, whatever is in it."""
        return first & 0x0F == BINARY and self._reads.binary is Binary.AUDIO

    def _is_needless(self, first: int) -> bool:
        """Whether nothing of a message that begins with this byte is read any more."""
        if self.failure is not None:
            return True
        if self._inflater is not None and self._inflater.takeover and first & _RSV1:
            return False  # messages after it may refer to it (RFC 7692 7.1.1)
        return self._has_enough() and not self._is_audio(first)

    def _has_enough(self) -> bool:
        """Whether no JSON is read any more."""
        most = self._reads.most
        return most is not None and self._taken >= most

    def _inflate(self, inflater: Inflater, piece: bytes, *, last: bool) -> None:
        try:
            self._collect(inflater.receive(piece, last=last))
        except CompressedError:
            self.failure = "compressed"
            self._dropping = True

    def _collect(self, piece: bytes) -> None:
        self._content += len(piece)
        if not self._whole or self._is_audio(self._first):
            return
        self._collected += piece
        if len(self._collected) > MAX_MESSAGE:
            # A string that is cut goes on where it was cut.
            self._collected = bytearray(_BASE64.sub(b'"', self._collected))
            if len(self._collected) > MAX_MESSAGE:
                self._whole = False
                del self._collected[_HEAD:]

    def _end(self) -> None:
        super()._end()
        if self._inflater is not None and self._first & _RSV1 and not self._dropping:
            self._inflate(self._inflater, b"", last=True)
        if self._dropping:
            return
        if self._is_audio(self._first):
            self._hear(self._content)
        elif self._has_enough():
            self._collected.clear()
        elif self._around_base64 and self._content > _SHORT:
            self._hear_base64(self._content - self._around_base64)
        else:
            payload = bytes(self._collected)
            self._collected.clear()
            if not payload.startswith(self._heads):
                self._read(payload)

    def _hear(self, size: int) -> None:
        """Take a binary message of audio."""
        self.heard += size
        if not self._inbound and self._tally.awaits_audio:
            self._meter.audio("", {})

    def _hear_base64(self, characters: int) -> None:
        self.heard += characters * 3 // 4

    def _read(self, payload: bytes) -> None:
        """Take a message that may be JSON."""
        reads = self._reads
        match = reads.head.match(payload) if reads.head else None
        kind = match[1].decode(errors="replace") if match else ""
        if match and kind in reads.audio and not self._tally.awaits_audio:
            self._learn(match[0], audio=True)
            return
        if match and not self._is_wanted(kind):
            self._learn(match[0], audio=False)
            return
        if (
            not match
            and reads.anywhere
            and not self._tally.awaits_audio
            and reads.anywhere.search(payload, 0, _HEAD)
        ):
            return
        if not self._whole:
            self.unread += 1
            return
        try:
            document = read_object(payload)
        except TooManyValuesError:
            self.unread += 1
            return
        if document is None:
            return
        kind = kind or (text(document, reads.member) if reads.member else "")
        if self._is_wanted(kind):
            self._taken += 1
            self._give(kind, document)
            self._look_for_base64(payload, document)
            self._look_for_blob(payload)

    def _is_wanted(self, kind: str) -> bool:
        kinds = self._reads.kinds
        return kinds is None or kind in kinds or kind in self._reads.audio

    def _give(self, kind: str, document: JsonObject) -> None:
        """Let the meter have a message."""
        if self._inbound:
            self._meter.from_client(kind, document)
        elif kind not in self._reads.audio:
            self._meter.from_provider(kind, document)
        elif self._tally.awaits_audio:
            self._meter.audio(kind, document)

    def _look_for_base64(self, payload: bytes, document: JsonObject) -> None:
        """Count the audio of a message; from a large one learn what stands around it."""
        audio = text(document, self._reads.base64) if self._reads.base64 else ""
        if audio:
            self._hear_base64(len(audio.rstrip("=")))
            if len(audio) > _SHORT:
                self._around_base64 = len(payload) - len(audio)

    def _look_for_blob(self, payload: bytes) -> None:
        """Learn how a message begins that was audio and nothing else."""
        if self._reads.binary is not Binary.JSON or self._inbound or self._tally.awaits_audio:
            return
        begin = payload.rfind(b'"', 0, _HEAD) + 1
        end = payload.find(b'"', begin)
        if end - begin > _SHORT and payload.find(b'"', end + 1) < 0:
            self._blob_head = payload[:begin]

    def _learn(self, head: bytes, *, audio: bool) -> None:
        """Know messages that begin so, and need not be read."""
        # What a client masks could be made to look like something else.
        if self._inbound or len(self._heads) >= _MAX_LEARNED:
            return
        if audio:
            self._audio_heads += (head,)
        else:
            self._other_heads += (head,)
        self._heads = self._audio_heads + self._other_heads
