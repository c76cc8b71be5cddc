"""A double's connection, on which a fault strikes.

The stream stands between a double and its connection: the double writes a valid WebSocket and does
not know what becomes of it. What a fault can do is what the methods here do; which faults there are
stands in ``faults.py``.
"""

from __future__ import annotations

import math
import select
from contextlib import suppress
from typing import NoReturn

import trio

from relay.link import reset
from relay.protocol.frames import CLOSE, frame_header

__all__ = ["Fault", "FaultyStream"]

_ACCEPTED = b"HTTP/1.1 101 "
_PATIENCE = 5.0  # seconds for the peer to end its side, too
_LOOK_EVERY = 0.1  # seconds
_UNTIL_READ = 0.1  # seconds
_PEER_ENDED = getattr(select, "POLLRDHUP", 0)  # Linux


class Fault:
    """What goes wrong on a connection that a double has accepted; nothing, if not overridden.

    ``after`` is the number of messages that the double sends before the fault strikes.
    """

    after: int = 0

    async def before_opening(self, wire: FaultyStream) -> None:
        """Act before the double's 101 is sent; raise ``trio.BrokenResourceError`` to prevent it."""

    async def strike(self, wire: FaultyStream) -> None:
        """Act between two frames, once so many messages have gone out."""


class FaultyStream(trio.abc.Stream):
    """A stream that a double writes its side of one WebSocket to.

    A double that refuses the opening handshake by itself is left in peace.

    Args:
        stream: The connection.
        fault: What happens on it, once.
    """

    def __init__(self, stream: trio.abc.Stream, fault: Fault) -> None:
        self._stream = stream
        self._fault = fault
        self._messages_left = fault.after
        self._accepted = False
        self._struck = False
        self._muted = False
        self._stalled = False
        self._over = False  # what still comes is for nobody
        self._piece, self._pause = math.inf, 0.0
        self._receiving = trio.Lock()

    # What a fault can do

    async def write(self, data: bytes) -> None:
        """Send any bytes at all, past what the double sends."""
        start = 0
        while start < len(data):
            end = int(min(len(data), start + self._piece))
            await self._stream.send_all(data[start:end])
            if self._pause:
                await trio.sleep(self._pause)
            start = end

    def mute(self) -> None:
        """Let nothing more go out of what the double sends, though it still reads."""
        self._muted = True

    def slow_down(self, piece: int, pause: float) -> None:
        """From now on send ``piece`` bytes at a time, and then nothing for ``pause`` seconds."""
        self._piece, self._pause = piece, pause

    async def pause(self, seconds: float) -> None:
        """Wait so long, unless the peer ends first."""
        with trio.move_on_after(seconds):
            await self._wait_for_peer_to_end()
            raise trio.BrokenResourceError

    async def finish(self) -> NoReturn:
        """End the connection (FIN), without an end of the WebSocket or of TLS."""
        self._over = True
        transport = self._transport()
        with trio.move_on_after(_PATIENCE), suppress(trio.BrokenResourceError):
            if isinstance(transport, trio.abc.HalfCloseableStream):
                await transport.send_eof()
            async with self._receiving:
                # Closing a connection with something unread on it would reset it.
                while await transport.receive_some():
                    pass
        await trio.aclose_forcefully(transport)
        raise trio.BrokenResourceError

    async def reset(self) -> NoReturn:
        """End the connection so that nobody can take it for an orderly end (RST)."""
        await trio.sleep(_UNTIL_READ)  # it takes with it what the peer has not read by then
        self._over = True
        await reset(self._stream)
        raise trio.BrokenResourceError

    async def stall(self) -> NoReturn:
        """Take nothing and say nothing, for as long as the peer keeps the connection."""
        self._stalled = True
        await self._wait_for_peer_to_end()
        raise trio.BrokenResourceError

    # What the double does

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send what the double sends, as far as the fault lets it."""
        if self._over:
            raise trio.BrokenResourceError
        if self._stalled:
            await self.stall()
        data = bytes(data)
        if not self._accepted:
            self._accepted = data.startswith(_ACCEPTED)
            if self._accepted:
                await self._fault.before_opening(self)
            await self.write(data)
            if not self._accepted:
                return
            data = b""
        size = self._until_fault(data)
        await self._pass(data[:size])
        if not self._struck and not self._messages_left:
            self._struck = True
            await self._fault.strike(self)
        await self._pass(data[size:])

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for the connection; faults are not considered."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Read for the double, unless the fault has made it deaf."""
        while True:
            if self._stalled:
                await self.stall()
            async with self._receiving:
                data = await self._stream.receive_some(max_bytes)
            if not data or not self._over:
                return data

    async def aclose(self) -> None:
        """Close the connection, in an orderly way if the fault did not end it."""
        if self._over or self._stalled:
            await trio.aclose_forcefully(self._transport())
        else:
            await self._stream.aclose()

    def _until_fault(self, frames: bytes) -> int:
        """How many bytes of ``frames``, which are whole ones, come before the fault."""
        position = 0
        while self._messages_left and position < len(frames):
            header = frame_header(frames, position, masked=False)
            if header is None:
                break
            position += header.size + header.payload_length
            if header.fin and header.opcode < CLOSE:
                self._messages_left -= 1
        return position

    async def _pass(self, data: bytes) -> None:
        if data and not self._muted:
            await self.write(data)
        else:
            await trio.lowlevel.checkpoint()

    def _transport(self) -> trio.abc.Stream:
        """The stream under TLS, if there is TLS."""
        stream = self._stream
        return stream.transport_stream if isinstance(stream, trio.SSLStream) else stream

    async def _wait_for_peer_to_end(self) -> None:
        """Wait without reading; for ever, where that cannot be seen."""
        transport = self._transport()
        if not _PEER_ENDED or not isinstance(transport, trio.SocketStream):
            await trio.sleep_forever()
        poll = select.poll()
        poll.register(transport.socket.fileno(), _PEER_ENDED)
        while not poll.poll(0):  # noqa: ASYNC110 - no event tells of it
            await trio.sleep(_LOOK_EVERY)
