"""The figures of a soak."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from tests.soak.plan import FAULTS
from tests.soak.processes import Holdings
from tests.soak.table import holdings_table, outcomes_table


def _lines(table: Table) -> list[list[str]]:
    out = io.StringIO()
    Console(file=out, width=120).print(table)
    return [line.split() for line in out.getvalue().splitlines() if line.strip()]


def test_each_fault_has_a_line_with_its_outcomes_the_most_frequent_first() -> None:
    lines = _lines(outcomes_table({("drop", "left"): 2, ("drop", "reset"): 3, ("none", "1000"): 4}))
    assert len(lines) == len(FAULTS) + 2
    assert ["drop", "5", "3", "reset,", "2", "left"] in lines
    assert ["none", "4", "4", "1000"] in lines


def test_each_process_has_a_line_with_what_it_held_over_time() -> None:
    held = [Holdings(10, 500, 3, 0), Holdings(11, 600, 4, 1)]
    line = _lines(holdings_table({"fast": held}))[-1]
    assert " ".join(line) == "fast 10 / 11 3 / 4 0 / 1 500 / 600"
