"""Tests of relay.records.ledger."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from relay.records.filter import Filter
from relay.records.ledger import Ledger
from relay.records.settings import Collector, OtlpSettings, RecordSettings
from relay.records.store import Store, check_url
from relay.records.writer import LAST_CHANCE
from tests.records.collector import collector
from tests.records.samples import a_record


def test_a_record_goes_everywhere(tmp_path: Path) -> None:
    url = check_url("sqlite:relay.db", tmp_path)
    lines = tmp_path / "records.jsonl"
    ledger = Ledger(RecordSettings(url, 30, lines))
    assert [writer.name for writer in ledger.writers] == ["store", "json_lines"]
    ledger.add(record := a_record(began_at=datetime.now(UTC)))

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await ledger.run()

    trio.run(main)
    store = Store(url)
    assert [each.id for each in store.last(Filter(), None)] == [record.id]
    store.close()
    assert json.loads(lines.read_text())["id"] == record.id


def test_a_record_that_can_go_nowhere_keeps_no_other_from_anywhere(tmp_path: Path) -> None:
    url, lines = check_url("sqlite:relay.db", tmp_path), tmp_path / "records.jsonl"
    good = [a_record(), a_record()]
    bad = a_record(metadata={"account": object()}, trace_id="no number")

    async def main(ledger: Ledger) -> None:
        for record in (good[0], bad, good[1]):
            ledger.add(record)
        async with trio.open_nursery() as nursery:
            for writer in ledger.writers:
                nursery.start_soon(writer.run)
            nursery.cancel_scope.cancel()

    with collector() as its, capture_logs() as log:
        where = Collector(False, "127.0.0.1", its.port, "collector", "/v1/traces")
        ledger = Ledger(RecordSettings(url, 30, lines, OtlpSettings(where)))
        trio.run(main, ledger)
    lost = {line["sink"]: line["session"] for line in log if "session" in line}
    assert lost == dict.fromkeys(("store", "json_lines", "otlp"), bad.id)
    assert [(writer.written, writer.lost) for writer in ledger.writers] == [(2, 1)] * 3
    store = Store(url)
    assert store.last(Filter(), None) == good
    store.close()
    ids = [each.id for each in good]
    assert [json.loads(line)["id"] for line in lines.read_text().splitlines()] == ids
    traces = dict.fromkeys(span.trace_id.hex() for span in its.spans)
    assert list(traces) == [each.replace("-", "") for each in ids]


def test_nowhere_is_a_place() -> None:
    ledger = Ledger(None)
    ledger.add(a_record())
    assert ledger.writers == []


def test_old_records_are_forgotten_every_hour(tmp_path: Path) -> None:
    url = check_url("sqlite:relay.db", tmp_path)
    store = Store(url)
    now = datetime.now(UTC)
    old, young = (
        a_record(began_at=now - timedelta(days=8)),
        a_record(began_at=now - timedelta(days=6)),
    )
    store.write([old, young])

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Ledger(RecordSettings(url, 7)).run)
            while len(await trio.to_thread.run_sync(store.last, Filter(), None)) > 1:
                pass
            await trio.to_thread.run_sync(store.write, [a_record(began_at=old.began_at)])
            while len(await trio.to_thread.run_sync(store.last, Filter(), None)) > 1:
                pass
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(rate=36_000))
    assert [each.id for each in store.last(Filter(), None)] == [young.id]
    store.close()


def test_what_is_under_way_at_the_end_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its file would be written to when whoever stopped the relay thinks that all is over."""
    ledger = Ledger(RecordSettings(check_url("sqlite:relay.db", tmp_path)))
    begun, go_on = threading.Event(), threading.Event()

    def forget_before(_: Store, __: datetime) -> None:
        begun.set()
        go_on.wait()

    monkeypatch.setattr(Store, "forget_before", forget_before)

    async def main() -> None:
        ended, running = trio.Event(), trio.CancelScope()

        async def run() -> None:
            with running:
                await ledger.run()
            ended.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await trio.to_thread.run_sync(begun.wait)
            running.cancel()
            await trio.testing.wait_all_tasks_blocked()
            was_ended = ended.is_set()
            go_on.set()
            await ended.wait()
        assert not was_ended

    trio.run(main)


def test_what_hangs_at_the_end_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(RecordSettings(check_url("sqlite:relay.db", tmp_path)))
    go_on = threading.Event()
    monkeypatch.setattr(Store, "forget_before", lambda *_: go_on.wait())

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ledger.run)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        return trio.current_time()

    clock = trio.testing.MockClock(autojump_threshold=0)
    try:
        began = clock.current_time()
        assert trio.run(main, clock=clock) - began == LAST_CHANCE
    finally:
        go_on.set()


def test_a_store_that_is_gone_is_said_and_no_more(tmp_path: Path) -> None:
    ledger = Ledger(RecordSettings(check_url("sqlite:no/such/folder/relay.db", tmp_path)))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ledger.run)
            while not lines:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    with capture_logs() as lines:
        trio.run(main)
    assert lines[0]["event"] == "old records are not deleted"
    assert lines[0]["error"] == "unable to open database file"
