"""``relay sessions``."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from relay.cli.commands import app
from relay.records.session_record import Outcome, SessionRecord, from_json
from relay.records.store import Store, check_url
from tests.config.files import OPEN_GATEWAY
from tests.records.samples import a_record

FIRST = a_record(0, cost=Decimal("0.000224"), cause="closed", duration=4.2)
SECOND = a_record(1, provider="cartesia", model="=cmd()", user_agent="a\x1b[2J", ended_by="relay")
REFUSED = a_record(2, outcome=Outcome.REFUSED, status=403, code=2010, error="not this")
RECORDS = [FIRST, SECOND, REFUSED]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "relay.toml"
    keys = 'stored_keys = { openai = { default = "env:ONLY_THE_RELAY_HAS_IT" } }'
    path.write_text(f"{OPEN_GATEWAY}{keys}\n[records]\n")
    store = Store(check_url("sqlite:relay.db", tmp_path))
    store.write(RECORDS)
    store.close()
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["sessions", "--config", str(config), *arguments])


def in_json(config: Path, *arguments: str) -> list[SessionRecord]:
    result = run(config, "--format", "json", *arguments)
    assert result.exit_code == 0, result.output
    return [from_json(json.loads(line)) for line in result.output.splitlines()]


def test_a_line_for_each_session_with_how_it_ended(config: Path) -> None:
    result = run(config)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].split()[0] == "session"
    assert FIRST.id[:18] in lines[1]
    assert "$0.000224" in lines[1]
    assert "the client closed with 1000 after 4.2 s" in lines[1]
    assert "refused it with 403, code 2010: not this" in lines[3]


def test_all_of_one_without_what_steers_a_terminal(config: Path) -> None:
    result = run(config, SECOND.id[:30].upper())
    assert result.exit_code == 0
    assert SECOND.id in result.output
    assert "a\\x1b[2J" in result.output
    assert "\x1b" not in result.output
    for expected in ("3 input_audio_tokens", "turn", "interrupted", "team", "largest message 512"):
        assert expected in result.output


def test_json_has_everything(config: Path) -> None:
    assert in_json(config) == RECORDS
    assert in_json(config, FIRST.id) == [FIRST]


def test_csv_for_spreadsheets_which_run_nothing_of_it(config: Path) -> None:
    result = run(config, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.output)))
    assert [row["id"] for row in rows] == [record.id for record in RECORDS]
    assert rows[0]["client.close_code"] == "1000"
    assert rows[0]["cost"] == "0.000224"
    assert rows[1]["cost"] == ""
    assert rows[1]["model"] == "'=cmd()"
    assert json.loads(rows[0]["usage"])[0]["usage"]["input_audio_tokens"] == 3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--limit", "1"], [REFUSED]),
        (["--limit", "0"], RECORDS),
        (["--provider", "cartesia"], [SECOND]),
        (["--model", "=cmd()", "--ended-by", "relay"], [SECOND]),
        (["--outcome", "refused"], [REFUSED]),
        (["--gateway", "acct/other"], []),
        (["--token", "web", "--client", "192.0.2.7"], RECORDS),
        (["--since", "2026-11-22T12:01:00Z"], [SECOND, REFUSED]),
        (["--until", "2026-11-22T13:01:00+01:00"], [FIRST]),
        (["--until", "2026-11-22"], []),
    ],
)
def test_which_ones(config: Path, arguments: list[str], expected: list[SessionRecord]) -> None:
    assert in_json(config, *arguments) == expected


def test_so_long_ago(config: Path) -> None:
    store = Store(check_url("sqlite:relay.db", config.parent))
    store.write([young := a_record(began_at=datetime.now(UTC).replace(microsecond=0))])
    store.close()
    assert in_json(config, "--since", "90m", "--limit", "1") == [young]


def test_following_shows_each_once(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(check_url("sqlite:relay.db", config.parent))
    new = [a_record(3), a_record(4)]
    coming = iter(new)

    def sleep(_: float) -> None:
        record = next(coming, None)
        if record is None:
            raise KeyboardInterrupt
        store.write([record])

    monkeypatch.setattr("time.sleep", sleep)
    assert in_json(config, "--limit", "1", "--follow") == [REFUSED, *new]
    store.close()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["0"], 1, "there is no session, or more than one"),
        (["--since", "yesterday"], 2, 'must be such as "90m"'),
        (["--outcome", "x"], 2, "completed"),
    ],
)
def test_what_cannot_be_shown(config: Path, arguments: list[str], code: int, sentence: str) -> None:
    result = run(config, *arguments)
    assert result.exit_code == code
    assert sentence in result.output


def test_without_a_store_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(OPEN_GATEWAY)
    assert "[records] names no store" in run(path).output
    path.write_text(OPEN_GATEWAY + '[records]\nstore = "env:NOT_THERE"\n')
    assert "records.store: the environment has no variable of that name" in run(path).output
    assert run(path).exit_code == 2
    assert run(tmp_path / "none.toml").exit_code == 2


def test_a_store_that_cannot_be_read_is_an_error_and_no_traceback(config: Path) -> None:
    (config.parent / "relay.db").unlink()
    (config.parent / "relay.db").mkdir()
    result = run(config)
    assert result.exit_code == 1
    assert "the store: unable to open database file" in result.output
