"""The table of all runs, and what cannot be run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from tests.sdk.rows import Exclusion, Row
from tests.sdk.runs import Outcome

__all__ = ["report"]


def report(outcomes: Sequence[Outcome], exclusions: Sequence[Exclusion]) -> Group:
    """One line per run, then why runs failed, then the APIs that cannot be used and what to do."""
    table = _table("SDK", "API", "key", "", "what the application got")
    table.add_column("attempts", justify="right")
    table.add_column("time", justify="right")
    for outcome in outcomes:
        table.add_row(
            Text(f"{outcome.row.sdk} ({outcome.row.language})"),
            Text(outcome.row.api),
            outcome.mode,
            Text("FAILED", style="red") if outcome.failure else Text("ok", style="green"),
            Text(outcome.got),
            "" if outcome.attempts is None else str(outcome.attempts),
            f"{outcome.seconds:.1f} s",
        )
    failures = [
        Text(f"\n{outcome.row.name} ({outcome.row.language}, {outcome.mode}): {outcome.failure}")
        for outcome in outcomes
        if outcome.failure
    ]
    parts: list[Table | Text] = [table, *failures]
    notes = _without_own({outcome.row: None for outcome in outcomes})
    if notes:
        parts.append(Text("\nWithout a key of one's own beside the gateway token:", style="bold"))
        parts += map(Text, notes)
    if exclusions:
        excluded = _table("not possible", "why", "instead")
        for each in exclusions:
            words = (f"{each.name} ({each.language})", each.why, each.instead)
            excluded.add_row(*map(Text, words))
        parts += [Text(), excluded]
    return Group(*parts)


def _without_own(rows: Iterable[Row]) -> list[str]:
    """Why APIs lack the mode ``own``; those of one SDK with one reason stand together."""
    apis: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.no_own:
            apis.setdefault((f"{row.sdk} ({row.language})", row.no_own), []).append(row.api)
    return [f"{sdk}: {'; '.join(found)}: {why}" for (sdk, why), found in apis.items()]


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
