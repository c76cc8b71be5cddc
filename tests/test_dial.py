"""Dialling: what comes of each way in which a provider cannot be reached."""

from __future__ import annotations

import datetime as dt
import errno
import ssl
import warnings
from contextlib import suppress

import pytest
import trio

from relay.dial import dial
from relay.link import reset
from relay.protocol import Origin, Refused
from relay.resumption import Resumption
from relay.socket_stream import SocketStream
from relay.stopwatch import Stopwatch
from tests.certificates import authority, client_context, server_context
from tests.dialling import (
    Handler,
    Names,
    Sockets,
    a_closed_port,
    check_echo,
    echo,
    provider,
    refused,
    say_nothing,
    tls_provider,
)
from tests.support import real_clock, trio_test

TIMEOUT = 10


async def connect(port: int, *, host: str = "127.0.0.1", scheme: str = "ws") -> trio.abc.Stream:
    origin = Origin(scheme, host, port)
    stream, early_data = await dial(
        origin, client_context(), None, TIMEOUT, Resumption(), Stopwatch()
    )
    assert early_data == b""
    return stream


@real_clock
async def test_a_provider_without_tls() -> None:
    async with provider(echo) as port:
        stream = await connect(port)
        assert isinstance(stream, SocketStream)
        assert not stream.has_tls
        await check_echo(stream)


@real_clock
async def test_a_provider_with_tls() -> None:
    names = []
    context = server_context("provider.test")
    context.set_alpn_protocols(["h2", "http/1.1"])

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        names.append(name)

    context.sni_callback = note
    Names("127.0.0.1")
    async with provider(tls_provider(context)) as port:
        stream = await connect(port, host="provider.test", scheme="wss")
        assert isinstance(stream, SocketStream)
        assert isinstance(stream.socket, ssl.SSLSocket)
        assert stream.socket.version() == "TLSv1.3"  # the handshake is done
        await check_echo(stream)
    assert names == ["provider.test"]


@real_clock
async def test_an_address_can_have_a_certificate_too() -> None:
    async with provider(tls_provider(server_context("127.0.0.1"))) as port:
        await check_echo(await connect(port, scheme="wss"))


@real_clock
async def test_a_port_that_is_closed() -> None:
    sockets = Sockets()
    with a_closed_port() as port, refused(sockets, 502, "connection_refused"):
        await connect(port)


@real_clock
async def test_a_name_that_does_not_resolve() -> None:
    sockets = Sockets()
    Names()
    with refused(sockets, 502, "dns_error"):
        await connect(443, host="provider.invalid", scheme="wss")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@real_clock
async def test_of_two_addresses_the_first_refuses(scheme: str) -> None:
    sockets = Sockets()
    Names("127.0.0.2", "127.0.0.1")
    handler = echo if scheme == "ws" else tls_provider(server_context("provider.test"))
    async with provider(handler) as port:
        await check_echo(await connect(port, host="provider.test", scheme=scheme))
        assert sockets.made == 3  # the listener, and one for each address


@pytest.mark.parametrize(
    ("dead", "alive"), [("127.0.0.2", "127.0.0.1"), ("::1", "127.0.0.1"), ("127.0.0.1", "::1")]
)
@trio_test
async def test_of_two_addresses_the_first_never_answers(dead: str, alive: str) -> None:
    sockets = Sockets(dead={dead})
    Names(dead, alive)
    async with provider(echo, alive) as port:
        await check_echo(await connect(port, host="provider.test"))
    assert trio.current_time() < 1
    assert sockets.open == 0


