"""Totals by the admin API."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from relay.admin.totals import Totals
from relay.protocol.usage import Usage
from relay.records.store import StoreError
from relay.records.totals import DayTotal
from tests.admin.fakes import BEARER, History, Relay, client
from tests.support import real_clock, trio_test

USED = Usage(input_text_tokens=7, session_seconds=Decimal("1.5"))
DAY = DayTotal(date(2026, 11, 23), "a/main", "openai", 3, 12.5, Decimal("0.25"), 1, USED)


@real_clock
async def test_days_are_shown_as_the_store_has_them() -> None:
    async with client(Relay(history=History(days=[DAY])), BEARER) as it:
        shown = (await it.get("/api/totals")).json()
    assert shown == {
        "days": [
            {
                "day": "2026-11-23",
                "gateway": "a/main",
                "provider": "openai",
                "sessions": 3,
                "seconds": 12.5,
                "cost": "0.25",
                "unpriced": 1,
                "usage": {"input_text_tokens": 7, "session_seconds": "1.5"},
            }
        ]
    }
    assert Totals.model_validate(shown).days[0].cost == Decimal("0.25")


@real_clock
async def test_a_span_of_time() -> None:
    history = History()
    async with client(Relay(history=history), BEARER) as it:
        await it.get("/api/totals?since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z")
        await it.get("/api/totals?until=2026-11-02T00:00:00Z")
        await it.get("/api/totals")
    november = datetime(2026, 11, 1, tzinfo=UTC)
    named, until, month = history.spans
    assert named == (november, november + timedelta(days=1))
    assert until == (november - timedelta(days=29), november + timedelta(days=1))
    assert month[1] - month[0] == timedelta(days=30)


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=2026-11-02T00:00:00", "until=0001-01-01T00:00:00Z"]
)
@trio_test
async def test_what_is_no_time(query: str) -> None:
    async with client(Relay(history=History()), BEARER) as it:
        assert (await it.get(f"/api/totals?{query}")).status_code == 400


@real_clock
async def test_without_a_store_or_while_it_is_lost() -> None:
    async with client(Relay(), BEARER) as it:
        assert "names no store" in (await it.get("/api/totals")).json()["error"]
    async with client(Relay(history=History(error=StoreError("lost"))), BEARER) as it:
        assert (await it.get("/api/totals")).status_code == 503
