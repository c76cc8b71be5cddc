"""Sessions that somebody reads along by the admin listener, all over real sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio

from relay.admin import listener as admin_listener
from relay.drivers.reactor import Reactor
from relay.protocol import Timeouts
from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, TEXT
from relay.settings import AdminSettings, Listener
from relay.tail.tails import MOST
from relay.testing.frames import Frame, close
from relay.testing.handshakes import upgrade
from tests.admin.fakes import BEARER, SHA256
from tests.loopback import HTTP, Relay, running
from tests.played_session import CREDENTIAL, TARGET, accept
from tests.protocol.meters.test_inflater import Deflater
from tests.session.test_compression import ANSWER, OFFER
from tests.support import Ended, Peer, real_clock

ADMIN = AdminSettings(Listener("http", "127.0.0.1", 0), SHA256)
PAYLOAD = b'{"type":"session.update","secret of the user":"grapefruit"}'
KEY = b"sk-of-the-client"

by_each_driver = pytest.mark.parametrize("driver", ["reactor", "pumps"])


@pytest.fixture(autouse=True)
def _driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.callspec.params.get("driver") == "pumps":
        monkeypatch.setattr(Reactor, "is_available", lambda: False)


async def compressing(stream: trio.abc.Stream) -> None:
    """A provider that echoes, and takes compressed messages."""
    provider = Peer(stream, masks=False)
    with suppress(Ended, trio.BrokenResourceError):
        await accept(provider, ANSWER)
        while True:
            frame = await provider.receive()
            await provider.send(frame)
            if frame.opcode == CLOSE:
                break
    await provider.end()


class Tail:
    """Reads a tail from a socket of its own."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.everything = b""
        self._unread = b""

    async def _line(self) -> bytes:
        while b"\n" not in self._unread:
            data = await self.stream.receive_some()
            self.everything += data
            if not data:
                return b""
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    async def head(self) -> int:
        """The status, once the whole head is there."""
        status = int((await self._line()).split()[1])
        while await self._line() != b"\r":
            pass
        return status

    async def line(self) -> dict[str, Any]:
        """The next line; empty when there is none."""
        line = await self._line()
        return json.loads(line) if line else {}


async def ask(it: Relay, path: str) -> Tail:
    """A request, by HTTP/1.0 so that the answer comes as it is."""
    (address,) = it.server.admin_addresses
    stream = await trio.open_tcp_stream(address.host, address.port)
    fields = f"Host: localhost\r\nAuthorization: {BEARER['Authorization']}\r\n\r\n"
    await stream.send_all(f"GET {path} HTTP/1.0\r\n{fields}".encode())
    return Tail(stream)


async def tail_of(it: Relay, query: str = "") -> Tail:
    (seen,) = it.server.glances()
    return await ask(it, f"/api/sessions/{seen.record.id}/tail{query}")


async def is_told(peer: Peer, frame: Frame) -> None:
    await peer.send(frame)
    assert (await peer.receive()).payload == frame.payload


@asynccontextmanager
async def tailed(query: str = "", **setting: Any) -> AsyncIterator[tuple[Relay, Peer, Tail]]:
    """A relay with a session, and somebody who reads it."""
    async with running(HTTP, server={"admin": ADMIN}, **setting) as it:
        client = await it.open()
        tail = await tail_of(it, query)
        assert await tail.head() == 200
        yield it, client, tail


async def _until_nobody_reads(it: Relay) -> None:
    while it.server._tails._open:  # noqa: ASYNC110 - there is nothing to be told by
        await trio.sleep(0.001)


@by_each_driver
@pytest.mark.parametrize("messages", [False, True], ids=["verbatim", "messages"])
@pytest.mark.parametrize("content", [False, True])
@real_clock
async def test_lines_come_as_messages_pass_and_the_last_is_the_end(
    driver: str,  # noqa: ARG001 - by a fixture
    messages: bool,
    content: bool,
) -> None:
    query = "?content=true" if content else ""
    async with tailed(query, messages_lane=messages, tail_content=content) as (_, client, tail):
        text = {"content": PAYLOAD.decode()} if content else {}
        size = len(PAYLOAD)
        for _ in range(3):
            await is_told(client, Frame(TEXT, PAYLOAD))
            for side in ("client", "provider"):
                line = await tail.line()
                assert line.pop("at") >= 0
                assert line == {"from": side, "kind": "text", "bytes": size, **text}
        await is_told(client, Frame(BINARY, bytes(100_000)))
        for side in ("client", "provider"):
            line = await tail.line()
            del line["at"]
            assert line == {"from": side, "kind": "binary", "bytes": 100_000}
        await client.send(
            Frame(TEXT, b"my key: sk-of", fin=False), Frame(CONTINUATION, b"-the-client")
        )
        for _ in range(2):
            assert "key" not in (await tail.line()).get("content", "")
        await client.send(close(1000))
        kinds = [(await tail.line()).get("kind") for _ in range(2)]
        assert kinds == ["close", "close"]
        last = await tail.line()
        assert last["ended"].startswith("the client closed with 1000 after ")
        assert await tail.line() == {}
        await tail.stream.aclose()
        await client.end()
        assert KEY not in tail.everything
        assert (b"grapefruit" in tail.everything) is content


