"""Sessions in which the relay asks silent peers whether they are there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol import Timeouts
from relay.protocol.frames import BINARY, CONTINUATION, PING, PONG, TEXT
from relay.testing.frames import Frame, close
from relay.testing.strategies import compress
from tests.played_session import open_session, session, sides
from tests.support import (
    AWAY,
    IDLE,
    LOST,
    Peer,
    Variant,
    from_both_sides,
    in_every_variant,
    in_portable_variants,
    in_verbatim_variants,
    trio_test,
)

ASKING = Timeouts(ping_interval=20, ping_timeout=10)


async def answer_ping(peer: Peer) -> bytes:
    """Answer the Ping that must come next, and is the relay's; return its payload."""
    frame = await peer.receive()
    assert (frame.opcode, len(frame.payload)) == (PING, 8)
    await peer.send(Frame(PONG, frame.payload))
    return frame.payload


async def answer_pings(peer: Peer, task_status: trio.TaskStatus[None]) -> None:
    """Be there, and say no more than that."""
    task_status.started()
    while True:
        await answer_ping(peer)


@asynccontextmanager
async def answering(peer: Peer) -> AsyncIterator[None]:
    """A peer that is there while the block runs."""
    async with trio.open_nursery() as nursery:
        await nursery.start(answer_pings, peer)
        yield
        nursery.cancel_scope.cancel()


# Asking


@in_every_variant
@trio_test
async def test_nobody_is_asked_by_default(variant: Variant) -> None:
    async with open_session(variant) as play:
        with trio.move_on_after(599):
            await play.client.receive()
        assert not play.client.unread
        assert await play.provider.hears_nothing()
        play.scope.cancel()


@in_every_variant
@from_both_sides
@trio_test
async def test_who_says_nothing_is_asked_and_nobody_else_hears_of_it(
    variant: Variant, by: str
) -> None:
    """Also not between the messages that follow."""
    async with open_session(variant, timeouts=ASKING) as play:
        one, other = sides(play, by)
        payloads = set()
        for _ in range(3):
            for _ in range(2):
                await other.send(Frame(TEXT, b"here"))
                assert await one.receive() == Frame(TEXT, b"here")
                await trio.sleep(9)
            payloads.add(await answer_ping(one))
        assert trio.current_time() == 60
        assert len(payloads) == 3  # each is new
        await one.send(Frame(TEXT, b"hello"))
        assert await other.receive() == Frame(TEXT, b"hello")
        await play.close()
    assert play.record["cause"] == "closed"
    assert play.record["messages_in"] + play.record["messages_out"] == 7


@in_every_variant
@from_both_sides
@trio_test
async def test_who_has_long_to_answer_is_asked_again_as_soon(variant: Variant, by: str) -> None:
    timeouts = Timeouts(ping_interval=5, ping_timeout=62)
    async with open_session(variant, timeouts=timeouts) as play:
        one, other = sides(play, by)
        for _ in range(3):
            await answer_ping(one)
        assert trio.current_time() == 15
        async with answering(one):
            with trio.move_on_at(66):
                assert (await other.receive()).opcode == PING  # once
                await other.receive()
        assert await one.answer_close() == (LOST if by == "client" else AWAY)
        assert trio.current_time() == 67
        assert play.record["cause"] == ("upstream silent" if by == "client" else "client silent")
        play.scope.cancel()


