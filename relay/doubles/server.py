"""The server side of one WebSocket, over any Trio stream.

Whatever a peer sends, its connection ends and nothing else: no error of a peer leaves
``serve_connection``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import NoReturn

import h11
import trio
from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError

from relay.doubles import opening
from relay.doubles.opening import Headers, Request

__all__ = [
    "CLOSE_TIMEOUT",
    "MAX_MESSAGE_SIZE",
    "OPENING_TIMEOUT",
    "Closed",
    "Connection",
    "serve_connection",
]

OPENING_TIMEOUT = 10.0
"""Seconds for the peer's whole request head."""

CLOSE_TIMEOUT = 5.0
"""Seconds for the peer's part of the closing handshake."""

MAX_MESSAGE_SIZE = 32 * 1024 * 1024
"""Bytes of one message, all its fragments together."""

_READ_SIZE = 64 * 1024


class Closed(Exception):  # noqa: N818 (an end, not always an error)
    """The WebSocket has ended.

    ``code`` is the status code of the peer's Close frame, None if that frame was empty, 1006 if the
    peer vanished without one, and the code that this side failed the connection with (1002, 1007
    or 1009) if the peer broke the protocol. ``reason`` is the text beside it.
    """

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Connection:
    """One WebSocket whose opening handshake has arrived and waits for ``accept`` or ``refuse``.

    One task may call ``receive``; any number may call ``send``.
    """

    def __init__(
        self, stream: trio.abc.Stream, request: Request, http1: h11.Connection, ws: WSConnection
    ) -> None:
        self.stream = stream
        """The stream below the WebSocket, for those who want to misbehave on it."""
        self.request = request
        self._http1 = http1
        self._ws = ws
        self._sending = trio.Lock()
        self._parts: list[str | bytes] = []
        self._size = 0
        self._closed: Closed | None = None

    async def accept(self, subprotocol: str | None = None, headers: Headers = ()) -> None:
        """Answer 101, with ``subprotocol`` (one that was offered) and further field lines."""
        accept = AcceptConnection(subprotocol=subprotocol, extra_headers=list(headers))
        await self._transmit(self._ws.send(accept))
        early, _ = self._http1.trailing_data
        self._ws.receive_data(early)

    async def refuse(self, status: int, body: bytes, headers: Headers = ()) -> None:
        """Answer an HTTP error in place of the 101: ``status``, ``body``, more field lines."""
        await opening.refuse(self.stream, self._http1, status, body, headers)

    async def receive(self) -> str | bytes:
        """The next whole message: str for text, bytes for binary. Pings are answered meanwhile.

        Raises:
            Closed: the peer closed, vanished, broke the protocol or sent more than 32 MiB.
        """
        while True:
            self._check_open()
            for event in self._ws.events():
                if isinstance(event, Ping):
                    await self._answer_ping(event)
                elif isinstance(event, CloseConnection):
                    await self._end(event)
                elif isinstance(event, TextMessage | BytesMessage):
                    message = await self._collect(event)
                    if message is not None:
                        return message
            await self._read()

    async def send(self, message: str | bytes) -> None:
        """Send a text (str) or binary (bytes) message, whole.

        Raises:
            Closed: the WebSocket has ended, or this side has sent its Close.
        """
        if isinstance(message, str):
            await self._write(TextMessage(data=message))
        else:
            await self._write(BytesMessage(data=message))

    async def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Send Close and wait, at most five seconds, for the peer's; messages are discarded.

        A ``code`` of None sends an empty Close. Does nothing if the WebSocket has ended.
        """
        close = CloseConnection(
            code=CloseReason.NO_STATUS_RCVD if code is None else code, reason=reason or None
        )
        with trio.move_on_after(CLOSE_TIMEOUT), contextlib.suppress(Closed):
            await self._write(close)
            while True:
                await self.receive()

    async def _answer_ping(self, ping: Ping) -> None:
        # RFC 6455 5.5.1: nothing follows a Close, not even a Pong.
        if self._ws.state is ConnectionState.OPEN:
            await self._write(ping.response())

    async def _collect(self, event: TextMessage | BytesMessage) -> str | bytes | None:
        """The message, if ``event`` is its last part."""
        data = event.data if isinstance(event, TextMessage) else bytes(event.data)
        if data:
            self._parts.append(data)
            self._size += len(data.encode()) if isinstance(data, str) else len(data)
        if self._size > MAX_MESSAGE_SIZE:
            await self._fail(CloseReason.MESSAGE_TOO_BIG, "message too big")
        if not event.message_finished:
            return None
        parts, self._parts, self._size = self._parts, [], 0
        if isinstance(event, TextMessage):
            return "".join(part for part in parts if isinstance(part, str))
        return b"".join(part for part in parts if isinstance(part, bytes))

    async def _end(self, close: CloseConnection) -> NoReturn:
        if self._ws.state in {ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING}:
            # No Close frame has arrived: this is how wsproto reports a violation.
            await self._fail(close.code, close.reason or "")
        code = None if close.code == CloseReason.NO_STATUS_RCVD else int(close.code)
        self._closed = Closed(code, close.reason or "")
        if self._ws.state is ConnectionState.REMOTE_CLOSING:
            with contextlib.suppress(Closed):
                await self._write(close.response())
        raise self._closed

    async def _fail(self, code: int, reason: str) -> NoReturn:
        """Fail the connection (RFC 6455 7.1.7): Close, then read and discard until the peer ends.

        Were the stream closed with unread bytes, TCP would reset it and the Close might be lost.
        """
        with (
            trio.move_on_after(CLOSE_TIMEOUT),
            contextlib.suppress(Closed, trio.BrokenResourceError),
        ):
            await self._write(CloseConnection(code=code, reason=reason))
            while await self.stream.receive_some(_READ_SIZE):
                pass
        self._closed = Closed(int(code), reason)
        raise self._closed

    async def _read(self) -> None:
        try:
            data = await self.stream.receive_some(_READ_SIZE)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        if not data:
            self._closed = Closed(1006, "")
            raise self._closed
        self._ws.receive_data(bytes(data))

    async def _write(self, event: Event) -> None:
        async with self._sending:
            try:
                data = self._ws.send(event)
            except LocalProtocolError:  # after a Close
                self._check_open()
                raise Closed(1006, "closing") from None
            await self._transmit(data)

    async def _transmit(self, data: bytes) -> None:
        try:
            await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Closed(1006, "") from None

    def _check_open(self) -> None:
        if self._closed is not None:
            raise Closed(self._closed.code, self._closed.reason)


async def serve_connection(
    stream: trio.abc.Stream, handler: Callable[[Connection], Awaitable[None]]
) -> None:
    """The whole life of one connection: the opening handshake, ``handler``, the end of ``stream``.

    A request that is no opening handshake is refused without the handler. The handler may let
    ``Closed`` pass; any other exception is its own error and is raised.
    """
    try:
        connection = None
        with trio.move_on_after(OPENING_TIMEOUT):
            connection = await _open(stream)
        if connection is not None:
            await handler(connection)
    except* (Closed, trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        with (
            trio.move_on_after(CLOSE_TIMEOUT),
            contextlib.suppress(trio.BrokenResourceError, OSError),
        ):
            await stream.aclose()


async def _open(stream: trio.abc.Stream) -> Connection | None:
    """Read an opening handshake; None if the peer left or its request was refused here."""
    http1 = h11.Connection(h11.SERVER, max_incomplete_event_size=opening.MAX_HEAD_SIZE)
    try:
        head = await opening.read_head(stream, http1)
        if head is None:
            return None
        request, ws = opening.judge(head)
    except opening.Malformed as error:
        body = f"Not an opening handshake: {error}\n".encode()
        await opening.refuse(stream, http1, error.status, body)
        return None
    return Connection(stream, request, http1, ws)
