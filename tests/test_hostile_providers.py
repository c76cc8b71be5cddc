"""Providers that misbehave on real sockets, and what their clients get, all the way.

The ids are those of ``protocol/test_bad_inputs.py``, where each answer is looked at by itself.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio

from relay.drivers.reactor import Reactor
from relay.link import reset
from relay.protocol.frames import BINARY, PING, PONG, TEXT
from relay.testing.frames import Frame, close
from relay.testing.handshakes import NONCE, switch, upgrade
from tests.certificates import server_context
from tests.loopback import HTTP, Relay, running
from tests.played_session import CREDENTIAL, TARGET, accept, error_of
from tests.protocol.test_bad_inputs import UPSTREAM
from tests.support import AWAY, LOST, Peer, real_clock

BROKE = close(1011, "upstream protocol error")

_TLS = server_context("127.0.0.1")

Script = Callable[[Peer], Awaitable[None]]
"""What a provider does on its connection; then it ends it."""

in_both_lanes = pytest.mark.parametrize("lane", ["verbatim", "messages"])
with_and_without_tls = pytest.mark.parametrize("scheme", ["ws", "wss"])


@pytest.fixture(params=["reactor", "portable"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What carries the session."""
    if request.param == "portable":
        monkeypatch.setattr(Reactor, "is_available", lambda: False)


with_both_drivers = pytest.mark.usefixtures("driver")


