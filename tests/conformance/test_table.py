from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from tests.conformance.comparison import Difference
from tests.conformance.table import Run, differences_table, scores_table
from tests.conformance.verdicts import Verdict

OK, NON_STRICT = Verdict("OK"), Verdict("NON-STRICT")
RUN = Run(
    "messages, fast",
    "core",
    {"1.1": OK, "1.2": NON_STRICT, "1.3": NON_STRICT},
    2.25,
    [
        Difference("1.2", OK, NON_STRICT, "because"),
        Difference("1.3", OK, NON_STRICT, "because"),
        Difference("1.4", OK, NON_STRICT, ""),
    ],
)


def _rows(table: Table) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    return [[cell for cell in line.split("  ") if cell.strip()] for line in lines[2:]]


def test_a_run_is_scored_on_one_line() -> None:
    (row,) = _rows(scores_table([RUN]))
    assert [cell.strip() for cell in row] == [
        "messages, fast",
        "core",
        "1/2/0/0",
        "3",
        "1",
        "2.2 s",
    ]


def test_cases_that_differ_alike_stand_together() -> None:
    explained, unexplained = _rows(differences_table([RUN]))
    assert [cell.strip() for cell in explained[1:]] == ["1.2 1.3", "OK", "NON-STRICT", "because"]
    assert [cell.strip() for cell in unexplained[1:]] == ["1.4", "OK", "NON-STRICT", "UNEXPLAINED"]
