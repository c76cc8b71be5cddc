"""Hold third parties against the laws: `python -m tests.thirdparty --help`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Annotated, TypeVar

import typer
from hypothesis import settings
from rich.console import Console
from rich.table import Table

from relay.testing.laws import PROXY_LAWS, RECEIVER_LAWS, Law
from relay.testing.stand import Stand
from tests.thirdparty.environment import InstallationError, install
from tests.thirdparty.findings import Finding, known, of_violations
from tests.thirdparty.proxies import PROXIES
from tests.thirdparty.receivers import RECEIVERS

_T = TypeVar("_T")
_NAMES = [*RECEIVERS, *(proxy.name for proxy in PROXIES)]


def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of them, repeatable: {', '.join(_NAMES)}.")
    ] = None,
    examples: Annotated[int, typer.Option(help="Examples for each law.")] = 60,
    patience: Annotated[float, typer.Option(help="Seconds for whatever has to happen.")] = 5.0,
) -> None:
    """Say for each law whether it holds, and show the smallest example that breaks it.

    Exit code 0: what broke is explained in tests/thirdparty/findings.py. 1: something is not, or,
    with RELAY_SKIP_NOTHING set, one could not be measured. 2: they could not be installed, or a
    name is unknown.
    """
    # The same examples each time, none from a database of earlier runs.
    profile = settings(max_examples=examples, derandomize=True, database=None)
    settings.register_profile("thirdparty", profile)
    settings.load_profile("thirdparty")
    chosen = set(only or _NAMES)
    unknown = chosen - set(_NAMES)
    if unknown:
        print(f"thirdparty: there is no {', '.join(unknown)}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2)
    try:
        install()
    except InstallationError as error:
        print(f"thirdparty: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False, markup=False)
    table = Table("who", "law", "holds", "why not")
    unexplained = 0
    skipped = {
        proxy.name: why
        for proxy in PROXIES
        if proxy.name in chosen and (why := proxy.missing()) is not None
    }
    for finding in _findings(chosen - skipped.keys(), patience):
        why = known(finding)
        unexplained += bool(finding.broken and not why)
        if finding.broken:
            console.print(f"\n{finding.who}: {finding.law}\n{finding.broken}")
        table.add_row(
            finding.who,
            finding.law,
            "no" if finding.broken else "yes",
            (why or "unexplained") if finding.broken else "",
        )
    for name, why_not in skipped.items():
        table.add_row(name, "", "not measured", why_not)
    console.print(table)
    if unexplained or (skipped and os.environ.get("RELAY_SKIP_NOTHING")):
        raise SystemExit(1)


def _findings(only: set[str], patience: float) -> Iterator[Finding]:
    for name, make in RECEIVERS.items():
        if name in only:
            for law in RECEIVER_LAWS:
                yield Finding(name, law.name, _broken(law, make))
    for proxy in PROXIES:
        if proxy.name not in only:
            continue
        with Stand.of(proxy.subject, patience=patience) as stand:
            for proxy_law in PROXY_LAWS:
                broken = _broken(proxy_law, stand)
                if broken and proxy_law.name == "violations":
                    broken += f"\nAll of them:\n{of_violations(proxy_law, stand)}"
                yield Finding(proxy.name, proxy_law.name, broken)


def _broken(law: Law[_T], subject: _T) -> str:
    """How it is broken, with the example; empty if it holds."""
    try:
        law.check(subject)
    except Exception as error:  # noqa: BLE001 - whatever a third party raises
        notes = getattr(error, "__notes__", [])
        return "\n".join([f"{type(error).__name__}: {error}", *notes])
    return ""


if __name__ == "__main__":
    typer.run(main)
