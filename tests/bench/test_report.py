"""The tables of a run: all groups, at the width of a terminal."""

import dataclasses
from collections.abc import Sequence

import pytest
from rich.console import Console

from bench.peers import ALL
from bench.report import report, show
from bench.results import IDLE, LOOPBACK, NGINX, PACED, RELAY, Row, rounds
from tests.bench.figures import CELLS, HEADER, every_row, row


def shown(rows: Sequence[Row]) -> str:
    console = Console(width=100, record=True, file=None, quiet=True)
    with console.capture() as capture:
        console.quiet = False
        show(report(HEADER, rows), console)
    return capture.get()


@pytest.mark.parametrize("value", [0.001, 1.5, 1234.5, 987_654.3])
def test_every_table_fits(value: float) -> None:
    """rich shortens what does not fit, with an ellipsis, or breaks words."""
    text = shown(tuple(every_row(value)))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 100
    lines = [line.split("  ")[0].strip() for line in text.splitlines()]
    for name in ALL:
        assert name in lines  # the tables of rounds; in others the cell goes first
    for words in ("added", "p50/p90/p99, µs", "throughput", "descriptor", "achieved", "held"):
        assert words in text
    for title in ("CPU time per round trip", "Realtime pacing", "Sessions", "Time to open", "Bars"):
        assert f"\n{title}" in text
    for cell in {cell for _, cell in CELLS}:
        assert cell in text


def test_a_busy_load_generator_is_marked() -> None:
    busy = row(
        rounds(1, 256), RELAY, {"p50": (8,), "p90": (9,), "p99": (10,), "throughput": (1000,)}
    )
    idle = dataclasses.replace(busy, load_cpu=0.89)
    assert "1,000 (93%*)" in shown([busy])
    assert "10.0*" in shown([busy])
    assert "1,000 (89%)" in shown([idle])
    assert "10.0*" not in shown([idle])


def test_what_is_missing_or_noted_is_said() -> None:
    absent = [
        Row("rounds", "1 x 1 B", tls=tls, peer="caddy", values={}, missing="[it] is absent")
        for tls in (False, True)
    ]
    noted = dataclasses.replace(row(IDLE, RELAY, {"memory": (1,)}), note="[so] it is")
    text = shown([*absent, noted])
    assert text.count("caddy: [it] is absent") == 1
    assert "idle, relay, plain: [so] it is" in text


def test_a_percentile_that_is_not_there_leaves_its_place() -> None:
    text = shown(
        [
            row(PACED, RELAY, {"p50": (12,), "p99": (34567,), "added_p50": (2,)}),
            row(PACED, LOOPBACK, {"p50": (10,), "p99": (34567,), "added_p99": (3,)}),
            row(PACED, NGINX, {"p50": (11,), "p99": (2345,)}),
        ]
    )
    lines = [line.split() for line in text.splitlines() if "93%*" in line]
    assert lines == [
        ["relay", "12.0/35k", "2.0/-", "93%*"],
        ["loopback", "10.0/35k", "-/3.0", "93%*"],
        ["nginx", "11.0/2345", "93%*"],
    ]


def test_bars_are_met_missed_or_not_measured() -> None:
    text = shown(
        [row(IDLE, RELAY, {"memory": (24.9,)}), row(IDLE, RELAY, {"memory": (75.1,)}, tls=True)]
    )
    lines = [line.split() for line in text.splitlines() if "memory per idle session" in line]
    assert [line[-1] for line in lines] == ["met", "missed"]
    assert text.count("not measured") == 35
