"""The last hour by the admin API."""

from __future__ import annotations

from collections import Counter

from relay.admin.plots import Hour
from relay.last_hour import LastHour, Refusal, Step
from relay.live_sessions import LiveSessions
from tests.admin.fakes import BEARER, Relay, client
from tests.support import trio_test

WRONG_TOKEN = Refusal("relay", 401, 2009)
BUSY = Refusal("provider", 503, None)


@trio_test
async def test_steps_become_columns() -> None:
    hour = LastHour(LiveSessions())
    quiet = Step(10.0, 1, 2, 1, 100, 200, {}, (None, None), (None, None, None))
    busy = Step(20.0, 3, 4, 2, 300, 400, Counter({WRONG_TOKEN: 5, BUSY: 1}), (0.1, 0.2), (1, 2, 3))
    hour.steps.extend([quiet, busy])
    async with client(Relay(last_hour=hour), BEARER) as it:
        shown = Hour.model_validate_json((await it.get("/api/hour")).content)
    assert (shown.step, shown.at) == (10.0, [10.0, 20.0])
    assert (shown.sessions, shown.openings, shown.ended) == ([1, 3], [2, 4], [1, 2])
    assert (shown.bytes_in, shown.bytes_out) == ([100, 300], [200, 400])
    assert (shown.first_audio.p50, shown.first_audio.p95) == ([None, 0.1], [None, 0.2])
    latency = shown.added_latency
    assert (latency.p50, latency.p95, latency.p99) == ([None, 1], [None, 2], [None, 3])
    assert [(each.by, each.status, each.code, each.counts) for each in shown.refusals] == [
        ("provider", 503, None, [0, 1]),
        ("relay", 401, 2009, [0, 5]),
    ]


@trio_test
async def test_a_relay_that_has_just_begun() -> None:
    async with client(Relay(), BEARER) as it:
        shown = Hour.model_validate_json((await it.get("/api/hour")).content)
    assert (shown.at, shown.refusals) == ([], [])
