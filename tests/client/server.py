"""A server for the client's tests, which answers with the bytes that a test gives."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import trio
from trio.testing import memory_stream_pair
from wsproto.utilities import generate_accept_token

from relay.client import ClientConnection, open_websocket
from tests.support import Peer

__all__ = ["Answer", "accepted", "opened", "run_with_server"]

Answer = Callable[[Peer, bytes], Awaitable[None]]
"""Plays the server once the request's head has come."""


def accepted(head: bytes, *lines: bytes) -> bytes:
    """The 101 that answers a request, with further field lines."""
    key = re.search(rb"(?im)^sec-websocket-key: *(\S+)", head)
    assert key is not None
    fields = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + generate_accept_token(key[1]),
        *lines,
    ]
    return b"\r\n".join(fields) + b"\r\n\r\n"


async def run_with_server(
    answer: Answer, client: Callable[[trio.abc.Stream], Awaitable[None]]
) -> None:
    """Run both sides of one connection until both have ended."""
    ours, theirs = memory_stream_pair()
    peer = Peer(theirs, masks=False)

    async def serve() -> None:
        await answer(peer, await peer.receive_head())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        nursery.start_soon(client, ours)


async def opened(
    nursery: trio.Nursery, server: Callable[[Peer], Awaitable[None]]
) -> ClientConnection:
    """A WebSocket that is open, with the other end played by ``server`` in the nursery."""
    ours, theirs = memory_stream_pair()
    peer = Peer(theirs, masks=False)

    async def serve() -> None:
        head = await peer.receive_head()
        await theirs.send_all(accepted(head))
        await server(peer)

    nursery.start_soon(serve)
    return await open_websocket(ours, "relay.example", "/")