@in_every_variant
@trio_test
async def test_who_speaks_is_not_asked(variant: Variant) -> None:
    async with open_session(variant, timeouts=ASKING) as play:
        for _ in range(10):
            await trio.sleep(19)
            for one, other in (sides(play, "client"), sides(play, "provider")):
                await one.send(Frame(PONG, b"unasked"))
                assert await other.receive() == Frame(PONG, b"unasked")
        assert await play.client.hears_nothing()
        assert await play.provider.hears_nothing()
        await play.close()


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_a_peer_is_asked_between_fragments_but_not_inside_one(
    variant: Variant, by: str
) -> None:
    begun, rest = Frame(TEXT, b"begun", fin=False), Frame(CONTINUATION, b"and ended")
    async with open_session(variant, timeouts=ASKING) as play:
        one, other = sides(play, by)
        await other.send(begun)
        assert await one.receive() == begun
        await answer_ping(one)
        await answer_ping(other)
        assert trio.current_time() == 20
        data = other.encode(rest)
        await other.stream.send_all(data[:-1])
        await trio.sleep(25)
        await other.stream.send_all(data[-1:])
        assert await one.receive() == rest
        await answer_ping(one)
        assert trio.current_time() in {45, 46}
        play.scope.cancel()


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_a_peer_is_asked_between_compressed_fragments(variant: Variant, by: str) -> None:
    message = compress(b"over and over, " * 20)
    frames = [
        Frame(BINARY, message[:5], fin=False, rsv1=True),
        Frame(CONTINUATION, message[5:]),
        Frame(TEXT, message, rsv1=True),
    ]
    line = "Sec-WebSocket-Extensions: permessage-deflate"
    async with session(variant, compression=True, timeouts=ASKING) as play:
        await play.request(line)
        await play.accept(line)
        assert line.encode() in await play.client.receive_head()
        one, other = sides(play, by)
        for frame in frames:
            await one.send(frame)
            assert await other.receive() == frame
            await answer_ping(other)
        assert trio.current_time() > 20
        play.scope.cancel()


@in_every_variant
@from_both_sides
@trio_test
async def test_nobody_is_asked_after_a_close(variant: Variant, by: str) -> None:
    async with open_session(variant, timeouts=Timeouts(ping_interval=1, close=5)) as play:
        one, other = sides(play, by)
        await one.send(close(1000))
        assert await other.receive() == close(1000)
        await trio.sleep(4)
        assert await other.hears_nothing()
        assert await one.hears_nothing()
        await other.send(close(1000))
        assert await one.receive() == close(1000)
        await play.client.end()
        await play.provider.end()


@in_every_variant
@from_both_sides
@trio_test
async def test_an_answer_may_come_in_pieces_and_after_a_close(variant: Variant, by: str) -> None:
    async with open_session(variant, timeouts=ASKING) as play:
        one, other = sides(play, by)
        payload = (await one.receive()).payload
        pong = one.encode(Frame(PONG, payload))
        await other.send(close(1000))
        for byte in pong:
            await one.stream.send_all(bytes([byte]))
            await wait_all_tasks_blocked()
        assert (await other.receive()).opcode == PING
        await one.send(close(1000))
        assert await one.receive() == close(1000)
        assert await other.receive() == close(1000)
        await play.client.end()
        await play.provider.end()


# Pings of the peers


@in_every_variant
@from_both_sides
@trio_test
async def test_while_a_forwarded_ping_awaits_its_pong_it_is_the_one_that_asks(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, timeouts=ASKING) as play:
        one, other = sides(play, by)
        await other.send(Frame(PING, b"theirs"))
        assert await one.receive() == Frame(PING, b"theirs")
        async with answering(other):
            await trio.sleep(25)
        assert await one.hears_nothing()
        await one.send(Frame(PONG, b"theirs"))
        assert await other.receive() == Frame(PONG, b"theirs")
        await answer_ping(other)
        await answer_ping(one)
        assert trio.current_time() == pytest.approx(45, abs=0.1)
        play.scope.cancel()


@in_every_variant
@from_both_sides
@trio_test
async def test_who_does_not_answer_a_forwarded_ping_is_gone_too(variant: Variant, by: str) -> None:
    async with open_session(variant, timeouts=ASKING) as play:
        one, other = sides(play, by)
        await other.send(Frame(PING, b"theirs"))
        assert await one.receive() == Frame(PING, b"theirs")
        await answer_ping(other)
        assert (await other.answer_close()) == (AWAY if by == "client" else LOST)
        assert trio.current_time() == 30
        assert await one.receive_rest() == b""
        await other.end()
    assert play.record["cause"] == ("client silent" if by == "client" else "upstream silent")


