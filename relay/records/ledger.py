"""Where the records of a relay go, all of them at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import trio

from relay.records.json_lines import JsonLines
from relay.records.session_record import SessionRecord
from relay.records.settings import STDOUT, RecordSettings
from relay.records.writer import LAST_CHANCE, RecordWriter

if TYPE_CHECKING:  # SQLAlchemy loads slowly
    from relay.records.store import Store

__all__ = ["Ledger"]

_FORGET_EVERY = 3600.0  # seconds

_log = structlog.get_logger()


class Ledger:
    """Takes records while :meth:`run` runs.

    Args:
        settings: Where they go; None for nowhere.

    Raises:
        StoreError: The driver of the database is not installed.
    """

    def __init__(self, settings: RecordSettings | None) -> None:
        self.writers: list[RecordWriter] = []
        """One for each place."""
        self.store: Store | None = None
        """The database among them."""
        if settings is None:
            return
        self._retention = timedelta(days=settings.retention_days)
        if settings.store is not None:
            from relay.records.store import Store  # noqa: PLC0415 - SQLAlchemy loads slowly

            self.store = Store(settings.store)
            self.writers.append(RecordWriter(self.store))
        if settings.json_lines is not None:
            path = None if settings.json_lines == STDOUT else Path(settings.json_lines)
            self.writers.append(RecordWriter(JsonLines(path)))
        if settings.otlp is not None:
            from relay.records.otlp import Otlp  # noqa: PLC0415 - an extra, and it loads slowly

            self.writers.append(RecordWriter(Otlp(settings.otlp)))

    def add(self, record: SessionRecord) -> None:
        """Take a record; it must not be changed any more."""
        for writer in self.writers:
            writer.add(record)

    async def run(self) -> None:
        """Write until cancelled, and then what can be written in a few seconds."""
        async with trio.open_nursery() as nursery:
            for writer in self.writers:
                nursery.start_soon(writer.run)
            while self.store is not None:
                await self._forget(self.store)
                await trio.sleep(_FORGET_EVERY)

    async def _forget(self, store: Store) -> None:
        """Delete what is old; what is under way when the relay stops is waited for."""
        deleting = trio.CancelScope(shield=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._delete_old, store, deleting, nursery.cancel_scope)
            try:
                await trio.sleep_forever()
            finally:
                deleting.deadline = trio.current_time() + LAST_CHANCE

    async def _delete_old(
        self, store: Store, scope: trio.CancelScope, done: trio.CancelScope
    ) -> None:
        with scope:
            try:
                await trio.to_thread.run_sync(
                    store.forget_before,
                    datetime.now(UTC) - self._retention,
                    abandon_on_cancel=True,
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, sessions go on
                _log.error("old records are not deleted", error=str(error))
        done.cancel()
