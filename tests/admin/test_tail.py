"""A session that runs, by the admin API."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
import trio

from relay.protocol.frames import TEXT
from relay.tail.tails import MOST
from relay.testing.frames import Frame
from tests.admin.fakes import BEARER, SECRET, Relay, client
from tests.records.samples import a_record
from tests.support import trio_test

RECORD = a_record()
PATH = f"/api/sessions/{RECORD.id}/tail"


def _is_read(relay: Relay) -> bool:
    return any(pipe._observer is not None for pipe in (relay.inbound, relay.outbound))


async def _read(relay: Relay, query: str = "") -> tuple[Any, list[dict[str, Any]]]:
    """The whole of a tail of a session in which two messages pass, one with a secret."""
    answers = []

    async def ask() -> None:
        async with client(relay, BEARER) as it:
            answers.append(await it.get(PATH + query))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        relay.inbound.receive_data(Frame(TEXT, b"key " + SECRET).encode(b"\1\2\3\4"))
        relay.outbound.receive_data(Frame(TEXT, "grüße\u2028".encode()).encode())
        relay.tails.end(RECORD.id, "the client closed")
    (answer,) = answers
    return answer, [json.loads(line) for line in answer.text.splitlines()]


@trio_test
async def test_a_line_for_each_message_and_one_for_the_end() -> None:
    relay = Relay(records=[RECORD])
    answer, lines = await _read(relay)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Cache-Control"] == "no-store"
    assert lines == [
        {"at": 1.25, "from": "client", "kind": "text", "bytes": 26},
        {"at": 1.25, "from": "provider", "kind": "text", "bytes": 10},
        {"ended": "the client closed"},
    ]
    relay.tails.check_room()
    assert not _is_read(relay)


@trio_test
async def test_with_content_if_the_gateway_allows_it_and_never_with_a_secret() -> None:
    relay = Relay(records=[RECORD], allows_content=True)
    with structlog.testing.capture_logs() as logs:
        answer, lines = await _read(relay, "?content=true")
    assert [each.get("content") for each in lines] == [
        "…(hidden: it may hold a secret)",
        "grüße\u2028",
        None,
    ]
    assert SECRET.decode() not in answer.text
    (line,) = logs
    assert line["event"] == "content read by the operator"
    assert (line["session"], line["client"]) == (RECORD.id, "127.0.0.1")


@trio_test
async def test_without_content_nothing_is_logged_and_nothing_said() -> None:
    with structlog.testing.capture_logs() as logs:
        answer, lines = await _read(Relay(records=[RECORD], allows_content=True), "?content=false")
    assert logs == []
    assert "gr" not in answer.text
    assert not any("content" in each for each in lines)


@trio_test
async def test_what_cannot_be_read() -> None:
    relay = Relay(records=[RECORD])
    with structlog.testing.capture_logs() as logs:
        async with client(relay, BEARER) as it:
            refused = [
                await it.get(f"{PATH}?content=true"),
                await it.get("/api/sessions/0123/tail"),
                await it.get("/api/sessions/%2e%2e/tail"),
                await it.get(f"{PATH}?content=perhaps"),
            ]
            for _ in range(MOST):
                assert relay.tail(RECORD.id, content=False) is not None
            refused.append(await it.get(PATH))
    assert [each.status_code for each in refused] == [403, 404, 400, 400, 429]
    assert all(each.json()["error"] for each in refused)
    assert logs == []
    async with client(relay) as it:
        assert (await it.get(PATH)).status_code == 401


@pytest.mark.parametrize("query", ["", "?content=true"])
@trio_test
async def test_a_reader_that_goes_away_gives_its_place_back(query: str) -> None:
    relay = Relay(records=[RECORD], allows_content=True)
    async with trio.open_nursery() as nursery, client(relay, BEARER) as it:
        nursery.start_soon(it.get, PATH + query)
        await trio.testing.wait_all_tasks_blocked()
        assert _is_read(relay)
        nursery.cancel_scope.cancel()
    assert not _is_read(relay)
    for _ in range(MOST):
        relay.tail(RECORD.id, content=False)


@trio_test
async def test_the_description_has_it() -> None:
    async with client(Relay(), BEARER) as it:
        described = (await it.get("/openapi.json")).json()
    answers = described["paths"]["/api/sessions/{session_id}/tail"]["get"]["responses"]
    assert {"200", "403", "404", "429"} <= answers.keys()
    assert "application/x-ndjson" in answers["200"]["content"]
