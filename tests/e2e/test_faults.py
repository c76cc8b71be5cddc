"""Every fault of a double, through a relay: what docs/faults.md says that client and log see."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
import trio

from relay.doubles import FAULTS, parse_fault, serve_double
from relay.testing.frames import Frame
from tests.certificates import authority, server_context
from tests.config.files import load_text
from tests.e2e.drivers import OURS, in_every_driver, running
from tests.soak.client import TEXT, Client, Ended, upgrade
from tests.support import real_clock

KEY = "sk-the-key-of-the-double"

CONFIGURATION = """
server.listen = ["127.0.0.1:0"]
limits = {{ upstream_timeout = "1s", idle_timeout = "300ms", write_timeout = "300ms", close_timeout = "300ms" }}
[gateways."acct/{lane}"]
authentication = "none"
stored_keys = {{ openai = {{ default = "env:FAULTS_KEY" }} }}
lane = "{lane}"
[providers.openai]
url = "wss://localhost:{port}"
ca = "ca.pem"
"""  # noqa: E501
UPDATE = Frame(TEXT, b'{"type": "session.update", "session": {"type": "realtime"}}')


class Row(NamedTuple):
    """A row of the page's table, in one lane."""

    fault: str
    behaviour: str
    lane: str
    outcome: str
    event: str
    values: dict[str, str]

    def __str__(self) -> str:
        return f"{self.fault} {self.behaviour} {self.lane}"


def page() -> str:
    return Path(__file__, "../../../docs/faults.md").resolve().read_text()


def rows() -> list[Row]:
    found = []
    for fault, behaviour, lane, outcome, event, values in re.findall(
        r"^\| `([^`]+)`(?: \(([a-z ]+)\))? \| (\w*) ?\| ([^|]+) \| `(\w+)` ([^|]+) \|$",
        page(),
        re.MULTILINE,
    ):
        said = dict(re.findall(r"(\w+)=(.+?)(?= \w+=|$)", values))
        lanes = [lane] if lane else ["verbatim", "messages"]
        found += [Row(fault, behaviour, each, outcome, event, said) for each in lanes]
    return found


ROWS = rows()


def test_the_page_has_every_fault_and_no_other() -> None:
    described = re.findall(r"^\| `([a-z0-9]+)[^`|]*` \| [^|]+ \|$", page(), re.MULTILINE)
    assert described == list(FAULTS)
    assert {row.fault.partition(":")[0] for row in ROWS} == set(FAULTS)
    assert len(ROWS) == 36


@asynccontextmanager
async def relay_before(row: Row, driver: str, folder: Path) -> AsyncIterator[int]:
    """A relay before a double with the row's fault, TLS between them; it ends in peace."""
    authority().cert_pem.write_to_path(folder / "ca.pem")
    serve = functools.partial(
        serve_double,
        "openai",
        KEY,
        fault=parse_fault(row.fault),
        ssl_context=server_context("localhost"),
    )
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve)
        settings = load_text(folder, CONFIGURATION.format(lane=row.lane, port=port))
        async with running(driver, settings) as relayed:
            yield relayed.ports[0]
            await relayed.drain()
        nursery.cancel_scope.cancel()


async def outcome(client: Client, behaviour: str) -> str:
    """Behave; how the session ended, as the client saw it."""
    try:
        await client.accepted()
        message = await client.message()
        if behaviour == "closes":
            return await client.close(1000)
        if behaviour == "sends on":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_on, client)
                ending = await client.silent_ending()
                nursery.cancel_scope.cancel()
                return ending
        while b"session.updated" not in message:
            if b"session.created" in message:
                await client.send_frames(UPDATE)
            message = await client.message()
            try:
                message.decode()
            except UnicodeDecodeError:
                return await client.close(1007)
        return await client.close(1000)
    except Ended as ended:
        return str(ended)


async def send_on(client: Client) -> None:
    frame = Frame(TEXT, b" " * 65536).encode(bytes(4))
    with suppress(trio.BrokenResourceError):
        while True:
            await client.stream.send_all(frame)


@in_every_driver
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_client_and_log_see(
    row: Row, driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULTS_KEY", KEY)

    @real_clock
    async def test() -> None:
        with structlog.testing.capture_logs() as log:
            async with (
                relay_before(row, driver, tmp_path) as port,
                await trio.open_tcp_stream("127.0.0.1", port) as stream,
            ):
                client = Client(stream)
                await client.send(upgrade(f"/v1/acct/{row.lane}/openai?model=m"))
                assert await outcome(client, row.behaviour) == row.outcome
        if driver not in OURS:
            assert log == []  # nor any fault
            return
        assert all(line["log_level"] == "info" for line in log)
        (line,) = (line for line in log if line["event"] in {"ended", "refused"})
        assert line["event"] == row.event
        assert {name: str(line[name]) for name in row.values} == row.values

    test()
