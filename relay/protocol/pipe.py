"""The verbatim lane: one direction of an open session.

Validated bytes in, the same bytes out. The two directions of a session share nothing, so each can
have a task, a thread or a process of its own, unless the relay sends Pings (``share_pings``). The
order of calls:

    while most := pipe.most_at_once(room):
        out = pipe.receive_data(read(most))  # b"" says that the peer's bytes have ended
        write(out)                           # if it fails or is cancelled: pipe.send_failed()

``receive_data`` never raises for what a peer did; ``state``, ``close`` and ``error`` say it.
Text is not checked for UTF-8 here: the endpoints do that, and messages pass through in pieces.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable

from relay.protocol.errors import RemoteProtocolError
from relay.protocol.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PONG,
    TEXT,
    Close,
    FrameHeader,
    frame_header,
    mask,
)
from relay.protocol.limits import Limits
from relay.protocol.observer import Observer, joined, left
from relay.protocol.pings import Pings

__all__ = ["Pipe", "State"]

_WHOLE_MESSAGE = (0x80 | TEXT, 0x80 | BINARY)
"""First bytes of a message in one frame."""
_COMPRESSED_MESSAGE = (0xC0 | TEXT, 0xC0 | BINARY)
"""The same of a compressed one (RFC 7692 6: RSV1)."""


class State(enum.Enum):
    """How far the sender of a direction has got."""

    OPEN = "open"
    CLOSING = "closing"
    """Its Close frame has been forwarded; whatever follows is discarded (RFC 6455 1.4)."""
    WITHHELD = "withheld"
    """Its Close frame has come, and the relay answers it; it is forwarded later, if ever."""
    CLOSED = "closed"
    """Its bytes ended without a Close frame."""
    FAILED = "failed"
    """It broke the protocol or passed a limit; the frame that did so was not forwarded."""


class Pipe:
    """One direction of a session in the verbatim lane.

    A frame header is validated before its first byte is forwarded. Control frames are forwarded
    whole or not at all; the payload of data frames is cut through. At most 130 bytes are held.

    Args:
        masked: True for inbound (client to provider), whose frames must be masked.
        limits: Bounds on messages; on what is sent of them, if they are compressed.
        compressed: Whether permessage-deflate was negotiated, so that messages may be compressed.
        observer: Who looks at this direction from the side.
    """

    __slots__ = (
        "_compressed",
        "_expected",
        "_first_bytes",
        "_fragments",
        "_held",
        "_limits",
        "_mask_bit",
        "_masked",
        "_max_message_size",
        "_message_size",
        "_observer",
        "_other_frames",
        "_payload_left",
        "_pings",
        "_send_failed",
        "_short_header",
        "_withholds_close",
        "_withholds_while",
        "bytes",
        "close",
        "error",
        "messages",
        "state",
        "withheld_close",
    )

    def __init__(
        self,
        *,
        masked: bool,
        limits: Limits,
        compressed: bool = False,
        observer: Observer | None = None,
    ) -> None:
        self._masked = masked
        self._compressed = compressed
        self._mask_bit, self._short_header = (0x80, 6) if masked else (0, 2)
        self._limits = limits
        self._max_message_size = limits.max_message_size
        self._first_bytes = _WHOLE_MESSAGE + (_COMPRESSED_MESSAGE if compressed else ())
        # The same between messages, when all that was received is forwarded; otherwise none.
        self._expected: tuple[int, ...] = self._first_bytes
        self._held = b""  # the beginning of a frame that cannot be forwarded yet
        self._payload_left = 0  # of the data frame under way
        self._fragments = 0  # frames of the message under way; 0 between messages
        self._message_size = 0
        self._send_failed = False
        self._withholds_close = False
        self._withholds_while: Callable[[], bool] | None = None
        self._pings: tuple[Pings, Pings] | None = None  # of ours, to the sender and the receiver
        self._other_frames = 0  # those that did not end a message
        self._observer = observer
        self.state = State.OPEN
        self.close: Close | None = None
        """The Close frame that was forwarded, when the state is CLOSING."""
        self.withheld_close: Close | None = None
        """The Close frame that was not, when the state is WITHHELD."""
        self.error: RemoteProtocolError | None = None
        """What the sender did wrong, when the state is FAILED."""
        self.messages = 0
        """Messages whose last frame was begun."""
        self.bytes = 0
        """Bytes accepted, frame headers included."""

    @property
    def frames(self) -> int:
        """Frames of which at least the header was forwarded, control frames included."""
        return self.messages + self._other_frames

    @property
    def can_inject(self) -> bool:
        """Whether a frame of ours may follow what was sent: every send went through wholly, and
        the last one ended at a frame boundary."""
        return not self._send_failed and self._payload_left == 0

    @property
    def rest_of_frame(self) -> int:
        """Bytes to be received until a frame of ours may follow; 0 if it may now, or never."""
        return 0 if self._send_failed else self._payload_left

    @property
    def unfinished(self) -> str | None:
        """What the sender has begun and not finished: ``frame``, ``message``, or None."""
        if self._payload_left or self._held:
            return "frame"
        return "message" if self._fragments else None

    def most_at_once(self, room: int, *, finishing: bool = False) -> int:
        """How much to read next; 0 once nothing more is to be read.

        Frames cost what they cost whatever their size, and thousands of them fit into a chunk: no
        more than a session's turn may take should have to be looked at in one go.

        Args:
            room: There is room for so many bytes.
            finishing: Whether to read no further than to the end of the frame under way, so that
                a frame of ours may follow it.
        """
        if self.state is not State.OPEN:
            return 0
        return min(room, self.rest_of_frame) if finishing else room

    def send_failed(self) -> None:
        """Say that a write of what ``receive_data`` returned failed or was cut short."""
        self._send_failed = True

    def withhold_close(self) -> None:
        """Say that the other peer will be told something else than the sender's Close, which from
        now on only ends this direction."""
        self._withholds_close = True

    def withhold_close_while(self, owed: Callable[[], bool]) -> None:
        """Say that a Close that comes while ``owed()`` is true is not forwarded, but kept."""
        self._withholds_while = owed

    def share_pings(self, to_sender: Pings, to_receiver: Pings) -> None:
        """Say that the relay sends Pings of its own, whose Pongs are not forwarded.

        Args:
            to_sender: Those to the peer whose bytes these are.
            to_receiver: Those to the other one.
        """
        self._pings = to_sender, to_receiver

    def attach(self, observer: Observer) -> None:
        """Let another observer look on, from the next message on; between two chunks."""
        self._observer = joined(self._observer, observer)

    def detach(self, observer: Observer) -> None:
        """Show nothing more to an observer that was attached; between two chunks."""
        self._observer = left(self._observer, observer)

    def receive_data(self, data: bytes) -> bytes:
        """Take what was read from the sender.

        Args:
            data: The bytes read; ``b""`` once they have ended.

        Returns:
            What to write to the other peer: ``data`` itself unless something is held back or taken
            out. Empty once the state is no longer OPEN.
        """
        size = len(data)
        # One whole message in one frame, which is what most chunks are: it is seen with the fewest
        # steps and without a call. All else takes the long way.
        if size > 3 and data[0] in self._expected:
            length = data[1] ^ self._mask_bit  # over 127 if the mask bit is the wrong one
            if length < 126:
                end = length + self._short_header
            elif length == 126 and (length := data[2] << 8 | data[3]) > 125:
                end = length + self._short_header + 2
            elif length == 127 and (length := int.from_bytes(data[2:10])) > 65535:
                end = length + self._short_header + 8
            else:
                end = 0
            if end == size and length <= self._max_message_size:
                self.messages += 1
                self.bytes += size
                observer = self._observer
                if observer is not None:
                    try:
                        observer.message(data, size - length)
                    except Exception:  # noqa: BLE001 - whatever it is, the session goes on
                        self._lose(observer)
                return data
        return self._receive_frames(data)

    def _receive_frames(self, data: bytes) -> bytes:
        """Take any bytes."""
        if self.state is not State.OPEN:
            return b""
        if not data:
            self.state = State.CLOSED
            self._expected = ()
            return b""
        if self._held:
            data = self._held + data
            self._held = b""
        size = len(data)
        position = self._payload_left
        self._show_payload(data, min(position, size))
        self._payload_left = max(0, position - size)
        if self._payload_left:
            self.bytes += size
            return data
        while position < size:
            try:
                header = frame_header(
                    data, position, masked=self._masked, compressed=self._compressed
                )
                if header is None:
                    break
                if header.opcode >= CLOSE:
                    end = position + header.size + header.payload_length
                    if end > size:
                        break
                    if header.opcode == CLOSE:
                        if not self._receive_close(data, position + header.size, end):
                            data, size = data[:position], position
                            break
                        data, size = data[:end], end
                    elif self._pings is not None and _answers_ours(
                        self._pings,
                        header.opcode,
                        self._unmasked(data, position + header.size, end),
                    ):
                        data, size = data[:position] + data[end:], size - (end - position)
                        continue
                    else:
                        self._show_control(header.opcode, data, position + header.size, end)
                    self._other_frames += 1
                else:
                    self._receive_data_header(header, data, position)
                    end = position + header.size + header.payload_length
            except RemoteProtocolError as error:
                self.state = State.FAILED
                self.error = error
                data, size = data[:position], position
                break
            position = end
        if position > size:
            self._payload_left = position - size
        elif position < size:
            data, self._held = data[:position], data[position:]
        between_messages = position == size and not self._fragments and self.state is State.OPEN
        self._expected = self._first_bytes if between_messages else ()
        self.bytes += len(data)
        return data

    def _show_frame(self, observer: Observer, header: FrameHeader, data: bytes, at: int) -> None:
        """Show a data frame whose header stands at ``at``, and what is there of its payload."""
        start = at + header.size
        end = min(start + header.payload_length, len(data))
        try:
            key = data[start - 4 : start] if self._masked else b""
            observer.frame(data[at], header.payload_length, key)
            if start < end:
                observer.payload(data, start, end)
        except Exception:  # noqa: BLE001
            self._lose(observer)

    def _show_payload(self, data: bytes, end: int) -> None:
        """Show the observer, if there is one, the payload with which ``data`` begins."""
        observer = self._observer
        if end and observer is not None:
            try:
                observer.payload(data, 0, end)
            except Exception:  # noqa: BLE001
                self._lose(observer)

    def _show_control(self, opcode: int, data: bytes, start: int, end: int) -> None:
        """Show the observer, if there is one, a control frame."""
        observer = self._observer
        if observer is not None:
            try:
                observer.control(opcode, data, start, end)
            except Exception:  # noqa: BLE001
                self._lose(observer)

    def _lose(self, observer: Observer) -> None:
        """Go on without the observer, which has raised."""
        self._observer = None
        with contextlib.suppress(Exception):
            observer.failed()

    def _receive_data_header(self, header: FrameHeader, data: bytes, position: int) -> None:
        """Check the data frame that stands at ``position`` against its message (RFC 6455 5.4) and
        the limits."""
        if header.opcode == CONTINUATION:
            if not self._fragments:
                raise RemoteProtocolError("continuation of no message")
        elif self._fragments:
            raise RemoteProtocolError("new message inside a fragmented one")
        message_size = self._message_size + header.payload_length
        if message_size > self._limits.max_message_size:
            raise RemoteProtocolError("message too big", close_code_hint=1009)
        if self._fragments == self._limits.max_fragments:
            raise RemoteProtocolError("message has too many fragments", close_code_hint=1009)
        if header.fin:
            self.messages += 1
            self._fragments = self._message_size = 0
        else:
            self._other_frames += 1
            self._fragments += 1
            self._message_size = message_size
        if self._observer is not None:
            self._show_frame(self._observer, header, data, position)

    def _receive_close(self, data: bytes, start: int, end: int) -> bool:
        """Take the Close frame whose payload stands between ``start`` and ``end``; return whether
        it is forwarded."""
        if self._withholds_close:
            self.state = State.CLOSED
            return False
        close = Close.parse(self._unmasked(data, start, end))
        self._show_control(CLOSE, data, start, end)
        if self._withholds_while is not None and self._withholds_while():
            self.state, self.withheld_close = State.WITHHELD, close
            return False
        self.state, self.close = State.CLOSING, close
        return True

    def _unmasked(self, data: bytes, start: int, end: int) -> bytes:
        """The payload of a control frame, which stands between ``start`` and ``end``."""
        payload = data[start:end]
        return mask(payload, data[start - 4 : start]) if self._masked else payload


def _answers_ours(pings: tuple[Pings, Pings], opcode: int, payload: bytes) -> bool:
    """Whether a Ping or a Pong is the answer to a Ping of the relay's."""
    to_sender, to_receiver = pings
    if opcode == PONG:
        return to_sender.received(payload)
    to_receiver.forwarded(payload)
    return False
