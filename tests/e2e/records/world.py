"""A relay that keeps records, between clients and doubles that are watched on the wire."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path

import pytest
import trio

from relay.doubles import Fault, serve_stream
from relay.drivers.reactor import Reactor
from relay.metrics import Metrics
from relay.protocol.usage import UNITS
from relay.records.recorder import Recorder
from relay.records.session_record import SessionRecord, from_json
from relay.server import Server
from relay.testing.handshakes import accept_value, switch
from tests.config.files import load_text
from tests.doubles.peer import Peer
from tests.e2e.records.wire import Tapped
from tests.e2e.support import read_head

__all__ = [
    "AGENT",
    "DRIVERS",
    "GATEWAY",
    "KEY",
    "TOKEN",
    "Client",
    "World",
    "cost_of",
    "in_both_drivers",
    "world",
]

GATEWAY = "acct/main"
TOKEN = "rly_" + "t" * 43
KEY = "sk-the-key-of-the-double"
AGENT = "records/1 (test)"
DRIVERS = ("fast", "portable")
in_both_drivers = pytest.mark.parametrize("driver", DRIVERS)

_ACCOUNT = "/v1/account/gateway/workers-ai"
_PRICES = {unit: Decimal(number) / 1000 for number, unit in enumerate(UNITS, 1)}
"""Of one of each unit: no two are the same."""


def cost_of(used: Mapping[str, Decimal | int]) -> Decimal:
    """What usage costs by the table of these tests."""
    return sum((_PRICES[unit] * count for unit, count in used.items()), Decimal(0))


def _price_table(provider: str) -> str:
    prices = "\n".join(
        f'{unit} = "{price} / 1{"s" if unit.endswith("_seconds") else ""}"'
        for unit, price in _PRICES.items()
    )
    return f'[prices.{provider}."*"]\n{prices}\n'


class Client:
    """A client of the relay's that speaks wsproto, and keeps what went over its connection."""

    def __init__(self, tapped: Tapped) -> None:
        self.tapped = tapped
        self.stream = tapped.stream
        self.peer = Peer(tapped.stream)

    async def open(
        self, target: str, *lines: tuple[str, str], token: str | None = TOKEN, agent: str = AGENT
    ) -> tuple[int, bytes]:
        """Ask for a session; the status and the body of the answer."""
        await self.ask(target, *lines, token=token, agent=agent)
        return await self.peer.answer()

    async def ask(
        self, target: str, *lines: tuple[str, str], token: str | None = TOKEN, agent: str = AGENT
    ) -> None:
        """Ask, and don't wait for the answer."""
        fields = [("User-Agent", agent), *lines]
        if token is not None:
            fields.append(("cf-aig-authorization", token))
        await self.peer.request(target, fields, ())

    async def head(self) -> bytes:
        """Read the head of the answer, without wsproto, which would not take its extension."""
        return await read_head(self.stream)

    @property
    def log_id(self) -> str:
        """The session's id, as the answer has it."""
        head, _, _ = bytes(self.tapped.received).partition(b"\r\n\r\n")
        (found,) = re.findall(rb"(?im)^cf-aig-log-id: *(\S+)", head)
        return str(found.decode())


class World:
    """What there is to connect to, and what is known of it afterwards."""

    def __init__(self, server: Server, upstream: str, lines: Path) -> None:
        self.server = server
        self.upstream = upstream
        """Host and port of the double."""
        self.doubles: list[Tapped] = []
        """Its connections."""
        self.clients: list[Client] = []
        self.accounted = trio.Event()
        """Set when a session has ended, or an opening has come to nothing."""
        self._account, server.account = server.account, self._watch  # type: ignore[method-assign]
        self._lines = lines

    def _watch(self, recorder: Recorder) -> None:
        self._account(recorder)
        self.accounted.set()

    @property
    def metrics(self) -> Metrics:
        """What the server counts."""
        assert self.server.metrics is not None
        return self.server.metrics

    def metric(self, name: str) -> float:
        """The sum over all labels."""
        found = re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", self.metrics.exposition().decode())
        return sum(map(float, found))

    async def connect(self, *, receive_buffer: int | None = None) -> Client:
        """A client."""
        port = self.server.addresses[0].port
        client = Client(await Tapped.connect(port, receive_buffer))
        self.clients.append(client)
        return client

    def records(self) -> list[SessionRecord]:
        """All that were written; once the block of the world is left, all that there are."""
        if not self._lines.exists():
            return []
        return [from_json(json.loads(line)) for line in self._lines.read_text().splitlines()]

    @property
    def record(self) -> SessionRecord:
        """The one record."""
        (record,) = self.records()
        return record


@asynccontextmanager
async def world(
    folder: Path,
    provider: str,
    driver: str = "fast",
    *,
    fault: Fault | None = None,
    limits: str = "",
    gateway: str = "",
    upstream: str | None = None,
    script: bytes | None = None,
    store: str = "none",
) -> AsyncIterator[World]:
    """A relay before a double of ``provider``; it drains when the block is left.

    Args:
        folder: For its files.
        provider: A name of the catalogue.
        driver: "fast" or "portable".
        fault: What the double does wrong.
        limits: What the configuration has in its table of limits.
        gateway: What it has more of the gateway.
        upstream: Host and port to be dialled in place of the double's.
        script: What is said in place of the double, after a 101 that accepts permessage-deflate.
        store: Where records go besides.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reactor, "is_available", lambda: driver == "fast")
        patch.setenv("RECORDS_KEY", KEY)
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            host, port = listeners[0].socket.getsockname()
            address = upstream or f"{host}:{port}"
            settings = load_text(
                folder,
                _configuration(provider, address, limits=limits, gateway=gateway, store=store),
            )
            server = Server(settings)
            server.metrics = Metrics(server, settings.prices)
            it = World(server, address, folder / "records.jsonl")

            async def serve(stream: trio.SocketStream) -> None:
                it.doubles.append(Tapped(stream))
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    if script is not None:
                        await _say(stream, script)
                        return
                    await serve_stream(provider, KEY, stream, fault=fault)

            nursery.start_soon(trio.serve_listeners, serve, listeners)
            async with trio.open_nursery() as running:
                await running.start(server.run)
                try:
                    yield it
                finally:
                    for client in it.clients:
                        await trio.aclose_forcefully(client.stream)
                server.drain()
            nursery.cancel_scope.cancel()


async def _say(stream: trio.SocketStream, script: bytes) -> None:
    """Be a provider that says this, and then waits for its client to end."""
    async with stream:
        head = await read_head(stream)
        await stream.send_all(
            switch("Sec-WebSocket-Extensions: permessage-deflate", accept=accept_value(head))
            + script
        )
        while await stream.receive_some():
            pass


def _configuration(provider: str, address: str, *, limits: str, gateway: str, store: str) -> str:
    path = _ACCOUNT if provider == "workers-ai" else ""
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    return f"""
server.listen = ["127.0.0.1:0"]
[limits]
{limits}
[records]
store = "{store}"
json_lines = "records.jsonl"
[gateways."{GATEWAY}"]
tokens = [{{ name = "web", sha256 = "{digest}", metadata = {{ team = "voice", tier = 1 }} }}]
stored_keys = {{ {provider} = {{ default = "env:RECORDS_KEY" }} }}
{gateway}
[providers.{provider}]
url = "ws://{address}{path}"
{_price_table(provider)}
"""
