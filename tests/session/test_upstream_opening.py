"""Upstreams that are asked in turn: when the next one is, and what is told of those that failed."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from relay.protocol import (
    Limits,
    Origin,
    ProviderRefused,
    Proxy,
    Refused,
    Secret,
    Timeouts,
    UpstreamRequest,
)
from relay.protocol.frames import TEXT
from relay.resumption import Resumption
from relay.session.upstream_opening import Upstream, UpstreamOpening
from relay.stopwatch import Stopwatch
from relay.testing.frames import Frame
from tests.certificates import client_context
from tests.played_session import accept, error_of, session
from tests.sockets import tcp_pair
from tests.support import Leg, Peer, trio_test

A = Origin("wss", "a.example", 443)
B = Origin("wss", "b.example", 8443)
C = Origin("wss", "c.example", 443)
SECRET = "sk-not-to-be-seen"
TIMEOUTS = Timeouts(connect=7, upstream=10)
UNREACHABLE = Refused(502, 2100, "the provider cannot be reached", proxy_error="connection_refused")
TIMED_OUT = Refused(504, 2101, "the provider could not be reached in time")
NO_DESCRIPTORS = Refused(503, 2102, "the relay has no descriptors left")

Script = Callable[[Peer], Awaitable[object]]
"""What an upstream does on its connection."""


def answering(data: bytes) -> Script:
    """An upstream that reads its request, and answers like that."""

    async def script(upstream: Peer) -> None:
        await upstream.receive_head()
        await upstream.stream.send_all(data)

    return script


def refusing(status: int) -> Script:
    body = f"from the upstream with status {status}"
    head = f"HTTP/1.1 {status} No\r\nServer: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return answering((head + body).encode())


async def silent(upstream: Peer) -> None:
    await upstream.receive_head()
    await trio.sleep_forever()


async def hanging_up(upstream: Peer) -> None:
    await upstream.receive_head()
    await upstream.end()


class NotedResumption(Resumption):
    """Knows of whose TLS sessions it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[ssl.SSLContext, Origin]] = []

    def keep(self, trust: ssl.SSLContext, origin: Origin, stream: trio.abc.Stream) -> None:
        self.kept.append((trust, origin))
        super().keep(trust, origin, stream)


class Upstreams:
    """Upstreams that do as they are told, in the place of :func:`relay.dial.dial`."""

    def __init__(
        self,
        scripts: Mapping[Origin, Script | Refused],
        nursery: trio.Nursery,
        log: list[MutableMapping[str, Any]],
    ) -> None:
        self.log = log
        self.dialled: list[Origin] = []
        self.legs: list[Leg] = []
        self.resumption = NotedResumption()
        self.stopwatch = Stopwatch()
        self._scripts = scripts
        self._nursery = nursery

    async def dial(
        self,
        origin: Origin,
        tls: ssl.SSLContext,
        proxy: Proxy | None,
        timeout: float,  # noqa: ASYNC109
        resumption: Resumption,
        stopwatch: Stopwatch,
    ) -> tuple[trio.abc.Stream, bytes]:
        assert tls is client_context()
        assert resumption is self.resumption
        assert timeout == TIMEOUTS.connect
        self.dialled.append(origin)
        await trio.sleep(1)
        script = self._scripts[origin]
        if isinstance(script, Refused):
            raise script
        stopwatch.lap("connect")
        ours, theirs = memory_stream_pair()
        self._nursery.start_soon(script, Peer(theirs, masks=False))
        self.legs.append(Leg(ours))
        return self.legs[-1], b"" if proxy is None else b"HTTP/1.1 403 From beyond\r\n"

    async def open(
        self, others: Sequence[Origin] = (B,), *, on_429: bool = False, proxy: Proxy | None = None
    ) -> Upstream:
        """Ask ``A`` and the others, with the stored key ``SECRET``."""
        request = UpstreamRequest(
            origin=A,
            target=f"/v1/realtime?key={SECRET}".encode(),
            fields=((b"authorization", f"Bearer {SECRET}".encode()),),
            subprotocols=(),
            secrets=(Secret(SECRET.encode()),),
            other_origins=tuple(others),
            failover_on_429=on_429,
        )
        opening = UpstreamOpening(
            client_context(),
            proxy,
            Limits(),
            TIMEOUTS,
            self.resumption,
            self.stopwatch,
            structlog.get_logger().bind(session="s-1"),
        )
        return await opening.run(request)

    @property
    def failovers(self) -> list[tuple[str, int, int]]:
        """Which upstreams the log says have failed, and how."""
        assert all(line["event"] == "failover" and line["session"] == "s-1" for line in self.log)
        assert SECRET not in str(self.log)
        return [(line["upstream"], line["status"], line["code"]) for line in self.log]


