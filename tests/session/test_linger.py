"""Sessions whose client goes while a response runs, and what is still heard of the provider."""

from __future__ import annotations

import pytest
import trio

from relay.protocol import Limits, Timeouts, closing, policy
from relay.protocol.frames import BINARY, PING, PONG, TEXT
from relay.testing.frames import Frame, close
from tests.played_session import open_session
from tests.session.lingering import (
    CREATED,
    DELTA,
    DONE,
    MINE,
    MINUTE,
    USED,
    answering,
    end_provider,
    hear_out,
    leave,
    leave_inside_frame,
    live,
    result,
    used,
)
from tests.support import (
    AWAY,
    Variant,
    in_every_variant,
    in_portable_variants,
    in_verbatim_variants,
    trio_test,
)

# Who has gone, and how


@in_every_variant
@trio_test
async def test_a_client_that_closes_is_answered_at_once_and_the_provider_is_heard(
    variant: Variant,
) -> None:
    async with answering(variant) as play:
        await leave(play)
        assert trio.current_time() == 0
        assert await play.provider.hears_nothing()
        await trio.sleep(3)
        assert play.server.quotas.open == 1
        assert live(play).lingered == pytest.approx(3, abs=0.01)
        await play.provider.send(DELTA, DELTA)
        assert await play.provider.hears_nothing()
        await hear_out(play)
    record = result(play)
    assert used(play) == [USED]
    assert record.lingered == record.duration == pytest.approx(3, abs=0.01)
    assert (record.outcome, record.ended_by, record.cause) == ("completed", "client", "closed")
    for side in (record.client, record.provider_side):
        assert (side.told_code, side.told_reason) == (4001, "heard enough")
    assert (record.client.close_code, record.client.close_reason) == (4001, "heard enough")
    assert record.provider_side.messages == 5
    assert [turn.interrupted for turn in record.turns] == [False]
    assert play.record["lingered"] == pytest.approx(3, abs=0.01)
    assert play.record["inbound"] == "withheld"
    assert "lingering" in [each["event"] for each in play.log]
    assert play.reset_sides == set()


@in_every_variant
@trio_test
async def test_a_client_that_vanishes_is_no_end_of_the_response(variant: Variant) -> None:
    async with answering(variant) as play:
        await play.client.end()
        await trio.sleep(3)
        await play.provider.send(DELTA, DONE)
        await end_provider(play.provider, AWAY)
    record = result(play)
    assert used(play) == [USED]
    assert (record.outcome, record.ended_by, record.cause) == ("broken", "client", "vanished")
    assert (record.client.close_code, record.provider_side.told_code) == (None, 1001)
    assert record.lingered == pytest.approx(3, abs=0.01)


@in_every_variant
@trio_test
async def test_a_client_to_which_a_write_fails_has_vanished(variant: Variant) -> None:
    async with answering(variant) as play:
        play.client_leg.break_writes()
        await play.provider.send(DELTA)
        await trio.sleep(7)  # of which 5 are for the client to say why
        await hear_out(play, told=AWAY)
        await play.client.end()
    assert used(play) == [USED]
    assert result(play).cause == "client lost"
    assert result(play).lingered == pytest.approx(2, abs=0.01)


@in_every_variant
@trio_test
async def test_a_client_that_answers_no_ping_has_vanished(variant: Variant) -> None:
    timeouts = Timeouts(linger=60, ping_interval=20, ping_timeout=10)
    async with answering(variant, timeouts) as play:
        ping = await play.provider.receive()
        assert ping.opcode == PING
        await play.provider.send(Frame(PONG, ping.payload))
        await trio.sleep(15)
        await hear_out(play, told=AWAY)
        await play.client.end()
    assert used(play) == [USED]
    assert result(play).cause == "client silent"
    assert result(play).lingered == pytest.approx(5, abs=0.01)
    assert play.client_leg.was_reset


