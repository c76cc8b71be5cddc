"""``examples/application``: a relay in an application of its own, with its hooks."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import trio

import relay
from relay.client import ClientConnection, Rejected, open_websocket
from relay.doubles import serve_double
from relay.protocol import Secret
from tests.certificates import server_context
from tests.config.files import write_certificate
from tests.support import real_clock

PROGRAM = Path(__file__).parents[2] / "examples/application/voice_app.py"
_TOKEN = "red-token"
KEY = "sk-of-the-red-team"
CONFIGURATION = """
[gateways."acct/main"]
authentication = "none"

[providers.openai]
url = "wss://localhost:{port}"
ca = "ca.pem"
"""


@pytest.fixture
def voice_app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, as a module."""
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    return importlib.import_module(PROGRAM.stem)


class Application:
    """The example, running, with one team."""

    def __init__(self, module: ModuleType, budget: str) -> None:
        token, key = Secret(_TOKEN.encode()), Secret(KEY.encode())
        self.team = module.Team(token, key, Decimal(budget))
        self.accounts = module.Accounts({"red": self.team})
        self.server: relay.Server
        self.port: int

    async def open(self, token: str = _TOKEN) -> ClientConnection:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        try:
            return await open_websocket(
                stream,
                f"127.0.0.1:{self.port}",
                "/v1/acct/main/openai?model=gpt-realtime",
                fields=[("cf-aig-authorization", f"Bearer {token}")],
            )
        except Rejected:
            await stream.aclose()
            raise


@asynccontextmanager
async def application(
    module: ModuleType, folder: Path, budget: str = "5"
) -> AsyncIterator[Application]:
    write_certificate(folder)
    it = Application(module, budget)
    async with trio.open_nursery() as nursery:
        double = partial(serve_double, "openai", KEY, ssl_context=server_context("localhost"))
        port = await nursery.start(double)
        path = folder / "relay.toml"
        path.write_text(CONFIGURATION.format(port=port), encoding="utf-8")
        it.server, it.port = await nursery.start(partial(module.serve, path, it.accounts, port=0))
        yield it
        nursery.cancel_scope.cancel()


async def _answer(connection: ClientConnection, text: str) -> str:
    """Say something, and wait for the end of the response; what the provider heard."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await connection.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await connection.send(json.dumps({"type": "response.create"}))
    heard = ""
    while True:
        event = json.loads(await connection.receive())
        heard += json.dumps(event.get("item", ""))
        if event["type"] == "response.done":
            return heard


@real_clock
async def test_a_team_talks_by_its_own_key_and_pays(voice_app: ModuleType, tmp_path: Path) -> None:
    async with application(voice_app, tmp_path, budget="0.000001") as it:
        connection = await it.open()
        heard = await _answer(connection, "my card is 4111 1111 1111 1111, thanks")
        assert "my card is [card], thanks" in heard
        assert "4111" not in heard
        assert (await connection.close(1000)).code == 1000
        while it.team.budget > 0:
            await trio.lowlevel.checkpoint()
        with pytest.raises(Rejected) as refused:
            await it.open()
        assert refused.value.status == 402


@real_clock
async def test_a_stranger_is_refused(voice_app: ModuleType, tmp_path: Path) -> None:
    async with application(voice_app, tmp_path) as it:
        with pytest.raises(Rejected) as refused:
            await it.open("blue-token")
        assert refused.value.status == 401
        assert b"of no team" in refused.value.body


@real_clock
async def test_the_application_ends_when_its_relay_has_drained(
    voice_app: ModuleType, tmp_path: Path
) -> None:
    write_certificate(tmp_path)
    path = tmp_path / "relay.toml"
    path.write_text(CONFIGURATION.format(port=1), encoding="utf-8")
    async with trio.open_nursery() as nursery:
        server, _ = await nursery.start(
            partial(voice_app.serve, path, voice_app.Accounts({}), port=0)
        )
        server.drain()
