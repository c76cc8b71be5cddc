"""Tests of relay.config_records."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from relay.records.settings import RecordSettings
from tests.config_files import OPEN_GATEWAY, load_text, problems_of
from tests.e2e.requirements import needs

URL = "postgresql://relay:pass-word@db.test/relay"


def records_of(folder: Path, table: str) -> RecordSettings | None:
    return load_text(folder, OPEN_GATEWAY + table).records


def test_nothing_is_recorded_by_default(tmp_path: Path) -> None:
    assert records_of(tmp_path, "") is None


def test_an_empty_table_is_enough(tmp_path: Path) -> None:
    records = records_of(tmp_path, "[records]")
    assert records is not None
    assert records.store is not None
    assert records.store.drivername == "sqlite"
    assert records.store.database == str(tmp_path / "relay.db")
    assert records.retention_days == 30
    assert records.json_lines is None


def test_lines_alone(tmp_path: Path) -> None:
    table = '[records]\nstore = "none"\njson_lines = "%s"\nretention_days = 7'
    assert records_of(tmp_path, table % "r.jsonl") == RecordSettings(None, 7, tmp_path / "r.jsonl")
    assert records_of(tmp_path, table % "stdout") == RecordSettings(None, 7, "stdout")


def test_a_database_with_its_password_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(find_spec("psycopg"), "psycopg")
    monkeypatch.setenv("RELAY_STORE", URL)
    (tmp_path / "url").write_text(URL + "\n")
    for source in ("env:RELAY_STORE", "file:url"):
        records = records_of(tmp_path, f'[records]\nstore = "{source}"')
        assert records is not None
        assert records.store is not None
        assert (records.store.host, records.store.password) == ("db.test", "pass-word")
        assert "pass-word" not in repr(records)


def test_a_password_in_the_file_has_to_be_allowed(tmp_path: Path) -> None:
    needs(find_spec("psycopg"), "psycopg")
    table = f'[records]\nstore = "{URL}"'
    [problem] = problems_of(tmp_path, OPEN_GATEWAY + table)
    assert problem.startswith("records.store: holds a password")
    assert "pass-word" not in problem
    allowed = f"server.allow_inline_secrets = true\n{OPEN_GATEWAY}{table}"
    assert problems_of(tmp_path, allowed) == []
    without = OPEN_GATEWAY + '[records]\nstore = "postgresql://relay@db.test/relay"'
    assert problems_of(tmp_path, without) == []


def test_a_database_whose_driver_is_missing_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    table = '[records]\nstore = "postgresql://relay@db.test/relay"'
    assert problems_of(tmp_path, OPEN_GATEWAY + table) == [
        "records.store: PostgreSQL needs psycopg: pip install 'realtime-relay[postgresql]'"
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('store = "mysql://h/d"', 'records.store: must be "sqlite:PATH" or'),
        ('store = "env:NOT_THERE"', "records.store: the environment has no variable of that name"),
        ('store = "file:none"', "records.store: "),
        ("retention_days = 0", "records.retention_days: must be at least 1"),
        ("retention_days = 100000", "records.retention_days: "),
    ],
)
def test_what_cannot_be_used_is_a_problem(tmp_path: Path, line: str, problem: str) -> None:
    [found] = problems_of(tmp_path, f"{OPEN_GATEWAY}[records]\n{line}")
    assert found.startswith(problem)
