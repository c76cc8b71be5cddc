"""Measure the relay beside other proxies: `python -m bench --help`."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import opening, pacing, rounds, sessions, watching
from bench.interruption import end_on_signals
from bench.load import compiled
from bench.machine import header
from bench.peers import ALL
from bench.processes import BenchError, raise_descriptor_limit
from bench.report import report, show
from bench.results import LOOPBACK, NGINX, RELAY, Row, write
from bench.sessions import MOST_SESSIONS, Plan, most_sessions

_PARTS = ("rounds", "pacing", "sessions", "opening", "watching")
_FEW = (LOOPBACK, NGINX, RELAY)
_LEAK = 10_000


def measure(parts: Sequence[str], names: Sequence[str] | None, plan: Plan) -> list[Row]:
    """The rows of these parts, plain and with TLS on both legs.

    Without names, all peers take part in the closed loops, and few in what takes longer.
    """
    rows: list[Row] = []
    for tls in (False, True):
        if "rounds" in parts:
            everyone = names or tuple(ALL)
            rows += rounds.measure(everyone, tls=tls, seconds=plan.seconds, runs=plan.runs)
        if "pacing" in parts:
            few = names or _FEW
            rows += pacing.measure(few, tls=tls, seconds=plan.seconds, runs=plan.runs)
        if "sessions" in parts:
            rows += sessions.measure(names or _FEW, plan, tls=tls)
        if "opening" in parts and RELAY in (names or _FEW):
            rows += opening.measure(plan.opened, tls=tls)
    if "watching" in parts and RELAY in (names or _FEW):
        rows += watching.measure(plan.turns, plan.held)
    return rows


def chosen(text: str | None, known: Sequence[str], option: str) -> list[str] | None:
    """The names of an option's comma-separated list; None if it was not given.

    Raises typer.BadParameter for a name that is not known.
    """
    if text is None:
        return None
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}", param_hint=option)
    return names


def check_matplotlib() -> None:
    """Raises BenchError, before anything is measured, if plots cannot be drawn."""
    if find_spec("matplotlib") is None:
        raise BenchError("plots need matplotlib: pip install '.[bench]'")


def main(
    only: Annotated[
        str | None, typer.Option(metavar="PARTS", help=f"Some of {', '.join(_PARTS)}.")
    ] = None,
    peers: Annotated[
        str | None, typer.Option(metavar="PEERS", help=f"Some of {', '.join(ALL)}.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each run.")] = 2.0,
    runs: Annotated[int, typer.Option(min=1, help="Of each cell, the peers taking turns.")] = 3,
    held: Annotated[
        int, typer.Option(min=20, help="Sessions open at once; fewer if descriptors are.")
    ] = MOST_SESSIONS,
    leak: Annotated[
        int,
        typer.Option(
            min=100,
            help="Sessions opened and closed in the search for leaks; its bars need 100000, which "
            "takes some ten minutes more.",
        ),
    ] = _LEAK,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the figures here.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also draw SVG plots here.")
    ] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="One short run of each: a trial, not a measurement.")
    ] = False,
) -> None:
    """Measure the relay beside nginx and other proxies, on this machine's loopback.

    All of it takes about twenty minutes.
    """
    parts = chosen(only, _PARTS, "--only") or _PARTS
    names = chosen(peers, tuple(ALL), "--peers")
    end_on_signals()
    raise_descriptor_limit()
    held = min(held, most_sessions())
    plan = Plan(seconds, runs, held, leak, opening.SESSIONS, watching.TURNS)
    if quick:
        plan = Plan(0.3, 1, min(held, 1000), min(leak, 2000), 50, 1)
    try:
        if plots is not None:
            check_matplotlib()
        compiled()
        run = report(header(runs=plan.runs, seconds=plan.seconds), measure(parts, names, plan))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    show(run, Console(width=None if sys.stdout.isatty() else 100))
    if json is not None:
        write(run, json)
    if plots is not None:
        from bench.plots import draw  # noqa: PLC0415  matplotlib is needed for this alone

        draw(run, plots)


if __name__ == "__main__":
    typer.run(main)
