"""Dialling: what comes of each way in which a provider cannot be reached."""

from __future__ import annotations

import datetime as dt
import errno
import os
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest
import trio

from relay.dial import dial
from relay.protocol import Origin, Refused
from relay.resumption import Resumption
from relay.socket_stream import SocketStream
from relay.stopwatch import Stopwatch
from tests.certificates import authority, client_context, server_context
from tests.support import trio_test

TIMEOUT = 10


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
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in self._addresses]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


Handler = Callable[[trio.SocketStream], Awaitable[object]]


@asynccontextmanager
async def provider(handler: Handler) -> AsyncIterator[int]:
    """A server on 127.0.0.1; gives its port."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
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
def refused(sockets: Sockets, status: int, error: str) -> Iterator[None]:
    """Dialling is refused like that, and no socket stays open."""
    with pytest.raises(Refused) as caught:
        yield
    assert sockets.open == 0
    assert (caught.value.status, caught.value.proxy_error) == (status, error)
    assert caught.value.code == (2101 if status == 504 else 2100)


async def connect(port: int, *, host: str = "127.0.0.1", scheme: str = "ws") -> trio.abc.Stream:
    origin = Origin(scheme, host, port)
    return await dial(origin, client_context(), TIMEOUT, Resumption(), Stopwatch())


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


def test_a_provider_without_tls() -> None:
    async def main() -> None:
        async with provider(echo) as port:
            stream = await connect(port)
            assert isinstance(stream, SocketStream)
            assert not stream.has_tls
            await check_echo(stream)

    trio.run(main)


def test_a_provider_with_tls() -> None:
    names = []
    context = server_context("provider.test")
    context.set_alpn_protocols(["h2", "http/1.1"])

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        names.append(name)

    context.sni_callback = note

    async def main() -> None:
        Names("127.0.0.1")
        async with provider(tls_provider(context)) as port:
            stream = await connect(port, host="provider.test", scheme="wss")
            assert isinstance(stream, SocketStream)
            assert isinstance(stream.socket, ssl.SSLSocket)
            assert stream.socket.version() == "TLSv1.3"  # the handshake is done
            await check_echo(stream)
        assert names == ["provider.test"]

    trio.run(main)


def test_an_address_can_have_a_certificate_too() -> None:
    async def main() -> None:
        async with provider(tls_provider(server_context("127.0.0.1"))) as port:
            await check_echo(await connect(port, scheme="wss"))

    trio.run(main)


def test_a_port_that_is_closed() -> None:
    async def main() -> None:
        sockets = Sockets()
        with a_closed_port() as port, refused(sockets, 502, "connection_refused"):
            await connect(port)

    trio.run(main)


def test_a_name_that_does_not_resolve() -> None:
    async def main() -> None:
        sockets = Sockets()
        Names()
        with refused(sockets, 502, "dns_error"):
            await connect(443, host="provider.invalid", scheme="wss")

    trio.run(main)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_of_two_addresses_the_first_refuses(scheme: str) -> None:
    async def main() -> None:
        sockets = Sockets()
        Names("127.0.0.2", "127.0.0.1")
        handler = echo if scheme == "ws" else tls_provider(server_context("provider.test"))
        async with provider(handler) as port:
            await check_echo(await connect(port, host="provider.test", scheme=scheme))
            assert sockets.made == 3  # the listener, and one for each address

    trio.run(main)


@trio_test
async def test_of_two_addresses_the_first_never_answers() -> None:
    sockets = Sockets(dead={"127.0.0.2"})
    Names("127.0.0.2", "127.0.0.1")
    async with provider(echo) as port:
        await check_echo(await connect(port, host="provider.test"))
    assert trio.current_time() < 1
    assert sockets.open == 0


def test_none_of_two_addresses_answers() -> None:
    async def main() -> None:
        sockets = Sockets()
        Names("127.0.0.2", "127.0.0.1")
        with a_closed_port() as port, refused(sockets, 502, "connection_refused"):
            await connect(port, host="provider.test")

    trio.run(main)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE])
def test_without_descriptors_it_is_the_relay_that_is_full(error: int, addresses: list[str]) -> None:
    async def main() -> None:
        Sockets(error=error)
        Names(*addresses)
        with pytest.raises(Refused) as caught:
            await connect(443, host="provider.test")
        assert (caught.value.status, caught.value.code) == (503, 2102)
        assert caught.value.proxy_error == "connection_limit_reached"
        assert dict(caught.value.fields) == {"Retry-After": "5"}

    trio.run(main)


YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("issuer", "name", "expires"),
    [
        pytest.param("trusted", "other.test", None, id="wrong-name"),
        pytest.param("unknown", "provider.test", None, id="unknown-issuer"),
        pytest.param("trusted", "provider.test", YESTERDAY, id="expired"),
    ],
)
def test_a_certificate_that_is_not_valid(
    issuer: str, name: str, expires: dt.datetime | None
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority(issuer).issue_cert(name, not_after=expires).configure_cert(context)

    async def main() -> None:
        Names("127.0.0.1")
        async with provider(tls_provider(context)) as port:
            sockets = Sockets()
            with refused(sockets, 502, "tls_certificate_error"):
                await connect(port, host="provider.test", scheme="wss")

    trio.run(main)


async def answer_in_http(stream: trio.SocketStream) -> None:
    async with stream:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await stream.receive_some()


async def hang_up(stream: trio.SocketStream) -> None:
    await stream.aclose()


def old_tls() -> Handler:
    context = server_context("127.0.0.1")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return tls_provider(context)


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(answer_in_http, id="http"),
        pytest.param(hang_up, id="hangs-up"),
        pytest.param(old_tls(), id="tls-1.1"),
    ],
)
def test_a_provider_that_does_not_speak_our_tls(handler: Handler) -> None:
    async def main() -> None:
        async with provider(handler) as port:
            sockets = Sockets()
            with refused(sockets, 502, "tls_protocol_error"):
                await connect(port, scheme="wss")

    trio.run(main)


@trio_test
async def test_a_resolver_that_does_not_answer_in_time() -> None:
    sockets = Sockets()
    Names(answers=False)
    with refused(sockets, 504, "connection_timeout"):
        await connect(443, host="provider.test")
    assert trio.current_time() == TIMEOUT


@trio_test
async def test_addresses_that_do_not_answer_in_time() -> None:
    sockets = Sockets(dead={"127.0.0.1", "127.0.0.2"})
    Names("127.0.0.1", "127.0.0.2")
    with refused(sockets, 504, "connection_timeout"):
        await connect(443, host="provider.test")
    assert trio.current_time() == TIMEOUT


@trio_test
async def test_a_tls_handshake_that_does_not_end_in_time() -> None:
    async with provider(say_nothing) as port:
        sockets = Sockets()
        with refused(sockets, 504, "connection_timeout"):
            await connect(port, scheme="wss")
        assert trio.current_time() == TIMEOUT


@trio_test
async def test_the_deadline_is_for_all_steps_together() -> None:
    async with provider(say_nothing) as port:
        sockets = Sockets(dead={"127.0.0.2"})
        Names("127.0.0.2", "127.0.0.1")  # the second is tried a little later
        with refused(sockets, 504, "connection_timeout"):
            await connect(port, host="provider.test", scheme="wss")
        assert trio.current_time() == TIMEOUT


@pytest.mark.parametrize("stage", ["resolving", "connecting", "shaking hands"])
@trio_test
async def test_cancellation_leaves_nothing_open(stage: str) -> None:
    async with provider(say_nothing) as port:
        sockets = Sockets(dead={"127.0.0.1"} if stage == "connecting" else ())
        Names("127.0.0.1", answers=stage != "resolving")
        with trio.move_on_after(1) as scope:
            await connect(port, host="provider.test", scheme="wss")
        assert scope.cancelled_caught
        assert sockets.open == 0
