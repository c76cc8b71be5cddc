"""The provider of the benchmark: completes the opening handshake, answers each message with one of
the same size, and looks at nothing else, so that it costs as little as it can.

Usage: python -m bench.echo MESSAGE_SIZE; prints its port.
"""

from __future__ import annotations

import asyncio
import re
import sys

from bench.frames import accept_value, frame_size, unmasked_frame


class Echo(asyncio.Protocol):
    """One connection."""

    def __init__(self, message_size: int) -> None:
        self._reply = unmasked_frame(message_size)
        self._frame_size = frame_size(message_size, masked=True)
        self._head = b""
        self._open = False
        self._received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole frame."""
        if not self._open:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
            assert key is not None
            self._transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
                + accept_value(key[1])
                + b"\r\n\r\n"
            )
            self._open = True
        self._received += len(data)
        whole, self._received = divmod(self._received, self._frame_size)
        if whole:
            self._transport.write(self._reply * whole)


async def main(message_size: int) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Echo(message_size), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
