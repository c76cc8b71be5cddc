"""The store of records: SQLite in a file, or PostgreSQL, by SQLAlchemy.

Everything here blocks, so it runs in threads: the writer's, and those of whoever reads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    RowMapping,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    or_,
    select,
)
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.pool import NullPool

from relay.protocol.usage import UNITS
from relay.records.filter import EQUAL, SEARCHED, Filter
from relay.records.session_record import SessionRecord, from_json, to_json
from relay.records.tables import SCHEMA_VERSION, metadata, rows, schema, sessions, turns, usage
from relay.records.totals import DayTotal, day_totals
from relay.records.writer import SinkError

__all__ = ["Store", "StoreError", "check_driver", "check_url"]

_AT_ONCE = 500  # sessions that are deleted in one transaction


class StoreError(SinkError):
    """The store cannot be used now: a sentence for people, without the store's password."""


def check_url(text: str, folder: Path) -> URL:
    """Read where a store is.

    Args:
        text: ``sqlite:PATH``, or ``postgresql://USER:PASSWORD@HOST/DATABASE``.
        folder: What a relative path is relative to.

    Raises:
        ValueError: It is neither; the sentence does not hold a password.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "sqlite" and rest:
        return URL.create("sqlite", database=str(folder / rest))
    if scheme == "postgresql":
        with suppress(ArgumentError):
            return make_url(text).set(drivername="postgresql+psycopg")
    raise ValueError('must be "sqlite:PATH" or "postgresql://USER@HOST/DATABASE"')


def check_driver(url: URL) -> None:
    """See that a store can be used at all, without connecting to it.

    Raises:
        StoreError: Its driver is not installed, or cannot be loaded.
    """
    try:
        url.get_dialect().import_dbapi()
    except ImportError:
        raise StoreError(
            "PostgreSQL needs psycopg: install the extra 'postgresql' of realtime-relay"
        ) from None


class Store:
    """Writes and reads records.

    Args:
        url: What :func:`check_url` returned. An SQLite file is made if it is not there.

    Raises:
        StoreError: Its driver is not installed.
    """

    name = "store"

    def __init__(self, url: URL) -> None:
        check_driver(url)
        sqlite = url.drivername == "sqlite"
        # A file is opened anew each time: a thread that is left behind, because the relay stops,
        # leaves no connection open. That takes a millisecond.
        pooling = {"poolclass": NullPool} if sqlite else {"pool_pre_ping": True}
        self._engine = create_engine(url, hide_parameters=True, **pooling)
        self._prepared = False
        self._preparing = threading.Lock()
        if sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)

    def prepare(self) -> None:
        """Make the tables, if they are not there.

        Raises:
            StoreError: They cannot be made, or are those of another version of the relay.
        """
        with self._preparing:  # those who write and those who forget come from threads of their own
            self._prepare()

    def _prepare(self) -> None:
        if self._prepared:
            return
        with _sentences(), self._engine.begin() as connection:
            metadata.create_all(connection)
            version = connection.execute(select(schema.c.version)).scalar()
            if version is None:
                connection.execute(insert(schema), {"version": SCHEMA_VERSION})
            elif version != SCHEMA_VERSION:
                raise StoreError(
                    f"the tables are of version {version}, this relay's of {SCHEMA_VERSION}"
                )
        self._prepared = True

    def write(self, records: Sequence[SessionRecord]) -> None:
        """Write records; one that is there already is left as it is.

        Raises:
            StoreError: None is written: the database cannot be, now.
            Exception: None is written: the database will never take one of them.
        """
        self.prepare()
        with _sentences(), self._engine.begin() as connection:
            ids = [record.id for record in records]
            known = set(
                connection.execute(select(sessions.c.id).where(sessions.c.id.in_(ids))).scalars()
            )
            written = [rows(record) for record in records if record.id not in known]
            if not written:
                return
            connection.execute(insert(sessions), [session for session, _, _ in written])
            for table, each in (
                (usage, [row for _, works, _ in written for row in works]),
                (turns, [row for _, _, responses in written for row in responses]),
            ):
                if each:
                    connection.execute(insert(table), each)

    def forget_before(self, moment: datetime) -> int:
        """Delete the records of sessions that began before; return how many there were.

        Raises:
            StoreError: Not all of them are deleted.
        """
        self.prepare()
        count = 0
        old = select(sessions.c.id).where(sessions.c.began_at < moment).limit(_AT_ONCE)
        while True:
            with _sentences(), self._engine.begin() as connection:
                ids = list(connection.execute(old).scalars())
                for table in (usage, turns):
                    connection.execute(delete(table).where(table.c.session.in_(ids)))
                connection.execute(delete(sessions).where(sessions.c.id.in_(ids)))
            count += len(ids)
            if len(ids) < _AT_ONCE:
                return count

    def last(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        """The newest records that fit, in the order in which they were written.

        Args:
            wanted: Which.
            limit: How many at most; None for all.

        Raises:
            StoreError: They cannot be read.
        """
        self.prepare()
        with _sentences(), self._engine.connect() as connection:
            found = _newest(connection, wanted, limit)
            ids = list(found)
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                for table, name, show in ((usage, "usage", _work), (turns, "turns", _turn)):
                    of_these = select(table).where(table.c.session.in_(some))
                    for row in connection.execute(of_these.order_by(table.c.number)).mappings():
                        found[row["session"]][name].append(show(row))
        for shown in found.values():
            if shown["usage_missing"] and not shown["usage"]:
                shown["usage"] = None  # else what is missing is a part
        return [from_json(shown) for shown in reversed(found.values())]

    def summaries(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        """The same without usage by model and without turns, of which there can be thousands.

        Raises:
            StoreError: They cannot be read.
        """
        self.prepare()
        with _sentences(), self._engine.connect() as connection:
            found = _newest(connection, wanted, limit)
        return [from_json(shown) for shown in reversed(found.values())]

    def one(self, beginning: str) -> SessionRecord | None:
        """The record whose id begins so; None if there is none, or more than one.

        Raises:
            StoreError: It cannot be read.
        """
        self.prepare()
        with _sentences(), self._engine.connect() as connection:
            like = sessions.c.id.startswith(beginning, autoescape=True)
            ids = list(connection.execute(select(sessions.c.id).where(like).limit(2)).scalars())
        if len(ids) != 1:
            return None
        return self.last(Filter(id=ids[0]), 1)[0]

    def totals(self, since: datetime, until: datetime) -> list[DayTotal]:
        """What was used and what it cost, by day, gateway and provider; the newest day first.

        Raises:
            StoreError: It cannot be read.
        """
        self.prepare()
        with _sentences(), self._engine.connect() as connection:
            return day_totals(connection, since, until)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """Let readers read while the relay writes, and wait for each other otherwise."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000"):
        connection.execute(f"PRAGMA {pragma}")


