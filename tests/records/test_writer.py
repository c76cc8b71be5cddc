"""Tests of relay.records.writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from relay.records import writer as writer_module
from relay.records.session_record import SessionRecord
from relay.records.writer import MOST_WAITING, RecordWriter, RejectedError, SinkError
from tests.records.samples import a_record
from tests.support import real_clock


class Memory:
    """A sink that can be told to fail."""

    name = "memory"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.errors: list[Exception | None] = []
        """Of the next attempts; None for one that succeeds."""
        self.unwritable: set[str] = set()
        """Ids of records that it never can write."""
        self.closed = False

    def write(self, records: Sequence[SessionRecord]) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        ids = [record.id for record in records]
        if self.unwritable.intersection(ids):
            raise ZeroDivisionError("a secret")
        self.batches.append(ids)

    def close(self) -> None:
        self.closed = True

    @property
    def ids(self) -> list[str]:
        return [each for batch in self.batches for each in batch]


async def until(reached: int, sink: Memory) -> None:
    """Threads take their own time, whatever the clock says."""
    while len(sink.ids) < reached:
        await trio.lowlevel.checkpoint()


def test_records_are_written_in_their_order_and_in_batches() -> None:
    async def main() -> None:
        sink = Memory()
        writer = RecordWriter(sink)
        records = [a_record() for _ in range(1200)]
        for record in records:
            writer.add(record)
        assert writer.waiting == 1200
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await until(1200, sink)
            nursery.cancel_scope.cancel()
        assert sink.ids == [record.id for record in records]
        assert [len(batch) for batch in sink.batches] == [500, 500, 200]
        assert (writer.written, writer.waiting, writer.lost) == (1200, 0, 0)
        assert sink.closed

    trio.run(main, clock=trio.testing.MockClock(rate=1000))


@real_clock
async def test_what_waits_when_the_relay_stops_is_still_written() -> None:
    sink = Memory()
    writer = RecordWriter(sink)
    with trio.CancelScope() as scope:
        scope.cancel()
        writer.add(record := a_record())
        await writer.run()
    assert sink.ids == [record.id]
    assert sink.closed


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SinkError("disk full"), "disk full"),
        (OSError("a secret"), "OSError"),
        (MemoryError("a secret"), "MemoryError"),
    ],
)
def test_a_batch_that_fails_is_tried_again_and_said_once(error: Exception, said: str) -> None:
    async def main() -> None:
        sink = Memory()
        sink.errors = [error, error, error]
        writer = RecordWriter(sink)
        writer.add(record := a_record())
        with capture_logs() as lines:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(writer.run)
                await until(1, sink)
                nursery.cancel_scope.cancel()
        assert sink.ids == [record.id]
        assert (writer.lost, writer.failing) == (0, False)
        assert [(line["event"], line.get("error")) for line in lines] == [
            ("records cannot be written", said),
            ("records are written again", None),
        ]

    trio.run(main, clock=trio.testing.MockClock(rate=1000))


def test_without_a_thread_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = trio.to_thread.run_sync, [RuntimeError("can't start new thread")]

    async def run_sync(*args: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(*args, **options)

    async def main() -> None:
        sink = Memory()
        writer = RecordWriter(sink)
        writer.add(record := a_record())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await until(1, sink)
            nursery.cancel_scope.cancel()
        assert (sink.ids, writer.lost) == ([record.id], 0)

    monkeypatch.setattr("trio.to_thread.run_sync", run_sync)
    trio.run(main, clock=trio.testing.MockClock(rate=1000))
    assert not failures


async def _write_all(writer: RecordWriter) -> None:
    """As the writer does when the relay stops, with what waits."""
    with trio.CancelScope() as scope:
        scope.cancel()
        await writer.run()


@real_clock
async def test_a_record_that_cannot_be_written_is_lost_alone() -> None:
    sink = Memory()
    writer = RecordWriter(sink)
    records = [a_record() for _ in range(5)]
    bad = [records[0].id, records[3].id]
    sink.unwritable = set(bad)
    for record in records:
        writer.add(record)
    with capture_logs() as lines:
        await _write_all(writer)
    assert sink.ids == [records[1].id, records[2].id, records[4].id]
    assert (writer.written, writer.waiting, writer.lost) == (3, 0, 2)
    assert not writer.failing
    assert [(line["event"], line.get("session"), line.get("error")) for line in lines] == [
        *(("record cannot be written", each, "ZeroDivisionError") for each in bad),
        ("records lost", None, None),
    ]
    assert lines[0]["sink"] == "memory"
    assert "a secret" not in str(lines)


def test_what_was_written_alone_does_not_come_again_when_the_sink_goes_away() -> None:
    async def main() -> None:
        sink = Memory()
        writer = RecordWriter(sink)
        records = [a_record() for _ in range(3)]
        sink.unwritable = {records[1].id}
        # All of them; the first one; the second one, for which the sink is away.
        sink.errors = [None, None, SinkError("gone")]
        for record in records:
            writer.add(record)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await until(2, sink)
            nursery.cancel_scope.cancel()
        assert sink.batches == [[records[0].id], [records[2].id]]
        assert (writer.written, writer.lost, writer.failing) == (2, 1, False)

    trio.run(main, clock=trio.testing.MockClock(rate=1000))


def test_a_full_queue_costs_records_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MOST_WAITING", 2)

    async def main() -> None:
        sink = Memory()
        sink.errors = [SinkError("gone")] * 2
        writer = RecordWriter(sink)
        records = [a_record() for _ in range(3)]
        for record in records:
            writer.add(record)
        assert (writer.waiting, writer.lost) == (2, 1)
        with capture_logs() as lines, trio.CancelScope() as scope:
            scope.cancel()
            await writer.run()
        assert sink.ids == []
        assert writer.lost == 3
        assert lines[-1]["event"] == "records lost"
        assert lines[-1]["lost"] == 3

    trio.run(main)
    assert MOST_WAITING > 2


def test_what_a_sink_will_never_take_does_not_stand_in_the_way_of_others() -> None:
    async def main() -> None:
        sink = Memory()
        sink.errors = [RejectedError("nonsense", lost=1), RejectedError("nonsense", lost=0)]
        writer = RecordWriter(sink)
        with capture_logs() as lines:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(writer.run)
                for written in range(3):
                    writer.add(record := a_record())
                    while writer.waiting:
                        await trio.lowlevel.checkpoint()
                    assert writer.failing is (written < 2)
                nursery.cancel_scope.cancel()
        assert sink.ids == [record.id]
        assert (writer.written, writer.lost) == (2, 1)
        assert [(line["event"], line.get("error")) for line in lines] == [
            ("records cannot be written", "nonsense"),
            ("records are written again", None),
            ("records lost", None),
        ]

    trio.run(main, clock=trio.testing.MockClock(rate=1000))
