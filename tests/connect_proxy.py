"""An HTTP proxy on loopback that opens tunnels, and remembers what it was asked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import trio

from relay.protocol import Proxy, Secret

__all__ = ["CREDENTIALS", "ConnectProxy", "connect_proxy"]

CREDENTIALS = "relay:open-sesame"
_AUTHORIZATION = b"\r\nProxy-Authorization: Basic cmVsYXk6b3Blbi1zZXNhbWU=\r\n"
_TARGET = re.compile(rb"CONNECT (\S+):([0-9]+) HTTP/1\.1\r\n")


class ConnectProxy:
    """A proxy that opens a tunnel to whoever brings ``CREDENTIALS``.

    Args:
        port: Of 127.0.0.1, where it listens.
        names: Whom it can reach: a host that clients name, and a port of 127.0.0.1.
        answer: What it says when a tunnel is open, or instead of opening one.
    """

    def __init__(self, port: int, names: Mapping[str, int], answer: bytes) -> None:
        self.port = port
        self.heads: list[bytes] = []
        """What it was asked, in order."""
        self.carried = bytearray()
        """All that clients have sent through it."""
        self._names = names
        self._answer = answer

    def with_credentials(self, credentials: str = CREDENTIALS) -> Proxy:
        """This proxy, as the relay knows it."""
        return Proxy("127.0.0.1", self.port, lambda: Secret(credentials.encode()))

    async def serve(self, client: trio.SocketStream) -> None:
        """Serve one connection."""
        async with client:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self._serve(client)

    async def _serve(self, client: trio.SocketStream) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = bytes(await client.receive_some(1))
            if not data:
                return
            head += data
        self.heads.append(head)
        match = _TARGET.match(head)
        assert match is not None
        if _AUTHORIZATION not in head:
            await client.send_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nbody"
            )
            return
        port = self._names[match[1].decode()]
        async with await trio.open_tcp_stream("127.0.0.1", port) as upstream:
            await client.send_all(self._answer)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._carry, upstream, client, None)
                await self._carry(client, upstream, self.carried)

    async def _carry(
        self, source: trio.SocketStream, sink: trio.SocketStream, seen: bytearray | None
    ) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some():
                if seen is not None:
                    seen += data
                await sink.send_all(data)
            await sink.send_eof()


@asynccontextmanager
async def connect_proxy(
    names: Mapping[str, int], answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
) -> AsyncIterator[ConnectProxy]:
    """Run a proxy while the block runs; for the rest see :class:`ConnectProxy`."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    proxy = ConnectProxy(listener.socket.getsockname()[1], names, answer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, proxy.serve, [listener])
        yield proxy
        nursery.cancel_scope.cancel()
