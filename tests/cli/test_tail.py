"""``relay tail``."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest
import trio
from rich.console import Console
from typer.testing import CliRunner, Result

from relay import admin_client
from relay.cli import tail as cli_tail
from relay.cli.commands import app
from relay.protocol.frames import TEXT
from relay.settings import AdminSettings, Listener
from relay.testing.frames import Frame, close
from tests.admin.fakes import SHA256, TOKEN
from tests.loopback import HTTP, Relay, running
from tests.support import Peer, real_clock

ID = "0193f3a0-0000-7000-8000-000000000001"
OTHER = "0193f3a0-0000-7000-8000-000000000002"
LINES: list[dict[str, Any]] = [
    {"at": 0.5, "from": "client", "kind": "text", "bytes": 1234},
    {"dropped": 1200},
    {"at": 1234.5678, "from": "provider", "kind": "binary", "bytes": 1234567},
    {"at": 1234.6, "from": "provider", "kind": "close", "bytes": 2, "content": "1000"},
    {"ended": "the client closed with 1000 after 4.2 s"},
]


class Answers(httpx.AsyncBaseTransport):
    """An admin listener that says what a test wants.

    Args:
        lines: Of the tail, each of them in a piece of its own.
        ids: Of the live sessions.
        matching: How many of them there are; None for those.
        status: Of the answer with the lines.
    """

    def __init__(
        self, *lines: str, ids: tuple[str, ...] = (ID, OTHER), matching: object = None
    ) -> None:
        self.lines = lines
        self.ids = ids
        self.matching = len(ids) if matching is None else matching
        self.asked: list[httpx.URL] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        if request.url.path == "/api/sessions/live":
            rows = [{"id": each} for each in self.ids]
            return httpx.Response(200, json={"sessions": rows, "matching": self.matching})
        if not self.lines:
            return httpx.Response(403, json={"error": "its gateway does not\x1b[2J"})
        return httpx.Response(200, content=self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        for line in self.lines:
            yield line.encode() + b"\n"


def tail(listener: Answers, *arguments: str) -> Result:
    """Run the command against that listener."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RELAY_ADMIN_TOKEN", TOKEN)
        patch.setattr(
            admin_client, "AdminClient", partial(admin_client.AdminClient, transport=listener)
        )
        return CliRunner().invoke(app, ["tail", *arguments])


def test_a_line_for_each_message_and_how_it_ended() -> None:
    listener = Answers(*map(json.dumps, LINES))
    result = tail(listener, ID.upper())
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "    0.500 s  client    text        1,234",
        "1,200 messages were too many to be shown",
        " 1234.568 s  provider  binary  1,234,567",
        " 1234.600 s  provider  close           2  1000",
        "the client closed with 1000 after 4.2 s",
    ]
    (asked,) = listener.asked
    assert (asked.path, asked.query) == (f"/api/sessions/{ID}/tail", b"")


def test_the_lines_as_they_come() -> None:
    lines = [json.dumps(line) for line in LINES]
    assert tail(Answers(*lines), ID, "--json").stdout.splitlines() == lines


def test_content_is_asked_for_and_steers_no_terminal() -> None:
    said = "\x1b[2J\u202e grüße\n[red]\u2028"
    line = {**LINES[0], "content": said}
    listener = Answers(json.dumps(line), json.dumps({"ended": "no\x1b[2J"}))
    result = tail(listener, ID, "--content")
    assert result.stdout.splitlines() == [
        "    0.500 s  client    text        1,234  \\x1b[2J\\u202e grüße\\n[red]\\u2028",
        "no\\x1b[2J",
    ]
    assert listener.asked[0].query == b"content=true"
    for raw in tail(listener, ID, "--content", "--json").stdout:
        assert raw == "\n" or raw.isprintable()


def test_a_terminal_has_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system="standard", width=30)
    monkeypatch.setattr(cli_tail, "Console", lambda: console)
    monkeypatch.setattr(cli_tail, "sys", _Terminal)
    line = {**LINES[0], "content": "word " * 20 + "[red]\x1b[2J"}
    tail(Answers(json.dumps(line), json.dumps(LINES[-1])), ID)
    first, last = screen.getvalue().splitlines()
    assert "\x1b[36mclient" in first
    assert first.endswith("word [red]\\x1b[2J")
    assert "the client closed" in last


