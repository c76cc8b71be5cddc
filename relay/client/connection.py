"""An open WebSocket from the client's side, over any Trio stream.

wsproto decodes and encodes; in front of it stands a pipe, because wsproto has no limits, refuses
Close 1014, and reports its own parse failures as if the server had closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import trio
from wsproto import WSConnection
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason

from relay.link import receive
from relay.protocol import Close, Limits, Pipe, State

__all__ = ["CLOSE_TIMEOUT", "ClientConnection", "Closed", "Traffic"]

CLOSE_TIMEOUT = 5.0
"""Seconds for the closing handshake and the end of the connection."""

_CLOSE_HEADER_SIZE = 2  # of an unmasked control frame


class Closed(Exception):  # noqa: N818 - an end, not always an error
    """The WebSocket has ended.

    ``code`` is the status code of the server's Close frame, None if that frame was empty, 1006 if
    the server vanished without one, and the code that the connection was failed with (1002, 1007
    or 1009) if the server broke the protocol or passed a limit. ``reason`` is the text beside it.
    """

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


@dataclass
class Traffic:
    """What went one way."""

    messages: int = 0
    """Whole data messages."""
    bytes: int = 0
    """Their payloads, text in UTF-8."""


class ClientConnection:
    """An open WebSocket. It belongs to one task.

    Args:
        stream: Its connection.
        ws: wsproto's side of it, which has received the 101 and nothing after it.
        subprotocol: The entry that the server answered, if any.
        fields: The field lines of the 101 beside those of the handshake itself, in lower case.
        early_data: What was read behind the 101.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        ws: WSConnection,
        subprotocol: str | None,
        fields: Sequence[tuple[str, str]],
        early_data: bytes,
    ) -> None:
        self.subprotocol = subprotocol
        self.fields = fields
        self.sent = Traffic()
        self.received = Traffic()
        self._stream = stream
        self._ws = ws
        self._early_data = early_data
        self._pipe = Pipe(masked=False, limits=Limits())
        self._close_sent = False
        self._closed: Closed | None = None
        self._message: list[str | bytes] = []  # the parts of the message under way
        self._messages: deque[str | bytes] = deque()

    async def send(self, message: str | bytes) -> None:
        """Send a text (str) or binary (bytes) message.

        Raises:
            Closed: The WebSocket has ended.
        """
        if self._closed is not None:
            raise self._closed
        event = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
        if not await self._transmit(event):
            self._closed = Closed(1006, "")
            raise self._closed
        _count(self.sent, message)

    async def receive(self) -> str | bytes:
        """The next whole message: str for text, bytes for binary. Pings are answered.

        Raises:
            Closed: The WebSocket has ended, and all messages before its end were given.
        """
        while not self._messages:
            if self._closed is not None:
                raise self._closed
            await self._read()
        return self._messages.popleft()

    async def close(self, code: int = 1000, reason: str = "") -> Closed:
        """Complete the closing handshake and end the connection, within ``CLOSE_TIMEOUT``.

        Messages that still come are counted and dropped. If the server has closed already, its
        Close is answered and nothing is sent any more.

        Args:
            code: A status code that may stand in a Close frame.
            reason: At most 123 bytes in UTF-8.

        Returns:
            The server's Close; 1006 if none came.

        Raises:
            LocalProtocolError: The code must not stand in a Close frame.
        """
        Close(code, reason).payload()
        with trio.move_on_after(CLOSE_TIMEOUT):
            try:
                if self._closed is None:
                    await self._send_close(code, reason)
                while True:
                    await self.receive()
            except Closed:
                while await receive(self._stream):  # RFC 6455 7.1.1: the server ends TCP first
                    pass
        await trio.aclose_forcefully(self._stream)
        if self._closed is None:
            self._closed = Closed(1006, "")
        return self._closed

    async def _read(self) -> None:
        """Read once, and act on what came."""
        data, self._early_data = self._early_data or await receive(self._stream), b""
        pipe = self._pipe
        valid = pipe.receive_data(data)
        if pipe.close is not None:  # decoded by the pipe, not by wsproto
            valid = valid[: -(_CLOSE_HEADER_SIZE + len(pipe.close.payload()))]
        self._ws.receive_data(valid)
        for event in self._ws.events():
            if isinstance(event, Ping):
                if not self._close_sent:  # RFC 6455 5.5.1: nothing follows a Close
                    await self._transmit(event.response())  # reading finds out if that failed
            elif isinstance(event, TextMessage | BytesMessage):
                self._collect(event)
            elif isinstance(event, CloseConnection):  # how wsproto says "not UTF-8"
                await self._fail(1007, "text is not UTF-8")
                return
        if pipe.error is not None:
            await self._fail(pipe.error.close_code_hint, str(pipe.error))
        elif pipe.close is not None:
            code, reason = pipe.close
            self._closed = Closed(code, reason)  # first: who receives may be cancelled meanwhile
            await self._send_close(code, reason)
        elif pipe.state is State.CLOSED:
            self._closed = Closed(1006, "")

    def _collect(self, event: TextMessage | BytesMessage) -> None:
        """Join the parts of a message; keep it once it is whole."""
        part = event.data if isinstance(event, TextMessage) else bytes(event.data)
        self._message.append(part)
        if event.message_finished:
            parts, self._message = self._message, []
            text = "".join(each for each in parts if isinstance(each, str))
            binary = b"".join(each for each in parts if isinstance(each, bytes))
            message = text if isinstance(event, TextMessage) else binary
            self._messages.append(message)
            _count(self.received, message)

    async def _fail(self, code: int, reason: str) -> None:
        """Fail the connection (RFC 6455 7.1.7)."""
        self._closed = Closed(code, reason)
        await self._send_close(code, reason)

    async def _send_close(self, code: int | None, reason: str) -> None:
        """Send Close, unless one was sent."""
        if self._close_sent:
            return
        self._close_sent = True
        empty = CloseReason.NO_STATUS_RCVD
        close = CloseConnection(code=empty if code is None else code, reason=reason)
        await self._transmit(close)

    async def _transmit(self, event: Event) -> bool:
        """Send; return whether the server can have got it."""
        try:
            await self._stream.send_all(self._ws.send(event))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True


def _count(traffic: Traffic, message: str | bytes) -> None:
    traffic.messages += 1
    traffic.bytes += len(message.encode() if isinstance(message, str) else message)