@in_every_variant
@trio_test
async def test_without_it_the_end_of_the_response_is_not_counted(variant: Variant) -> None:
    async with answering(variant, Timeouts()) as play:
        await play.client.send(MINE)
        assert await play.provider.answer_close() == MINE
        assert await play.client.receive() == MINE
        await play.provider.end()
        await play.client.end()
    assert result(play).usage is None
    assert result(play).usage_missing == "not measured"
    assert result(play).lingered == 0


@in_every_variant
@pytest.mark.parametrize("before", [(), (CREATED, DONE)], ids=["never", "no more"])
@trio_test
async def test_while_no_response_runs_a_close_passes_as_ever(
    variant: Variant, before: tuple[Frame, ...]
) -> None:
    async with open_session(variant, timeouts=MINUTE) as play:
        await play.provider.send(*before)
        for frame in before:
            assert await play.client.receive() == frame
        await play.client.send(MINE)
        assert await play.provider.receive() == MINE
        await play.provider.send(DELTA, close(1000, "the provider's answer"))
        assert await play.client.receive() == DELTA
        assert await play.client.receive() == close(1000, "the provider's answer")
        await play.provider.end()
        await play.client.end()
    assert play.record["lingered"] == 0
    assert "lingering" not in [each["event"] for each in play.log]


@in_every_variant
@trio_test
async def test_the_answer_to_a_providers_close_passes_in_the_middle_of_a_response(
    variant: Variant,
) -> None:
    async with answering(variant) as play:
        await play.provider.send(close(1000))
        assert await play.client.receive() == close(1000)
        await play.client.send(MINE)
        assert await play.provider.receive() == MINE
        await play.provider.end()
        await play.client.end()
    assert result(play).lingered == 0
    assert result(play).ended_by == "provider"


@in_every_variant
@trio_test
async def test_what_came_before_the_close_still_reaches_the_provider(variant: Variant) -> None:
    async with answering(variant) as play:
        words = Frame(TEXT, b'{"type":"session.update"}')
        await play.client.send(words, MINE, words)
        assert await play.provider.receive() == words
        assert await play.provider.hears_nothing()
        await hear_out(play)
        await play.client.end()
    assert used(play) == [USED]


@in_every_variant
@trio_test
async def test_what_comes_after_the_close_is_dropped_and_does_not_hurt(variant: Variant) -> None:
    async with answering(variant) as play:
        storm = [Frame(TEXT, b"after"), close(3000), Frame(PING)] * 1000
        await play.client.send(MINE, *storm)
        assert await play.client.receive() == MINE
        await play.client.send(*storm)
        assert await play.client.receive_rest() == b""
        await play.client.end()
        assert await play.provider.hears_nothing()
        await hear_out(play)
    assert used(play) == [USED]


@in_every_variant
@pytest.mark.parametrize(
    ("offence", "told"),
    [
        (Frame(0x3), close(1002, "reserved opcode")),
        (Frame(TEXT, bytes(2001)), close(1009, "message too big")),
    ],
    ids=["protocol", "limit"],
)
@trio_test
async def test_who_broke_the_protocol_is_not_stood_in_for(
    variant: Variant, offence: Frame, told: Frame
) -> None:
    limits = Limits(max_message_size=2500)
    async with answering(variant, limits=limits) as play:
        offence = offence._replace(missing=1000) if offence.payload else offence
        await play.client.send(offence)
        await end_provider(play.provider, AWAY)
        assert await play.client.receive() == told
        await play.client.end()
    assert result(play).lingered == 0
    assert play.ended_at == 0


@in_portable_variants
@trio_test
async def test_who_takes_nothing_is_not_stood_in_for(variant: Variant) -> None:
    async with answering(variant, tight=True) as play:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(play.provider.send, DELTA)
            assert await play.provider.answer_close() == close(1001, "client stalled")
        await play.provider.end()
        await play.client.end()
    assert result(play).cause == "client stalled"
    assert result(play).lingered == 0


# Until when