@asynccontextmanager
async def upstreams(scripts: Mapping[Origin, Script | Refused]) -> AsyncIterator[Upstreams]:
    with pytest.MonkeyPatch.context() as patch, structlog.testing.capture_logs() as log:
        async with trio.open_nursery() as nursery:
            played = Upstreams(scripts, nursery, log)
            patch.setattr("relay.session.upstream_opening.dial", played.dial)
            yield played
            nursery.cancel_scope.cancel()


@trio_test
async def test_the_first_is_taken_if_it_opens() -> None:
    async with upstreams({A: accept, B: accept}) as played:
        upstream = await played.open()
        assert upstream.origin == A
        assert played.dialled == [A]
        assert played.failovers == []
        assert not played.legs[0].closed


@pytest.mark.parametrize(
    ("failing", "status", "code"),
    [
        pytest.param(UNREACHABLE, 502, 2100, id="unreachable"),
        pytest.param(TIMED_OUT, 504, 2101, id="not-in-time"),
        pytest.param(silent, 504, 2101, id="no-answer-in-time"),
        pytest.param(hanging_up, 502, 2100, id="hangs-up"),
        pytest.param(answering(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), 502, 2100, id="no-http"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\n\r\n"), 502, 2100, id="200"),
        pytest.param(answering(b"HTTP/1.1 302 Found\r\n\r\n"), 502, 2100, id="302"),
        *(pytest.param(refusing(each), each, 2100, id=str(each)) for each in (500, 503, 529)),
    ],
)
@trio_test
async def test_the_next_is_asked_the_same_when_one_fails(
    failing: Script | Refused, status: int, code: int
) -> None:
    heads = []

    async def noting(upstream: Peer) -> None:
        heads.append(await accept(upstream))

    async with upstreams({A: failing, B: noting}) as played:
        upstream = await played.open()
        assert upstream.origin == B
        assert played.failovers == [("a.example:443", status, code)]
        *failed, taken = played.legs
        assert all(leg.closed for leg in failed)
        assert not taken.closed
    (head,) = heads
    assert head.startswith(f"GET /v1/realtime?key={SECRET} HTTP/1.1\r\n".encode())
    assert b"\r\nHost: b.example:8443\r\n" in head
    assert f"\r\nauthorization: Bearer {SECRET}\r\n".encode() in head


@trio_test
async def test_all_are_asked_in_order_and_the_last_answer_is_the_clients() -> None:
    async with upstreams({A: UNREACHABLE, B: refusing(500), C: refusing(503)}) as played:
        with pytest.raises(ProviderRefused) as caught:
            await played.open([B, C])
        assert (caught.value.status, caught.value.body) == (
            503,
            b"from the upstream with status 503",
        )
        assert played.dialled == [A, B, C]
        assert played.failovers == [("a.example:443", 502, 2100), ("b.example:8443", 500, 2100)]
        assert all(leg.closed for leg in played.legs)


@trio_test
async def test_the_last_refusal_is_the_clients_too_where_it_is_ours() -> None:
    async with upstreams({A: refusing(503), B: UNREACHABLE}) as played:
        with pytest.raises(Refused) as caught:
            await played.open()
        assert caught.value is UNREACHABLE


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 429])
@trio_test
async def test_a_4xx_is_the_clients_at_once(status: int) -> None:
    async with upstreams({A: refusing(status), B: accept}) as played:
        with pytest.raises(ProviderRefused) as caught:
            await played.open()
        assert caught.value.status == status
        assert played.dialled == [A]
        assert played.failovers == []
        assert played.legs[0].closed


@pytest.mark.parametrize(("status", "asked"), [(429, [A, B]), (403, [A])])
@trio_test
async def test_429_leads_on_where_the_configuration_says_so(
    status: int, asked: list[Origin]
) -> None:
    async with upstreams({A: refusing(status), B: refusing(status)}) as played:
        with pytest.raises(ProviderRefused):
            await played.open(on_429=True)
        assert played.dialled == asked


@trio_test
async def test_what_the_relay_itself_lacks_leads_nowhere() -> None:
    async with upstreams({A: NO_DESCRIPTORS, B: accept}) as played:
        with pytest.raises(Refused) as caught:
            await played.open()
        assert caught.value is NO_DESCRIPTORS
        assert played.dialled == [A]


@trio_test
async def test_a_tls_session_is_kept_as_that_of_the_upstream_which_opened() -> None:
    """Another may not be resumed with it: it was verified under its own name."""
    async with upstreams({A: refusing(503), B: accept}) as played:
        await played.open()
        assert played.resumption.kept == [(client_context(), B)]


@trio_test
async def test_each_has_its_own_deadlines() -> None:
    async with upstreams({A: silent, B: silent, C: accept}) as played:
        upstream = await played.open([B, C])
        assert upstream.origin == C
        assert trio.current_time() == 3 * 1 + 2 * TIMEOUTS.upstream
        assert played.stopwatch.seconds == {
            "connect": 3,
            "failover": 20,
            "upstream": 0,
        }


