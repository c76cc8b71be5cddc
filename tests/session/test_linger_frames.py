"""A client that closes in the middle of a frame gets the rest before the answer, or is reset."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol.frames import BINARY, CONTINUATION, TEXT
from relay.testing.frames import Frame
from tests.session.lingering import (
    DELTA,
    DONE,
    MINE,
    USED,
    answering,
    end_provider,
    hear_out,
    leave,
    leave_inside_frame,
    result,
    used,
)
from tests.support import (
    Variant,
    in_every_variant,
    in_verbatim_variants,
    trio_test,
)


@in_verbatim_variants
@trio_test
async def test_a_frame_under_way_is_finished_before_the_answer(variant: Variant) -> None:
    async with answering(variant) as play:
        rest = await leave_inside_frame(play)
        assert await play.client.hears_nothing()
        await play.provider.stream.send_all(rest[:500])
        assert await play.client.receive_bytes(500) == rest[:500]
        next_one = play.provider.encode(DELTA)
        await play.provider.stream.send_all(rest[500:] + next_one[:1000])
        assert await play.client.receive_bytes(len(rest) - 500) == rest[500:]
        assert await play.client.receive() == MINE
        assert await play.client.receive_rest() == b""
        await play.client.end()
        await play.provider.stream.send_all(next_one[1000:] + play.provider.encode(DONE))
        await end_provider(play.provider, MINE)
    assert used(play) == [USED]
    assert not play.client_leg.was_reset


@in_verbatim_variants
@trio_test
async def test_the_answer_may_stand_between_fragments(variant: Variant) -> None:
    async with answering(variant) as play:
        half = len(DONE.payload) // 2
        first = Frame(TEXT, DONE.payload[:half], fin=False)
        await play.provider.send(first)
        assert await play.client.receive() == first
        await leave(play)
        await play.provider.send(Frame(CONTINUATION, DONE.payload[half:]))
        await end_provider(play.provider, MINE)
    assert used(play) == [USED]


@in_verbatim_variants
@trio_test
async def test_if_that_frame_was_the_end_of_the_response_nothing_is_waited_for(
    variant: Variant,
) -> None:
    async with answering(variant) as play:
        done = play.provider.encode(DONE)
        await play.provider.stream.send_all(done[:20])
        await play.client.receive_bytes(20)
        await play.client.send(MINE)
        assert await play.client.hears_nothing()
        await play.provider.stream.send_all(done[20:])
        assert await play.client.receive_bytes(len(done) - 20) == done[20:]
        await end_provider(play.provider, MINE)
        assert await play.client.receive() == MINE
        await play.client.end()
    assert used(play) == [USED]
    assert result(play).lingered == 0


@in_every_variant
@trio_test
async def test_the_message_lane_finishes_none(variant: Variant) -> None:
    """What it has not had wholly, nobody has had in part."""
    async with answering(variant) as play:
        done = play.provider.encode(DONE)
        await play.provider.stream.send_all(done[:1])
        await wait_all_tasks_blocked()
        await leave(play)
        await play.provider.stream.send_all(done[1:])
        await end_provider(play.provider, MINE)
    assert used(play) == [USED]


@in_verbatim_variants
@trio_test
async def test_a_client_whose_frame_is_never_finished_is_reset(variant: Variant) -> None:
    async with answering(variant) as play:
        rest = await leave_inside_frame(play)
        await trio.sleep(7)
        await play.client.end()
        await play.provider.stream.send_all(rest + play.provider.encode(DONE))
        await end_provider(play.provider, MINE)
    assert used(play) == [USED]
    assert play.client_leg.was_reset
    assert result(play).client.told_code is None
    assert result(play).lingered == pytest.approx(2, abs=0.01)


@in_verbatim_variants
@trio_test
async def test_a_client_whose_frame_ends_with_the_provider_is_reset(variant: Variant) -> None:
    async with answering(variant) as play:
        await leave_inside_frame(play)
        await play.provider.end()
        await play.ended.wait()
        await play.client.end()
    assert play.client_leg.was_reset
    assert play.ended_at == 0


@in_verbatim_variants
@trio_test
async def test_a_client_that_does_not_take_the_rest_of_a_frame_is_reset(variant: Variant) -> None:
    async with answering(variant) as play:
        rest = await leave_inside_frame(play)
        play.client_leg.break_writes()
        await play.provider.stream.send_all(rest)
        await wait_all_tasks_blocked()
        await play.client.end()
        await hear_out(play)
    assert used(play) == [USED]
    assert play.client_leg.was_reset


@in_verbatim_variants
@trio_test
async def test_no_answer_follows_what_was_not_written_wholly(variant: Variant) -> None:
    async with answering(variant, tight=True) as play:
        size = 8 * 1024 * 1024  # more than any buffer takes
        async with trio.open_nursery() as nursery:
            nursery.start_soon(play.provider.stream.send_all, Frame(BINARY, bytes(size)).encode())
            await wait_all_tasks_blocked()
            await play.client.send(MINE)
            await trio.sleep(6)
            nursery.cancel_scope.cancel()
        await play.client.end()
        play.scope.cancel()
        await play.provider.end()
    assert play.client_leg.was_reset
    assert result(play).client.told_code is None
