"""Dialling through an HTTP proxy."""

from __future__ import annotations

import ssl
from dataclasses import replace

import pytest
import trio

from relay.dial import dial
from relay.protocol import Origin, Proxy, Refused, Secret
from relay.resumption import Resumption
from relay.socket_stream import SocketStream
from relay.stopwatch import Stopwatch
from tests.certificates import client_context, server_context
from tests.connect_proxy import connect_proxy
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
WSS = Origin("wss", "provider.test", 443)
WS = Origin("ws", "provider.test", 80)
OPENED = b"HTTP/1.1 200 OK\r\n\r\n"


async def connect(
    proxy: Proxy | None, origin: Origin = WS, resumption: Resumption | None = None
) -> tuple[trio.abc.Stream, bytes]:
    return await dial(
        origin, client_context(), proxy, TIMEOUT, resumption or Resumption(), Stopwatch()
    )


def saying(answer: bytes) -> Handler:
    """A proxy that answers like that, and waits for the end."""

    async def handler(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(answer)
            await stream.receive_some()

    return handler


@real_clock
async def test_an_upstream_without_tls() -> None:
    Names()  # the proxy resolves the upstream's name; the relay cannot
    async with provider(echo) as port, connect_proxy({"provider.test": port}) as proxy:
        stream, early_data = await connect(proxy.with_credentials())
        assert early_data == b""
        await check_echo(stream)
        assert proxy.heads[0].startswith(b"CONNECT provider.test:80 HTTP/1.1\r\n")
        assert bytes(proxy.carried) == b"hello"


@real_clock
async def test_tls_is_with_the_upstream_and_the_proxy_reads_nothing() -> None:
    Names()
    handler = tls_provider(server_context("provider.test"))
    async with provider(handler) as port, connect_proxy({"provider.test": port}) as proxy:
        stream, early_data = await connect(proxy.with_credentials(), WSS)
        assert early_data == b""
        assert isinstance(stream, SocketStream)
        assert stream.has_tls
        await check_echo(stream)
        assert proxy.heads[0].startswith(b"CONNECT provider.test:443 HTTP/1.1\r\n")
        assert proxy.carried.startswith(b"\x16\x03\x01")  # a ClientHello
        assert b"hello" not in proxy.carried


@pytest.mark.parametrize("name", ["127.0.0.1", "proxy.test", "other.test"])
@real_clock
async def test_the_certificate_has_to_be_the_upstreams_own(name: str) -> None:
    handler = tls_provider(server_context(name))
    async with provider(handler) as port, connect_proxy({"provider.test": port}) as proxy:
        with pytest.raises(Refused) as caught:
            await connect(proxy.with_credentials(), WSS)
        assert (caught.value.status, caught.value.code) == (502, 2100)
        assert caught.value.proxy_error == "tls_certificate_error"


def test_a_tls_session_is_resumed_with_the_upstream_behind_the_proxy_and_no_other() -> None:
    async def main() -> None:
        resumption = Resumption()
        context = server_context("provider.test", "other.test")
        async with (
            provider(tls_provider(context)) as port,
            connect_proxy({"provider.test": port, "other.test": port}) as proxy,
        ):

            async def resumed(origin: Origin) -> bool:
                stream, _ = await connect(proxy.with_credentials(), origin, resumption)
                await stream.send_all(b"hello")
                assert await stream.receive_some() == b"hello"
                resumption.keep(client_context(), origin, stream)
                assert isinstance(stream, SocketStream)
                assert isinstance(stream.socket, ssl.SSLSocket)
                was_resumed = bool(stream.socket.session_reused)
                await stream.aclose()
                return was_resumed

            assert not await resumed(WSS)
            assert await resumed(WSS)
            assert not await resumed(replace(WSS, host="other.test"))

    trio.run(main)


@real_clock
async def test_what_follows_the_answer_is_the_upstreams() -> None:
    async with provider(saying(OPENED + b"HTTP/1.1 400 ")) as port:
        stream, early_data = await connect(Proxy("127.0.0.1", port))
        assert early_data == b"HTTP/1.1 400 "
        await stream.aclose()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(OPENED + b"\x16\x03", "http_protocol_error", id="bytes-before-tls"),
        pytest.param(b"\x05\x00", "http_protocol_error", id="socks"),
        pytest.param(b"HTTP/1.1 403 No\r\n\r\n", "destination_unavailable", id="403"),
    ],
)
@real_clock
async def test_a_proxy_that_opens_no_tunnel(answer: bytes, error: str) -> None:
    async with provider(saying(answer)) as port:
        sockets = Sockets()
        with refused(sockets, 502, error):
            await connect(Proxy("127.0.0.1", port), WSS)


