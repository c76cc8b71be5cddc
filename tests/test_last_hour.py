"""Tests of relay.last_hour."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio

from relay.last_hour import STEP, LastHour, Refusal
from relay.latency import BOUNDS
from relay.live_sessions import Glance, LiveState
from relay.records.session_record import Direction, Outcome, SessionRecord, Turn
from tests.records.samples import a_record
from tests.support import trio_test

FAST = (0, 10, *[0] * 15)
SLOW = (0, 10, *[0] * 14, 1)


@dataclass
class Live:
    """Sessions that are open."""

    open: list[Glance] = field(default_factory=list)

    def glances(self) -> Iterable[Glance]:
        yield from self.open


@asynccontextmanager
async def counting(live: Live) -> AsyncIterator[LastHour]:
    hour = LastHour(live)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hour.run)
        yield hour
        nursery.cancel_scope.cancel()


def ended(**changes: object) -> SessionRecord:
    facts: dict[str, object] = {
        "client": Direction(bytes=100),
        "provider_side": Direction(bytes=1000),
        "added_latency": FAST,
        "turns": [],
        "first_audio": None,
        "duration": 1.0,
    }
    return a_record(**(facts | changes))  # type: ignore[arg-type]


def a_glance(duration: float, **changes: object) -> Glance:
    return Glance(a_record(), LiveState.TALKING, duration, **changes)  # type: ignore[arg-type]


@trio_test
async def test_a_step_is_what_happened_in_ten_seconds() -> None:
    live = Live()
    async with counting(live) as hour:
        await trio.sleep(1)
        hour.opened()
        hour.opened()
        hour.refused("relay", 401, 2009)
        hour.refused("relay", 401, 2009)
        hour.refused("provider", 503, None)
        hour.ended(ended())
        hour.ended(ended(outcome=Outcome.REFUSED))
        hour.ended(ended(outcome=Outcome.ABANDONED))
        opening = Glance(a_record(), LiveState.OPENING, 1.0)
        live.open = [a_glance(1.0, bytes_in=5, bytes_out=50), opening]
        assert not hour.steps
        await trio.sleep(STEP)
        live.open = [a_glance(11.0, bytes_in=7, bytes_out=80, latency=SLOW)]
        await trio.sleep(STEP)
    first, second = hour.steps
    assert second.ended_at >= first.ended_at > 0
    assert (first.sessions, first.openings, first.ended) == (1, 2, 1)
    assert (first.bytes_in, first.bytes_out) == (105, 1050)
    assert first.refusals == {Refusal("relay", 401, 2009): 2, Refusal("provider", 503, None): 1}
    assert first.added_latency == (BOUNDS[1],) * 3
    assert first.first_audio == (None, None)
    assert (second.sessions, second.openings, second.ended) == (1, 0, 0)
    assert (second.bytes_in, second.bytes_out) == (2, 30)
    assert not second.refusals
    assert second.added_latency == (BOUNDS[1], BOUNDS[-1], BOUNDS[-1])


@trio_test
async def test_a_session_that_ends_is_counted_once() -> None:
    live = Live([a_glance(5.0, bytes_in=60, bytes_out=600, latency=FAST)])
    async with counting(live) as hour:
        await trio.sleep(STEP + 1)
        live.open = []
        hour.ended(ended(added_latency=SLOW))
        await trio.sleep(2 * STEP)
    first, second, third = hour.steps
    assert [each.bytes_in for each in (first, second, third)] == [60, 40, 0]
    assert [each.bytes_out for each in (first, second, third)] == [600, 400, 0]
    assert second.added_latency == (BOUNDS[-1],) * 3
    assert third.added_latency == (None, None, None)


@trio_test
async def test_one_that_ends_while_others_are_looked_at_is_counted_once() -> None:
    class Ending(Live):
        def glances(self) -> Iterable[Glance]:
            for number, each in enumerate(self.open):
                if number == 150:
                    hour.ended(ended(turns=[Turn(0.5, 0.75, 1.0)], duration=2.0))
                yield each

    talks = {"bytes_in": 100, "bytes_out": 1000, "latency": FAST, "turns": [Turn(0.5, 0.75, 1.0)]}
    live = Ending([a_glance(2.0, **talks)] * 200)
    async with counting(live) as hour:
        await trio.sleep(STEP + 1)
        live.open = []
        await trio.sleep(STEP)
    assert hour.steps[0].bytes_in == 20_000
    assert [each.ended for each in hour.steps] == [0, 1]
    assert hour.steps[0].first_audio == (0.25, 0.25)
    assert hour.steps[1].first_audio == (None, None)


@pytest.mark.parametrize("over", [False, True], ids=["open", "ended"])
@trio_test
async def test_audio_is_waited_for_from_the_beginning_of_its_turn(over: bool) -> None:
    live = Live()
    async with counting(live) as hour:
        await trio.sleep(STEP + 2)  # at 12 s; a session that was opened at 2 s
        turns = [
            Turn(1.0, 1.5, 3.0),  # before this step
            Turn(4.0, 7.5, 9.0),  # ended in this step, but heard before
            Turn(8.0, 8.25, 9.0),
            Turn(8.0, 9.0, None),
            Turn(9.5, None, None),
        ]
        if over:
            hour.ended(ended(turns=turns, first_audio=1.5, duration=10.0))
        else:
            live.open = [a_glance(18.0, turns=turns, first_audio=1.5)]  # when it is looked at
        await trio.sleep(STEP)
    assert hour.steps[1].first_audio == (1.0, 1.0)
    assert hour.steps[0].first_audio == (None, None)


@trio_test
async def test_without_turns_the_first_audio_of_the_session_counts() -> None:
    live = Live()
    async with counting(live) as hour:
        await trio.sleep(5)
        live.open = [a_glance(9.0, first_audio=0.5), a_glance(9.0, first_audio=1.5)]
        hour.ended(ended(first_audio=2.5, duration=3.0))
        await trio.sleep(STEP)
        live.open = [a_glance(19.0, first_audio=0.5)]
        await trio.sleep(STEP)
    assert hour.steps[0].first_audio == (1.5, 2.5)
    assert hour.steps[1].first_audio == (None, None)


@trio_test
async def test_an_hour_is_kept() -> None:
    async with counting(Live()) as hour:
        await trio.sleep(400 * STEP)
        assert len(hour.steps) == 360