class _Terminal:
    class stdout:  # noqa: N801 - as in sys
        @staticmethod
        def isatty() -> bool:
            return True


def test_the_beginning_of_an_id_is_enough() -> None:
    ids = (ID, f"1{OTHER[1:]}", f"2{ID[1:]}")
    listener = Answers(json.dumps(LINES[-1]), ids=ids)
    assert tail(listener, "0193F3A0").exit_code == 0
    live, asked = listener.asked
    assert dict(live.params) == {"q": "0193f3a0", "limit": "1000"}
    assert asked.path == f"/api/sessions/{ID}/tail"


@pytest.mark.parametrize(
    ("listener", "arguments", "code", "error"),
    [
        (Answers("{}"), ["0193"], 1, "2 ids begin so: give more of it"),
        (Answers("{}", matching=5000), ["0193"], 1, "at least 2 ids begin so"),
        (Answers("{}"), ["abc"], 1, "no session of such an id is open"),
        (Answers("{}", matching="many"), ["0193"], 1, "is of another version"),
        (Answers(), [ID, "--content"], 1, "its gateway does not\\x1b[2J"),
        (Answers(json.dumps(LINES[0])), [ID], 1, "the relay has ended"),
        (Answers("<html>"), [ID], 1, "sends no tail of a session"),
        (Answers("[1]"), [ID], 1, "sends no tail of a session"),
        (Answers("{}"), [ID], 1, "sends no tail of a session"),
        (Answers('{"ended": 5}'), [ID], 1, "sends no tail of a session"),
        (Answers("{}"), ["../config"], 2, "hexadecimal"),
        (Answers("{}"), [ID + "0"], 2, "hexadecimal"),
        (Answers("{}"), [""], 2, "hexadecimal"),
    ],
)
def test_what_cannot_be_read(
    listener: Answers, arguments: list[str], code: int, error: str
) -> None:
    result = tail(listener, *arguments)
    assert result.exit_code == code
    assert error in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output


# With a relay

ADMIN = AdminSettings(Listener("http", "127.0.0.1", 0), SHA256)


def _command(it: Relay, *arguments: str) -> list[str]:
    (address,) = it.server.admin_addresses
    return [sys.executable, "-m", "relay", "tail", *arguments, "--url", str(address)]


async def _is_read(it: Relay) -> None:
    while not it.server._tails._open:  # noqa: ASYNC110 - there is nothing to be told by
        await trio.sleep(0.01)


async def _told(client: Peer, payload: bytes) -> None:
    await client.send(Frame(TEXT, payload))
    assert (await client.receive()).payload == payload


@real_clock
async def test_a_session_of_a_relay_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_ADMIN_TOKEN", TOKEN)
    async with running(HTTP, server={"admin": ADMIN}, tail_content=True) as it:
        client = await it.open()
        (seen,) = it.server.glances()
        command = _command(it, seen.record.id[:8], "--content")
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                done = await trio.run_process(command, capture_stdout=True, check=False)
                assert done.returncode == 0
                lines = done.stdout.decode().splitlines()
                assert [line.split()[2:] for line in lines[:2]] == [
                    ["client", "text", "5", "hello"],
                    ["provider", "text", "5", "hello"],
                ]
                assert lines[-1].startswith("the client closed with 1000 after ")

            nursery.start_soon(read)
            await _is_read(it)
            await _told(client, b"hello")
            await client.send(close(1000))
            await client.receive()
            await client.end()


@real_clock
async def test_ctrl_c_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_ADMIN_TOKEN", TOKEN)
    async with running(HTTP, server={"admin": ADMIN}) as it:
        client = await it.open()
        (seen,) = it.server.glances()
        process = await trio.lowlevel.open_process(
            _command(it, seen.record.id), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        async with process.stdout, process.stderr:
            await _is_read(it)
            await _told(client, b"hello")
            assert b"client" in await process.stdout.receive_some()
            process.send_signal(signal.SIGINT)
            assert await process.stderr.receive_some() == b""
            assert await process.wait() == 0
        while it.server._tails._open:  # noqa: ASYNC110
            await trio.sleep(0.01)
        await _told(client, b"hello")
        await client.end()
