"""Measure what the relay promises under faults: `python -m tests.reliability --help`."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.cores import load_core
from bench.interruption import end_on_signals
from bench.processes import BenchError, raise_descriptor_limit
from tests.reliability.catalogue import ROWS
from tests.reliability.relays import RelayError
from tests.reliability.rows import Outcome, Place, Row, Unmeasurable
from tests.reliability.table import table

Found = list[tuple[Row, Outcome | str]]


def main(
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A row by the beginning of its name.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer sessions, and without the rows that wait long.")
    ] = False,
) -> None:
    """Print for each property what others reach, what the relay reaches, and whether it holds.

    Exit code 0: all that the relay promises holds; that others reach more is only printed. 1: a
    promise is broken, or, with RELAY_SKIP_NOTHING set, a row could not be measured. 2: no such row.
    """
    rows = [row for row in ROWS if row.quick or not quick]
    if only:
        rows = [row for row in ROWS if any(row.name.startswith(each) for each in only)]
        if not rows:
            print(f"reliability: no row is called {' or '.join(only)}", file=sys.stderr)  # noqa: T201
            raise typer.Exit(2)
    end_on_signals()
    raise_descriptor_limit()
    os.sched_setaffinity(0, {load_core()})
    found = [(row, _measured(row, quick=quick)) for row in rows]
    Console(width=None if sys.stdout.isatty() else 200).print(table(found))
    skipped = [row for row, outcome in found if isinstance(outcome, str)]
    broken = [row for row, outcome in found if isinstance(outcome, Outcome) and outcome.broken]
    if broken or (skipped and os.environ.get("RELAY_SKIP_NOTHING")):
        raise typer.Exit(1)


def _measured(row: Row, *, quick: bool) -> Outcome | str:
    """What came of a row; why it could not be measured, if it could not."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="relay-reliability-") as folder:
        try:
            outcome: Outcome | str = row.measure(Place(Path(folder), quick))
        except Unmeasurable as error:
            outcome = str(error)
        except (BenchError, RelayError, OSError, AssertionError) as error:
            outcome = Outcome("-", broken=[f"{type(error).__name__}: {error}"])
    seconds = time.monotonic() - begun
    figure = outcome if isinstance(outcome, str) else f"{outcome.verdict}: {outcome.figure}"
    print(f"{row.name} ({seconds:.0f} s): {figure}", file=sys.stderr, flush=True)  # noqa: T201
    return outcome


if __name__ == "__main__":
    typer.run(main)
