"""The plots of a run. conftest.py leaves this file out where matplotlib is not installed."""

from pathlib import Path
from xml.etree import ElementTree as ET

from bench.plots import draw
from bench.report import report
from bench.results import IDLE, RELAY, rounds
from tests.bench.figures import HEADER, every_row, row


def test_a_plot_of_each_kind_is_written_and_the_same_again(tmp_path: Path) -> None:
    run = report(HEADER, tuple(every_row(12.5)))
    written = draw(run, tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["cpu.svg", "latency.svg", "memory.svg"]
    for path in written:
        text = path.read_text()
        assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314 - we wrote it
        for said in (RELAY, "nginx", "12.5", HEADER.interpreter):
            assert said in text
    before = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in draw(run, tmp_path / "new" / "folder")] == before


def test_what_was_not_measured_has_no_plot(tmp_path: Path) -> None:
    rows = [row(IDLE, RELAY, {"memory": (12,)}), row(rounds(1, 256), RELAY, {"throughput": (1,)})]
    assert [path.name for path in draw(report(HEADER, rows), tmp_path)] == ["memory.svg"]
