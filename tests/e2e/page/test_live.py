"""Live sessions on the page of a real relay: they come, talk, are found, ended, and move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from relay.protocol.frames import TEXT
from relay.records.settings import RecordSettings
from relay.records.store import check_url
from relay.testing.frames import Frame, close
from relay.testing.handshakes import upgrade
from tests.e2e.page.support import ADMIN, Operator, operator
from tests.loopback import HTTP, Relay, close_session, running
from tests.played_session import CREDENTIAL, TARGET
from tests.support import Peer, real_clock

ROWS = "document.querySelectorAll('tbody tr')"


@asynccontextmanager
async def looking(
    folder: Path, fragment: str = "", **setting: Any
) -> AsyncIterator[tuple[Relay, Operator]]:
    """A relay with a store, and somebody who has logged in on its page."""
    records = RecordSettings(check_url("sqlite:relay.db", folder))
    server = {"admin": ADMIN, "records": records}
    async with (
        running(HTTP, server=server, **setting) as relay,
        operator(relay.server.admin_addresses[0], folder) as it,
    ):
        await it.enter(fragment)
        yield relay, it


async def open_with(relay: Relay, model: str, *fields: str) -> Peer:
    """A session of a model, with more field lines in its opening."""
    client = await relay.connect()
    target = f"/v1/acct/main/openai?model={model}"
    await client.stream.send_all(upgrade(target, "Authorization: Bearer sk-of-the-client", *fields))
    assert (await client.receive_head()).startswith(b"HTTP/1.1 101 ")
    return client


@real_clock
async def test_a_session_appears_talks_and_ends_without_a_reload(tmp_path: Path) -> None:
    async with looking(tmp_path) as (relay, it):
        await it.ask("window.kept = true")
        await it.read("No session is open")
        session = await relay.open()
        await it.read("gpt-realtime", "tbody")
        await it.read("silent", "tbody")
        before = await it.ask("document.querySelector('.c-out span span').innerText")
        message = Frame(TEXT, b"x" * 5000)
        await session.send(message)
        assert await session.receive() == message
        await it.see(f"document.querySelector('.c-out span span').innerText !== {before!r}")
        await it.read("4.89 KiB", "tbody")
        await close_session(session)
        await it.read("No session is open")
        await it.press("2")
        await it.read("The client closed with 1000", "tbody")
        await it.read("completed", "tbody")
        assert await it.ask("window.kept") is True
        assert await it.do(lambda page: page.complaints) == []
        requests = await it.do(lambda page: page.requests)
        assert {url.startswith(f"{it.url}/") for url in requests} == {True}


@real_clock
async def test_sessions_are_found_and_sorted(tmp_path: Path) -> None:
    async with looking(tmp_path) as (relay, it):
        sessions = [await open_with(relay, name) for name in ("one", "two", "three")]
        message = Frame(TEXT, b"x" * 5000)
        await sessions[1].send(message)
        assert await sessions[1].receive() == message
        models = "[...document.querySelectorAll('.c-session small')].map((it) => it.innerText)"
        await it.see(f"{models}.join() === 'three,two,one'")
        await it.click("From client")
        await it.see(f"{models}[0] === 'two'")
        await it.see("document.querySelector('th.c-in').ariaSort === 'descending'")
        await it.press("/")
        await it.type("THRE")
        await it.see(f"{models}.join() === 'three'")
        await it.read("1 of 3 match")
        assert "q=THRE" in await it.ask("location.hash")
        await it.press("Escape")
        await it.choose("State", "opening")
        await it.read("No live session matches these filters")
        await it.visit("#/live?provider=openai&sort=began_at&descending=false")
        await it.see(f"{models}.join() === 'one,two,three'")
        await it.ask("location.hash = '#/live?q=two'")
        await it.see(f"{models}.join() === 'two'")
        await it.see("document.querySelector('.search').value === 'two'")
        await it.click("Live", "nav a")
        await it.see(f"{models}.length === 3")
        await it.see("document.querySelector('.search').value === ''")
        for each in sessions:
            await close_session(each)


@real_clock
async def test_a_session_is_ended_with_a_reason(tmp_path: Path) -> None:
    async with looking(tmp_path) as (relay, it):
        session = await relay.open()
        await it.see(f"{ROWS}.length === 1")
        await it.press("j", "Enter")
        await it.read("Open for")
        await it.click("End session")
        await it.see("document.activeElement.id === 'reason'")
        await it.ask("document.activeElement.select()")
        await it.type("over budget")
        await it.press("Enter")
        assert await session.answer_close() == close(1008, "over budget")
        await session.end()
        await it.read("The operator ended it after", ".sentence")
        await it.read("over budget", ".sentence")
        await it.read("by the operator", ".session header")
        ended_by = "[...document.querySelectorAll('dt')].find((it) => it.innerText === 'Ended by')"
        assert await it.ask(f"{ended_by}.nextElementSibling.innerText") == "operator"
        assert await it.ask("document.querySelector('dialog')") is None
        assert await it.do(lambda page: page.complaints) == []


@real_clock
async def test_a_session_that_leaves_no_record_has_ended_on_its_page_too(tmp_path: Path) -> None:
    async with looking(tmp_path) as (relay, it):
        session = await open_with(relay, "one", "cf-aig-collect-log: false")
        await it.see(f"{ROWS}.length === 1")
        await it.press("j", "Enter")
        await it.read("End session")
        await close_session(session)
        await it.read(
            "It has ended, and the relay keeps no record of it. "
            "This is what was last seen of it, before its end.",
            ".sentence",
        )
        assert await it.ask("document.querySelector('.badge, .danger, .notice')") is None
        said = await it.ask("document.querySelector('main').innerText")
        assert "Open for" not in said
        usage = "document.querySelector('section[aria-labelledby=usage] p').innerText"
        assert await it.ask(usage) == "Not known."
        await it.press("e")
        assert await it.ask("document.querySelector('dialog')") is None
        assert "one" in await it.ask("document.querySelector('h1').innerText")


async def _never_answer(_: trio.abc.Stream) -> None:
    """Be a provider that does not answer openings."""
    await trio.sleep_forever()


@pytest.mark.parametrize("opened", [True, False], ids=["of the session", "of the list"])
@real_clock
async def test_a_session_that_is_opening_is_ended_from_the_page(
    opened: bool, tmp_path: Path
) -> None:
    async with looking(tmp_path, provider=_never_answer) as (relay, it):
        client = await relay.connect()
        await client.stream.send_all(upgrade(TARGET, CREDENTIAL))
        await it.read("opening", "tbody")
        await it.press("j")
        if opened:
            await it.press("Enter")
            await it.read("Opening:", ".sentence")
            await it.read("End session", "header button[aria-keyshortcuts=e]")
        await it.press("e")
        await it.see("document.activeElement.id === 'reason'")
        await it.read("told 1008 with this reason", "dialog")
        await it.read("refused with 403 and this reason", "dialog")
        await it.press("Enter")
        answer = await client.receive_answer()
        assert answer.status == 403
        assert b"ended by the operator" in answer.body
        if opened:
            await it.read("The relay refused it with 403", ".sentence")
        await it.see("!document.querySelector('dialog')")
        await it.press("2")
        await it.read("The relay refused it with 403", "tbody")
        await it.see("document.querySelector('td.c-lasted').innerText === 'never opened'")
        assert await it.do(lambda page: page.complaints) == []


@real_clock
async def test_a_relay_that_goes_away_is_said_and_what_it_said_last_is_kept(tmp_path: Path) -> None:
    records = RecordSettings(check_url("sqlite:relay.db", tmp_path))
    async with trio.open_nursery() as nursery:
        gone = trio.Event()

        async def serve(task_status: trio.TaskStatus[Relay]) -> None:
            server = {"admin": ADMIN, "records": records}
            async with running(HTTP, server=server) as relay:
                session = await relay.open()
                task_status.started(relay)
                await gone.wait()
                await trio.aclose_forcefully(session.stream)

        relay = await nursery.start(serve)
        address = relay.server.admin_addresses[0]
        async with operator(address, tmp_path) as it:
            await it.enter()
            await it.see(f"{ROWS}.length === 1")
            gone.set()
            await it.read("The relay does not answer.")
            await it.read("The next try is in")
            assert await it.ask(f"{ROWS}.length") == 1

            async with running(HTTP, server={"admin": replace(ADMIN, listener=address)}):
                await it.click("Try now")
                # Its logins have gone with it.
                await it.see("document.activeElement?.id === 'token'")


@real_clock
async def test_the_relay_is_drained_after_a_question(tmp_path: Path) -> None:
    async with looking(tmp_path, "#/relay") as (relay, it):
        session = await relay.open()
        await it.read("max sessions per address", "main")
        await it.click("Drain the relay")
        await it.read("Drain the relay?", "dialog")
        await it.press("Escape")
        await it.see("!document.querySelector('dialog')")
        assert await relay.status(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n") == 200
        await it.click("Drain the relay")
        await it.ask("document.querySelector('input[value=restart]').click()")
        await it.click("Drain", "dialog button[type=submit]")
        assert await session.answer_close() == close(1012, "service restart")
        await it.read("The relay is draining")
        await session.end()
        await relay.ended.wait()