@by_each_driver
@real_clock
async def test_compressed_messages(driver: str) -> None:  # noqa: ARG001 - by a fixture
    async with running(
        HTTP,
        server={"admin": ADMIN},
        provider=compressing,
        compression=True,
        tail_content=True,
    ) as it:
        client = await it.connect()
        await client.stream.send_all(upgrade(TARGET, CREDENTIAL, OFFER))
        assert ANSWER.encode() in await client.receive_head()
        deflater = Deflater(takeover=True)
        await is_told(client, Frame(TEXT, deflater.message(PAYLOAD), rsv1=True))
        tail = await tail_of(it, "?content=true")
        assert await tail.head() == 200
        shown = []
        for payload in (PAYLOAD, bytes(range(1, 256)) * 300, PAYLOAD, b"my key: " + KEY):
            sent = deflater.message(payload)
            await is_told(client, Frame(TEXT, sent, rsv1=True))
            for _ in range(2):
                line = await tail.line()
                assert (line["kind"], line["bytes"]) == ("text", len(sent))
            shown.append(line["content"])
        assert shown[0].startswith("…(compressed, ")
        assert shown[2] == PAYLOAD.decode()
        assert shown[3].startswith("…(hidden")
        await client.send(close(1000))
        await client.receive()
        await client.end()
        while "ended" not in await tail.line():
            pass
        await tail.stream.aclose()
        assert KEY not in tail.everything


@by_each_driver
@real_clock
async def test_without_the_key_nothing_of_a_payload_leaves(driver: str) -> None:  # noqa: ARG001
    async with tailed() as (it, client, tail):
        refused = await tail_of(it, "?content=true")
        assert await refused.head() == 403
        await is_told(client, Frame(TEXT, PAYLOAD))
        await client.send(close(4321, "grapefruit"))
        await client.receive()
        await client.end()
        lines = []
        while line := await tail.line():
            lines.append(line)
        # The sentence has the reason of a Close, as every record has.
        sentence = lines.pop()["ended"]
        assert sentence.startswith("the client closed with 4321 grapefruit")
        assert len(lines) == 4
        assert not any("content" in each for each in lines)
        for each in (refused, tail):
            assert b"session.update" not in each.everything
            await each.stream.aclose()


@by_each_driver
@real_clock
async def test_a_reader_that_goes_away_is_noticed_while_the_session_is_silent(
    driver: str,  # noqa: ARG001 - by a fixture
) -> None:
    async with tailed() as (it, client, tail):
        for _ in range(MOST - 1):
            other = await tail_of(it)
            assert await other.head() == 200
            await other.stream.aclose()
        await tail.stream.aclose()
        await _until_nobody_reads(it)
        await is_told(client, Frame(TEXT, PAYLOAD))
        await client.end()


@by_each_driver
@real_clock
async def test_a_silent_session_is_no_idle_connection(
    driver: str,  # noqa: ARG001 - by a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does a head that took its time end it."""
    monkeypatch.setattr(admin_listener, "_HEAD_TIMEOUT", 0.05)
    async with tailed() as (it, client, tail):
        probe = await ask(it, "/healthz")  # the same timeout ends this one
        assert await probe.head() == 200
        await probe.stream.receive_some()
        await probe.stream.aclose()
        idle = await trio.open_tcp_stream("127.0.0.1", it.server.admin_addresses[0].port)
        assert await idle.receive_some() == b""
        await idle.aclose()
        await is_told(client, Frame(TEXT, PAYLOAD))
        assert (await tail.line())["bytes"] == len(PAYLOAD)
        await tail.stream.aclose()
        await client.end()


@by_each_driver
@real_clock
async def test_a_drain_ends_it_with_its_sentence(driver: str) -> None:  # noqa: ARG001
    async with tailed() as (it, client, tail):
        it.server.drain()
        assert "told to stop" in (await tail.line())["ended"]
        await client.answer_close()
        await client.end()
        await it.ended.wait()
        assert await tail.line() == {}
        await tail.stream.aclose()


@by_each_driver
@real_clock
async def test_it_does_not_keep_a_relay_from_ending(driver: str) -> None:  # noqa: ARG001
    """Nor does a session whose client does not answer: the hard end leaves no time for words."""
    timeouts = Timeouts(drain=0.1, close=60)
    async with tailed(timeouts=timeouts) as (it, client, tail):
        it.server.drain()
        await it.ended.wait()
        with suppress(trio.BrokenResourceError):
            while await tail.line():
                pass
        await tail.stream.aclose()
        await client.end()


@by_each_driver
@real_clock
async def test_a_reader_that_is_too_slow_loses_lines_and_slows_nobody(
    driver: str,  # noqa: ARG001 - by a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("relay.tail.tail.MOST_LINES", 10)
    async with tailed() as (_, client, tail):
        burst, count = [Frame(TEXT, b"word")] * 500, 0
        for _ in range(3):
            await client.send(*burst)
            for frame in burst:
                assert await client.receive() == frame
            count += len(burst)
        await client.send(close(1000))
        await client.receive()
        await client.end()
        lines = []
        while line := await tail.line():
            lines.append(line)
        await tail.stream.aclose()
        assert "ended" in lines[-1]
        dropped = sum(each.get("dropped", 0) for each in lines)
        assert dropped > 0
        assert sum("kind" in each for each in lines) + dropped == 2 * count + 2
