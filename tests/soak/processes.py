"""The processes of a soak: the doubles, and a relay with each driver; and what they hold."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import trio

from relay.tls import client_context
from tests.certificates import authority, write_pem
from tests.soak.clients import Relay
from tests.soak.doubles import KEY
from tests.soak.plan import FAULTS

__all__ = ["Driver", "Holdings", "RelayProcess", "SoakError", "serve_doubles", "serve_relay"]

_TIMEOUT = 30.0  # to start, to answer, to end
_TOKEN = "rly_" + "s" * 43
_LISTENING = re.compile(r"^listening on https?://127\.0\.0\.1:(\d+)$", re.MULTILINE)
_CONFIGURATION = """\
[server]
listen = ["http://127.0.0.1:0", "https://127.0.0.1:0"]
tls = {{ certificate = "cert.pem", key = "key.pem" }}
[limits]
opening_timeout = "30s"
upstream_timeout = "8s"
idle_timeout = "6s"
write_timeout = "3s"
close_timeout = "6s"
max_message_size = "1MiB"
[gateways."acct/verbatim"]
tokens = [{{ name = "soak", sha256 = "{token_hash}" }}]
stored_keys = {{ {stored_keys} }}
[gateways."acct/messages"]
lane = "messages"
tokens = [{{ name = "soak", sha256 = "{token_hash}" }}]
stored_keys = {{ {stored_keys} }}
"""
_PROVIDER = """\
[providers.{name}]
like = "openai"
url = "{scheme}://localhost:{port}/v1/realtime"
"""


class Driver(StrEnum):
    """What carries open sessions."""

    FAST = "fast"
    PORTABLE = "portable"


class SoakError(Exception):
    """A process did not do as it should; the text says what."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a process holds while nothing goes on."""

    descriptors: int
    memory: int
    """Resident, in KiB."""
    tasks: int = 0
    """Of Trio; only of a relay."""
    places: int = 0
    """Of sessions, by the relay's own count."""


@dataclass(frozen=True, slots=True)
class RelayProcess:
    """A relay that serves."""

    driver: Driver
    process: trio.Process
    address: Relay
    log: Path

    async def holdings(self) -> Holdings:
        """What it holds."""
        counted = len(_counts(self.log))
        os.kill(self.process.pid, signal.SIGUSR1)
        with trio.fail_after(_TIMEOUT):
            while len(counts := _counts(self.log)) == counted:  # noqa: ASYNC110 - a process
                await trio.sleep(0.02)
        tasks, places = map(int, counts[-1])
        held = holdings(self.process.pid)
        return Holdings(held.descriptors, held.memory, tasks, places)


def _counts(log: Path) -> list[tuple[str, str]]:
    return re.findall(r"^counted (\d+) (\d+)$", log.read_text(), re.MULTILINE)


def holdings(pid: int) -> Holdings:
    """What the system knows that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    memory = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert memory is not None
    return Holdings(len(os.listdir(f"/proc/{pid}/fd")), int(memory[1]))


def write_certificates(folder: Path) -> None:
    """Write ``cert.pem`` and ``key.pem`` for all processes, and ``ca.pem``, which trusts them."""
    write_pem(folder, "localhost")
    authority().cert_pem.write_to_path(folder / "ca.pem")


@asynccontextmanager
async def serve_doubles(folder: Path) -> AsyncIterator[tuple[int, list[tuple[str, bool, int]]]]:
    """Run the doubles until the end of the block.

    Gives:
        The process's id; and of each double its fault, whether it speaks TLS, and its port.
    """
    write_certificates(folder)
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    command = [sys.executable, "-m", "tests.soak.doubles", *files]
    out = folder / "doubles.out"
    with out.open("wb") as file:
        process = await trio.lowlevel.open_process(command, stdout=file)
    try:
        with trio.fail_after(_TIMEOUT):
            while not (line := out.read_text()).endswith("\n"):  # noqa: ASYNC110 - a process
                await trio.sleep(0.05)
        yield process.pid, [(fault, tls, port) for fault, tls, port in json.loads(line)]
    finally:
        await _end(process)
    if process.returncode != 0:
        raise SoakError("the doubles did not end in peace")


@asynccontextmanager
async def serve_relay(
    driver: Driver, doubles: Iterable[tuple[str, bool, int]], folder: Path
) -> AsyncIterator[RelayProcess]:
    """Run a relay until the end of the block.

    Raises:
        SoakError: It did not end by itself with 0, after a SIGTERM.
    """
    providers, stored_keys = [], []
    for fault, tls, port in doubles:
        name = f"p{FAULTS.index(fault)}-{'tls' if tls else 'tcp'}"
        text = _PROVIDER.format(name=name, scheme="wss" if tls else "ws", port=port)
        providers.append(text + ('ca = "ca.pem"\n' if tls else ""))
        stored_keys.append(f'{name} = {{ default = "env:SOAK_KEY" }}')
    configuration = folder / f"{driver}.toml"
    token_hash = hashlib.sha256(_TOKEN.encode()).hexdigest()
    gateways = _CONFIGURATION.format(token_hash=token_hash, stored_keys=", ".join(stored_keys))
    configuration.write_text(gateways + "".join(providers))
    command = [sys.executable, "-m", "tests.soak.counted"]
    command += ["--portable"] if driver is Driver.PORTABLE else []
    command += ["serve", "--log-format", "json", "--config", str(configuration)]
    log = folder / f"{driver}.log"
    with log.open("wb") as file:
        process = await trio.lowlevel.open_process(
            command, stderr=file, env=os.environ | {"SOAK_KEY": KEY}
        )
    try:
        http, https = await _ports(process, log)
        trust = client_context(folder / "ca.pem")
        yield RelayProcess(driver, process, Relay(http, https, trust, _TOKEN), log)
    finally:
        await _end(process)
    if process.returncode != 0:
        raise SoakError(f"the {driver} relay did not end by itself, with 0")


async def _ports(process: trio.Process, log: Path) -> tuple[int, int]:
    with trio.move_on_after(_TIMEOUT):
        while process.poll() is None:
            ports = _LISTENING.findall(await trio.Path(log).read_text())
            if len(ports) == 2:
                return int(ports[0]), int(ports[1])
            await trio.sleep(0.05)
    raise SoakError(f"the relay did not listen: {await trio.Path(log).read_text()}")


async def _end(process: trio.Process) -> None:
    if process.poll() is None:
        process.terminate()
    with trio.move_on_after(_TIMEOUT, shield=True):
        await process.wait()
    if process.returncode is None:
        process.kill()
