"""The table once, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from relay.top.columns import COLUMNS, counts
from relay.top.live import Live

__all__ = ["once"]


def once(live: Live, *, draining: bool) -> RenderableType:
    """One line on all of it, and one for each session."""
    head = f"draining; {counts(live)}" if draining else counts(live)
    if len(live.sessions) < live.matching:
        head += f"; {len(live.sessions):,} shown"
    shown = [each for each in COLUMNS if not each.needs_two_looks]
    table = Table(box=None, pad_edge=False)
    for column in shown:
        table.add_column(column.heading, justify="right" if column.is_number else "left")
    for session in live.sessions:
        table.add_row(*(column.cell(session) for column in shown))
    return Group(Text(head), table) if live.sessions else Text(head)
