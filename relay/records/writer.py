"""Writing records off the event loop, in batches, from a queue that has an end.

A sink that is slow, full or gone costs records and never a session: what the queue cannot hold is
counted as lost. A batch that could not be written is tried again, ever less often; but a record
that cannot be written for what is in it is lost alone, and holds up no other.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog
import trio

from relay.records.session_record import SessionRecord

__all__ = ["LAST_CHANCE", "MOST_WAITING", "RecordWriter", "RejectedError", "Sink", "SinkError"]

MOST_WAITING = 10_000
"""Records that wait; some 2 KiB each, and a turn more some 200 bytes."""
LAST_CHANCE = 5.0
"""Seconds in which threads may still do what they are at, when the relay stops."""
_BATCH = 500
_PAUSE = 0.25  # seconds between batches, so that busy times make large ones
_FIRST_RETRY, _LAST_RETRY = 1.0, 60.0

_log = structlog.get_logger()


class SinkError(Exception):
    """A sink took nothing; the sentence says why."""


class RejectedError(SinkError):
    """A sink will never take some of them; the sentence says why.

    Args:
        sentence: Why.
        lost: How many records are lost.
    """

    def __init__(self, sentence: str, lost: int) -> None:
        super().__init__(sentence)
        self.lost = lost


class _UnwritableError(Exception):
    """What is in one of the records cannot be written; the type of the sink's error."""


class Sink(Protocol):
    """Where records go. Called from threads, one call at a time."""

    name: str

    def write(self, records: Sequence[SessionRecord]) -> None:
        """Write all of them.

        Raises:
            RejectedError: All are written but those that never can be.
            SinkError: None is written, or some; they will come again. Whatever keeps a sink from
                taking any record at all, for now, is told by this.
            Exception: None is written, or some, for what is in one of them; they will come again
                one by one, and one that it is raised for then is lost.
        """

    def close(self) -> None:
        """No more will come."""


class RecordWriter:
    """Brings records to a sink while :meth:`run` runs.

    Args:
        sink: Closed at the end.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: deque[SessionRecord] = deque()
        self._news = trio.Event()
        self._stopping = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        self.written = 0
        self.lost = 0
        """Records that never will be written."""
        self.failing = False
        """Whether the last attempt failed."""

    @property
    def name(self) -> str:
        """The sink's."""
        return self._sink.name

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""
        return len(self._waiting)

    def add(self, record: SessionRecord) -> None:
        """Take a record; it must not be changed any more."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(record)
        self._news.set()

    async def run(self) -> None:
        """Write until cancelled, and then what can be written in five seconds."""
        # A write under way is not cut off by the cancellation: it would be done again, and twice.
        writing = trio.CancelScope(shield=True)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write_all, writing)
                try:
                    await trio.sleep_forever()
                finally:
                    writing.deadline = trio.current_time() + LAST_CHANCE
                    self._stopping.set()
                    self._news.set()
        finally:
            self.lost += len(self._waiting)
            if self.lost:
                _log.error("records lost", sink=self.name, lost=self.lost)
            self._sink.close()

    async def _write_all(self, scope: trio.CancelScope) -> None:
        retry = _FIRST_RETRY
        with scope:
            while self._waiting or not self._stopping.is_set():
                if not self._waiting:
                    await self._news.wait()
                    self._news = trio.Event()
                elif await self._write_batch():
                    retry = _FIRST_RETRY
                    await self._pause(_PAUSE)
                elif self._stopping.is_set():
                    return
                else:
                    await self._pause(retry)
                    retry = min(2 * retry, _LAST_RETRY)

    async def _pause(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._stopping.wait()

    async def _write_batch(self) -> bool:
        """Write some; return whether they are dealt with."""
        batch = list(itertools.islice(self._waiting, _BATCH))
        try:
            return await self._write(batch)
        except _UnwritableError:
            return await self._write_one_by_one(batch)

    async def _write_one_by_one(self, batch: Sequence[SessionRecord]) -> bool:
        """The same, where what is in one of them would keep all others from being written."""
        for record in batch:
            try:
                if not await self._write([record]):
                    return False
            except _UnwritableError as error:
                self._waiting.popleft()
                self.lost += 1
                _log.error(
                    "record cannot be written", sink=self.name, session=record.id, error=str(error)
                )
        return True

    async def _write(self, records: Sequence[SessionRecord]) -> bool:
        """Write those that have waited longest; return whether they are dealt with.

        Raises:
            _UnwritableError: They are not, because of one of them.
        """
        lost, failed = 0, False
        try:
            await trio.to_thread.run_sync(
                self._call_sink, records, abandon_on_cancel=True, limiter=self._thread
            )
        except RejectedError as error:
            self._complain(str(error))
            lost, failed = error.lost, True
        except SinkError as error:
            self._complain(str(error))
            return False
        except _UnwritableError:
            raise
        except Exception as error:  # noqa: BLE001 - no thread, say: whatever it is, sessions go on
            self._complain(type(error).__name__)
            return False
        for _ in records:
            self._waiting.popleft()
        self.written += len(records) - lost
        self.lost += lost
        if self.failing and not failed:
            _log.info("records are written again", sink=self.name, lost=self.lost)
        self.failing = failed
        return True

    def _call_sink(self, records: Sequence[SessionRecord]) -> None:
        """Let the sink write, in its thread, and tell whose fault it is if it cannot.

        A sink knows the errors of what it writes to, and says them as a :class:`SinkError`. What it
        did not foresee comes of the records: the next attempt would end in the same way, for ever.
        Errors of the machine are the exception, since they pass.

        Raises:
            SinkError: As the sink does.
            OSError, MemoryError: The machine is at fault.
            _UnwritableError: One of the records is.
        """
        try:
            self._sink.write(records)
        except (SinkError, OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a value that is no JSON, and the like
            # Not its words, in which that value can stand.
            raise _UnwritableError(type(error).__name__) from None

    def _complain(self, why: str) -> None:
        """Log it, once until it works again."""
        if not self.failing:
            _log.error("records cannot be written", sink=self.name, error=why)
        self.failing = True
