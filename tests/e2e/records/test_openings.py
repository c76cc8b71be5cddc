"""Openings that come to nothing: their records, and who is said to have been the cause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from trio.testing import wait_all_tasks_blocked

from relay.doubles import parse_fault
from relay.records.explanation import explain, timeline
from relay.records.session_record import Outcome
from tests.config.files import unused_port
from tests.doubles.peer import Ended
from tests.e2e.records.expectation import Moment, Within, check, direction, without_times
from tests.e2e.records.wire import Heard
from tests.e2e.records.world import AGENT, GATEWAY, Client, World, in_both_drivers, world
from tests.support import real_clock

Act = Callable[[World, Client], Awaitable[None]]

NOTHING = direction(Heard(0, 0, 0, 0, None), None)
TARGET = f"/v1/{GATEWAY}/openai?model=gpt-realtime"


async def leave(here: World, client: Client) -> None:
    """The client leaves while the provider is asked."""
    await wait_all_tasks_blocked(0.05)
    await client.stream.send_eof()
    await here.accounted.wait()


async def be_cut(here: World, client: Client) -> None:  # noqa: ARG001
    """The relay stops, and does not wait for the provider."""
    await wait_all_tasks_blocked(0.05)
    here.server.drain()
    await here.accounted.wait()


@dataclass(frozen=True)
class Row:
    """One opening."""

    name: str
    sentence: str
    status: int
    by: str = "relay"
    code: int | None = None
    error: str | None = None
    outcome: Outcome = Outcome.REFUSED
    act: Act | None = None
    fault: str = ""
    limits: str = ""
    gateway: str = ""
    unreachable: bool = False
    cause: str = ""
    second: bool = False
    """Whether it is the one after one that was opened."""
    steps: tuple[str, ...] = ("head", "authorise", "connect")

    def __str__(self) -> str:
        return self.name


ROWS = (
    Row(
        "not allowed",
        "the relay refused it with 403, code 2010: WORDS",
        403,
        code=2010,
        gateway='providers = ["xai"]',
        steps=("head",),
    ),
    Row(
        "too many",
        "the relay refused it with 429, code 2003: WORDS",
        429,
        code=2003,
        gateway="openings_per_minute = 1",
        steps=("head",),
        second=True,
    ),
    Row(
        "provider not there",
        "the provider refused the connection, so the relay refused it after T with 502, code 2100",
        502,
        code=2100,
        unreachable=True,
        steps=("head", "authorise"),
    ),
    Row(
        "provider hangs up",
        "WORDS, so the relay refused it after T with 502, code 2100",
        502,
        code=2100,
        fault="hangup",
    ),
    Row(
        "provider redirects",
        "WORDS, so the relay refused it after T with 502, code 2100",
        502,
        code=2100,
        fault="refuse:302",
    ),
    Row(
        "provider is late",
        "WORDS, so the relay refused it after T with 504, code 2101",
        504,
        code=2101,
        fault="late:1h",
        limits='upstream_timeout = "100ms"',
    ),
    Row(
        "provider refuses",
        "the provider refused it with 429",
        429,
        by="provider",
        fault="refuse:429",
    ),
    Row(
        "client leaves",
        "the client left during the opening after T, when the provider had not answered for T",
        0,
        by="client",
        outcome=Outcome.ABANDONED,
        act=leave,
        fault="late:1h",
    ),
    Row(
        "cut at the end of a drain",
        "the relay gave it up during the opening: it was told to stop",
        0,
        act=be_cut,
        fault="late:1h",
        limits='drain_timeout = "100ms"',
        cause="draining",
    ),
)


@in_both_drivers
@pytest.mark.parametrize("row", ROWS, ids=str)
@real_clock
async def test_the_record_of_an_opening_that_came_to_nothing(
    row: Row, driver: str, tmp_path: Path
) -> None:
    began = datetime.now(UTC)
    fault = parse_fault(row.fault) if row.fault else None
    nowhere = f"127.0.0.1:{unused_port()}" if row.unreachable else None
    async with world(
        tmp_path,
        "openai",
        driver,
        fault=fault,
        limits=row.limits,
        gateway=row.gateway,
        upstream=nowhere,
    ) as here:
        if row.second:
            first = await here.connect()
            assert await first.open(TARGET) == (101, b"")
            await first.stream.aclose()
            await here.accounted.wait()
        client = await here.connect()
        if row.act is None:
            status, _ = await client.open(TARGET, ("cf-aig-metadata", '{"user": "anna"}'))
            assert status == row.status
            session_id = client.log_id
        else:
            session_id = ""
            await client.ask(TARGET, ("cf-aig-metadata", '{"user": "anna"}'))
            await row.act(here, client)
            with pytest.raises(Ended):
                await client.peer.next()
        assert here.metric("relay_sessions_total") == 1 + row.second
        assert here.metric("relay_refusals_total") == (1 if row.act is None else 0)
    *_, record = here.records()
    lasted = (datetime.now(UTC) - began).total_seconds()
    reached = "authorise" in row.steps
    check(
        record,
        {
            "id": session_id or record.id,
            "began_at": Moment(began, lasted),
            "gateway": GATEWAY,
            "provider": "openai",
            "endpoint": "/v1/realtime" if reached else "",
            "model": "gpt-realtime" if reached else None,
            "token": "web",
            "client_address": "127.0.0.1",
            "user_agent": AGENT,
            "metadata": {"user": "anna", "team": "voice", "tier": 1},
            "upstream": "",
            "lane": "verbatim",
            "compressed": False,
            "trace_id": None,
            "parent_span_id": None,
            "lingered": 0.0,
            "prices": None,
            "turns_dropped": 0,
            "steps": dict.fromkeys((*row.steps, "unfinished"), Within(0, lasted)),
            "status": row.status,
            "code": row.code,
            "first_message": None,
            "first_audio": None,
            "duration": 0.0,
            "client": NOTHING,
            "provider_side": NOTHING,
            "added_latency": [],
            "usage": None,
            "usage_missing": None,
            "cost": None,
            "turns": [],
            "outcome": row.outcome,
            "ended_by": row.by,
            "cause": row.cause,
            "error": record.error,
        },
    )
    assert (record.error is None) is (row.outcome is Outcome.ABANDONED)
    assert without_times(explain(record)) == row.sentence.replace("WORDS", record.error or "")
    moment, words = timeline(record)[-1]
    assert words == explain(record)
    if "late" in row.fault:  # the time that the provider was waited for is in it
        assert moment >= 0.05


@real_clock
async def test_who_has_not_authenticated_has_no_record_but_is_counted(tmp_path: Path) -> None:
    async with world(tmp_path, "openai") as here:
        client = await here.connect()
        status, _ = await client.open(TARGET, token="rly_" + "x" * 43)
        assert status == 401
        assert here.metric("relay_refusals_total") == 1
        assert here.metric("relay_sessions_total") == 0
    assert here.records() == []
