"""Sessions that end otherwise than by a peer's Close: what docs/closing.md says of each."""

from __future__ import annotations

from typing import NoReturn

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relay.protocol import Limits, Pipe, Timeouts, policy
from relay.protocol.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT
from relay.testing.frames import Frame, close
from tests.played_session import PlayedSession, legs, open_session, other_side, sides
from tests.support import (
    AWAY,
    LOST,
    MESSAGES,
    VARIANTS,
    Variant,
    from_both_sides,
    in_every_variant,
    in_portable_variants,
    in_verbatim_variants,
    trio_test,
)

FAULT = close(1011, "internal error")


# Peers that vanish


@in_every_variant
@from_both_sides
@trio_test
async def test_when_a_peer_vanishes_the_other_is_told_at_once(variant: Variant, by: str) -> None:
    told = AWAY if by == "client" else LOST
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.send(Frame(TEXT, b"last words"))
        await one.end()
        assert await other.receive() == Frame(TEXT, b"last words")
        assert await other.answer_close() == told
        await other.end()
    assert play.ended_at == 0
    assert play.record["by"] == by
    closes = {"client": play.record["client_close"], "provider": play.record["upstream_close"]}
    assert closes.pop(by) is None
    assert list(closes.values()) == [1001 if by == "client" else 1011]


@in_every_variant
@from_both_sides
@trio_test
async def test_when_a_peer_vanishes_after_the_others_close_its_answer_is_given(
    variant: Variant, by: str
) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.send(close(3001, "bye"))
        await other.receive()
        await other.end()
        assert await one.receive() == close(3001, "bye")
        await one.end()
    assert play.ended_at == 0
    assert play.record["by"] == by


@in_every_variant
@from_both_sides
@trio_test
async def test_when_both_vanish_nobody_is_told(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.end()
        await other.end()
    assert play.ended_at == 0
    assert not play.faults


@in_verbatim_variants
@from_both_sides
@trio_test
async def test_no_close_follows_a_frame_that_was_cut_short(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        partial = one.encode(Frame(BINARY, b"0123456789"))[:-4]
        await one.stream.send_all(partial)
        await one.end()
        assert await other.receive_rest() == partial
        await other.end()
    assert play.reset_sides == {other_side(by)}
    assert play.ended_at == 0


@in_every_variant
@from_both_sides
@pytest.mark.parametrize(
    ("frame", "size"),
    [
        pytest.param(Frame(TEXT, b"hel", fin=False), None, id="between-fragments"),
        pytest.param(Frame(PING, b"1234"), -1, id="inside-a-control-frame"),
        pytest.param(Frame(TEXT, b"x" * 126), 3, id="inside-a-header"),
    ],
)
@trio_test
async def test_a_close_follows_what_was_cut_short_and_not_forwarded(
    variant: Variant, by: str, frame: Frame, size: int | None
) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.stream.send_all(one.encode(frame)[:size])
        await one.end()
        if size is None and not variant.messages_lane:
            assert await other.receive() == frame  # a whole frame, though not a whole message
        assert await other.receive() == (AWAY if by == "client" else LOST)
        await other.end()
    assert play.reset_sides == set()


# Violations


@in_every_variant
@from_both_sides
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(Frame(0x40 | TEXT), 1002, id="reserved-bit"),
        pytest.param(Frame(0x3), 1002, id="reserved-opcode"),
        pytest.param(Frame(CONTINUATION, b"of nothing"), 1002, id="continuation"),
        pytest.param(Frame(CLOSE, b"x"), 1002, id="close-of-one-byte"),
        pytest.param(close(1005), 1002, id="close-1005"),
        pytest.param(Frame(CLOSE, b"\x03\xe8\xff"), 1007, id="close-reason-not-utf-8"),
        pytest.param(Frame(BINARY, missing=1025), 1009, id="message-of-1025-bytes"),
    ],
)
@trio_test
async def test_who_breaks_the_protocol_is_told_so_and_the_other_that_it_is_over(
    variant: Variant, by: str, frame: Frame, code: int
) -> None:
    async with open_session(variant, limits=Limits(max_message_size=1024)) as play:
        one, other = sides(play, by)
        await one.send(Frame(TEXT, b"before"), frame, Frame(TEXT, b"after"))
        assert await other.receive() == Frame(TEXT, b"before")
        await see_violation(play, by, code)
    assert play.ended_at == 0
    assert play.record["by"] == by


async def see_violation(play: PlayedSession, by: str, code: int) -> None:
    """Both sides are told, and end."""
    one, other = sides(play, by)
    told = AWAY if by == "client" else close(1011, "upstream protocol error")
    assert await other.answer_close() == told
    assert (await one.answer_close()).payload[:2] == code.to_bytes(2, "big")
    await play.end_both()