@in_every_variant
@pytest.mark.parametrize(
    "timeouts",
    [
        Timeouts(linger=10),
        Timeouts(linger=60, idle=10),
        Timeouts(linger=60, max_duration=10),
    ],
    ids=["linger", "idle", "max_duration"],
)
@trio_test
async def test_it_ends_in_time(variant: Variant, timeouts: Timeouts) -> None:
    async with answering(variant, timeouts) as play:
        await leave(play)
        await end_provider(play.provider, MINE)
        assert trio.current_time() == pytest.approx(10, abs=0.01)
    assert used(play) == []
    assert result(play).lingered == pytest.approx(10, abs=0.01)
    assert result(play).cause == "closed"


@in_every_variant
@trio_test
async def test_who_goes_on_speaking_is_not_idle_and_wins_no_time(variant: Variant) -> None:
    async with answering(variant, Timeouts(linger=10, idle=4)) as play:
        await leave(play)
        for _ in range(3):
            await trio.sleep(3)
            await play.provider.send(DELTA)
        await end_provider(play.provider, MINE)
        assert trio.current_time() == pytest.approx(10, abs=0.01)


@in_every_variant
@pytest.mark.parametrize("cause", [closing.DRAINING, policy("ended by an operator")])
@trio_test
async def test_whoever_ends_the_session_ends_it(variant: Variant, cause: closing.Cause) -> None:
    async with answering(variant) as play:
        await leave(play)
        await trio.sleep(2)
        assert play.server.live.end(live(play).id, cause)
        await end_provider(play.provider, MINE)
    assert play.ended_at == pytest.approx(2, abs=0.01)
    assert result(play).cause == "closed"


@in_verbatim_variants
@trio_test
async def test_a_session_that_is_to_end_does_not_begin_with_it(variant: Variant) -> None:
    """It was told so while the client had the rest of a frame to get."""
    async with answering(variant) as play:
        rest = await leave_inside_frame(play)
        play.server.drain()
        await play.provider.stream.send_all(rest)
        await end_provider(play.provider, MINE)
        assert await play.client.receive_bytes(len(rest)) == rest
        assert await play.client.receive() == MINE
        await play.client.end()
    assert result(play).lingered == 0


@in_portable_variants
@trio_test
async def test_nor_does_one_that_the_relay_ended_before_the_close_was_due(
    variant: Variant,
) -> None:
    timeouts = Timeouts(linger=60, idle=10)
    async with answering(variant, timeouts, tight=True) as play:
        words = Frame(TEXT, b"words")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(play.client.send, words, MINE)
            await trio.sleep(12)
            assert await play.provider.receive() == words
        assert await play.client.receive() == MINE
        await play.client.end()
        await end_provider(play.provider, MINE)
    assert result(play).cause == "idle timeout"
    assert result(play).lingered == 0


@in_every_variant
@trio_test
async def test_after_the_end_of_a_drain_it_is_still_accounted(variant: Variant) -> None:
    async with answering(variant) as play:
        await leave(play)
        await trio.sleep(2)
        play.scope.cancel()
    assert result(play).lingered == pytest.approx(2, abs=0.01)
    assert play.ended_at == pytest.approx(2, abs=0.01)


@in_every_variant
@pytest.mark.parametrize("client_closes", [True, False], ids=["closed", "vanished"])
@pytest.mark.parametrize(
    ("last", "to_closed", "to_vanished"),
    [
        (close(1000, "bye"), MINE, close(1000, "bye")),
        (Frame(0x3), *[close(1002, "reserved opcode")] * 2),
    ],
    ids=["closes", "breaks the protocol"],
)
@trio_test
async def test_the_provider_may_end_it(
    variant: Variant, last: Frame, to_closed: Frame, to_vanished: Frame, client_closes: bool
) -> None:
    async with answering(variant) as play:
        await (leave(play) if client_closes else play.client.end())
        await trio.sleep(2)
        await play.provider.send(last)
        told = to_closed if client_closes else to_vanished
        assert await play.provider.receive() == told
        await play.provider.end()
    assert play.ended_at == pytest.approx(2, abs=0.01)
    assert result(play).ended_by == "client"
    assert result(play).provider_side.told_code == int.from_bytes(told.payload[:2])


