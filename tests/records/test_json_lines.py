"""Tests of relay.records.json_lines."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from relay.records.json_lines import JsonLines
from relay.records.session_record import to_json
from relay.records.writer import RejectedError, SinkError
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


@pytest.mark.parametrize("value", [float("nan"), UUID(int=1)], ids=["NaN", "a UUID"])
def test_what_is_no_json_is_not_written(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with pytest.raises((TypeError, ValueError), match="JSON"):
        JsonLines(path).write([a_record(), a_record(metadata={"account": value})])
    assert not path.exists()


def test_a_rotated_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    lines = JsonLines(path)
    lines.write([a_record()])
    path.rename(tmp_path / "records.jsonl.1")
    lines.write([a_record()])
    assert len(path.read_text().splitlines()) == 1


def test_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    record = a_record()
    JsonLines(None).write([record])
    assert json.loads(capfd.readouterr().out) == to_json(record)


def test_what_stdout_does_not_take_is_lost_since_a_part_may_be_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(RejectedError) as caught:
            JsonLines(None).write([a_record(), a_record()])
    assert caught.value.lost == 2


def test_a_batch_that_does_not_fit_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    lines = JsonLines(path)
    lines.write([first := a_record()])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 500, hard))
    try:
        with pytest.raises(SinkError, match="File too large"):
            lines.write([a_record()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert [json.loads(each) for each in path.read_text().splitlines()] == [to_json(first)]


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="Is a directory"):
        JsonLines(tmp_path).write([a_record()])


def test_a_full_disk_says_so() -> None:
    with pytest.raises(SinkError, match="No space left on device"):
        JsonLines(Path("/dev/full")).write([a_record()])