@in_every_variant
@trio_test
async def test_the_answers_to_what_came_before_a_violation_arrive(variant: Variant) -> None:
    async with open_session(variant) as play:
        await play.client.send(Frame(TEXT, b"question"), Frame(0x3))
        assert await play.provider.receive() == Frame(TEXT, b"question")
        assert await play.provider.receive() == AWAY
        await play.provider.send(Frame(TEXT, b"answer"), Frame(PING, b"p"), AWAY)
        assert await play.client.receive() == Frame(TEXT, b"answer")
        assert await play.client.receive() == Frame(PING, b"p")
        assert (await play.client.answer_close()).payload[:2] == (1002).to_bytes(2, "big")
        await play.end_both()
    assert play.ended_at == 0
    assert play.reset_sides == set()
    assert (play.record["client_close"], play.record["upstream_close"]) == (1002, 1001)


@in_every_variant
@trio_test
async def test_a_provider_that_does_not_answer_is_not_waited_for(variant: Variant) -> None:
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        await play.client.send(Frame(0x3))
        assert await play.provider.receive() == AWAY
        await play.provider.send(Frame(TEXT, b"more"))
        assert await play.client.receive() == Frame(TEXT, b"more")
        assert (await play.client.answer_close()).payload[:2] == (1002).to_bytes(2, "big")
        assert trio.current_time() == 5
        await play.client.end()
    assert play.reset_sides == {"provider"}


@in_every_variant
@trio_test
async def test_both_break_the_protocol(variant: Variant) -> None:
    async with open_session(variant) as play:
        await play.client.send(Frame(0x3))
        assert await play.provider.receive() == AWAY
        await play.provider.send(Frame(TEXT, b"more"), Frame(0x4))
        assert await play.client.receive() == Frame(TEXT, b"more")
        assert (await play.client.answer_close()).payload[:2] == (1002).to_bytes(2, "big")
        await play.client.end()
    assert play.ended_at == 0
    assert play.upstream_leg.was_reset  # a second Close would be one too many


