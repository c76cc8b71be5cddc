"""Runs programs, each in a mode, and judges what they print."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

import trio

from tests.sdk.counting import counting
from tests.sdk.environments import ROOT, command
from tests.sdk.rows import Mode, Row
from tests.sdk.world import World

__all__ = ["TIMEOUT", "Outcome", "run"]

TIMEOUT = 60.0
"""Seconds for one program."""

_TAIL = 1500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run."""

    row: Row
    mode: Mode
    got: str = ""
    """What the program got, in words."""
    failure: str = ""
    """Why it failed, with the end of what it printed; empty if it did not."""
    attempts: int | None = None
    """How often a refused program tried; None where nobody counted."""
    seconds: float = 0.0


async def run(row: Row, mode: Mode, world: World) -> Outcome:
    """Run a row's program until it ends or ``TIMEOUT`` has passed."""
    began = trio.current_time()
    attempts = None
    if mode is Mode.REFUSED:
        async with counting(world.port) as hop:
            got, failure = await _judged(row, mode, world.environment(row.provider, mode, hop.port))
            attempts = hop.count
        if not failure and not attempts:
            failure = "it never came to the relay"
    else:
        environment = world.environment(row.provider, mode, world.port)
        got, failure = await _judged(row, mode, environment)
    return Outcome(row, mode, got, failure, attempts, trio.current_time() - began)


async def _judged(row: Row, mode: Mode, environment: dict[str, str]) -> tuple[str, str]:
    """What a program got, and why it failed; one of them is empty."""
    with trio.move_on_after(TIMEOUT) as waiting:
        process = await trio.run_process(
            [*command(row), row.api, mode],
            cwd=ROOT,
            env=environment,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    if waiting.cancelled_caught:
        return "", f"not done after {TIMEOUT:.0f} s"
    got, failure = _read(process, mode)
    if failure:
        printed = (process.stdout + process.stderr).decode(errors="replace").strip()
        failure = f"{failure}\n{printed[-_TAIL:]}"
    return got, failure


def _read(process: subprocess.CompletedProcess[bytes], mode: Mode) -> tuple[str, str]:
    if process.returncode:
        return "", f"exit code {process.returncode}"
    try:
        facts = json.loads(process.stdout)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        return "", "it did not print one JSON object"
    if mode is Mode.REFUSED:
        lacking = [] if facts.get("error") else ["error"]
    else:
        lacking = [name for name, value in facts.items() if not value]
        lacking += [] if facts.keys() & {"audio", "text"} else ["audio and text"]
    failure = f"it got no {', '.join(lacking)}" if lacking else ""
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value), failure
