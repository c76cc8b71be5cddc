"""Sessions by the admin API."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import structlog
from pydantic import TypeAdapter

from relay.admin.rows import Details, LiveRows, Rows
from relay.latency import BOUNDS
from relay.live_sessions import LiveState
from relay.protocol import closing
from relay.records.filter import Filter
from relay.records.recent import Recent
from relay.records.session_record import Direction, Outcome, from_json
from relay.records.store import StoreError
from tests.admin.fakes import BEARER, History, Relay, client
from tests.records.samples import a_record
from tests.support import real_clock, trio_test


@trio_test
async def test_open_sessions_in_short() -> None:
    record = a_record(added_latency=(0, 3, 0, 1, *[0] * 13))
    async with client(Relay(records=[record]), BEARER) as it:
        answer = await it.get("/api/sessions/live")
    assert answer.headers["Content-Type"] == "application/json"
    shown = answer.json()
    assert datetime.fromisoformat(shown.pop("now")).tzinfo is not None
    assert shown == {
        "total": 1,
        "matching": 1,
        "states": {"opening": 0, "talking": 1, "silent": 0, "closing": 0},
        "sessions": [
            {
                "id": record.id,
                "live": True,
                "state": "talking",
                "talks": "client",
                "silent_for": 0.5,
                "began_at": "2026-11-22T12:00:00.000Z",
                "ended_at": None,
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
                "added_latency": {"p50": BOUNDS[1], "p99": BOUNDS[3]},
                "cost": None,
                "outcome": None,
                "ended_by": None,
                "close_code": None,
                "explanation": None,
            }
        ],
    }


@trio_test
async def test_a_session_that_is_being_opened() -> None:
    relay = Relay()
    opening = {"state": LiveState.OPENING, "talks": None, "silent_for": None, "latency": ()}
    relay.open(a_record(), **opening)
    async with client(relay, BEARER) as it:
        rows = LiveRows.model_validate_json((await it.get("/api/sessions/live")).content)
    (shown,) = rows.sessions
    assert (shown.state, shown.status, shown.talks) == ("opening", 0, None)
    assert (shown.silent_for, shown.added_latency) == (None, None)


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
@trio_test
async def test_many_open_sessions(count: int) -> None:
    live = [a_record(number) for number in range(count)]
    async with client(Relay(records=live), BEARER) as it:
        answer = await it.get("/api/sessions/live?limit=10000")
        rows = LiveRows.model_validate_json(answer.content)
        shortened = LiveRows.model_validate_json((await it.get("/api/sessions/live")).content)
    newest_first = [each.id for each in reversed(live)]
    assert [each.id for each in rows.sessions] == newest_first
    assert [each.id for each in shortened.sessions] == newest_first[:100]
    assert rows.total == rows.matching == shortened.matching == count


def _varied() -> Relay:
    relay = Relay()
    relay.open(a_record(gateway="b/b", token="Web", model=None), bytes_in=5, duration=1.0)
    relay.open(
        a_record(1, provider="google", client_address="198.51.100.9"),
        state=LiveState.SILENT,
        bytes_in=50,
        duration=3.0,
    )
    relay.open(
        a_record(2, gateway="a/a", model="gpt-x"),
        state=LiveState.CLOSING,
        duration=2.0,
        latency=(0, 1, *[0] * 15),
    )
    return relay


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", [2, 1, 0]),
        ("descending=false", [0, 1, 2]),
        ("gateway=a/a", [2]),
        ("gateway=a", []),
        ("provider=google", [1]),
        ("state=silent", [1]),
        ("state=opening", []),
        ("q=WEB&provider=openai", [2, 0]),
        ("q=gpt-X", [2]),
        ("q=198.51", [1]),
        ("q=nothing", []),
        ("sort=gateway&descending=false", [2, 1, 0]),
        ("sort=provider&descending=false&limit=1", [1]),
        ("sort=state&descending=false", [2, 1, 0]),
        ("sort=duration", [1, 2, 0]),
        ("sort=bytes_in&limit=2", [2, 1]),
        ("sort=bytes_out&limit=3", [0, 1, 2]),
        ("sort=messages_in&limit=3", [0, 1, 2]),
        ("sort=messages_out&limit=3", [0, 1, 2]),
        ("sort=added_latency&limit=1", [2]),
    ],
)
@trio_test
async def test_a_filter_an_order_and_a_limit(query: str, shown: list[int]) -> None:
    relay = _varied()
    ids = [each.record.id for each in relay.glances()]
    async with client(relay, BEARER) as it:
        answer = await it.get(f"/api/sessions/live?{query}")
    rows = LiveRows.model_validate_json(answer.content)
    assert [ids.index(each.id) for each in rows.sessions] == shown
    assert rows.total == 3
    assert [rows.states[state] for state in LiveState] == [0, 1, 1, 1]
    assert rows.matching == (len(shown) if "limit" not in query else 3)


@trio_test
async def test_a_part_of_an_id_finds_a_session() -> None:
    relay = _varied()
    wanted = [each.record.id for each in relay.glances()][1]
    async with client(relay, BEARER) as it:
        answer = await it.get("/api/sessions/live", params={"q": wanted[20:].upper()})
    assert [each["id"] for each in answer.json()["sessions"]] == [wanted]


@pytest.mark.parametrize("query", ["state=gone", "sort=cost", "limit=0", "limit=10001", "x" * 3])
@trio_test
async def test_what_cannot_be_asked_of_open_sessions(query: str) -> None:
    async with client(Relay(), BEARER) as it:
        status = (await it.get(f"/api/sessions/live?{query}")).status_code
    assert status == (200 if query == "xxx" else 400)


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
            "q": "GPT",
        }
        assert (await it.get("/api/sessions", params=wanted)).status_code == 200
    assert [each.id for each in rows] == [new.id, old.id]
    assert not any(each.live for each in rows)
    assert str(rows[0].ended_at) == "2026-11-22 12:01:12.521000+00:00"  # 0.021 s of opening
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
                part="GPT",
            ),
            7,
        ),
    ]


@pytest.mark.parametrize(
    ("ended_by", "code"), [("client", 1000), ("provider", 3000), ("relay", None)]
)
@trio_test
async def test_the_code_with_which_a_session_was_closed(ended_by: str, code: int | None) -> None:
    recent = Recent()
    client_side, provider_side = Direction(close_code=1000), Direction(close_code=3000)
    record = a_record(ended_by=ended_by, client=client_side, provider_side=provider_side)
    recent.add(record)
    async with client(Relay(recent=recent), BEARER) as it:
        (row,) = (await it.get("/api/sessions")).json()["sessions"]
    assert row["close_code"] == code


@pytest.mark.parametrize(
    "query",
    [
        "outcome=nice",
        "ended_by=nobody",
        "since=yesterday",
        "since=2026-11-22T12:00:00",
        "since=0001-01-01T00:00:00%2B23:59",
        "until=9999-12-31T23:59:59-23:59",
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
    recent = Recent()
    async with client(Relay(recent=recent), BEARER) as it:
        assert (await it.get("/api/sessions")).json() == {"sessions": []}
        assert (await it.get("/api/totals")).status_code == 404
        for number in range(3):
            recent.add(a_record(number, provider="openai" if number else "google"))
        rows = Rows.model_validate_json((await it.get("/api/sessions?limit=2")).content).sessions
        assert [each.began_at.minute for each in rows] == [2, 1]
        path = f"/api/sessions/{rows[0].id}"
        assert (await it.get(path)).json()["state"] == "ended"
    async with client(Relay(), BEARER) as it:
        assert (await it.get("/api/sessions")).json() == {"sessions": []}
    with structlog.testing.capture_logs() as logs:
        async with client(Relay(history=history), BEARER) as it:
            answer = await it.get("/api/sessions")
    assert answer.status_code == 503
    assert "disk" not in answer.text
    assert [each["error"] for each in logs] == ["disk I/O error"]


@real_clock
async def test_all_of_one_that_is_open_or_was() -> None:
    live, past = a_record(), a_record(1)
    async with client(Relay(records=[live], history=History([past])), BEARER) as it:
        shown = (await it.get(f"/api/sessions/{live.id}")).json()
        assert (shown["live"], shown["state"]) == (True, "talking")
        assert shown["explanation"] is None
        assert shown["timeline"][-1]["what"] == "turn 2 began"
        assert from_json(shown["session"]) == live
        shown = (await it.get(f"/api/sessions/{past.id[:30].upper()}")).json()
        assert (shown["live"], shown["state"]) == (False, "ended")
        assert shown["explanation"] == shown["timeline"][-1]["what"]
        assert from_json(shown["session"]) == past
        assert (await it.get("/api/sessions/0123")).status_code == 404
        assert (await it.get(f"/api/sessions/{past.id[:30]}")).status_code == 200
    recent = Recent()
    recent.add(past)
    ambiguous = [past, replace(past, id=past.id[:30] + "000000")]
    async with client(Relay(history=History(ambiguous), recent=recent), BEARER) as it:
        assert (await it.get(f"/api/sessions/{past.id[:30]}")).status_code == 404
        assert (await it.get(f"/api/sessions/{past.id}")).status_code == 200
    async with client(Relay(recent=recent), BEARER) as it:
        assert (await it.get(f"/api/sessions/{past.id[:30]}")).status_code == 200
    async with client(Relay(), BEARER) as it:
        assert (await it.get("/api/sessions/%2e%2e")).status_code == 400
    async with client(Relay(), BEARER) as it:
        assert (await it.get(f"/api/sessions/{past.id}")).status_code == 404


@real_clock
async def test_answers_are_what_the_description_says() -> None:
    record = a_record()
    async with client(Relay(records=[record], history=History([a_record(1)])), BEARER) as it:
        for path, model in (("/api/sessions/live", LiveRows), ("/api/sessions", Rows)):
            text = (await it.get(path)).content
            rows = model.model_validate_json(text)
            assert json.loads(text).keys() == rows.model_dump().keys()
            assert json.loads(text)["sessions"][0].keys() == rows.sessions[0].model_dump().keys()
        shown = (await it.get(f"/api/sessions/{record.id}")).content
    assert TypeAdapter(Details).validate_json(shown).session == record


@trio_test
async def test_a_session_is_ended_with_a_reason() -> None:
    record = a_record()
    relay = Relay(records=[record])
    async with client(relay, BEARER) as it:
        path = f"/api/sessions/{record.id}/end"
        answer = await it.post(path, json={"reason": "over budget"})
        assert (answer.status_code, answer.json()) == (202, {"id": record.id})
        assert (await it.post(path)).status_code == 202
        assert (await it.post("/api/sessions/0123/end")).status_code == 404
        for bad in ({"reason": ""}, {"reason": "x" * 124}, {"reason": 5}):
            assert (await it.post(path, json=bad)).status_code == 400
    assert relay.ended == [
        (record.id, closing.operator("over budget")),
        (record.id, closing.operator("ended by the operator")),
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@trio_test
async def test_only_a_post_ends_a_session(method: str) -> None:
    record = a_record()
    relay = Relay(records=[record])
    async with client(relay, BEARER) as it:
        answer = await it.request(method, f"/api/sessions/{record.id}/end")
    assert answer.status_code == 405
    assert relay.ended == []
