"""What docs/faults.md says that the page says of each fault: its rows, and how they are played.

All of them are played at the same time, through one relay before one listener of doubles, because
some take a client as patient as people are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from math import inf
from pathlib import Path
from typing import NamedTuple

import pytest
import trio

from relay.doubles import parse_fault, serve_stream
from relay.drivers.reactor import Reactor
from relay.records.explanation import LONG
from relay.server import Server
from tests.admin.fakes import SHA256
from tests.config.files import load_text
from tests.e2e.test_faults import UPDATE, send_on
from tests.soak.client import Client, Ended, upgrade

__all__ = ["ROWS", "WHILE_IT_LASTS", "Row", "Stage", "stage"]

_KEY = "sk-the-key-of-the-double"
_PATIENCE = LONG + 0.3
"""Seconds after which a client that waits in vain gives up."""
_PAGE = Path(__file__, "../../../docs/faults.md").resolve()
_ROW = re.compile(r"^\| `([^`]+)`(?: \(([a-z ]+)\))? \| (\w*) ?\| ([^|]+) \|$", re.MULTILINE)
_CONFIGURATION = f"""
server.listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
token_sha256 = "{SHA256.hex()}"
[providers.openai]
url = "ws://127.0.0.1:{{port}}"
"""
_GATEWAY = """
[gateways."acct/{name}"]
authentication = "none"
stored_keys = {{ openai = {{ default = "env:FAULTS_KEY" }} }}
lane = "{lane}"
limits = {{ {limits} }}
"""
_LIMITS = {
    "patient": 'write_timeout = "3s", close_timeout = "1s"',
    "hasty": 'upstream_timeout = "300ms", idle_timeout = "300ms", close_timeout = "1s"',
}


class Row(NamedTuple):
    """A fault, a client and a lane, and what the page says of that session."""

    fault: str
    behaviour: str
    lane: str
    sentence: str
    """With ``T`` for a time and ``N`` for a number; several, where it is a race."""

    @property
    def sentences(self) -> list[str]:
        """Of which one is said."""
        return self.sentence.split("; or: ")

    def __str__(self) -> str:
        return " ".join(filter(None, (self.fault, self.behaviour, self.lane)))

    @property
    def model(self) -> str:
        """By which its session is known to everybody."""
        return f"row-{hashlib.sha256(str(self).encode()).hexdigest()[:12]}"

    @property
    def gateway(self) -> str:
        """A relay that waits no longer than a moment, where it is the relay that gives up."""
        gives_up = self.fault in {"stall", "late:1h"} and not self.behaviour
        return f"{'hasty' if gives_up else 'patient'}-{self.lane}"


def _rows(header: str) -> tuple[Row, ...]:
    """The rows of the table whose last column has this header."""
    _, _, table = _PAGE.read_text().partition(f"| fault | lane | {header} |\n| --- | --- | --- |\n")
    table, _, _ = table.partition("\n\n")
    found = []
    for fault, behaviour, lane, sentence in _ROW.findall(table):
        lanes = [lane] if lane else ["verbatim", "messages"]
        found += [Row(fault, behaviour, each, sentence) for each in lanes]
    return tuple(found)


ROWS = _rows("the page says")
WHILE_IT_LASTS = _rows("meanwhile the page says")
_BY_MODEL: Mapping[str, Row] = {row.model: row for row in ROWS}


class Stage:
    """A relay before doubles, each of which has the fault of the row that its request names."""

    def __init__(self) -> None:
        self.server: Server
        self._asked = {row.model: trio.Event() for row in ROWS}

    async def double(self, stream: trio.SocketStream) -> None:
        """Be the provider of one session."""
        head = await stream.socket.recv(4096, trio.socket.MSG_PEEK)
        (model,) = re.findall(rb"[?&]model=([a-z0-9-]+)", head)
        self._asked[model.decode()].set()
        fault = parse_fault(_BY_MODEL[model.decode()].fault)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await serve_stream("openai", _KEY, stream, fault=fault)

    async def play(self, row: Row) -> None:
        """Be the row's client, to the end of its session."""
        port = self.server.addresses[0].port
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            client = Client(stream)
            await client.send(upgrade(f"/v1/acct/{row.gateway}/openai?model={row.model}"))
            try:
                if row.fault.startswith("late") and row.behaviour == "leaves":
                    await self._asked[row.model].wait()
                else:
                    await client.accepted()
                    await _converse(client, row.behaviour)
                    return
            except Ended:
                return
            except trio.TooSlowError:
                pass
            await stream.send_eof()
            await client.silent_ending()


@asynccontextmanager
async def stage(
    folder: Path, monkeypatch: pytest.MonkeyPatch, driver: str = "fast"
) -> AsyncIterator[Stage]:
    """Set it while the block runs."""
    monkeypatch.setattr(Reactor, "is_available", lambda: driver == "fast")
    monkeypatch.setenv("FAULTS_KEY", _KEY)

    it = Stage()
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, it.double, listeners)
        text = _CONFIGURATION.format(port=port) + "".join(
            _GATEWAY.format(name=f"{name}-{lane}", lane=lane, limits=limits)
            for name, limits in _LIMITS.items()
            for lane in ("verbatim", "messages")
        )
        async with trio.open_nursery() as running:
            it.server = await running.start(Server(load_text(folder, text)).run)
            yield it
            it.server.drain()
        nursery.cancel_scope.cancel()


async def _converse(client: Client, behaviour: str) -> None:
    """Ask for something, wait for the answer, and close.

    Raises:
        trio.TooSlowError: The client has left, because nothing came.
    """
    if behaviour == "sends on":
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_on, client)
            await client.silent_ending()
            nursery.cancel_scope.cancel()
        return
    message, code = b"", 1000
    try:
        while b"session.updated" not in message and code == 1000:
            with trio.fail_after(inf if behaviour == "waits" else _PATIENCE):
                message = await client.message()
            if behaviour == "closes":
                break
            if b"session.created" in message:
                await client.send_frames(UPDATE)
            code = _code_for(message)
    except trio.TooSlowError:
        if behaviour == "leaves":
            raise
    await client.close(code)


def _code_for(message: bytes) -> int:
    """What a client closes with that has got this as text."""
    try:
        message.decode()
    except UnicodeDecodeError:
        return 1007
    return 1000
