"""Drive the official SDKs through a relay: `python -m tests.sdk --help`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import trio
import typer
from rich.console import Console

from tests.sdk import node_rows, python_rows
from tests.sdk.endings import endings, unclean
from tests.sdk.environments import LOG, InstallationError, install
from tests.sdk.rows import Language, Mode, Row
from tests.sdk.runs import Outcome, run
from tests.sdk.table import report
from tests.sdk.world import World, WorldError, serve_world

_ROWS = (*python_rows.ROWS, *node_rows.ROWS)
_EXCLUSIONS = (*python_rows.EXCLUSIONS, *node_rows.EXCLUSIONS)
_AT_ONCE = 2


def main(
    only: Annotated[
        str, typer.Option(metavar="NAME", help="Rows whose SDK, API or provider has this in it.")
    ] = "",
    language: Annotated[
        Language | None, typer.Option(help="The SDKs for this language; by default, all.")
    ] = None,
) -> None:
    """Install the official SDKs below .sdk, and run each realtime API of theirs.

    Exit code 0: all did what they should. 1: a run failed, or a session ended without a closing
    handshake. 2: nothing could be run.
    """
    languages = [language] if language else list(Language)
    rows = [
        row for row in _ROWS if row.language in languages and only in f"{row.name} {row.provider}"
    ]
    exclusions = [each for each in _EXCLUSIONS if each.language in languages and only in each.name]
    if not rows and not exclusions:
        raise typer.BadParameter(f"no row has {only!r} in its name", param_hint="--only")
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        for each in dict.fromkeys(row.language for row in rows):
            install(each)
        outcomes, ends = trio.run(_run_all, rows, console)
    except (InstallationError, WorldError) as error:
        print(f"sdk: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    console.print(report(outcomes, exclusions))
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    console.print(f"\n{len(outcomes)} runs, {failed} failed")
    uncleanly = unclean(ends)
    console.print(
        f"{len(ends)} sessions, {len(uncleanly)} without a closing handshake", *uncleanly, sep="\n"
    )
    if failed or uncleanly:
        raise SystemExit(1)


async def _run_all(
    rows: Sequence[Row], console: Console
) -> tuple[list[Outcome], list[dict[str, Any]]]:
    """Run all, a few at once; the outcomes in the order of the rows, and how sessions ended.

    Raises:
        WorldError: There is nothing to run them in.
    """
    outcomes: dict[tuple[Row, Mode], Outcome] = {}
    limiter = trio.CapacityLimiter(_AT_ONCE)
    jobs = [(row, mode) for row in rows for mode in row.modes]

    async def run_one(row: Row, mode: Mode, world: World) -> None:
        async with limiter:
            outcomes[row, mode] = await run(row, mode, world)
        status.update(f"{len(outcomes)} of {len(jobs)} runs")

    why, ends = "", []
    with console.status(f"0 of {len(jobs)} runs") as status:
        try:
            providers = dict.fromkeys(row.provider for row in rows)
            serve = serve_world(providers, LOG)
            async with serve as world:
                async with trio.open_nursery() as nursery:
                    for row, mode in jobs:
                        nursery.start_soon(run_one, row, mode, world)
                ends = endings(world.log)
        except* WorldError as group:
            why = str(_leaf(group))
    if why:
        raise WorldError(why)
    return [outcomes[job] for job in jobs], ends


def _leaf(error: BaseException) -> BaseException:
    """The first error in the groups that nurseries make."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    typer.run(main)
