"""Tests of relay.records.json_lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relay.records.json_lines import JsonLines
from relay.records.writer import SinkError
from relay.session_record import to_json
from tests.records.samples import a_record


def test_each_record_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    lines = JsonLines(path)
    records = [a_record(), a_record(user_agent="line\nbreak \u2028")]
    lines.write(records[:1])
    lines.write(records[1:])
    lines.close()
    assert [json.loads(each) for each in path.read_text().splitlines()] == list(
        map(to_json, records)
    )


def test_a_rotated_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    lines = JsonLines(path)
    lines.write([a_record()])
    path.rename(tmp_path / "records.jsonl.1")
    lines.write([a_record()])
    assert len(path.read_text().splitlines()) == 1


def test_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    record = a_record()
    JsonLines(None).write([record])
    assert json.loads(capsys.readouterr().out) == to_json(record)


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="Is a directory"):
        JsonLines(tmp_path).write([a_record()])


def test_a_full_disk_says_so() -> None:
    with pytest.raises(SinkError, match="No space left on device"):
        JsonLines(Path("/dev/full")).write([a_record()])
