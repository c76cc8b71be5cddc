"""A TCP hop before the relay that counts how often a client tries to connect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

__all__ = ["Attempts", "counting"]


@dataclass(slots=True)
class Attempts:
    """Connections that came, to a port of their own."""

    port: int
    count: int = 0


@asynccontextmanager
async def counting(port: int) -> AsyncIterator[Attempts]:
    """Forward the connections of a free port to ``port`` on loopback, until the end of the block.

    The relay's log cannot tell who an unknown token belongs to; this can, as each program gets a
    port of its own.
    """
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        attempts = Attempts(int(listener.socket.getsockname()[1]))

        async def forward(client: trio.SocketStream) -> None:
            attempts.count += 1
            relay = await trio.open_tcp_stream("127.0.0.1", port)
            async with client, relay, trio.open_nursery() as directions:
                directions.start_soon(_carry, client, relay)
                directions.start_soon(_carry, relay, client)

        nursery.start_soon(trio.serve_listeners, forward, [listener])
        yield attempts
        nursery.cancel_scope.cancel()


async def _carry(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    """Carry one direction, its end included."""
    try:
        async for data in source:
            await sink.send_all(data)
        await sink.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        await trio.aclose_forcefully(sink)
