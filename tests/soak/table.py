"""The figures of a soak, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table

from tests.soak.plan import FAULTS
from tests.soak.processes import Holdings

__all__ = ["holdings_table", "outcomes_table"]


def outcomes_table(outcomes: Mapping[tuple[str, str], int]) -> Table:
    """How the sessions of each fault ended."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("fault", "sessions", "how they ended for the client"):
        table.add_column(heading)
    for fault in (each or "none" for each in FAULTS):
        of_fault = Counter({how: count for (name, how), count in outcomes.items() if name == fault})
        how = ", ".join(f"{count} {how}" for how, count in of_fault.most_common())
        table.add_row(fault, str(of_fault.total()), how)
    return table


def holdings_table(held: Mapping[str, Sequence[Holdings]]) -> Table:
    """What each process held: before, after the warm-up, and at the end."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("process", "descriptors", "Trio tasks", "places", "resident, KiB"):
        table.add_column(heading)
    for name, each in held.items():
        table.add_row(
            name,
            *(
                " / ".join(str(getattr(holdings, what)) for holdings in each)
                for what in ("descriptors", "tasks", "places", "memory")
            ),
        )
    return table
