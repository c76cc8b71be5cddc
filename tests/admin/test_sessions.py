"""Sessions by the admin API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import structlog
from pydantic import TypeAdapter

from relay.admin.rows import Details, Rows
from relay.protocol import closing
from relay.records.store import Filter, StoreError
from relay.session_record import Outcome, from_json
from tests.admin.fakes import BEARER, History, Relay, client
from tests.records.samples import a_record
from tests.support import real_clock, trio_test


@trio_test
async def test_open_sessions_in_short() -> None:
    record = a_record(cost=Decimal("0.5"))
    async with client(Relay(live=[record]), BEARER) as it:
        answer = await it.get("/api/sessions/live")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "sessions": [
            {
                "id": record.id,
                "live": True,
                "began_at": "2026-11-22T12:00:00.000Z",
                "gateway": "acct/main",
                "provider": "openai",
                "endpoint": "/v1/realtime",
                "model": "gpt-realtime",
                "token": "web",
                "client_address": "192.0.2.7",
                "status": 101,
                "duration": 12.5,
                "first_audio": 0.25,
                "messages_in": 3,
                "messages_out": 0,
                "bytes_in": 1000,
                "bytes_out": 9000,
                "cost": "0.5",
                "outcome": None,
                "ended_by": None,
                "explanation": None,
            }
        ]
    }


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
@trio_test
async def test_many_open_sessions(count: int) -> None:
    live = [a_record(number) for number in range(count)]
    async with client(Relay(live=live), BEARER) as it:
        rows = Rows.model_validate_json((await it.get("/api/sessions/live")).content)
    assert [each.id for each in rows.sessions] == [each.id for each in live]


@real_clock
async def test_sessions_that_have_ended_are_asked_for_as_with_the_command() -> None:
    old, new = a_record(0, outcome=Outcome.REFUSED, error="no"), a_record(1)
    history = History([old, new])
    async with client(Relay(history=history), BEARER) as it:
        answer = await it.get("/api/sessions")
        rows = Rows.model_validate_json(answer.content).sessions
        wanted = {
            "gateway": "a/b",
            "provider": "openai",
            "model": "m",
            "token": "web",
            "client_address": "192.0.2.1",
            "outcome": "broken",
            "ended_by": "relay",
            "since": "2026-11-22T12:00:00Z",
            "until": "2026-11-23T12:00:00+00:00",
            "limit": "7",
        }
        assert (await it.get("/api/sessions", params=wanted)).status_code == 200
    assert [each.id for each in rows] == [new.id, old.id]
    assert not any(each.live for each in rows)
    assert rows[1].outcome is Outcome.REFUSED
    assert (rows[1].explanation or "").endswith("no")
    assert history.asked == [
        (Filter(), 100),
        (
            Filter(
                gateway="a/b",
                provider="openai",
                model="m",
                token="web",
                client_address="192.0.2.1",
                outcome="broken",
                ended_by="relay",
                since=datetime(2026, 11, 22, 12, tzinfo=UTC),
                until=datetime(2026, 11, 23, 12, tzinfo=UTC),
            ),
            7,
        ),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "outcome=nice",
        "ended_by=nobody",
        "since=yesterday",
        "since=2026-11-22T12:00:00",
        "limit=0",
        "limit=1001",
        "limit=rly_secret",
        f"gateway={'x' * 257}",
    ],
)
@trio_test
async def test_what_cannot_be_asked_for(query: str) -> None:
    async with client(Relay(history=History()), BEARER) as it:
        answer = await it.get(f"/api/sessions?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["error"]
    assert "rly_" not in answer.text


@real_clock
async def test_without_a_store_or_while_it_is_lost() -> None:
    history = History(error=StoreError("disk I/O error"))
    async with client(Relay(), BEARER) as it:
        assert (await it.get("/api/sessions")).status_code == 404
    with structlog.testing.capture_logs() as logs:
        async with client(Relay(history=history), BEARER) as it:
            answer = await it.get("/api/sessions")
    assert answer.status_code == 503
    assert "disk" not in answer.text
    assert [each["error"] for each in logs] == ["disk I/O error"]


@real_clock
async def test_all_of_one_that_is_open_or_was() -> None:
    live, past = a_record(), a_record(1)
    async with client(Relay(live=[live], history=History([past])), BEARER) as it:
        shown = (await it.get(f"/api/sessions/{live.id}")).json()
        assert shown["live"] is True
        assert shown["explanation"] is None
        assert shown["timeline"][-1]["what"] == "turn 2 began"
        assert from_json(shown["session"]) == live
        shown = (await it.get(f"/api/sessions/{past.id[:30].upper()}")).json()
        assert shown["live"] is False
        assert shown["explanation"] == shown["timeline"][-1]["what"]
        assert from_json(shown["session"]) == past
        assert (await it.get("/api/sessions/0123")).status_code == 404
        assert (await it.get("/api/sessions/%2e%2e")).status_code == 400
    async with client(Relay(), BEARER) as it:
        assert (await it.get(f"/api/sessions/{past.id}")).status_code == 404


@real_clock
async def test_answers_are_what_the_description_says() -> None:
    record = a_record()
    async with client(Relay(live=[record], history=History([a_record(1)])), BEARER) as it:
        for path in ("/api/sessions/live", "/api/sessions"):
            text = (await it.get(path)).content
            rows = Rows.model_validate_json(text)
            assert (
                json.loads(text)["sessions"][0].keys()
                == Rows.model_validate(rows).sessions[0].model_dump().keys()
            )
        shown = (await it.get(f"/api/sessions/{record.id}")).content
    assert TypeAdapter(Details).validate_json(shown).session == record


@trio_test
async def test_a_session_is_ended_with_a_reason() -> None:
    record = a_record()
    relay = Relay(live=[record])
    async with client(relay, BEARER) as it:
        path = f"/api/sessions/{record.id}/end"
        answer = await it.post(path, json={"reason": "over budget"})
        assert (answer.status_code, answer.json()) == (202, {"id": record.id})
        assert (await it.post(path)).status_code == 202
        assert (await it.post("/api/sessions/0123/end")).status_code == 404
        for bad in ({"reason": ""}, {"reason": "x" * 124}, {"reason": 5}):
            assert (await it.post(path, json=bad)).status_code == 400
    assert relay.ended == [
        (record.id, closing.policy("over budget")),
        (record.id, closing.policy("ended by the operator")),
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@trio_test
async def test_only_a_post_ends_a_session(method: str) -> None:
    relay = Relay(live=[a_record()])
    async with client(relay, BEARER) as it:
        answer = await it.request(method, f"/api/sessions/{relay.live[0].id}/end")
    assert answer.status_code == 405
    assert relay.ended == []
