"""Fuzz the core, guided by coverage: `python -m tests.fuzz --help`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer
from rich.console import Console

from tests.fuzz.engine import FuzzerError, install, run_target
from tests.fuzz.figures import Figures, figures_table
from tests.fuzz.targets import TARGETS


def main(
    seconds: Annotated[int, typer.Option(min=1, help="How long each target is run.")] = 60,
    only: Annotated[str, typer.Option(metavar="NAME", help="Targets with this in the name.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Targets at a time.")] = 2,
) -> None:
    """Install atheris below .fuzz, and run each target from the corpus that it left there.

    Exit code 0: no law was broken. 1: one was; the input that breaks it is printed. 2: nothing
    could be run.
    """
    console = Console(width=None if sys.stdout.isatty() else 120)
    targets = [target for target in TARGETS if only in target.name]
    if not targets:
        raise typer.BadParameter(f"no target has {only!r} in its name")
    try:
        install()
        console.print(f"{len(targets)} targets, {seconds} s each, {jobs} at a time")
        with ThreadPoolExecutor(jobs) as pool:
            figures = [*pool.map(lambda target: run_target(target, seconds), targets)]
    except FuzzerError as error:
        print(f"fuzz: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    runs = {target.name: each for target, each in zip(targets, figures, strict=True)}
    console.print(figures_table(runs))
    _print_findings(console, runs)
    if any(each.findings for each in figures):
        raise SystemExit(1)


def _print_findings(console: Console, runs: Mapping[str, Figures]) -> None:
    """What broke, and the bytes that do it again."""
    for name, figures in runs.items():
        for finding in figures.findings:
            console.print(f"{name}: {figures.why}", markup=False, highlight=False)
            console.print(f"{name}.check({finding!r})", markup=False, highlight=False)


if __name__ == "__main__":
    typer.run(main)
