"""Tests of relay.records.writer."""

from __future__ import annotations

from collections.abc import Sequence

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
        self.errors: list[Exception] = []
        self.closed = False

    def write(self, records: Sequence[SessionRecord]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.batches.append([record.id for record in records])

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


@pytest.mark.parametrize("error", [SinkError("disk full"), ZeroDivisionError("a secret")])
def test_a_batch_that_fails_is_tried_again_and_said_once(error: Exception) -> None:
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
        said = "disk full" if isinstance(error, SinkError) else "ZeroDivisionError"
        assert [(line["event"], line.get("error")) for line in lines] == [
            ("records cannot be written", said),
            ("records are written again", None),
        ]

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
