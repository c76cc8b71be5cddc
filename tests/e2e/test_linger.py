"""A client that leaves in the middle of a response of OpenAI's double, with TLS to the provider."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from relay.doubles import serve_double
from relay.doubles.openai_reply import Reply
from relay.doubles.server import Closed, Connection
from relay.drivers.reactor import Reactor
from relay.server import Server
from relay.testing.frames import Frame
from tests.certificates import authority, server_context
from tests.config.files import load_text
from tests.soak.client import TEXT, Client, upgrade
from tests.support import real_clock

KEY = "sk-the-key-of-the-double"

CONFIGURATION = """
server.listen = ["127.0.0.1:0"]
limits.linger = "{linger}"
records = {{ store = "none", json_lines = "{records}" }}
[gateways."acct/main"]
authentication = "none"
stored_keys = {{ openai = {{ default = "env:LINGER_KEY" }} }}
lane = "{lane}"
[providers.openai]
url = "wss://localhost:{port}"
ca = "ca.pem"
"""
ASK = Frame(TEXT, b'{"type": "response.create", "response": {"instructions": "Say hello"}}')


class Double:
    """What the double was told, and when it may go on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.speaks = trio.Event()
        self.may_speak = trio.Event()
        self.told = trio.Event()
        self.close: tuple[int | None, str] | None = None
        speak, receive = Reply._speak, Connection.receive

        async def waiting(reply: Reply) -> None:
            self.speaks.set()
            await self.may_speak.wait()
            await speak(reply)

        async def noting(connection: Connection) -> str | bytes:
            try:
                return await receive(connection)
            except Closed as closed:
                self.close = closed.code, closed.reason
                self.told.set()
                raise

        patch.setattr(Reply, "_speak", waiting)
        patch.setattr(Connection, "receive", noting)


@asynccontextmanager
async def relay_before_double(folder: Path, lane: str, linger: str) -> AsyncIterator[Server]:
    """A relay before the double; when the block is left, its records are written."""
    authority().cert_pem.write_to_path(folder / "ca.pem")
    serve = functools.partial(serve_double, "openai", KEY, ssl_context=server_context("localhost"))
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve)
        records = folder / "records.jsonl"
        text = CONFIGURATION.format(lane=lane, port=port, linger=linger, records=records)
        async with trio.open_nursery() as running:
            server = await running.start(Server(load_text(folder, text)).run)
            yield server
            server.drain()
        nursery.cancel_scope.cancel()


def the_record(folder: Path) -> dict[str, Any]:
    (line,) = (folder / "records.jsonl").read_text().splitlines()
    record: dict[str, Any] = json.loads(line)
    return record


async def begin(client: Client) -> None:
    """Open a session and ask for a response, up to its beginning."""
    await client.send(upgrade("/v1/acct/main/openai?model=gpt-realtime"))
    await client.accepted()
    await client.send_frames(ASK)
    while b'"response.created"' not in await client.message():
        pass


@pytest.mark.parametrize("driver", ["fast", "portable"])
@pytest.mark.parametrize("lane", ["verbatim", "messages"])
@pytest.mark.parametrize(
    ("linger", "closes"),
    [("10s", True), ("10s", False), ("0s", True)],
    ids=["closes", "vanishes", "off"],
)
def test_the_usage_of_a_response_whose_client_has_gone(
    linger: str,
    closes: bool,
    lane: str,
    driver: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Reactor, "is_available", lambda: driver == "fast")
    monkeypatch.setenv("LINGER_KEY", KEY)

    @real_clock
    async def test() -> None:
        double = Double(monkeypatch)
        async with relay_before_double(tmp_path, lane, linger) as server:
            port = server.addresses[0].port
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                client = Client(stream)
                await begin(client)
                await double.speaks.wait()
                if closes:
                    assert await client.close(4001, "heard enough") == "4001 heard enough"
            if linger != "0s":
                assert not double.told.is_set()
            double.may_speak.set()
            await double.told.wait()
            while server.quotas.open:
                await trio.lowlevel.checkpoint()
        expected = (4001, "heard enough") if closes else (1001, "going away")
        assert double.close == expected

    test()
    record = the_record(tmp_path)
    assert record["provider_side"]["told_code"] == (4001 if closes else 1001)
    assert record["cause"] == ("closed" if closes else "vanished")
    if linger == "0s":
        assert (record["usage"], record["lingered"]) == ([], 0)
    else:
        (work,) = record["usage"]
        assert work["usage"]["output_audio_tokens"] > 0
        assert record["turns"][0]["usage"] == work["usage"]
        assert record["lingered"] > 0
