"""Tests of relay.records.store and relay.records.tables, with SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import trio
from sqlalchemy import create_engine, text

from relay.protocol.usage import Usage
from relay.records.filter import Filter
from relay.records.session_record import Outcome, Work
from relay.records.store import Store, StoreError, check_url
from relay.records.tables import metadata
from relay.records.totals import DayTotal
from relay.records.writer import RecordWriter
from tests.e2e.requirements import needs
from tests.records import postgresql
from tests.records.samples import BEGAN, a_record
from tests.support import real_clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "relay.db"


@pytest.fixture
def file_store(path: Path) -> Iterator[Store]:
    store = Store(check_url(f"sqlite:{path.name}", path.parent))
    yield store
    store.close()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    needs(postgresql.programs(), "PostgreSQL")
    needs(find_spec("psycopg"), "psycopg")
    with postgresql.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "sqlite":
        yield request.getfixturevalue("file_store")
        return
    url = check_url(request.getfixturevalue("database"), Path())
    engine = create_engine(url)
    metadata.drop_all(engine)
    engine.dispose()
    store = Store(url)
    yield store
    store.close()


def test_a_record_comes_back_as_it_was_written(store: Store) -> None:
    record = a_record()
    store.write([record])
    assert store.last(Filter(), None) == [record]
    assert store.one(record.id) == record


def test_what_is_not_known_stays_unknown(store: Store) -> None:
    record = a_record(usage=None, usage_missing="compressed", turns=[], cost=None, model=None)
    store.write([record])
    assert store.last(Filter(), None) == [record]


def test_a_part_may_be_known_and_the_rest_not(store: Store) -> None:
    record = a_record(usage_missing="not reported", cost=None)
    assert record.usage
    store.write([record])
    assert store.last(Filter(), None) == [record]
    assert store.one(record.id) == record


def test_none_used_is_not_unknown(store: Store) -> None:
    record = a_record(usage=(), usage_missing=None, cost=Decimal(0))
    store.write([record])
    assert store.last(Filter(), None)[0].usage == ()


def test_a_record_is_written_once(store: Store) -> None:
    first, second = a_record(0), a_record(1)
    store.write([first])
    store.write([first, second])
    store.write([first])
    assert [each.id for each in store.last(Filter(), None)] == [first.id, second.id]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter(), 4),
        (Filter(gateway="acct/main"), 3),
        (Filter(provider="openai"), 2),
        (Filter(model="gpt-realtime"), 3),
        (Filter(token="app"), 1),
        (Filter(client_address="192.0.2.8"), 1),
        (Filter(outcome="refused"), 1),
        (Filter(ended_by="relay"), 1),
        (Filter(since=BEGAN + timedelta(minutes=1)), 3),
        (Filter(until=BEGAN + timedelta(minutes=1)), 1),
        (Filter(provider="openai", token="web", since=BEGAN), 1),
        (Filter(provider="x"), 0),
    ],
)
def test_sessions_are_found_by_what_they_are(store: Store, wanted: Filter, count: int) -> None:
    records = [
        a_record(0, token="app"),
        a_record(1, provider="cartesia", model="sonic", gateway="acct/other"),
        a_record(2, provider="google", client_address="192.0.2.8", ended_by="relay"),
        a_record(3, outcome=Outcome.REFUSED),
    ]
    store.write(records)
    found = store.last(wanted, None)
    assert len(found) == count
    assert found == [record for record in records if wanted.fits(record)]


def test_the_newest_come_last_and_older_ones_not_at_all(store: Store) -> None:
    records = [a_record(minute) for minute in range(5)]
    store.write(records)
    assert [each.id for each in store.last(Filter(), 2)] == [each.id for each in records[-2:]]


def test_the_beginning_of_an_id_is_enough_if_there_is_one_such(store: Store) -> None:
    first, second = a_record(), a_record()
    store.write([first, second])
    assert store.one(first.id[:-1]) == first
    assert store.one("0") is None
    assert store.one("%") is None
    assert store.one("x") is None


def test_old_records_are_forgotten_with_all_that_belongs_to_them(
    file_store: Store, path: Path
) -> None:
    store = file_store
    store.write([a_record(-minute) for minute in range(1, 1002)] + [kept := a_record(0)])
    assert store.forget_before(BEGAN) == 1001
    assert [each.id for each in store.last(Filter(), None)] == [kept.id]
    assert store.forget_before(BEGAN) == 0
    with sqlite3.connect(path) as connection:
        for table in ("relay_usage", "relay_turns"):
            rows = connection.execute(f"SELECT DISTINCT session FROM {table}")  # noqa: S608
            assert list(rows) == [(kept.id,)]
    connection.close()


def test_sums_in_the_database_are_exact(file_store: Store, path: Path) -> None:
    store = file_store
    tenth = a_record(cost=Decimal("0.1"))
    store.write([tenth, a_record(cost=Decimal("0.2")), a_record(cost=None)])
    connection = sqlite3.connect(path)
    [(total,)] = connection.execute("SELECT SUM(cost) FROM relay_sessions")
    connection.close()
    assert total == 300_000_000_000


def test_a_store_that_cannot_be_used_says_why_and_works_again_later(path: Path) -> None:
    path.mkdir()
    store = Store(check_url(f"sqlite:{path}", path))
    with pytest.raises(StoreError, match="unable to open database file"):
        store.write([a_record()])
    path.rmdir()
    store.write([a_record()])
    assert len(store.last(Filter(), None)) == 1
    store.close()


def test_a_file_that_is_something_else_is_left_alone(path: Path) -> None:
    path.write_text("not a database, but long enough to look like something" * 100)
    store = Store(check_url(f"sqlite:{path}", path))
    with pytest.raises(StoreError, match="file is not a database"):
        store.last(Filter(), None)
    store.close()


def test_tables_of_another_version_are_left_alone(file_store: Store, path: Path) -> None:
    file_store.prepare()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE relay_schema SET version = 99")
    connection.commit()
    connection.close()
    other = Store(check_url(f"sqlite:{path}", path))
    with pytest.raises(StoreError, match="the tables are of version 99, this relay's of 1"):
        other.write([a_record()])
    other.close()


def test_a_reader_sees_what_the_writer_wrote_while_it_writes(file_store: Store, path: Path) -> None:
    store = file_store
    store.write([a_record()])
    reader = Store(check_url(f"sqlite:{path}", path))
    assert len(reader.last(Filter(), None)) == 1
    store.write([a_record()])
    assert len(reader.last(Filter(), None)) == 2
    reader.close()


@pytest.mark.parametrize("text", ["", "sqlite:", "mysql://u@h/d", "relay.db", "postgresql:secret"])
def test_other_stores_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(ValueError, match='must be "sqlite:PATH"') as caught:
        check_url(text, Path())
    assert "secret" not in str(caught.value)


def test_a_database_that_is_gone_says_so_and_not_its_password() -> None:
    needs(find_spec("psycopg"), "psycopg")
    store = Store(check_url("postgresql://u:pass-word@127.0.0.1:1/d", Path()))
    with pytest.raises(StoreError, match="refused") as caught:
        store.write([a_record()])
    assert "pass-word" not in str(caught.value)
    store.close()


def test_without_its_driver_a_database_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match="extra 'postgresql'"):
        Store(check_url("postgresql://u@h/d", Path()))


def test_tables_are_made_once_though_two_threads_begin_at_the_same_time(tmp_path: Path) -> None:
    """One writes, and the other one forgets what is too old."""
    for number in range(10):
        store = Store(check_url(f"sqlite:{number}.db", tmp_path))
        both = threading.Barrier(2)

        def begin(work: Callable[[], object], both: threading.Barrier = both) -> None:
            both.wait()
            work()

        with ThreadPoolExecutor(2) as pool:
            writing = pool.submit(begin, partial(store.write, [a_record()]))
            forgetting = pool.submit(begin, partial(store.forget_before, BEGAN))
        writing.result()
        forgetting.result()
        store.close()
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as file:
            assert file.execute("SELECT count(*) FROM relay_schema").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "wrong",
    [{"cost": Decimal(10) ** 9}, {"metadata": {"account": UUID(int=1)}}],
    ids=["no column holds it", "no JSON"],
)
@real_clock
async def test_a_record_that_cannot_be_written_costs_no_other(
    store: Store, wrong: dict[str, Any]
) -> None:
    good, monstrous = [a_record(), a_record()], a_record(**wrong)
    writer = RecordWriter(store)
    for record in (good[0], monstrous, good[1]):
        writer.add(record)
    with trio.CancelScope() as scope:
        scope.cancel()
        await writer.run()
    assert (writer.written, writer.lost) == (2, 1)
    assert store.last(Filter(), None) == good


def test_what_can_be_mended_is_no_fault_of_the_records(store: Store) -> None:
    store.write([first := a_record()])
    with store._engine.begin() as connection:
        connection.execute(text("ALTER TABLE relay_turns RENAME TO elsewhere"))
    with pytest.raises(StoreError, match="relay_turns"):
        store.write([second := a_record()])
    with store._engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO relay_turns"))
    store.write([second])
    assert store.last(Filter(), None) == [first, second]


def test_totals_by_day_gateway_and_provider(store: Store) -> None:
    later = 24 * 60
    model = Work("m", Usage(input_text_tokens=5, session_seconds=Decimal("1.5")), Decimal("0.25"))
    other = Work(None, Usage(output_audio_seconds=Decimal("0.000001")))
    two: dict[str, Any] = {"usage": (model, model, other), "duration": 2.0}
    store.write(
        [
            a_record(cost=Decimal("0.5"), **two),
            a_record(1, cost=None, **two),
            a_record(2, cost=None, usage=None, outcome=Outcome.REFUSED, status=503, duration=0.0),
            a_record(3, cost=Decimal(1), usage=(), gateway="b/b", duration=1.0),
            a_record(4, cost=None, usage=None, provider="google", duration=1.0),
            a_record(later, cost=Decimal(2), usage=(), duration=1.0),
            a_record(2 * later, usage=()),
        ]
    )
    found = store.totals(BEGAN, BEGAN + timedelta(days=2))
    day = BEGAN.date()
    both = Usage(
        input_text_tokens=20,
        session_seconds=Decimal(6),
        output_audio_seconds=Decimal("0.000002"),
    )
    assert found == [
        DayTotal(day + timedelta(1), "acct/main", "openai", 1, 1.0, Decimal(2), 0, Usage()),
        DayTotal(day, "acct/main", "google", 1, 1.0, None, 1, Usage()),
        DayTotal(day, "acct/main", "openai", 3, 4.0, Decimal("0.5"), 1, both),
        DayTotal(day, "b/b", "openai", 1, 1.0, Decimal(1), 0, Usage()),
    ]
    assert all(isinstance(each.usage.input_text_tokens, int) for each in found)
    assert store.totals(BEGAN - timedelta(days=2), BEGAN) == []


def test_a_part_is_found_in_names_and_stands_for_itself(store: Store) -> None:
    first = a_record(token="Web", model="gpt-x", client_address="192.0.2.1")
    second = a_record(1, token=None, model="100%_sure", client_address="2001:db8::1")
    store.write([first, second])
    for part, found in (("gPT", [first]), ("%_", [second]), ("%", [second]), ("DB8", [second])):
        assert store.last(Filter(part=part), None) == found
    assert store.last(Filter(part=first.id[24:].upper()), None) == [first]
    assert store.last(Filter(part="x_"), None) == []


def test_summaries_are_records_without_usage_and_turns(store: Store) -> None:
    record = a_record()
    store.write([record])
    (summary,) = store.summaries(Filter(), None)
    assert (summary.usage, summary.turns) == ((), [])
    assert replace(summary, usage=record.usage, turns=record.turns) == record
