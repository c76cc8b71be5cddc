"""Sessions that end while a side has been sent a part of a frame: its rest, and then a Close."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol import Timeouts, closing
from relay.protocol.frames import BINARY, TEXT
from relay.testing.frames import Frame, close
from tests.played_session import PlayedSession, legs, open_session, other_side, sides
from tests.support import (
    AWAY,
    Variant,
    from_both_sides,
    in_every_variant,
    in_verbatim_variants,
    trio_test,
)

AUDIO = Frame(BINARY, bytes(range(256)) * 400)  # more than one chunk
BEGUN = 1000
"""Bytes of it that have come when the session ends."""


async def begin(play: PlayedSession, by: str) -> bytes:
    """One side sends the beginning of a frame, which the other gets; return the rest."""
    one, other = sides(play, by)
    audio = one.encode(AUDIO)
    await one.stream.send_all(audio[:BEGUN])
    assert await other.receive_bytes(BEGUN) == audio[:BEGUN]
    return audio[BEGUN:]


def drain(play: PlayedSession) -> None:
    play.server.drain(restart=True)


def operate(play: PlayedSession) -> None:
    (seen,) = play.server.glances()
    assert play.server.live.end(seen.record.id, closing.operator("enough"))


def wait(play: PlayedSession) -> None:
    """Its own deadlines end the session."""


ENDS = pytest.mark.parametrize(
    ("end", "timeouts", "to_client", "to_provider"),
    [
        (drain, Timeouts(), close(1012, "service restart"), AWAY),
        (operate, Timeouts(), close(1008, "enough"), AWAY),
        (
            wait,
            Timeouts(max_duration=10),
            close(1008, "maximum duration reached"),
            AWAY,
        ),
        (wait, Timeouts(idle=10), *[close(1001, "idle timeout")] * 2),
    ],
    ids=["drain", "operator", "max_duration", "idle"],
)


@ENDS
@in_verbatim_variants
@from_both_sides
@trio_test
async def test_the_frame_is_finished_and_then_both_sides_are_told(
    variant: Variant,
    by: str,
    end: Callable[[PlayedSession], None],
    timeouts: Timeouts,
    to_client: Frame,
    to_provider: Frame,
) -> None:
    async with open_session(variant, timeouts=timeouts) as play:
        one, other = sides(play, by)
        rest = await begin(play, by)
        end(play)
        began = 0 if end is not wait else 10
        await trio.sleep(began + 2)
        await one.stream.send_all(rest[:BEGUN])
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.stream.send_all, rest[BEGUN:] + one.encode(AUDIO))
            assert await other.receive_bytes(len(rest)) == rest
            for peer, told in ((play.client, to_client), (play.provider, to_provider)):
                assert await peer.answer_close() == told
        await play.end_both()
    assert play.ended_at == began + 3
    assert play.reset_sides == set()
    (record,) = play.records
    told_codes = [each.told_code for each in (record.client, record.provider_side)]
    assert told_codes == [
        int.from_bytes(each.payload[:2], "big") for each in (to_client, to_provider)
    ]
    sender = record.client if by == "client" else record.provider_side
    assert (sender.messages, sender.bytes) == (1, len(one.encode(AUDIO)))
    assert sender.last_activity == 0  # before the session began to end
    assert record.duration == began + 3
    assert record.ended_by == "relay"


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_a_side_whose_frame_is_not_finished_in_time_is_reset(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        one, _ = sides(play, by)
        await begin(play, by)
        play.server.drain()
        assert await one.answer_close() == AWAY
        assert trio.current_time() == 5
        await play.end_both()
    assert play.reset_sides == {other_side(by)}
    told = {"client": play.record["client_close"], "provider": play.record["upstream_close"]}
    assert told.pop(by) == 1001
    assert list(told.values()) == [None]


@in_verbatim_variants
@trio_test
async def test_both_frames_have_the_same_time(variant: Variant) -> None:
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        rest = await begin(play, "client")
        await begin(play, "provider")
        play.server.drain()
        await trio.sleep(4)
        await play.client.stream.send_all(rest)
        assert await play.provider.receive_bytes(len(rest)) == rest
        assert await play.provider.answer_close() == AWAY
        assert trio.current_time() == 5
        await play.end_both()
    assert play.reset_sides == {"client"}


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_a_sender_that_vanishes_is_not_waited_for(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await begin(play, by)
        play.server.drain()
        await trio.sleep(2)
        await one.end()
        await play.ended.wait()
        await other.end()
    assert play.ended_at == 2
    assert play.reset_sides == {other_side(by)}
    assert (play.record["by"], play.record["cause"]) == ("relay", "draining")


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_a_receiver_to_which_the_rest_cannot_be_written_is_not_waited_for(
    variant: Variant, by: str
) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        rest = await begin(play, by)
        play.server.drain()
        await wait_all_tasks_blocked()
        legs(play, by)[1].break_writes()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.stream.send_all, rest)
            assert await one.answer_close() == AWAY
        assert trio.current_time() == 0
        await play.end_both()
        await other.end()
    assert play.reset_sides == {other_side(by)}


@from_both_sides
@trio_test
async def test_a_receiver_that_does_not_take_the_rest_is_reset(by: str) -> None:
    async with open_session(tight=True, timeouts=Timeouts(close=5)) as play:
        one, _ = sides(play, by)
        rest = await begin(play, by)
        play.server.drain()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.stream.send_all, rest)
            assert await one.receive() == AWAY
            nursery.cancel_scope.cancel()
        assert trio.current_time() == 5
        await play.end_both()
    assert play.reset_sides == {other_side(by)}


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_a_violation_of_the_other_side(variant: Variant, by: str) -> None:
    """``by`` is inside a frame when the other one breaks the protocol."""
    async with open_session(variant) as play:
        one, other = sides(play, by)
        rest = await begin(play, by)
        await other.send(Frame(0x3))
        if by == "provider":  # the client broke it: first it gets the provider's answers
            assert await one.receive() == AWAY
            await trio.sleep(2)
            await one.stream.send_all(rest + one.encode(AWAY))
        else:
            await trio.sleep(2)
            await one.stream.send_all(rest)
        assert await other.receive_bytes(len(rest)) == rest
        assert (await other.answer_close()).payload[:2] == (1002).to_bytes(2, "big")
        if by == "client":
            assert await one.answer_close() == close(1011, "upstream protocol error")
        await play.end_both()
    assert play.ended_at == 2
    assert play.reset_sides == set()


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_a_side_that_takes_nothing_and_does_not_finish_is_waited_for_once(
    variant: Variant, by: str
) -> None:
    """``by`` is inside a frame when a write to it fails."""
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        _, other = sides(play, by)
        await begin(play, by)
        legs(play, by)[0].break_writes()
        await other.send(Frame(TEXT, b"hello"))
        await play.ended.wait()
        await play.end_both()
    assert play.ended_at == 5
    assert play.reset_sides == {"client", "provider"}


@in_verbatim_variants
@trio_test
async def test_a_provider_that_neither_answers_nor_finishes_is_waited_for_once(
    variant: Variant,
) -> None:
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        await begin(play, "provider")
        await play.client.send(Frame(0x3))
        assert await play.provider.receive() == AWAY
        await play.ended.wait()
        await play.end_both()
    assert play.ended_at == 5
    assert play.reset_sides == {"client", "provider"}


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_who_does_not_answer_a_close_is_given_no_more_time_for_a_frame(
    variant: Variant, by: str
) -> None:
    """``by`` is inside a frame when the other one closes."""
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        one, other = sides(play, by)
        await begin(play, by)
        await other.send(close(3000))
        assert await one.receive() == close(3000)
        await play.ended.wait()
        await play.end_both()
    assert play.ended_at == 5
    assert play.reset_sides == {other_side(by)}
    assert play.record["cause"] == "close timeout"


@in_every_variant
@from_both_sides
@trio_test
async def test_between_the_frames_of_a_message_nothing_is_waited_for(
    variant: Variant, by: str
) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        first = Frame(BINARY, b"first", fin=False)
        await one.send(first)
        await wait_all_tasks_blocked()
        play.server.drain()
        if not variant.messages_lane:
            assert await other.receive() == first
        for peer in (play.client, play.provider):
            assert await peer.answer_close() == AWAY
        await play.end_both()
    assert play.ended_at == 0
    assert play.reset_sides == set()


@trio_test
async def test_a_client_that_takes_nothing_is_reset_and_the_provider_gets_its_frame() -> None:
    async with open_session(tight=True, timeouts=Timeouts(write=30)) as play:
        rest = await begin(play, "client")
        await play.provider.send(Frame(TEXT, b"stuck"))
        await trio.sleep(32)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(play.client.stream.send_all, rest)
            assert await play.provider.receive_bytes(len(rest)) == rest
        assert await play.provider.answer_close() == close(1001, "client stalled")
        await play.end_both()
    assert play.ended_at == 32
    assert play.reset_sides == {"client"}