@in_every_variant
@trio_test
async def test_the_provider_may_vanish(variant: Variant) -> None:
    async with answering(variant) as play:
        await leave(play)
        await play.provider.end()
    assert play.ended_at == 0
    assert result(play).provider_side.told_code is None
    assert result(play).client.told_code == 4001


@in_every_variant
@trio_test
async def test_a_fault_of_ours_in_it_is_no_reason_to_tell_nobody(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("relay.session.session.linger", fail)
    async with answering(variant) as play:
        await leave(play)
        await end_provider(play.provider, MINE)
    assert play.faults == ["RuntimeError"]
    assert result(play).client.told_code == 4001


# Pings


@in_every_variant
@trio_test
async def test_pings_are_answered_in_the_place_of_the_client(variant: Variant) -> None:
    """The newest of several is enough, also one that the client had and has not answered."""
    async with answering(variant) as play:
        await play.provider.send(Frame(PING, b"before"))
        assert await play.client.receive() == Frame(PING, b"before")
        await leave(play)
        assert await play.provider.receive() == Frame(PONG, b"before")
        await play.provider.send(Frame(PING, b"first"), DELTA, Frame(PING, b"second"))
        assert await play.provider.receive() == Frame(PONG, b"second")
        await play.provider.send(Frame(PING), Frame(PONG, b"whose?"))
        assert await play.provider.receive() == Frame(PONG)
        assert await play.provider.hears_nothing()
        await hear_out(play)
    assert used(play) == [USED]


@in_every_variant
@trio_test
async def test_pings_that_the_client_answered_are_not_answered_again(variant: Variant) -> None:
    async with answering(variant) as play:
        await play.provider.send(Frame(PING, b"before"))
        await play.client.receive()
        await play.client.send(Frame(PONG, b"before"), MINE)
        assert await play.provider.receive() == Frame(PONG, b"before")
        assert await play.provider.hears_nothing()
        await hear_out(play)
        await play.client.end()


@in_verbatim_variants
@trio_test
async def test_nothing_can_be_said_to_a_provider_inside_a_frame(variant: Variant) -> None:
    """It is heard all the same, and then reset."""
    async with answering(variant) as play:
        partial = play.client.encode(Frame(BINARY, b"0123456789"))[:-4]
        await play.client.stream.send_all(partial)
        await play.client.end()
        assert await play.provider.receive_bytes(len(partial)) == partial
        await play.provider.send(Frame(PING, b"there?"))
        assert await play.provider.hears_nothing()
        await play.provider.send(DONE)
        await play.ended.wait()
        await play.provider.end()
    assert used(play) == [USED]
    assert play.upstream_leg.was_reset


@in_every_variant
@trio_test
async def test_a_provider_that_takes_no_pong_is_heard_and_then_reset(variant: Variant) -> None:
    async with answering(variant) as play:
        await leave(play)
        play.upstream_leg.break_writes()
        await play.provider.send(Frame(PING, b"there?"))
        await trio.sleep(1)
        await play.provider.send(Frame(PING, b"there?"), DONE)
        await play.ended.wait()
        await play.provider.end()
    assert used(play) == [USED]
    assert play.upstream_leg.was_reset


@in_portable_variants
@trio_test
async def test_a_pong_that_is_not_read_holds_up_no_end(variant: Variant) -> None:
    async with answering(variant, Timeouts(linger=10), tight=True) as play:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(play.client.send, MINE)
            assert await play.client.receive() == MINE
        await play.client.end()
        await play.provider.send(Frame(PING, b"there?"))
        await play.ended.wait()
        await play.provider.end()
    assert play.ended_at == 10
    assert play.upstream_leg.was_reset