@trio_test
async def test_cancellation_ends_the_one_that_is_asked_and_asks_no_other() -> None:
    async with upstreams({A: UNREACHABLE, B: silent, C: accept}) as played:
        with trio.move_on_after(3) as scope:
            await played.open([B, C])
        assert scope.cancelled_caught
        assert played.dialled == [A, B]
        assert played.legs[0].closed


@trio_test
async def test_others_have_their_turn_while_a_body_of_tiny_chunks_is_read() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    chunks = b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
    head = b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with trio.open_nursery() as nursery:

        async def refuse(upstream: Peer) -> None:
            await upstream.receive_head()
            nursery.start_soon(count)
            await upstream.stream.send_all(head + chunks)

        async with upstreams({A: refuse}) as played:
            with pytest.raises(ProviderRefused) as caught:
                await played.open([])
        nursery.cancel_scope.cancel()
    assert caught.value.body == b"x" * 20_000
    assert turns >= len(chunks) // 4096


# Proxies


@trio_test
async def test_what_came_through_the_tunnel_already_is_the_beginning_of_the_answer() -> None:
    async with upstreams({A: answering(b"Content-Length: 2\r\n\r\nno")}) as played:
        with pytest.raises(ProviderRefused) as caught:
            await played.open([], proxy=Proxy("proxy.test", 3128))
        assert (caught.value.status, caught.value.body) == (403, b"no")


@pytest.mark.parametrize(
    ("scheme", "proxy", "expected"),
    [
        ("ws", None, True),  # it is this machine
        ("ws", Proxy("127.0.0.1", 3128), False),  # what lies beyond the proxy is not
        ("wss", Proxy("127.0.0.1", 3128), True),
    ],
)
@trio_test
async def test_a_path_through_a_proxy_is_private_with_tls_only(
    scheme: str, proxy: Proxy | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's masking keys must not be seen there (RFC 6455 10.3)."""
    ours, theirs = tcp_pair()
    peer = Peer(theirs, masks=False)

    async def dial(*_: object) -> tuple[trio.abc.Stream, bytes]:
        return ours, b""

    monkeypatch.setattr("relay.session.upstream_opening.dial", dial)
    opening = UpstreamOpening(
        client_context(),
        proxy,
        Limits(),
        TIMEOUTS,
        Resumption(),
        Stopwatch(),
        structlog.get_logger(),
    )
    request = UpstreamRequest(Origin(scheme, "provider.test", 80), b"/", (), (), ())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept, peer)
        upstream = await opening.run(request)
    assert upstream.request.messages_lane is not expected
    await ours.aclose()
    await peer.end()


# In a session


@trio_test
async def test_a_session_goes_on_with_the_upstream_that_opens() -> None:
    early = Frame(TEXT, b"early")
    async with session(upstreams={"origin": A, "other_origins": (B, C)}) as play:
        play.dial_errors = [UNREACHABLE, TIMED_OUT]
        await play.request(early_data=play.client.encode(early))
        await play.accept()
        await play.client.receive_head()
        assert play.dialled == [A, B, C]
        assert await play.provider.receive() == early
        await play.close()
    assert [(line["event"], line.get("upstream")) for line in play.log] == [
        ("failover", "a.example:443"),
        ("failover", "b.example:8443"),
        ("opened", "c.example:443"),
        ("ended", None),
    ]
    assert {line["provider"] for line in play.log} == {"openai"}


@trio_test
async def test_a_client_that_leaves_ends_the_search() -> None:
    async with session(connects=False, upstreams={"origin": A, "other_origins": (B, C)}) as play:
        play.dial_errors = [UNREACHABLE]
        await play.request()
        await wait_all_tasks_blocked()
        play.may_connect.set()
        play.may_connect = trio.Event()
        await wait_all_tasks_blocked()
        assert play.dialled == [A, B]
        await play.client.end()
    assert play.ended_at == 0
    assert play.dialled == [A, B]


@trio_test
async def test_nothing_leads_on_after_the_101() -> None:
    async with session(upstreams={"origin": A, "other_origins": (B,)}) as play:
        await play.open()
        await play.provider.end()
        assert (await play.client.answer_close()).payload[:2] == (1011).to_bytes(2, "big")
        await play.client.end()
    assert play.dialled == [A]


@trio_test
async def test_what_the_client_is_told_is_of_the_last_upstream_alone() -> None:
    async with session(upstreams={"origin": A, "other_origins": (B,)}) as play:
        play.dial_errors = [UNREACHABLE, TIMED_OUT]
        await play.request()
        answer = await play.client.receive_answer()
    assert error_of(answer) == (504, 2101)
    assert b"example" not in answer.body