@pytest.mark.parametrize(("first", "second"), [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
@real_clock
async def test_of_two_families_one_refuses(first: str, second: str) -> None:
    sockets = Sockets()
    Names(first, second)
    async with provider(echo, second) as port:
        await check_echo(await connect(port, host="provider.test"))
        assert sockets.made == 3


@real_clock
async def test_none_of_two_addresses_answers() -> None:
    sockets = Sockets()
    Names("127.0.0.2", "127.0.0.1")
    with a_closed_port() as port, refused(sockets, 502, "connection_refused"):
        await connect(port, host="provider.test")


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE])
@real_clock
async def test_without_descriptors_it_is_the_relay_that_is_full(
    error: int, addresses: list[str]
) -> None:
    Sockets(error=error)
    Names(*addresses)
    with pytest.raises(Refused) as caught:
        await connect(443, host="provider.test")
    assert (caught.value.status, caught.value.code) == (503, 2102)
    assert caught.value.proxy_error == "connection_limit_reached"
    assert dict(caught.value.fields) == {"Retry-After": "5"}


YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("issuer", "name", "expires", "fault"),
    [
        pytest.param("trusted", "other.test", None, "is not for the provider's name", id="name"),
        pytest.param(
            "unknown",
            "provider.test",
            None,
            "is not of an authority that is trusted",
            id="unknown-issuer",
        ),
        pytest.param("trusted", "provider.test", YESTERDAY, "has expired", id="expired"),
    ],
)
@real_clock
async def test_a_certificate_that_is_not_valid(
    issuer: str, name: str, expires: dt.datetime | None, fault: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority(issuer).issue_cert(name, not_after=expires).configure_cert(context)
    Names("127.0.0.1")
    async with provider(tls_provider(context)) as port:
        sockets = Sockets()
        with refused(sockets, 502, "tls_certificate_error", f"certificate {fault}"):
            await connect(port, host="provider.test", scheme="wss")


async def answer_in_http(stream: trio.SocketStream) -> None:
    async with stream:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await stream.receive_some()


async def hang_up(stream: trio.SocketStream) -> None:
    await stream.aclose()


def after_the_client_hello(data: bytes, *, then_reset: bool = False) -> Handler:
    """Reads what the relay begins with, answers like that, and ends."""

    async def handler(stream: trio.SocketStream) -> None:
        assert (await stream.receive_some()).startswith(b"\x16\x03\x01")
        await stream.send_all(data)
        await (reset(stream) if then_reset else stream.aclose())

    return handler


SERVER_HELLO_CUT_SHORT = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"
NO_APPLICATION_PROTOCOL = b"\x15\x03\x03\x00\x02\x02\x78"  # RFC 7301 3.2: of who speaks only h2


def old_tls() -> Handler:
    context = server_context("127.0.0.1")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    async def handler(transport: trio.SocketStream) -> None:
        stream = SocketStream.take(transport)  # unlike Trio's, it sends the alert
        stream.start_tls(context, server_side=True)
        with suppress(trio.BrokenResourceError):
            await stream.do_handshake()
        await stream.aclose()

    return handler


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        pytest.param(answer_in_http, "tls_protocol_error", id="http"),
        pytest.param(after_the_client_hello(b"what?"), "tls_protocol_error", id="garbage"),
        pytest.param(old_tls(), "tls_alert_received", id="tls-1.1"),
        pytest.param(
            after_the_client_hello(NO_APPLICATION_PROTOCOL), "tls_alert_received", id="only-h2"
        ),
        pytest.param(hang_up, "connection_terminated", id="hangs-up"),
        pytest.param(reset, "connection_terminated", id="resets"),
        pytest.param(
            after_the_client_hello(SERVER_HELLO_CUT_SHORT),
            "connection_terminated",
            id="hangs-up-meanwhile",
        ),
        pytest.param(
            after_the_client_hello(SERVER_HELLO_CUT_SHORT, then_reset=True),
            "connection_terminated",
            id="resets-meanwhile",
        ),
    ],
)
@real_clock
async def test_a_provider_that_does_not_speak_our_tls(handler: Handler, error: str) -> None:
    async with provider(handler) as port:
        sockets = Sockets()
        with refused(sockets, 502, error):
            await connect(port, scheme="wss")


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
