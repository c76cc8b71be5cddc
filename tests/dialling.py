"""What the tests of dialling share: sockets and names that misbehave, and whom to dial."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest
import trio

from relay.protocol import Refused

__all__ = [
    "Handler",
    "Names",
    "Sockets",
    "a_closed_port",
    "check_echo",
    "echo",
    "provider",
    "refused",
    "say_nothing",
    "tls_provider",
]


class Sockets(trio.abc.SocketFactory):
    """Makes sockets, and knows which of them were never closed.

    Args:
        dead: Addresses of which nothing is ever heard.
        error: The number of the error that comes instead of a socket.
    """

    def __init__(self, dead: Iterable[str] = (), error: int | None = None) -> None:
        self._dead = set(dead)
        self._error = error
        self._made: list[trio.socket.SocketType] = []
        trio.socket.set_custom_socket_factory(self)

    def socket(
        self,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002
        proto: int = 0,
    ) -> trio.socket.SocketType:
        if self._error is not None:
            raise OSError(self._error, os.strerror(self._error))
        made = trio.socket.from_stdlib_socket(socket.socket(family, type, proto))
        connect = made.connect

        async def connect_unless_dead(address: Any) -> None:
            if address[0] in self._dead:
                await trio.sleep_forever()
            await connect(address)

        made.connect = connect_unless_dead  # type: ignore[method-assign]
        self._made.append(made)
        return made

    @property
    def made(self) -> int:
        return len(self._made)

    @property
    def open(self) -> int:
        return sum(made.fileno() != -1 for made in self._made)


class Names(trio.abc.HostnameResolver):
    """Resolves each name to these addresses, or to nothing, or never."""

    def __init__(self, *addresses: str, answers: bool = True) -> None:
        self._addresses = addresses
        self._answers = answers
        trio.socket.set_custom_hostname_resolver(self)

    async def getaddrinfo(
        self,
        host: bytes | None,  # noqa: ARG002
        port: Any,
        family: int = 0,  # noqa: ARG002
        type: int = 0,  # noqa: A002, ARG002
        proto: int = 0,  # noqa: ARG002
        flags: int = 0,  # noqa: ARG002
    ) -> list[Any]:
        if not self._answers:
            await trio.sleep_forever()
        if not self._addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        kind = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [
            (socket.AF_INET6, *kind, (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, *kind, (address, port))
            for address in self._addresses
        ]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


Handler = Callable[[trio.SocketStream], Awaitable[object]]


@asynccontextmanager
async def provider(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server on an address of this machine; gives its port."""
    (listener,) = await trio.open_tcp_listeners(0, host=host)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handler, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def tls_provider(context: ssl.SSLContext) -> Handler:
    """Shakes hands, and echoes one thing."""

    async def handler(transport: trio.SocketStream) -> None:
        stream = trio.SSLStream(transport, context, server_side=True, https_compatible=True)
        async with stream:
            with suppress(trio.BrokenResourceError):  # it was not trusted
                await stream.send_all(await stream.receive_some())

    return handler


@contextmanager
def a_closed_port() -> Iterator[int]:
    """A port of 127.0.0.1 that is taken, though nobody listens on it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def refused(sockets: Sockets, status: int, error: str, message: str = "") -> Iterator[None]:
    """Dialling is refused like that, with those words in it, and no socket stays open."""
    with pytest.raises(Refused) as caught:
        yield
    assert sockets.open == 0
    assert (caught.value.status, caught.value.proxy_error) == (status, error)
    assert caught.value.code == (2101 if status == 504 else 2100)
    assert message in caught.value.message


async def check_echo(stream: trio.abc.Stream) -> None:
    await stream.send_all(b"hello")
    assert await stream.receive_some() == b"hello"
    await stream.aclose()


async def echo(stream: trio.SocketStream) -> None:
    async with stream:
        await stream.send_all(await stream.receive_some())


async def say_nothing(stream: trio.SocketStream) -> None:
    async with stream:
        await trio.sleep_forever()