@pytest.fixture(autouse=True)
def known_nonce(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets answers be written down that are valid."""
    monkeypatch.setattr(secrets, "token_bytes", lambda size: NONCE[:size])


@asynccontextmanager
async def in_front_of(script: Script, scheme: str, lane: str = "verbatim") -> AsyncIterator[Relay]:
    """A relay, and a provider with or without TLS."""

    async def provider(stream: trio.abc.Stream) -> None:
        with suppress(trio.BrokenResourceError):
            await script(Peer(stream, masks=False))
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await stream.aclose()

    context = _TLS if scheme == "wss" else None
    setting: dict[str, Any] = {"messages_lane": lane == "messages"}
    async with running(HTTP, provider=provider, provider_tls=context, **setting) as it:
        yield it


async def ask(relay: Relay) -> Peer:
    """A client that has asked for a session."""
    client = await relay.connect()
    await client.stream.send_all(upgrade(TARGET, CREDENTIAL))
    return client


def saying(data: bytes, then: Script | None = None) -> Script:
    """Reads its request, and answers like that."""

    async def script(provider: Peer) -> None:
        await provider.receive_head()
        if data:
            await provider.stream.send_all(data)
        if then is not None:
            await then(provider)

    return script


async def resetting(provider: Peer) -> None:
    await reset(provider.stream)


async def until_the_relay_ends(provider: Peer) -> None:
    await provider.receive_rest()


# Before the 101


H2_SETTINGS = b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"
ANSWERS = [
    *UPSTREAM,
    ("of-h2", 502, H2_SETTINGS),
    ("204", 502, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("301", 502, b"HTTP/1.1 301 Moved\r\nLocation: wss://elsewhere.test/\r\n\r\n"),
    ("unoffered-extension", 502, switch("Sec-WebSocket-Extensions: permessage-deflate")),
    ("half-a-body", 403, b"HTTP/1.1 403 No\r\nContent-Length: 99\r\n\r\n{"),
    ("broken-chunks", 403, b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    (
        "endless-chunk-extension",
        403,
        b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 2**20,
    ),
]


@with_and_without_tls
@pytest.mark.parametrize(
    ("status", "data"), [row[1:] for row in ANSWERS], ids=[r[0] for r in ANSWERS]
)
@real_clock
async def test_an_answer_has_its_status(scheme: str, status: int, data: bytes) -> None:
    async with in_front_of(saying(data), scheme) as relay:
        client = await ask(relay)
        if status == 101:
            head = await client.receive_head()
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"secret" not in head
            assert await client.answer_close() == LOST
        else:
            answer = await client.receive_answer()
            assert answer.status == status
            assert not answer.values("Location")
            if status == 502:
                assert error_of(answer) == (502, 2100)
        await client.end()


@with_and_without_tls
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(resetting, id="before-the-request"),
        pytest.param(saying(b"", resetting), id="after-the-request"),
        pytest.param(saying(b"HTTP/1.1 101 Swi", resetting), id="in-its-head"),
    ],
)
@real_clock
async def test_a_provider_that_resets_before_its_answer_is_502(scheme: str, script: Script) -> None:
    async with in_front_of(script, scheme) as relay:
        client = await ask(relay)
        answer = await client.receive_answer()
        assert error_of(answer) == (502, 2100)
        (status,) = answer.values("Proxy-Status")
        assert "http_protocol_error" in status or "connection_terminated" in status


@with_and_without_tls
@real_clock
async def test_an_answer_that_does_not_wait_for_the_request_is_read(scheme: str) -> None:
    """What the provider has not read makes its end a reset, which may not take the answer away."""

    async def answer_at_once(provider: Peer) -> None:
        if isinstance(provider.stream, trio.SSLStream):
            await provider.stream.do_handshake()
        await provider.stream.send_all(
            b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow"
        )
        transport = provider.stream
        if isinstance(transport, trio.SSLStream):
            transport = transport.transport_stream
        await trio.aclose_forcefully(transport)

    async with in_front_of(answer_at_once, scheme) as relay:
        for _ in range(20):
            answer = await (await ask(relay)).receive_answer()
            assert (answer.status, answer.body) == (429, b"slow")


# With the 101, and after it


@with_both_drivers
@in_both_lanes
@with_and_without_tls
@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([Frame(TEXT, b"hello-early")], [], id="u-40-first-frame-coalesced"),
        pytest.param([Frame(BINARY, b"x" * 70_000)], [], id="a-long-one-coalesced"),
        pytest.param([Frame(0x3)], [BROKE], id="u-43-opcode-3"),
        pytest.param([Frame(BINARY, missing=2**62)], [BROKE], id="u-45-giant"),
        pytest.param([close(1001, "because")], [], id="u-46-close-1001"),
        pytest.param([close(1013, "because")], [], id="u-46-close-1013"),
        pytest.param([close(1014, "because")], [], id="w-18-close-1014"),
        pytest.param([close(1006)], [BROKE], id="u-47-close-1006-wire"),
    ],
)
@real_clock
async def test_what_comes_with_the_101(
    scheme: str, lane: str, frames: list[Frame], expected: list[Frame]
) -> None:
    data = switch() + b"".join(frame.encode() for frame in frames)
    async with in_front_of(saying(data, until_the_relay_ends), scheme, lane) as relay:
        client = await ask(relay)
        await client.receive_head()
        for frame in expected or frames:
            assert await client.receive() == frame
        await client.end()


@with_both_drivers
@pytest.mark.parametrize(("lane", "told"), [("verbatim", LOST), ("messages", BROKE)])
@real_clock
async def test_u_44_text_is_the_endpoints_duty_in_the_verbatim_lane(lane: str, told: Frame) -> None:
    bad = Frame(TEXT, b"\xff\xfe")
    async with in_front_of(saying(switch() + bad.encode()), "ws", lane) as relay:
        client = await ask(relay)
        await client.receive_head()
        if lane == "verbatim":
            assert await client.receive() == bad
        assert await client.answer_close() == told
        await client.end()


@with_both_drivers
@in_both_lanes
def test_u_48_a_ping_is_the_clients_to_answer(lane: str) -> None:
    answered: list[Frame] = []

    async def ping(provider: Peer) -> None:
        answered.append(await provider.receive())

    data = switch() + Frame(PING, b"ping").encode()

    @real_clock
    async def main() -> None:
        async with in_front_of(saying(data, ping), "ws", lane) as relay:
            client = await ask(relay)
            await client.receive_head()
            assert await client.receive() == Frame(PING, b"ping")
            await client.send(Frame(PONG, b"ping"))
            assert await client.answer_close() == LOST
            await client.end()

    main()
    assert answered == [Frame(PONG, b"ping")]


@in_both_lanes
@pytest.mark.parametrize("line", ["Content-Length: 5", "Transfer-Encoding: chunked"])
@real_clock
async def test_a_101_has_no_body_whatever_it_says(line: str, lane: str) -> None:
    """RFC 9112 6.3: it ends with its head, and what follows are frames."""
    data = switch(line) + Frame(TEXT, b"hello").encode()
    async with in_front_of(saying(data, until_the_relay_ends), "ws", lane) as relay:
        client = await ask(relay)
        head = await client.receive_head()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert line.partition(":")[0].encode() not in head
        assert await client.receive() == Frame(TEXT, b"hello")
        await client.end()


# Vanishing


async def vanish(peer: Peer, how: str) -> None:
    """End without a Close: by FIN, with TLS's own word for it or without, or by RST."""
    if how == "reset":
        await reset(peer.stream)
    elif how == "fin" and isinstance(peer.stream, trio.SSLStream):
        await trio.aclose_forcefully(peer.stream.transport_stream)  # c-12: no close_notify
    else:
        await peer.end()


async def was_reset(peer: Peer) -> bool:
    """Whether the rest of the connection is a reset, and what came before it no Close frame."""
    try:
        await peer.receive_rest()
    except trio.BrokenResourceError as error:
        cause = error.__cause__
        return isinstance(cause, OSError) and cause.errno == errno.ECONNRESET
    return False


@with_both_drivers
@in_both_lanes
@with_and_without_tls
@pytest.mark.parametrize("how", ["fin", "orderly", "reset"])
@pytest.mark.parametrize("inside", [False, True], ids=["between-frames", "inside-a-frame"])
@real_clock
async def test_a_provider_that_vanishes(scheme: str, lane: str, how: str, inside: bool) -> None:
    """No Close can follow part of a frame: then the client's connection is reset."""
    hello = Frame(TEXT, b"hello")
    partial = Frame(BINARY, b"y" * 200).encode()[:-100] if inside else b""
    go = trio.Event()

    async def script(provider: Peer) -> None:
        await accept(provider, early_data=hello.encode() + partial)
        await go.wait()
        await vanish(provider, how)

    async with in_front_of(script, scheme, lane) as relay:
        client = await ask(relay)
        await client.receive_head()
        assert await client.receive() == hello
        if inside and lane == "verbatim":
            await client.receive_bytes(len(partial))
            go.set()
            assert await was_reset(client)
        else:
            go.set()
            assert await client.answer_close() == LOST
            assert await client.receive_rest() == b""
        await client.end()


@with_both_drivers
@in_both_lanes
@with_and_without_tls
@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("inside", [False, True], ids=["between-frames", "inside-a-frame"])
def test_a_client_that_vanishes(scheme: str, lane: str, how: str, inside: bool) -> None:
    """The same the other way round."""
    hello = Frame(TEXT, b"hello")
    heard: list[object] = []
    arrived, told = trio.Event(), trio.Event()

    async def script(provider: Peer) -> None:
        await accept(provider)
        assert await provider.receive() == hello
        cut_short = inside and lane == "verbatim"
        if cut_short:
            await provider.receive_bytes(100)
        arrived.set()
        heard.append(await was_reset(provider) if cut_short else await provider.answer_close())
        told.set()

    @real_clock
    async def main() -> None:
        async with in_front_of(script, scheme, lane) as relay:
            client = await ask(relay)
            await client.receive_head()
            partial = client.encode(Frame(BINARY, b"y" * 200))[:-100] if inside else b""
            await client.stream.send_all(client.encode(hello) + partial)
            await arrived.wait()
            await vanish(client, how)
            await told.wait()
            await client.end()

    main()
    assert heard == [True if inside and lane == "verbatim" else AWAY]


@with_both_drivers
@in_both_lanes
@pytest.mark.parametrize("how", ["fin", "reset"])
@real_clock
async def test_a_provider_that_vanishes_while_the_client_is_inside_a_frame(
    lane: str, how: str
) -> None:
    """What was cut short is on the other leg, and so the client can be told."""
    arrived = trio.Event()

    async def script(provider: Peer) -> None:
        await accept(provider)
        await provider.receive()
        if lane == "verbatim":
            await provider.receive_bytes(100)
        arrived.set()
        await vanish(provider, how)

    async with in_front_of(script, "ws", lane) as relay:
        client = await ask(relay)
        await client.receive_head()
        partial = client.encode(Frame(BINARY, b"y" * 200))[:-100]
        await client.stream.send_all(client.encode(Frame(TEXT, b"hello")) + partial)
        await arrived.wait()
        frame = await client.receive()
        assert frame == LOST
        await client.end()
