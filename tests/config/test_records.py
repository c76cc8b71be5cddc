"""Tests of relay.config.records."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from relay.key_source import FileKey
from relay.protocol import BearerToken, Secret
from relay.records.settings import RecordSettings
from tests.config.files import OPEN_GATEWAY, load_text, problems_of
from tests.e2e.requirements import needs

OTLP = 'otlp = "http://127.0.0.1:4318/v1/traces"\n'
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
        "records.store: PostgreSQL needs psycopg: install the extra 'postgresql' of realtime-relay"
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('store = "mysql://h/d"', 'records.store: must be "sqlite:PATH" or'),
        ('store = "env:NOT_THERE"', "records.store: the environment has no variable of that name"),
        ('store = "file:none"', "records.store: "),
        ('otlp = "ftp://h/v1/traces"', 'records.otlp: must be a URL such as "http://127'),
        ('otlp = "http://h:4318"', 'records.otlp: must be a URL such as "http://127'),
        ('otlp = "http://u:pass@h/v1"', 'records.otlp: must be a URL such as "http://127'),
        ('otlp = "http://[::1/v1"', 'records.otlp: must be a URL such as "http://127'),
        ('otlp = "http://h:99999/v1"', 'records.otlp: must be a URL such as "http://127'),
        ('otlp = "http://h/v1?key=pass"', "records.otlp: must end with its path"),
        ('otlp_headers = { a = "env:HOME" }', "records.otlp_headers: nothing is sent"),
        (OTLP + 'otlp_headers = { Host = "env:HOME" }', "records.otlp_headers.Host: the relay"),
        (OTLP + 'otlp_headers = { "a b" = "env:HOME" }', "records.otlp_headers: 'a b' cannot be"),
        (OTLP + 'otlp_headers = { a = "env:HOME", A = "env:HOME" }', "records.otlp_headers.A: "),
        (OTLP + 'otlp_headers = { a = "pass" }', "records.otlp_headers.a: must be env:NAME or"),
        (OTLP + 'otlp_headers = { a = "file:none" }', "records.otlp_headers.a: "),
        ("retention_days = 0", "records.retention_days: must be at least 1"),
        ("retention_days = 100000", "records.retention_days: "),
    ],
)
def test_what_cannot_be_used_is_a_problem(tmp_path: Path, line: str, problem: str) -> None:
    [found] = problems_of(tmp_path, f"{OPEN_GATEWAY}[records]\n{line}")
    assert found.startswith(problem)
    assert "pass" not in found


@pytest.mark.parametrize(
    ("url", "collector"),
    [
        ("http://127.0.0.1:4318/v1/traces", (False, "127.0.0.1", 4318, "/v1/traces")),
        ("https://otlp.example.com/v1/traces", (True, "otlp.example.com", 443, "/v1/traces")),
        ("http://[::1]/otlp", (False, "::1", 80, "/otlp")),
    ],
)
def test_a_collector(tmp_path: Path, url: str, collector: tuple[bool, str, int, str]) -> None:
    records = records_of(tmp_path, f'[records]\notlp = "{url}"')
    assert records is not None
    assert records.otlp is not None
    it = records.otlp.collector
    assert (it.tls, it.host, it.port, it.path) == collector
    assert it.authority == url.split("/")[2]
    assert records.otlp.headers == {}


def test_field_lines_for_a_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "not-to-be-seen")
    (tmp_path / "basic").write_text("Basic not-to-be-seen\n")
    table = f"""[records]
{OTLP}otlp_headers = {{ Authorization = "bearer env:TOKEN", x-key = "file:basic" }}
"""
    records = records_of(tmp_path, table)
    assert records is not None
    assert records.otlp is not None
    headers = records.otlp.headers
    assert list(headers) == ["authorization", "x-key"]
    assert headers["authorization"] == BearerToken(b"not-to-be-seen")
    from_file = headers["x-key"]
    assert isinstance(from_file, FileKey)
    assert from_file() == Secret(b"Basic not-to-be-seen")
    assert "not-to-be-seen" not in repr(records)
    assert records == records_of(tmp_path, table)  # a reload changes nothing
    monkeypatch.setenv("TOKEN", "another")
    assert records != records_of(tmp_path, table)


def test_without_the_extra_a_collector_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "relay.records.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert problems_of(tmp_path, f"{OPEN_GATEWAY}[records]\n{OTLP}") == [
        "records.otlp: needs OpenTelemetry: install the extra 'otlp' of realtime-relay"
    ]
