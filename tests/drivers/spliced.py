"""A session that is carried between sockets, whose far ends a test plays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from relay.drivers.reactor import Reactor
from relay.drivers.splice import Flow, splicing
from relay.protocol import Limits, Pipe
from relay.protocol.frames import BINARY, TEXT
from relay.socket_stream import SocketStream
from relay.testing.frames import Frame, close
from tests.sockets import running_reactor, settle, tcp_pair, tls_pair, unix_pair

__all__ = [
    "BIG",
    "CLOSE",
    "HELLO",
    "PATIENCE",
    "WORLD",
    "Connection",
    "Spliced",
    "flood",
    "plain",
    "receive",
    "since",
    "spliced",
    "tcp",
    "with_and_without_tls",
]

HELLO = Frame(TEXT, b"hello").encode()
WORLD = Frame(TEXT, b"world").encode()
CLOSE = close(1000).encode()
BIG = Frame(BINARY, bytes(range(256)) * 8192).encode()  # 2 MiB, more than buffers take
PATIENCE = 5

Streams = tuple[SocketStream, SocketStream]


async def plain(buffer: int | None = None) -> Streams:
    return unix_pair(buffer)


async def tcp(buffer: int | None = None) -> Streams:  # noqa: ARG001
    return tcp_pair()


Connection = Callable[..., Awaitable[Streams]]
with_and_without_tls = pytest.mark.parametrize("connection", [plain, tls_pair])


class Spliced:
    """A session that is carried, and the far ends of its connections."""

    def __init__(self, reactor: Reactor, ours: Streams, theirs: Streams, lane: type[Pipe]) -> None:
        self.reactor = reactor
        self.ours = ours
        self.client, self.provider = theirs
        self.pipes = lane(masked=False, limits=Limits()), lane(masked=False, limits=Limits())
        self.ended: list[Flow] = []  # in the order in which they ended
        self.both_ended = trio.Event()
        self.inbound: Flow
        self.outbound: Flow

    def flow_ended(self, flow: Flow) -> None:
        self.ended.append(flow)
        if len(self.ended) == 2:
            self.both_ended.set()

    async def settle(self) -> None:
        await settle(self.reactor)

    def stop(self) -> None:
        self.inbound.stop()
        self.outbound.stop()


@asynccontextmanager
async def spliced(
    connection: Connection = plain,
    *,
    lane: type[Pipe] = Pipe,
    buffer: int | None = None,
    early_data: tuple[bytes, bytes] = (b"", b""),
    before: Callable[[Spliced], None] = lambda _: None,
    fails: bool = False,
) -> AsyncIterator[Spliced]:
    """A session that is carried while the block runs, and until it has ended by itself or is late.

    Args:
        connection: Makes its two connections.
        lane: Of both directions.
        buffer: Of the connections, in bytes.
        early_data: Of the client and of the provider.
        before: Called before anything is carried.
        fails: Whether a fault comes out in the end.
    """
    ours, theirs = zip(await connection(buffer), await connection(buffer), strict=True)
    async with running_reactor() as reactor:
        it = Spliced(reactor, ours, theirs, lane)
        before(it)
        try:
            async with splicing(reactor, *it.ours, it.pipes, early_data, it.flow_ended) as (
                it.inbound,
                it.outbound,
            ):
                yield it
                with trio.move_on_after(PATIENCE):
                    await it.both_ended.wait()
        except RuntimeError:
            assert fails
        else:
            assert not fails
            assert len(it.ended) == 2
            assert set(it.ended) == {it.inbound, it.outbound}
        finally:
            assert not reactor._ports
            for stream in (*ours, *theirs):
                await stream.aclose()


async def flood(stream: SocketStream) -> None:
    """Send more than is taken, while it is taken."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await stream.send_all(BIG * 8)


def since(flow: Flow) -> float | None:
    """Since when its sink has taken nothing."""
    return flow.writing_since


async def receive(stream: SocketStream, size: int) -> bytes:
    received = b""
    while len(received) < size:
        data = await stream.receive_some()
        assert data
        received += data
    return received
