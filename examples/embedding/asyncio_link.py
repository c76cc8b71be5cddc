"""A connection of asyncio's streams, as asyncio_relay.py wants it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

CHUNK = 64 * 1024  # bytes that are read at a time


class Link:
    """A connection, and the ways to end it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.unread = b""  # what was read too early
        writer.transport.set_write_buffer_limits(high=1, low=0)  # drain() waits until all is out

    async def read(self, most: int = CHUNK) -> bytes:
        """Read what is there; b"" once it has ended, in whatever way."""
        if self.unread:
            data, self.unread = self.unread[:most], self.unread[most:]
            return data
        with suppress(OSError):
            return await self.reader.read(most)
        return b""

    async def write(self, data: bytes) -> None:
        """Write all, or raise OSError."""
        self.writer.write(data)
        await self.writer.drain()

    async def finish(self, quiet: float = 0) -> None:
        """End our side, wait for the peer to end its side, and close.

        A connection that is closed with bytes unread is reset, which can overtake our last words.
        asyncio's TLS cannot end one side, and fails if anything follows its close_notify: there
        all we can do is to wait first until the peer is quiet, for so many seconds.
        """
        if self.writer.can_write_eof():
            self.writer.write_eof()
            while await self.read():
                pass
        elif quiet:
            with suppress(TimeoutError):
                while await asyncio.wait_for(self.read(), quiet):
                    pass
        self.writer.close()
        await self.writer.wait_closed()

    def reset(self) -> None:
        """End it so that the peer cannot take that for an orderly end."""
        sock = self.writer.get_extra_info("socket")
        with suppress(OSError, AttributeError):  # it has broken, and asyncio has closed it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """Close it now."""
        self.writer.transport.abort()
