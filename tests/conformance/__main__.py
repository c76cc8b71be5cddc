"""Run the Autobahn suite directly and through the relay: `python -m tests.conformance --help`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import trio
import typer
from rich.console import Console

from tests.conformance.autobahn import FOLDER, SuiteError, install, run_suite
from tests.conformance.comparison import differences
from tests.conformance.echo import serve_echo
from tests.conformance.relays import Driver, Lane, RelayError, serve_relay
from tests.conformance.suites import FULL, QUICK, Suite
from tests.conformance.table import Run, differences_table, scores_table
from tests.conformance.verdicts import Verdicts


def main(
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="All cases of compression, not only a few; takes half an hour and more."
        ),
    ] = False,
) -> None:
    """Compare the verdicts of the suite, case by case, in both lanes and with both drivers.

    Exit code 0: no difference is unexplained. 1: one is. 2: the suite could not be run.
    """
    console = Console(width=None if sys.stdout.isatty() else 160)
    runs: list[Run] = []
    why = ""
    try:
        install()
        runs = trio.run(_run_all, FULL if full else QUICK, console)
    except* (SuiteError, RelayError) as group:
        why = str(_leaf(group))
    if why:
        print(f"conformance: {why}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2)
    console.print(scores_table(runs))
    found = [difference for run in runs for difference in run.differences]
    if found:
        console.print(differences_table(runs))
    if not all(difference.why for difference in found):
        raise SystemExit(1)


async def _run_all(suites: Sequence[Suite], console: Console) -> list[Run]:
    runs: list[Run] = []
    direct: dict[Suite, Verdicts] = {}
    with console.status("") as status:

        async def measure(route: str, suite: Suite, url: str, lane: Lane | None = None) -> Verdicts:
            status.update(f"{route}: {suite.name}")
            start = trio.current_time()
            verdicts = await run_suite(suite, url)
            seconds = trio.current_time() - start
            found = differences(direct[suite], verdicts, lane) if lane else []
            runs.append(Run(route, suite.name, verdicts, seconds, found))
            return verdicts

        async with serve_echo() as port:
            for suite in suites:
                direct[suite] = await measure("direct", suite, f"ws://127.0.0.1:{port}/")
            for driver in Driver:
                async with serve_relay(driver, port, FOLDER / f"{driver}.log") as relay:
                    for lane in Lane:
                        for suite in suites:
                            await measure(f"{lane}, {driver}", suite, relay.url(lane), lane)
    return runs


def _leaf(error: BaseException) -> BaseException:
    """The first error in the groups that nurseries make."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    typer.run(main)
