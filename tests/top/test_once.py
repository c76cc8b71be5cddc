"""Tests of ``relay top --once``, up to the command."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from relay.admin_client import AdminError
from relay.cli.commands import app
from relay.top import top
from tests.top.fakes import Relay, client, row


def _once(relay: Relay) -> list[str]:
    """The lines that it prints."""
    out = io.StringIO()
    console = Console(file=out, width=1000)

    async def main() -> None:
        async with client(relay) as it:
            await top(it, console, interval=2.0, once=True)

    asyncio.run(main())
    return out.getvalue().splitlines()


def test_a_line_for_all_and_one_for_each() -> None:
    relay = Relay([row(1), row(2, state="silent", model="\x1b[2J")])
    lines = _once(relay)
    assert lines[0] == "2 live: 0 opening, 1 talking, 1 silent, 0 closing"
    assert lines[1].split()[:3] == ["state", "provider", "model"]
    assert "in/s" not in lines[1]  # one look knows no rate
    assert lines[2].startswith("talking: client  openai")
    assert "\\x1b[2J" in lines[3]
    assert len(lines) == 4
    assert relay.asked == [{"q": "", "sort": "duration", "descending": "false", "limit": "10000"}]


def test_a_relay_that_drains_and_more_sessions_than_it_gives() -> None:
    (head, *_) = _once(Relay([row(1)], draining=True, matching=12_000))
    assert head == "draining; 1 live: 0 opening, 1 talking, 0 silent, 0 closing; 1 shown"


def test_no_sessions() -> None:
    assert _once(Relay()) == ["0 live: 0 opening, 0 talking, 0 silent, 0 closing"]


def test_a_relay_of_another_version() -> None:
    relay = Relay([{"id": "1", "state": "talking"}])
    with pytest.raises(AdminError, match=r"^http://127\.0\.0\.1:9464: .* another version$"):
        _once(relay)


def _command(monkeypatch: pytest.MonkeyPatch, relay: Relay) -> Any:
    def transport(**_: object) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(relay.answer)

    monkeypatch.setattr(httpx, "AsyncHTTPTransport", transport)
    return CliRunner().invoke(app, ["top"], env={"RELAY_ADMIN_TOKEN": "rly_x"})


def test_the_command_prints_it_once_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = _command(monkeypatch, Relay([row(1)]))
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == 3


def test_the_command_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    error = httpx.Response(403, json={"error": "[admin] has no token_sha256"})
    result = _command(monkeypatch, Relay(error=error))
    assert result.exit_code == 1
    assert result.output == "http://127.0.0.1:9464: [admin] has no token_sha256\n"
