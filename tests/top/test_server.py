"""``relay top`` and a relay, together."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from rich.console import Console
from textual.widgets import Input

from relay.admin_client import AdminClient, NotAllowedError, UnreachableError
from relay.protocol import Secret
from relay.settings import AdminSettings, Listener
from relay.testing.frames import close
from relay.top import top
from relay.top.app import Top
from relay.top.live import Query
from relay.top.look import look
from tests.admin.fakes import SHA256, TOKEN
from tests.loopback import HTTP, running
from tests.support import real_clock
from tests.top.fakes import head, rows, text, until

_ADMIN = AdminSettings(Listener("http", "127.0.0.1", 0), SHA256)


async def _on_asyncio(ask: Callable[[AdminClient], Awaitable[None]], client: AdminClient) -> None:
    """Ask in a thread, since the relay runs on Trio in this one."""

    async def main() -> None:
        async with client:
            await ask(client)

    await trio.to_thread.run_sync(partial(asyncio.run, main()))


def _client(address: Listener, token: str = TOKEN) -> AdminClient:
    return AdminClient(str(address), Secret(token.encode()))


@pytest.mark.parametrize("kind", ["http", "unix"])
@real_clock
async def test_a_session_is_seen_and_ended_from_the_terminal(kind: str, tmp_path: Path) -> None:
    unix = AdminSettings(Listener("unix", str(tmp_path / "admin.sock")), SHA256)
    admin = _ADMIN if kind == "http" else unix

    async def use(client: AdminClient) -> None:
        app = Top(client, await look(client, Query()), 0.2)
        async with app.run_test(size=(190, 30)) as pilot:
            await until(lambda: bool(app.screen.query("SessionTable")))
            ((state, provider, *_),) = rows(pilot)
            assert (state.split()[0], provider) in {
                ("silent", "openai"),
                ("talking:", "openai"),
                ("talking", "openai"),
            }
            await pilot.press("s")
            await until(lambda: "in ▲" in text(pilot))
            await pilot.press("enter")
            await until(lambda: "the client's request had come" in text(pilot))
            await pilot.press("e")
            app.screen.query_one(Input).value = "over budget"
            await pilot.press("enter", "enter")
            await until(lambda: "over budget" in text(pilot))
            await pilot.press("escape")
            await until(lambda: "0 live" in head(pilot))
            assert rows(pilot) == []

    async with running(HTTP, server={"admin": admin}) as it:
        session = await it.open()

        async def be_told() -> None:
            assert await session.answer_close() == close(1008, "over budget")
            await session.end()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(be_told)
            await _on_asyncio(use, _client(it.server.admin_addresses[0]))


def test_what_it_prints_once_and_why_it_cannot() -> None:
    out = io.StringIO()
    show = partial(top, console=Console(file=out, width=1000), interval=2.0, once=True)

    @real_clock
    async def main() -> None:
        async with running(HTTP, server={"admin": _ADMIN}) as it:
            session = await it.open()
            (address,) = it.server.admin_addresses
            await _on_asyncio(show, _client(address))
            with pytest.raises(NotAllowedError, match="a wrong token"):
                await _on_asyncio(show, _client(address, "rly_another"))
            await session.end()
        with pytest.raises(UnreachableError, match="cannot connect to"):
            await _on_asyncio(show, _client(address))
        nobody = AdminSettings(Listener("http", "127.0.0.1", 0))
        async with running(HTTP, server={"admin": nobody}) as it:
            with pytest.raises(NotAllowedError, match="has no token_sha256"):
                await _on_asyncio(show, _client(it.server.admin_addresses[0]))

    main()
    first, _, row = out.getvalue().splitlines()
    assert first.startswith("1 live: ")
    assert "openai" in row