@in_every_variant
@from_both_sides
@trio_test
async def test_a_ping_that_is_forwarded_may_be_the_only_one_to_be_answered(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, timeouts=ASKING) as play:
        one, other = sides(play, by)
        assert (await one.receive()).opcode == PING
        await answer_ping(other)
        await other.send(Frame(PING, b"newer"))
        assert await one.receive() == Frame(PING, b"newer")
        await one.send(Frame(PONG, b"newer"))
        assert await other.receive() == Frame(PONG, b"newer")
        await answer_ping(one)  # ours is not waited for
        assert trio.current_time() == 40
        play.scope.cancel()


# Peers that are gone


@in_every_variant
@from_both_sides
@trio_test
async def test_who_does_not_answer_is_reset_and_the_other_is_told(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, timeouts=ASKING) as play:
        one, other = sides(play, by)
        assert (await one.receive()).opcode == PING
        assert trio.current_time() == 20
        await answer_ping(other)
        assert await other.answer_close() == (AWAY if by == "client" else LOST)
        assert trio.current_time() == 30
        await other.end()
        assert await one.receive_rest() == b""
    assert play.reset_sides == {by}
    assert play.ended_at == 30
    assert play.record["cause"] == ("client silent" if by == "client" else "upstream silent")
    assert play.record["by"] == by


@in_every_variant
@from_both_sides
@trio_test
async def test_any_byte_is_life(variant: Variant, by: str) -> None:
    """A peer deep in a message answers when it is through."""
    async with open_session(variant, timeouts=ASKING) as play:
        one, other = sides(play, by)
        message = Frame(BINARY, b"12345")
        data = one.encode(message)
        async with answering(other):
            for byte in data[:-1]:
                await trio.sleep(29)
                await one.stream.send_all(bytes([byte]))
            assert play.ended_at is None
            ping = await one.receive()
            assert (ping.opcode, one.unread) == (PING, b"")  # as it had one to answer
        await one.stream.send_all(data[-1:] + one.encode(Frame(PONG, ping.payload)))
        received = await other.receive()
        while received.opcode == PING:
            received = await other.receive()
        assert received == message
        assert await other.hears_nothing()
        play.scope.cancel()


@in_every_variant
@trio_test
async def test_answers_to_our_pings_are_no_activity(variant: Variant) -> None:
    timeouts = Timeouts(ping_interval=20, idle=90)
    async with open_session(variant, timeouts=timeouts) as play:
        await trio.sleep(10)
        await play.client.send(Frame(TEXT, b"the last"))
        assert await play.provider.receive() == Frame(TEXT, b"the last")

        async def be_there(peer: Peer) -> None:
            while (frame := await peer.receive()).opcode == PING:
                await peer.send(Frame(PONG, frame.payload))
            assert frame == IDLE
            assert trio.current_time() == 100
            await peer.send(frame)
            await peer.end()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(be_there, play.client)
            nursery.start_soon(be_there, play.provider)
    assert play.record["cause"] == "idle timeout"
    assert play.ended_at == 100


@in_portable_variants
@from_both_sides
@trio_test
async def test_who_is_not_heard_is_not_judged(variant: Variant, by: str) -> None:
    """What one peer says is not read while the other takes nothing."""
    timeouts = Timeouts(ping_interval=20, ping_timeout=10, write=100)
    async with open_session(variant, tight=True, timeouts=timeouts) as play:
        one, other = sides(play, by)
        await one.send(Frame(TEXT, b"stuck"))
        with trio.move_on_after(90) as patience:  # as its source is not asked
            await one.receive()
        assert patience.cancelled_caught
        assert play.ended_at is None
        assert await other.receive() == Frame(TEXT, b"stuck")
        assert (await other.receive()).opcode == PING
        play.scope.cancel()


@in_portable_variants
@trio_test
async def test_no_close_follows_a_ping_that_is_not_taken(variant: Variant) -> None:
    async with open_session(variant, tight=True, timeouts=ASKING) as play:
        assert (await play.provider.receive()).opcode == PING
        assert await play.provider.answer_close() == AWAY
        assert trio.current_time() == 30
        await play.provider.end()
    assert play.client_leg.was_reset
    assert play.record["cause"] == "client silent"
