"""The scores of all runs, and the differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from tests.conformance.comparison import Difference
from tests.conformance.verdicts import Verdict, Verdicts, score

__all__ = ["Run", "differences_table", "scores_table"]


@dataclass(frozen=True, slots=True)
class Run:
    """A suite that was run."""

    route: str
    """By what way: directly, or a lane and a driver."""
    suite: str
    verdicts: Verdicts
    seconds: float
    differences: Sequence[Difference] = ()


def scores_table(runs: Sequence[Run]) -> Table:
    """One line per run."""
    table = _table("route", "suite", "OK/non-strict/info/failed", "differences", "unexplained")
    table.add_column("time", justify="right")
    for run in runs:
        unexplained = sum(not each.why for each in run.differences)
        table.add_row(
            run.route,
            run.suite,
            score(run.verdicts),
            str(len(run.differences) or ""),
            Text(str(unexplained or ""), style="red"),
            f"{run.seconds:.1f} s",
        )
    return table


def differences_table(runs: Sequence[Run]) -> Table:
    """The cases with another verdict than directly; those that differ alike stand together."""
    alike: dict[tuple[str, Verdict, Verdict, str], list[str]] = {}
    for run in runs:
        for each in run.differences:
            key = (run.route, each.direct, each.relayed, each.why)
            alike.setdefault(key, []).append(each.case)
    table = _table("route", "cases", "directly", "through the relay", "why")
    for (route, direct, relayed, why), cases in alike.items():
        reason = Text(why) if why else Text("UNEXPLAINED", style="red")
        table.add_row(route, " ".join(cases), str(direct), str(relayed), reason)
    return table


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
