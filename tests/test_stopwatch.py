"""How long the steps of an opening took."""

from __future__ import annotations

import trio

from relay.stopwatch import Stopwatch
from tests.support import trio_test


@trio_test
async def test_a_lap_lasts_from_the_end_of_the_one_before() -> None:
    await trio.sleep(100)
    stopwatch = Stopwatch()
    assert stopwatch.seconds == {}
    await trio.sleep(0.25)
    stopwatch.lap("head")
    stopwatch.lap("authorise")
    await trio.sleep(1.5)
    stopwatch.lap("connect")
    assert list(stopwatch.seconds.items()) == [("head", 0.25), ("authorise", 0), ("connect", 1.5)]


@trio_test
async def test_a_step_that_is_done_again_adds_up() -> None:
    stopwatch = Stopwatch()
    for seconds in (1, 2):
        await trio.sleep(seconds)
        stopwatch.lap("connect")
        stopwatch.lap("failover")
    assert stopwatch.seconds == {"connect": 3, "failover": 0}


@trio_test
async def test_it_goes_on_between_laps() -> None:
    stopwatch = Stopwatch()
    await trio.sleep(1)
    stopwatch.lap("head")
    await trio.sleep(1)
    assert stopwatch.elapsed == 2
    assert stopwatch.seconds == {"head": 1}
