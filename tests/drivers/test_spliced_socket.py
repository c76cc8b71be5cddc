"""What a socket of an open session is served for: its end, its loss, and what TLS asks of it."""

from __future__ import annotations

import ssl

import pytest
import trio

from relay.link import CHUNK
from relay.protocol import State
from tests.drivers.spliced import (
    BIG,
    CLOSE,
    HELLO,
    WORLD,
    Connection,
    flood,
    plain,
    receive,
    since,
    spliced,
    tcp,
    with_and_without_tls,
)
from tests.sockets import received_now, reset, tls_pair
from tests.support import trio_test


@with_and_without_tls
@trio_test
async def test_a_source_that_ends_while_it_is_not_read_is_read_to_its_end(
    connection: Connection,
) -> None:
    """On a Unix socket, its end is announced before what it had said was read."""
    async with spliced(connection) as it:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.provider.send_all, BIG)
            await it.settle()
            received = received_now(it.client)
            while it.outbound.pipe.bytes < len(BIG) - CHUNK:
                await trio.lowlevel.checkpoint()
                received += received_now(it.client)
        await it.provider.send_all(HELLO)
        await it.provider.aclose()
        await it.settle()
        received += await receive(it.client, len(BIG + HELLO) - len(received))
        assert received == BIG + HELLO
        await it.settle()
        assert it.ended == [it.outbound]
        assert it.pipes[1].state is State.CLOSED
        assert it.pipes[1].can_inject
        it.inbound.stop()


@trio_test
async def test_a_source_that_is_reset_while_it_is_not_read() -> None:
    """What came before the reset is still there."""
    async with spliced(tcp) as it:
        sent = 0
        while True:  # until neither the client nor the relay takes anything
            await it.settle()
            try:
                sent += it.provider.socket.send(HELLO * 1000)
            except BlockingIOError:
                break
        reset(it.provider)
        await it.settle()
        assert not it.ended
        read = it.pipes[1].bytes
        received = await receive(it.client, read)
        while not it.ended:
            await it.settle()
            received += received_now(it.client)
        assert it.pipes[1].state is State.CLOSED
        received += received_now(it.client)
        assert len(received) == it.pipes[1].bytes > read
        assert received == (HELLO * (len(received) // len(HELLO) + 1))[: len(received)]
        it.inbound.stop()


@trio_test
async def test_a_lost_side_that_is_read_no_more_is_not_announced_for_ever() -> None:
    async with spliced(tcp) as it:
        await it.client.send_all(CLOSE)
        await it.settle()
        assert it.ended == [it.inbound]
        reset(it.client)
        await it.settle()
        assert it.ended == [it.inbound]  # nothing had to be written to it
        await it.provider.send_all(HELLO)
        await it.settle()
        assert it.ended == [it.inbound, it.outbound]
        assert not it.pipes[1].can_inject
        assert it.outbound.sink_was_reset
        assert not it.outbound.source_was_reset


@pytest.mark.parametrize("connection", [plain, tcp])
@trio_test
async def test_a_sink_that_is_lost_while_it_takes_nothing(connection: Connection) -> None:
    async with spliced(connection) as it, trio.open_nursery() as nursery:
        nursery.start_soon(flood, it.provider)
        await it.settle()
        assert since(it.outbound) is not None
        reset(it.client)
        await it.settle()
        assert set(it.ended) == {it.inbound, it.outbound}
        assert it.pipes[0].state is State.CLOSED
        assert it.pipes[1].state is State.OPEN
        assert not it.pipes[1].can_inject
        assert since(it.outbound) is None
        nursery.cancel_scope.cancel()


@trio_test
async def test_what_tls_can_write_only_after_reading_is_written_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when the peer has begun a message of TLS itself."""
    async with spliced(tls_pair) as it:

        def refuse(_: bytes | memoryview) -> int:
            monkeypatch.undo()
            raise ssl.SSLWantReadError

        monkeypatch.setattr(it.inbound, "_send", refuse)
        await it.client.send_all(HELLO)
        await it.settle()
        assert since(it.inbound) is not None
        assert received_now(it.provider) == b""
        for _ in range(2):
            await it.provider.send_all(WORLD)
            assert await it.client.receive_some() == WORLD
            assert await it.provider.receive_some() == HELLO
            await it.settle()
            assert since(it.inbound) is None
            await it.client.send_all(HELLO)
        assert await it.provider.receive_some() == HELLO
        it.stop()