@in_every_variant
@from_both_sides
@trio_test
async def test_masking_is_the_clients_and_only_the_clients(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.stream.send_all(other.encode(Frame(TEXT, b"hello")))
        await see_violation(play, by, 1002)


@from_both_sides
@trio_test
async def test_in_the_messages_lane_text_must_be_utf_8(by: str) -> None:
    async with open_session(MESSAGES) as play:
        one, _ = sides(play, by)
        await one.send(Frame(TEXT, b"\xff"))
        await see_violation(play, by, 1007)


@in_every_variant
@from_both_sides
@trio_test
async def test_a_violation_after_the_others_close(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await other.send(close(1000))
        await one.receive()
        await one.send(Frame(0x3))
        if by == "client":  # the provider gets the answer that it waits for
            assert await other.receive() == close(1000)
        else:
            assert await other.receive() == close(1011, "upstream protocol error")
        assert await one.hears_nothing()
        await play.end_both()
    assert play.reset_sides == set()


# Sinks that take nothing


@in_portable_variants
@trio_test
async def test_a_client_that_takes_nothing_is_reset(variant: Variant) -> None:
    async with open_session(variant, tight=True, timeouts=Timeouts(write=30)) as play:
        await play.provider.send(Frame(TEXT, b"stuck"))
        assert await play.provider.answer_close() == close(1001, "client stalled")
        assert trio.current_time() == 30
        assert play.client_leg.was_reset
        await play.end_both()
    assert not play.upstream_leg.was_reset
    assert play.ended_at == 30
    assert play.record["cause"] == "client stalled"


@in_portable_variants
@trio_test
async def test_a_provider_that_takes_nothing_is_reset(variant: Variant) -> None:
    async with open_session(variant, tight=True, timeouts=Timeouts(write=30)) as play:
        await play.client.send(Frame(TEXT, b"stuck"))
        assert await play.client.answer_close() == close(1011, "upstream stalled")
        assert trio.current_time() == 30
        assert play.upstream_leg.was_reset
        assert await play.client.receive_rest() == b""
        await play.end_both()
    assert not play.client_leg.was_reset
    assert play.ended_at == 30
    assert play.record["cause"] == "upstream stalled"


@trio_test
async def test_a_client_that_reads_slowly_is_not_stalled() -> None:
    """Though the system never tells that there is room, and no message ends meanwhile."""
    (fast,) = [each for each in VARIANTS if str(each) == "fast-verbatim"]
    message = Frame(BINARY, bytes(4_000_000)).encode()
    timeouts = Timeouts(write=30, idle=40)
    async with open_session(fast, timeouts=timeouts) as play, trio.open_nursery() as nursery:
        nursery.start_soon(play.provider.stream.send_all, message)
        for _ in range(10):
            await trio.sleep(29)
            await play.client.receive_bytes(60_000)
        assert play.ended_at is None
        assert await play.client.receive_bytes(len(message) - 10 * 60_000)
        await play.end_both()
    assert play.ended_at == trio.current_time()


@in_every_variant
@from_both_sides
@trio_test
async def test_a_side_that_does_not_take_much_at_once_is_reset(variant: Variant, by: str) -> None:
    """More than fits between the relay and it; the one who sends it is told."""
    message = Frame(BINARY, b"x" * 4_000_000)
    async with open_session(variant, tight=True, timeouts=Timeouts(write=30)) as play:
        stuck, sender = sides(play, by)
        leg, other_leg = legs(play, by)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sender.send, message)
            told = (1001, "client stalled") if by == "client" else (1011, "upstream stalled")
            assert await sender.receive() == close(*told)
            assert trio.current_time() == 30
            assert leg.was_reset
            nursery.cancel_scope.cancel()
        await play.end_both()
        await stuck.end()
    assert not other_leg.was_reset


@in_portable_variants
@trio_test
async def test_two_sides_that_take_nothing_are_both_reset(variant: Variant) -> None:
    async with open_session(variant, tight=True, timeouts=Timeouts(write=30, close=5)) as play:
        await play.client.send(Frame(TEXT, b"stuck"))
        await play.provider.send(Frame(TEXT, b"stuck"))
    assert play.ended_at == 35
    assert play.reset_sides == {"client", "provider"}


@in_portable_variants
@from_both_sides
@trio_test
async def test_who_had_closed_ended_it_and_not_who_vanished_without_taking_that(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, tight=True) as play:
        one, other = sides(play, by)
        await one.send(close(3001, "bye"))
        await wait_all_tasks_blocked()
        await other.end()
        assert await one.receive() == close(3001, "bye")
        await one.end()
    assert (play.record["by"], play.record["cause"]) == (by, "closed")


@in_portable_variants
@from_both_sides
@trio_test
async def test_a_close_that_the_other_side_does_not_take(variant: Variant, by: str) -> None:
    async with open_session(variant, tight=True, timeouts=Timeouts(write=30)) as play:
        one, _ = sides(play, by)
        await one.send(close(1000))
        stalled = (1011, "upstream stalled") if by == "client" else (1001, "client stalled")
        assert await one.receive() == close(*stalled)
        assert trio.current_time() == 30
        await play.end_both()
    _, other_leg = legs(play, by)
    assert other_leg.was_reset


@in_portable_variants
@from_both_sides
@trio_test
async def test_what_is_being_written_may_be_finished_before_a_close(
    variant: Variant, by: str
) -> None:
    """A side that is slow when the session ends gets what it was being sent, then its Close."""
    async with open_session(variant, tight=True, timeouts=Timeouts(close=5)) as play:
        one, other = sides(play, by)
        await one.send(Frame(TEXT, b"on its way"))
        await wait_all_tasks_blocked()
        play.server.drain()
        await trio.sleep(4)
        assert await other.receive() == Frame(TEXT, b"on its way")
        for peer in (play.client, play.provider):
            assert await peer.answer_close() == AWAY
        await play.end_both()
    assert play.ended_at == 4


@in_portable_variants
@from_both_sides
@trio_test
async def test_a_write_that_cannot_be_finished_is_followed_by_no_close(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, tight=True, timeouts=Timeouts(close=5)) as play:
        one, _ = sides(play, by)
        await one.send(Frame(TEXT, b"stuck"))
        await wait_all_tasks_blocked()
        play.server.drain()
        assert await one.answer_close() == AWAY
        assert trio.current_time() == 5
        await play.end_both()
    assert play.reset_sides == {other_side(by)}


# Writes that fail


@in_every_variant
@from_both_sides
@trio_test
async def test_a_close_arrives_though_writing_to_its_sender_has_failed(
    variant: Variant, by: str
) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        leg, other_leg = legs(play, by)
        leg.break_writes()
        await other.send(Frame(TEXT, b"into the void"))
        await wait_all_tasks_blocked()
        await other.send(Frame(TEXT, b"unread"))
        await one.send(Frame(TEXT, b"last words"), close(3000, "why"))
        assert await other.receive() == Frame(TEXT, b"last words")
        assert await other.receive() == close(3000, "why")
        await wait_all_tasks_blocked()
        # Closed now, with bytes of this side unread, it could lose the Close to a reset.
        assert not other_leg.closed
        await other.send(close(3000, "why"))
        await play.end_both()
    assert play.ended_at == 0
    assert play.reset_sides == {by}
    assert play.record["by"] == by


@in_every_variant
@from_both_sides
@trio_test
async def test_a_side_that_cannot_be_written_to_and_says_nothing_is_lost(
    variant: Variant, by: str
) -> None:
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        _, other = sides(play, by)
        leg, _ = legs(play, by)
        leg.break_writes()
        await other.send(Frame(TEXT, b"into the void"))
        assert await other.answer_close() == (AWAY if by == "client" else LOST)
        assert trio.current_time() == 5
        await play.end_both()
    assert play.reset_sides == {by}
    assert play.record["by"] == by


@in_every_variant
@from_both_sides
@trio_test
async def test_a_side_that_cannot_be_written_to_and_then_vanishes(
    variant: Variant, by: str
) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        leg, _ = legs(play, by)
        leg.break_writes()
        await other.send(Frame(TEXT, b"into the void"))
        await wait_all_tasks_blocked()
        await one.end()
        assert await other.answer_close() == (AWAY if by == "client" else LOST)
        await other.end()
    assert play.ended_at == 0
    assert play.record["by"] == by


# The relay's own ends


@in_every_variant
@pytest.mark.parametrize(
    ("restart", "told"), [(False, AWAY), (True, close(1012, "service restart"))]
)
@trio_test
async def test_draining(variant: Variant, restart: bool, told: Frame) -> None:
    async with open_session(variant) as play:
        play.server.drain(restart=restart)
        assert await play.client.answer_close() == told
        assert await play.provider.answer_close() == AWAY
        await play.end_both()
    assert play.ended_at == 0
    assert play.record["by"] == "relay"
    assert play.record["cause"] == ("restarting" if restart else "draining")


@in_every_variant
@trio_test
async def test_an_operator_or_a_policy(variant: Variant) -> None:
    async with open_session(variant) as play:
        (seen,) = play.server.glances()
        assert play.server.live.end(seen.record.id, policy("the budget is spent"))
        assert await play.client.answer_close() == close(1008, "the budget is spent")
        assert await play.provider.answer_close() == AWAY
        await play.end_both()
    assert play.ended_at == 0
    assert (play.record["by"], play.record["cause"]) == ("relay", "policy")


@in_every_variant
@trio_test
async def test_peers_that_do_not_answer_a_close_of_the_relay(variant: Variant) -> None:
    async with open_session(variant, timeouts=Timeouts(close=5)) as play:
        play.server.drain()
        for peer in (play.client, play.provider):
            assert await peer.receive() == AWAY
            await peer.send(Frame(TEXT, b"no answer"))
        for peer in (play.client, play.provider):
            assert await peer.receive_rest() == b""
            assert trio.current_time() == 5
        await play.end_both()
    assert play.ended_at == 5


@in_every_variant
@from_both_sides
@trio_test
async def test_draining_does_not_disturb_a_closing_handshake(variant: Variant, by: str) -> None:
    async with open_session(variant) as play:
        one, other = sides(play, by)
        await one.send(close(3000))
        await other.receive()
        play.server.drain()
        await wait_all_tasks_blocked()
        await other.send(close(3000))
        assert await one.receive() == close(3000)
        await play.provider.end()
        await play.client.end()
    assert play.ended_at == 0
    assert play.record["by"] == by


@in_portable_variants
@from_both_sides
@pytest.mark.parametrize("lasting", [False, True])
@trio_test
async def test_after_a_fault_of_ours_both_sides_are_told(
    variant: Variant, by: str, lasting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_session(variant) as play:
        one, _ = sides(play, by)

        def fault(*_: object) -> NoReturn:
            if not lasting:
                monkeypatch.undo()
            raise RuntimeError("the words of a peer")

        monkeypatch.setattr(Pipe, "receive_data", fault)
        await one.send(Frame(TEXT, b"hello"))
        for peer in (play.client, play.provider):
            assert await peer.answer_close() == FAULT
        await play.end_both()
    assert play.ended_at == 0
    assert play.faults[0] == "RuntimeError"
    assert "the words of a peer" not in str(play.log)
    assert play.record["cause"] == "internal error"


@in_portable_variants
@trio_test
async def test_a_lasting_fault_does_not_keep_a_slow_side_from_being_told(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> NoReturn:
        raise RuntimeError

    async with open_session(variant, tight=True) as play:
        monkeypatch.setattr(Pipe, "receive_data", fault)
        await play.client.send(Frame(TEXT, b"hello"))
        assert await play.client.answer_close() == FAULT
        await wait_all_tasks_blocked()
        assert await play.provider.receive() == FAULT
        await play.end_both()