def _newest(connection: Connection, wanted: Filter, limit: int | None) -> dict[str, dict[str, Any]]:
    """The newest records that fit, by id, as JSON; usage and turns are still empty."""
    query = select(sessions.c.id, sessions.c.details).where(*_clauses(wanted))
    newest = query.order_by(sessions.c.number.desc()).limit(limit)
    found = {row.id: dict(row.details) for row in connection.execute(newest)}
    for shown in found.values():
        shown.update(turns=[], usage=[])
    return found


def _clauses(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """What a row has to fulfil; the same as :meth:`Filter.fits` of a record."""
    for name in EQUAL:
        value = getattr(wanted, name)
        if value is not None:
            yield sessions.c[name] == value
    if wanted.since is not None:
        yield sessions.c.began_at >= wanted.since
    if wanted.until is not None:
        yield sessions.c.began_at < wanted.until
    if wanted.part is not None:
        yield or_(*(sessions.c[name].icontains(wanted.part, autoescape=True) for name in SEARCHED))


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn what the database says into a sentence.

    Raises:
        StoreError: In place of an error of SQLAlchemy's, in which a statement would stand; but for
            one about the data, which would come again with them.
    """
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except DBAPIError as error:
        # OperationalError and InterfaceError, of a database that is gone; and ProgrammingError, of
        # tables that are, or a right to write: all can be mended, and no record is lost for them.
        raise StoreError(" ".join(str(error.orig).split())) from None
    except StatementError:  # what no driver was ever given: a value that is no JSON, say
        raise
    except SQLAlchemyError as error:
        raise StoreError(" ".join(str(error).split())) from None


def _work(row: RowMapping) -> dict[str, Any]:
    counts = {unit: row[unit] for unit in UNITS if row[unit]}
    return {"model": row["model"], "usage": to_json(counts), "cost": to_json(row["cost"])}


def _turn(row: RowMapping) -> dict[str, Any]:
    return {name: to_json(each) for name, each in row.items() if name not in {"session", "number"}}
