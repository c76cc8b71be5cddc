"""Sessions that end unhappily: the record and its sentence tell what was done, and by whom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relay.doubles import parse_fault
from relay.protocol import closing
from relay.records.explanation import explain, seconds
from relay.records.session_record import Outcome, SessionRecord
from relay.session.session import Session
from tests.e2e.records.acts import listen
from tests.e2e.records.endings import ENDINGS, VIOLATED, Close, Row
from tests.e2e.records.expectation import without_times
from tests.e2e.records.wire import Heard
from tests.e2e.records.world import GATEWAY, Client, World, in_both_drivers, world
from tests.support import real_clock


@in_both_drivers
@pytest.mark.parametrize("row", ENDINGS, ids=str)
@real_clock
async def test_the_record_of_an_ending(row: Row, driver: str, tmp_path: Path) -> None:
    fault = parse_fault(row.fault) if row.fault else None
    async with world(
        tmp_path, row.provider, driver, fault=fault, limits=row.limits, gateway=row.gateway
    ) as here:
        client = await here.connect(receive_buffer=4096 if row.stalls else None)
        answer = await client.open(f"/v1/{GATEWAY}/{row.provider}{row.target}")
        assert answer == (101, b"")
        await row.act(here, client)
    check(row, here, client)


def check(row: Row, here: World, client: Client) -> None:
    """What the record says, and what went over the wire."""
    record = here.record
    words = record.error or ""
    if row.error == "WORDS":
        assert words
        assert not re.search(r"[{}]", words), "of the relay's, not of a peer"
    assert record.id == client.log_id
    assert (record.status, record.code, record.lane) == (101, None, row.lane)
    assert (record.outcome, record.ended_by, record.cause) == (row.outcome, row.by, row.cause)
    assert record.error == (words if row.error == "WORDS" else row.error)
    assert without_times(explain(record)) == row.sentence.replace("WORDS", words)
    assert told(record) == tuple(
        None if each is None else (each[0], each[1].replace("WORDS", words))
        for each in (row.client_close, row.client_told, row.provider_close, row.provider_told)
    )
    if row.owes is not None:
        assert record.usage_missing == ("not reported" if row.owes else None)
        assert (record.cost is None) is row.owes
    check_wire(row, here, client, record)


def told(record: SessionRecord) -> tuple[Close, ...]:
    """What the client sent and was sent, and the provider."""
    found = []
    for side in (record.client, record.provider_side):
        for code, reason in (
            (side.close_code, side.close_reason),
            (side.told_code, side.told_reason),
        ):
            found.append(None if code is None else (code, reason))
            assert code is not None or not reason
    return tuple(found)


def check_wire(row: Row, here: World, client: Client, record: SessionRecord) -> None:
    """Both ends have seen what the record says that they were told, and sent what it counts."""
    (double,) = here.doubles
    for side, ours, masked in (
        (record.client, client.tapped, True),
        (record.provider_side, double, False),
    ):
        stalls = row.stalls == ("client" if masked else "provider")
        was_told = None if side.told_code is None else (side.told_code, side.told_reason)
        if not stalls and "stall" not in row.fault:
            assert Heard.of(ours.received, masked=not masked).close == was_told
        if row.counts:
            heard = Heard.of(ours.sent, masked=masked, answers=side.close_code is None)
            assert (side.frames, side.messages, side.bytes) == heard[:3]
            assert side.largest_message == (heard.largest if heard.messages else 0)
        assert side.bytes <= len(ours.sent)
    if row.stalls:
        held = record.client if row.stalls == "provider" else record.provider_side
        assert 0.1 < held.waited <= record.duration


@in_both_drivers
@real_clock
async def test_a_fault_of_ours_is_named(
    driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("words that may be a peer's")

    monkeypatch.setattr(Session, "_watch", fail)
    async with world(tmp_path, "openai", driver) as here:
        client = await here.connect()
        assert await client.open(f"/v1/{GATEWAY}/openai?model=m") == (101, b"")
        await listen(here, client)
    record = here.record
    assert (record.outcome, record.ended_by) == (Outcome.ENDED, "relay")
    assert (record.cause, record.error) == ("internal error", "ZeroDivisionError")
    fault = (1011, "internal error")
    assert told(record) == (None, fault, None, fault)
    after = seconds(record.duration)
    sentence = f"the relay ended it after {after} because of a fault of its own"
    assert explain(record) == f"{sentence} (ZeroDivisionError)"
    (double,) = here.doubles
    assert Heard.of(client.tapped.received, masked=False).close == fault
    assert Heard.of(double.received, masked=True).close == fault


def test_each_cause_of_the_closing_table_is_told_of() -> None:
    caused = {row.cause for row in ENDINGS} | {"internal error"}
    named = {
        each.name
        for name in closing.__all__
        if isinstance(each := getattr(closing, name), closing.Cause)
    }
    assert named - caused == {"peers", "client lost", "upstream lost"}
    assert VIOLATED in {row.client_told for row in ENDINGS}
