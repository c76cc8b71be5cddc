"""Run thousands of short sessions with faults on both sides: `python -m tests.soak --help`."""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import trio
import typer
from rich.console import Console

from tests.soak.clients import live
from tests.soak.log import complaints
from tests.soak.plan import Session, plan
from tests.soak.processes import (
    Driver,
    Holdings,
    RelayProcess,
    SoakError,
    holdings,
    serve_doubles,
    serve_relay,
)
from tests.soak.table import holdings_table, outcomes_table
from tests.soak.verdicts import allowed, asked

_AT_ONCE = 40  # of each relay
_WARM_UP = 1 / 3  # of the sessions, before memory is first looked at
_QUICK = 300
_MEMORY_MARGIN = 4 * 1024  # KiB
_MOST_SHOWN = 40
_SETTLING = 30.0  # seconds: more than any deadline of the relay's


def main(
    sessions: Annotated[int, typer.Option(min=30, help="How many, over both drivers.")] = 3000,
    seed: Annotated[int | None, typer.Option(help="Repeats a plan; by default a new one.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{_QUICK} sessions.")] = False,
) -> None:
    """Soak a relay with each driver, and see that nothing is left of it.

    Exit code 0: every session ended as it may, and all is as it was. 1: not so. 2: it could not be
    run.
    """
    console = Console(width=None if sys.stdout.isatty() else 120)
    seed = secrets.randbelow(10**6) if seed is None else seed
    console.print(f"seed {seed}", highlight=False)
    soak = _Soak(list(plan(_QUICK if quick else sessions, seed)), console)
    with tempfile.TemporaryDirectory(prefix="relay-soak-") as folder:
        try:
            trio.run(soak.run, Path(folder))
        except* (SoakError, trio.TooSlowError) as group:
            console.print(*map(str, group.exceptions), sep="\n", highlight=False)
            raise SystemExit(2) from None
    for each in soak.wrong[:_MOST_SHOWN]:
        console.print(f"wrong: {each}", style="red", markup=False, highlight=False)
    console.print(f"{len(soak.wrong)} wrong", highlight=False)
    raise SystemExit(1 if soak.wrong else 0)


class _Soak:
    """One run."""

    def __init__(self, sessions: Sequence[Session], console: Console) -> None:
        self._sessions = sessions
        self._console = console
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []

    async def run(self, folder: Path) -> None:
        """Run it, and print what there was."""
        began = trio.current_time()
        relays: list[RelayProcess] = []
        async with AsyncExitStack() as processes:
            pid, doubles = await processes.enter_async_context(serve_doubles(folder))
            for driver in Driver:
                relay = serve_relay(driver, doubles, folder)
                relays.append(await processes.enter_async_context(relay))
            held = {str(each.driver): [await each.holdings()] for each in relays}
            held["doubles"] = [holdings(pid)]
            warm_up = int(len(self._sessions) * _WARM_UP)
            for part in (self._sessions[:warm_up], self._sessions[warm_up:]):
                async with trio.open_nursery() as nursery:
                    for number, relay_process in enumerate(relays):
                        share = part[number :: len(relays)]
                        nursery.start_soon(self._live_all, share, relay_process)
                for each in relays:
                    held[str(each.driver)].append(await _settled(each, held[str(each.driver)][0]))
                held["doubles"].append(holdings(pid))
        seconds = trio.current_time() - began
        for name, (before, warm, after) in held.items():
            self._compare(name, before, warm, after)
        for number, each in enumerate(relays):
            sent = [s for s in _shares(self._sessions, warm_up, number, len(relays)) if asked(s)]
            log = await trio.Path(each.log).read_text()
            self.wrong[:0] = [f"{each.driver}: {what}" for what in complaints(log, len(sent))]
        self._console.print(outcomes_table(self._outcomes), holdings_table(held))
        self._console.print(f"{len(self._sessions)} sessions in {seconds:.0f} s", highlight=False)

    async def _live_all(self, sessions: Sequence[Session], relay: RelayProcess) -> None:
        room = trio.CapacityLimiter(_AT_ONCE)

        async def one(session: Session) -> None:
            async with room:
                outcome = await live(session, relay.address)
            self._outcomes[session.fault or "none", outcome] += 1
            if outcome not in allowed(session):
                self.wrong.append(f"{relay.driver}: {session} ended: {outcome}")

        async with trio.open_nursery() as nursery:
            for session in sessions:
                nursery.start_soon(one, session)

    def _compare(self, name: str, before: Holdings, warm: Holdings, after: Holdings) -> None:
        for what in ("descriptors", "tasks", "places"):
            if getattr(after, what) != getattr(before, what):
                change = f"{getattr(before, what)} before, {getattr(after, what)} after"
                self.wrong.append(f"{name}: {what}: {change}")
        if name != "doubles" and after.memory > warm.memory + _MEMORY_MARGIN:
            self.wrong.append(f"{name}: {after.memory - warm.memory} KiB more than after warm-up")


def _shares(
    sessions: Sequence[Session], warm_up: int, number: int, count: int
) -> Sequence[Session]:
    """The sessions that one of so many relays had."""
    return [*sessions[:warm_up][number::count], *sessions[warm_up:][number::count]]


async def _settled(relay: RelayProcess, before: Holdings) -> Holdings:
    """What a relay holds once its last sessions have ended; if they don't, what it holds then."""
    give_up_at = trio.current_time() + _SETTLING
    while True:
        held = await relay.holdings()
        same = (held.descriptors, held.tasks) == (before.descriptors, before.tasks)
        if same or trio.current_time() > give_up_at:
            return held
        await trio.sleep(0.2)


if __name__ == "__main__":
    typer.run(main)
