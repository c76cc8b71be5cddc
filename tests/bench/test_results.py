"""The JSON of a run says all that the run found."""

import dataclasses
from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.bars import judge
from bench.report import report
from bench.results import IDLE, RELAY, Row, read, write
from tests.bench.figures import HEADER, every_row, row


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [
        *every_row(1.5),
        Row("rounds", "1 x 1 B", tls=True, peer="caddy", values={}, missing="it is not installed"),
        dataclasses.replace(
            row(IDLE, RELAY, {"memory": (1, 2, 3)}), load_cpu=None, note="so it is"
        ),
    ]
    written = report(HEADER, rows)
    write(written, tmp_path / "run.json")
    found = read(tmp_path / "run.json")
    assert found == written
    assert judge(found.rows) == written.verdicts


def test_another_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"rows": []}')
    with pytest.raises(ValidationError):
        read(tmp_path / "run.json")
