"""A relay over real sockets of this machine, between clients and a provider."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
import trio

from relay.protocol import Origin, Timeouts, by_name
from relay.protocol.frames import CLOSE, TEXT
from relay.server import Server, serve
from relay.settings import Listener
from relay.testing.frames import Frame, close
from relay.testing.handshakes import upgrade
from relay.tls import ServerTls
from tests.certificates import client_context
from tests.played_session import CREDENTIAL, TARGET, accept, settings
from tests.support import Ended, Peer

__all__ = ["HTTP", "HTTPS", "Relay", "close_session", "in_plain_and_tls", "running"]

HTTP = Listener("http", "127.0.0.1")
HTTPS = Listener("https", "127.0.0.1")
in_plain_and_tls = pytest.mark.parametrize("listener", [HTTP, HTTPS], ids=str)


async def echo(stream: trio.abc.Stream) -> None:
    """A provider that echoes frames, and answers a Close as a server does."""
    provider = Peer(stream, masks=False)
    with suppress(Ended, trio.BrokenResourceError):
        await accept(provider)
        while True:
            frame = await provider.receive()
            await provider.send(frame)
            if frame.opcode == CLOSE:
                break
    await provider.end()


class _Prefixed(trio.abc.Stream):
    """A connection on which something comes before the first bytes that are sent, with them."""

    def __init__(self, stream: trio.SocketStream, prefix: bytes) -> None:
        self._stream = stream
        self._prefix = prefix

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        prefix, self._prefix = self._prefix, b""
        await self._stream.send_all(prefix + data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._stream.aclose()


class Relay:
    """A running relay, in front of a provider."""

    def __init__(self, server: Server, ended: trio.Event) -> None:
        self.server = server
        self.ended = ended

    async def connect(self, index: int = 0, *, proxy_header: bytes = b"") -> Peer:
        """A client at one of the listeners, behind a proxy if there is a header of one."""
        address = self.server.addresses[index]
        stream: trio.abc.Stream
        if address.scheme == "unix":
            stream = await trio.open_unix_socket(address.host)
        else:
            stream = await trio.open_tcp_stream(address.host, address.port)
        if proxy_header:
            assert isinstance(stream, trio.SocketStream)
            stream = _Prefixed(stream, proxy_header)
        if address.scheme == "https":
            stream = trio.SSLStream(
                stream, client_context(), server_hostname="relay.test", https_compatible=True
            )
        return Peer(stream, masks=True)

    async def open(self, index: int = 0, *, proxy_header: bytes = b"") -> Peer:
        """A client whose session is open."""
        client = await self.connect(index, proxy_header=proxy_header)
        await client.stream.send_all(upgrade(TARGET, CREDENTIAL))
        assert (await client.receive_head()).startswith(b"HTTP/1.1 101 ")
        return client

    async def status(self, request: bytes, index: int = 0) -> int:
        """The status of the answer to a request that opens no session."""
        client = await self.connect(index)
        await client.stream.send_all(request)
        return (await client.receive_answer()).status


async def close_session(client: Peer) -> None:
    """One round trip, and a closing handshake."""
    hello = Frame(TEXT, b"hello")
    await client.send(hello)
    assert await client.receive() == hello
    await client.send(close(1000))
    assert await client.receive() == close(1000)
    assert await client.receive_rest() == b""
    await client.end()


@asynccontextmanager
async def running(
    *listeners: Listener,
    provider: Callable[[trio.abc.Stream], Awaitable[None]] = echo,
    provider_tls: ssl.SSLContext | None = None,
    tls: ServerTls | None = None,
    **setting: Any,
) -> AsyncIterator[Relay]:
    """A relay on these listeners; it is cancelled when the block is left.

    It does not end a drain for want of time, unless ``timeouts`` say so.
    """
    setting.setdefault("timeouts", Timeouts(drain=600))
    (upstream,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    origin = Origin("wss" if provider_tls else "ws", *upstream.socket.getsockname())
    its = replace(
        settings(**setting),
        listeners=listeners,
        providers={"openai": replace(by_name()["openai"], origin=origin)},
        trust={"openai": client_context()},
        tls=tls,
    )

    async def serve_provider(stream: trio.SocketStream) -> None:
        if provider_tls is None:
            await provider(stream)
        else:
            tls_stream = trio.SSLStream(stream, provider_tls, server_side=True)
            await provider(tls_stream)

    ended = trio.Event()

    async def run(task_status: trio.TaskStatus[Server]) -> None:
        await serve(its, task_status=task_status)
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve_provider, [upstream])
        yield Relay(await nursery.start(run), ended)
        nursery.cancel_scope.cancel()
