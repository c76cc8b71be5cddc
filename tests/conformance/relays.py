"""`relay serve` before the echo server: a process with each driver, a gateway with each lane."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import trio

__all__ = ["Driver", "Lane", "Relay", "RelayError", "complaint", "serve_relay"]

_READY_TIMEOUT = 20.0
_END_TIMEOUT = 40.0  # more than the drain timeout
_LISTENING = re.compile(r"^listening on http://127\.0\.0\.1:(\d+)$", re.MULTILINE)

# The suite can send no field lines, so the provider's key is the gateway's. It is nobody's.
_CONFIGURATION = """\
[server]
listen = ["127.0.0.1:0"]
[gateways."acct/verbatim"]
authentication = "none"
stored_keys = {{ echo = {{ default = "env:ECHO_KEY" }} }}
compression = "passthrough"
[gateways."acct/messages"]
authentication = "none"
stored_keys = {{ echo = {{ default = "env:ECHO_KEY" }} }}
lane = "messages"
[providers.echo]
like = "openai"
url = "ws://127.0.0.1:{echo_port}"
"""


class Lane(StrEnum):
    """A lane, and the id of its gateway."""

    VERBATIM = "verbatim"
    MESSAGES = "messages"


class Driver(StrEnum):
    """What carries open sessions, and the program that serves with it."""

    FAST = "fast"
    PORTABLE = "portable"

    @property
    def module(self) -> str:
        """Run by ``python -m``."""
        return "relay" if self is Driver.FAST else "tests.conformance.portable"


class RelayError(Exception):
    """The relay did not do as it should; the text says what."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that serves."""

    port: int

    def url(self, lane: Lane) -> str:
        """Where the echo server is found by way of a lane."""
        return f"ws://127.0.0.1:{self.port}/v1/acct/{lane}/echo/realtime?model=echo"


@asynccontextmanager
async def serve_relay(driver: Driver, echo_port: int, log: Path) -> AsyncIterator[Relay]:
    """Run a relay until the end of the block.

    Args:
        driver: What it carries sessions by.
        echo_port: The echo server's.
        log: Where its log goes.

    Raises:
        RelayError: It did not start or did not end, or a session of it had a fault or did not end.
    """
    with tempfile.TemporaryDirectory(prefix="relay-conformance-") as name:
        configuration = Path(name, "relay.toml")
        await trio.Path(configuration).write_text(_CONFIGURATION.format(echo_port=echo_port))
        command = [sys.executable, "-m", driver.module, "serve", "--log-format", "json"]
        with log.open("wb") as file:
            process = await trio.lowlevel.open_process(
                [*command, "--config", configuration],
                env=os.environ | {"ECHO_KEY": "sk-nobody's"},
                stderr=file,
            )
        try:
            yield Relay(await _port(process, log))
        finally:
            process.terminate()
            with trio.move_on_after(_END_TIMEOUT, shield=True):
                await process.wait()
            if process.returncode is None:
                process.kill()
    if process.returncode != 0:
        raise RelayError(f"the relay did not end by itself, with 0; its log is {log}")
    if what := complaint(await trio.Path(log).read_text()):
        raise RelayError(f"{what}; the relay's log is {log}")


async def _port(process: trio.Process, log: Path) -> int:
    """Wait until it listens."""
    with trio.move_on_after(_READY_TIMEOUT):
        while process.poll() is None:
            if found := _LISTENING.search(await trio.Path(log).read_text()):
                return int(found[1])
            await trio.sleep(0.05)
    raise RelayError(f"the relay did not listen; its log is {log}")


def complaint(log: str) -> str:
    """What is wrong according to a log, as JSON: a fault, or a session that did not end."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    faults = [line["event"] for line in lines if line["level"] not in {"info", "warning"}]
    if faults:
        return f"{len(faults)} faults, the first one: {faults[0]}"
    unended = _sessions(lines, "opened") - _sessions(lines, "ended")
    return f"{len(unended)} sessions did not end" if unended else ""


def _sessions(lines: Iterable[Mapping[str, str]], event: str) -> set[str]:
    return {line["session"] for line in lines if line["event"] == event}
