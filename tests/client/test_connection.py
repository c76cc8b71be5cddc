"""An open WebSocket: messages, their count, and every way in which it ends."""

from __future__ import annotations

import pytest
import trio

from relay.client import CLOSE_TIMEOUT, Closed
from relay.protocol import LocalProtocolError
from relay.testing.frames import Frame, close
from tests.client.server import opened
from tests.support import Peer, trio_test

_TEXT, _BINARY, _PING, _PONG = 1, 2, 9, 10


@trio_test
async def test_messages_go_both_ways_and_are_counted() -> None:
    received = []

    async def server(peer: Peer) -> None:
        received.append(await peer.receive())
        received.append(await peer.receive())
        await peer.send(Frame(_TEXT, "hö".encode()), Frame(_BINARY, b"\xff"))

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        await connection.send("für")
        await connection.send(b"\x00" * 200)
        assert await connection.receive() == "hö"
        assert await connection.receive() == b"\xff"
    assert received == [Frame(_TEXT, "für".encode()), Frame(_BINARY, b"\x00" * 200)]
    assert (connection.sent.messages, connection.sent.bytes) == (2, 204)
    assert (connection.received.messages, connection.received.bytes) == (2, 4)


@trio_test
async def test_fragments_are_joined_and_a_ping_between_them_is_answered() -> None:
    answers = []

    async def server(peer: Peer) -> None:
        euro = "€".encode()
        await peer.send(
            Frame(_TEXT, euro[:1], fin=False),
            Frame(_PING, b"now"),
            Frame(0, euro[1:], fin=False),
            Frame(_PONG, b"unasked"),
            Frame(0, b"!"),
        )
        answers.append(await peer.receive())

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        assert await connection.receive() == "€!"
    assert answers == [Frame(_PONG, b"now")]
    assert connection.received.messages == 1


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1011, "why"), (1014, ""), (4000, "ü"), (None, "")]
)
@trio_test
async def test_the_servers_close_is_raised_behind_its_messages_and_answered(
    code: int | None, reason: str
) -> None:
    answers = []

    async def server(peer: Peer) -> None:
        await peer.send(Frame(_TEXT, b"last"), close(code, reason), Frame(_TEXT, b"no"))
        answers.append(await peer.receive())
        await peer.end()

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        assert await connection.receive() == "last"
        with pytest.raises(Closed) as closed:
            await connection.receive()
        assert (closed.value.code, closed.value.reason) == (code, reason)
        with pytest.raises(Closed):
            await connection.send("late")
        ended = await connection.close(1000)
        assert (ended.code, ended.reason) == (code, reason)
    assert answers == [close(code, reason)]


@trio_test
async def test_the_servers_close_is_known_though_its_answer_was_not_waited_for() -> None:
    async def server(peer: Peer) -> None:
        await peer.send(close(4000, "why"))

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        assert isinstance(connection._stream, trio.StapledStream)
        connection._stream.send_stream.send_all_hook = trio.sleep_forever
        with trio.move_on_after(1) as scope:
            await connection.receive()
        assert scope.cancelled_caught
        for use in (connection.receive(), connection.send("late")):
            with pytest.raises(Closed) as closed:
                await use
            assert (closed.value.code, closed.value.reason) == (4000, "why")


@pytest.mark.parametrize(
    ("frames", "code", "reason"),
    [
        ([Frame(0, b"x")], 1002, "continuation of no message"),
        ([Frame(3, b"x")], 1002, ""),
        ([close(1006)], 1002, ""),
        ([Frame(_TEXT, b"\xff")], 1007, "text is not UTF-8"),
        ([Frame(_TEXT, b"\xe2", fin=False), Frame(0, b"x")], 1007, "text is not UTF-8"),
        ([Frame(_BINARY, missing=40_000_000)], 1009, "message too big"),
    ],
)
@trio_test
async def test_a_server_that_breaks_the_protocol_is_told(
    frames: list[Frame], code: int, reason: str
) -> None:
    answers = []

    async def server(peer: Peer) -> None:
        await peer.send(Frame(_TEXT, b"good"), *frames)
        answers.append(await peer.receive())

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        assert await connection.receive() == "good"
        with pytest.raises(Closed) as closed:
            await connection.receive()
    assert closed.value.code == code
    assert reason in closed.value.reason
    assert answers == [close(code, closed.value.reason)]


@trio_test
async def test_a_server_that_vanishes_is_1006() -> None:
    async def server(peer: Peer) -> None:
        await peer.send(Frame(_TEXT, b"last"), Frame(_TEXT, b"part", missing=1))
        await peer.end()

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        assert await connection.receive() == "last"
        with pytest.raises(Closed) as closed:
            await connection.receive()
        assert closed.value.code == 1006
        assert (await connection.close()).code == 1006


@trio_test
async def test_sending_to_a_server_that_is_gone_is_1006() -> None:
    gone = trio.Event()

    async def server(peer: Peer) -> None:
        await peer.end()
        gone.set()

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        await gone.wait()
        with pytest.raises(Closed) as closed:
            await connection.send("x")
    assert closed.value.code == 1006
    assert connection.sent.messages == 0


@trio_test
async def test_a_close_is_seen_although_the_pong_before_it_cannot_be_sent() -> None:
    async def server(peer: Peer) -> None:
        await peer.send(Frame(_PING), close(1011, "why"))
        await peer.end()

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
    with pytest.raises(Closed) as closed:
        await connection.receive()
    assert (closed.value.code, closed.value.reason) == (1011, "why")


@trio_test
async def test_closing_waits_for_the_answer_and_for_the_end_of_the_connection() -> None:
    heard = []

    async def server(peer: Peer) -> None:
        heard.append(await peer.receive())
        await peer.send(Frame(_TEXT, b"under way"), Frame(_PING), close(1000))
        assert await peer.hears_nothing()  # no Pong behind a Close; the server ends first
        await peer.end()

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        started = trio.current_time()
        closed = await connection.close(1000, "bye")
        assert trio.current_time() - started < CLOSE_TIMEOUT
    assert closed.code == 1000
    assert heard == [close(1000, "bye")]
    assert connection.received.messages == 1


@pytest.mark.parametrize("answers", [False, True])
@trio_test
async def test_closing_does_not_wait_for_ever(answers: bool) -> None:
    rest = []

    async def server(peer: Peer) -> None:
        close = await peer.receive()
        if answers:
            await peer.send(close)  # and does not end the connection
        rest.append(await peer.receive_rest())

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        started = trio.current_time()
        closed = await connection.close()
        assert trio.current_time() - started == CLOSE_TIMEOUT
    assert closed.code == (1000 if answers else 1006)
    assert rest == [b""]


@trio_test
async def test_a_code_that_must_not_be_sent_is_not_sent() -> None:
    async def server(peer: Peer) -> None:
        assert await peer.receive_rest() == b""

    async with trio.open_nursery() as nursery:
        connection = await opened(nursery, server)
        with pytest.raises(LocalProtocolError):
            await connection.close(1006)
        nursery.cancel_scope.cancel()