@real_clock
async def test_a_proxy_that_hangs_up() -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.aclose()

    async with provider(hang_up) as port:
        sockets = Sockets()
        with refused(sockets, 502, "http_protocol_error"):
            await connect(Proxy("127.0.0.1", port))


@real_clock
async def test_wrong_credentials_for_the_proxy_are_not_told() -> None:
    async with connect_proxy({}) as proxy:
        with pytest.raises(Refused, match="status 407") as caught:
            await connect(proxy.with_credentials("relay:wrong-word"))
        assert "wrong-word" not in repr(caught.value) + str(caught.value)
        assert "body" not in str(caught.value)


def test_credentials_are_asked_for_each_time() -> None:
    """They may come from a file that another program rotates."""
    given = iter([Secret(b"relay:first"), Secret(b"relay:second")])
    heads = []

    async def note(stream: trio.SocketStream) -> None:
        async with stream:
            heads.append(await stream.receive_some())
            await stream.send_all(OPENED)

    async def main() -> None:
        async with provider(note) as port:
            for _ in range(2):
                stream, _ = await connect(Proxy("127.0.0.1", port, lambda: next(given)))
                await stream.aclose()

    trio.run(main)
    first, second = heads
    assert b"Proxy-Authorization: Basic cmVsYXk6Zmlyc3Q=\r\n" in first
    assert b"Proxy-Authorization: Basic cmVsYXk6c2Vjb25k\r\n" in second


@real_clock
async def test_a_proxy_that_cannot_be_reached() -> None:
    sockets = Sockets()
    with a_closed_port() as port, refused(sockets, 502, "connection_refused"):
        await connect(Proxy("127.0.0.1", port))


@real_clock
async def test_a_proxy_whose_name_does_not_resolve() -> None:
    sockets = Sockets()
    Names()
    with refused(sockets, 502, "dns_error"):
        await connect(Proxy("proxy.test", 3128))


@trio_test
async def test_a_proxy_that_does_not_answer_in_time() -> None:
    async with provider(say_nothing) as port:
        sockets = Sockets()
        with refused(sockets, 504, "connection_timeout"):
            await connect(Proxy("127.0.0.1", port))
        assert trio.current_time() == TIMEOUT


@trio_test
async def test_the_deadline_is_for_the_tunnel_and_tls_together() -> None:
    async def drip(stream: trio.SocketStream) -> None:
        async with stream:
            await trio.sleep(TIMEOUT - 1)
            await stream.send_all(OPENED)
            await trio.sleep_forever()

    async with provider(drip) as port:
        sockets = Sockets()
        with refused(sockets, 504, "connection_timeout"):
            await connect(Proxy("127.0.0.1", port), WSS)
        assert trio.current_time() == TIMEOUT


@trio_test
async def test_cancellation_leaves_nothing_open() -> None:
    async with provider(say_nothing) as port:
        sockets = Sockets()
        with trio.move_on_after(1) as scope:
            await connect(Proxy("127.0.0.1", port))
        assert scope.cancelled_caught
        assert sockets.open == 0


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@real_clock
async def test_the_environment_names_no_proxy(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = echo if scheme == "ws" else tls_provider(server_context("provider.test"))
    Names("127.0.0.1")
    async with provider(handler) as port, connect_proxy({"provider.test": port}) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy"):
            for each in (name, name.upper()):
                monkeypatch.setenv(each, f"http://127.0.0.1:{proxy.port}")
        stream, _ = await connect(None, Origin(scheme, "provider.test", port))
        await check_echo(stream)
        assert proxy.heads == []
