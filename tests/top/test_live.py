"""Tests of relay.top.live."""

from __future__ import annotations

from typing import Any

import pytest

from relay.top.live import Bytes, Query, read_live
from tests.top.fakes import Relay, row


def _answer(*sessions: dict[str, Any], seconds: int = 0) -> dict[str, Any]:
    return Relay(sessions=list(sessions), seconds=seconds)._live()


def test_what_a_relay_says_of_a_session() -> None:
    live = read_live(_answer(row(7)))
    (session,) = live.sessions
    assert (live.total, live.matching, live.states["talking"]) == (1, 1, 1)
    assert session.model == "gpt-realtime-7"
    assert session.bytes == Bytes(2048, 10)
    assert session.added_latency == (0.000128, 0.002)
    assert session.rate is None


def test_rates_are_those_since_the_look_before() -> None:
    first = read_live(_answer(row(1), row(2)))
    second = read_live(_answer(row(1, bytes_in=2048 + 100, bytes_out=10), row(3), seconds=4), first)
    assert [each.rate for each in second.sessions] == [Bytes(25, 0), None]


def test_there_is_no_rate_where_no_time_has_passed() -> None:
    first = read_live(_answer(row(1)))
    (session,) = read_live(_answer(row(1, bytes_in=9999)), first).sessions
    assert session.rate is None


def test_a_session_that_is_opening() -> None:
    changes = {"state": "opening", "talks": None, "silent_for": None, "added_latency": None}
    (session,) = read_live(_answer(row(1, model=None, token=None, **changes))).sessions
    assert (session.model, session.token, session.added_latency) == (None, None, None)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"now": 1},
        {"sessions": []},
        _answer(row(1)) | {"states": None},
        _answer(row(1)) | {"sessions": [{"id": "1"}]},
        _answer(row(1, bytes_in="many")),
        _answer(row(1, added_latency=[1, 2])),
    ],
)
def test_what_another_version_says(answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of another version"):
        read_live(answer)


def test_a_query_as_the_admin_api_has_it() -> None:
    query = Query("web", "bytes_in", descending=True, limit=5)
    assert query.parameters() == {
        "q": "web",
        "sort": "bytes_in",
        "descending": "true",
        "limit": 5,
    }
