"""The table: a line for each property."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from tests.reliability.rows import Outcome, Row

__all__ = ["table"]

_STYLES = {"held": "green", "missed": "yellow", "BROKEN": "bold red", "not measured": "red"}


def table(found: list[tuple[Row, Outcome | str]]) -> Table:
    """What was found of each row: an outcome, or why it was not measured."""
    lines = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("row", "what is promised", "bar", "figure", ""):
        lines.add_column(heading, overflow="fold")
    for row, outcome in found:
        if isinstance(outcome, str):
            figure, verdict = outcome, "not measured"
        else:
            figure, verdict = outcome.figure, outcome.verdict
            if outcome.broken:
                figure += f"; BROKEN: {', '.join(outcome.broken)}"
        lines.add_row(row.name, row.promised, row.bar, figure, Text(verdict, _STYLES[verdict]))
    return lines
