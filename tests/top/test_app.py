"""Tests of the application, in a terminal that is none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import httpx
import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from relay.admin_client import NotAllowedError
from relay.records.session_record import to_json
from relay.top.app import Top
from relay.top.end_dialog import EndDialog
from relay.top.help_screen import HelpScreen
from relay.top.live_screen import LiveScreen
from relay.top.session_screen import SessionScreen
from relay.top.table import SessionTable
from tests.records.samples import a_record
from tests.top.fakes import Relay, head, row, rows, running, text, until


def on_asyncio(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test as Textual runs."""

    @wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        async def main() -> None:
            async with asyncio.timeout(60):
                await test(*args, **kwargs)

        asyncio.run(main())

    return run


def _models(pilot: Pilot[None]) -> list[str]:
    return [each[2] for each in rows(pilot)]


def _selected(pilot: Pilot[None]) -> str:
    selected = pilot.app.screen.query_one(SessionTable).selected
    assert selected is not None
    return selected.id


async def _look(pilot: Pilot[None], relay: Relay) -> None:
    """Have it look once more."""
    asked = len(relay.asked)
    screen = pilot.app.screen
    assert isinstance(screen, LiveScreen)
    screen._watch.look_now()
    await until(lambda: len(relay.asked) > asked)
    await pilot.pause()


async def _click(pilot: Pilot[None], heading: str) -> None:
    """Click a column's heading."""
    line = next(each for each in text(pilot).splitlines() if "state" in each and "model" in each)
    await pilot.click(SessionTable, offset=(line.index(heading), 0))


@on_asyncio
async def test_it_shows_what_it_saw_already_and_then_what_there_is() -> None:
    relay = Relay([row(1), row(2)])
    async with running(relay) as pilot:
        assert _models(pilot) == ["gpt-realtime-1", "gpt-realtime-2"]
        assert head(pilot).endswith("2 live: 0 opening, 2 talking, 0 silent, 0 closing")
        assert head(pilot).startswith("http://127.0.0.1:9464 ")
        relay.sessions, relay.seconds = [row(2, bytes_in=4096), row(3), row(4)], 2
        await _look(pilot, relay)
        assert _models(pilot) == ["gpt-realtime-2", "gpt-realtime-3", "gpt-realtime-4"]
        assert [each[8] for each in rows(pilot)] == ["1 KiB", "-", "-"]
        relay.sessions = []
        await _look(pilot, relay)
        assert rows(pilot) == []
        assert "0 live" in head(pilot)


@on_asyncio
async def test_it_looks_by_itself() -> None:
    relay = Relay([row(1)])
    async with running(relay, interval=0.05):
        await until(lambda: len(relay.asked) > 3)


@on_asyncio
async def test_it_sorts_by_the_next_column_and_the_other_way_round() -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        for key, expected in (
            ("s", ("bytes_in", "false")),
            ("r", ("bytes_in", "true")),
            ("S", ("duration", "true")),
            ("S", ("gateway", "true")),
            ("S", ("provider", "true")),
            ("S", ("state", "true")),
            ("S", ("added_latency", "true")),
            ("s", ("state", "true")),
        ):
            asked = len(relay.asked)
            await pilot.press(key)
            await until(lambda asked=asked: len(relay.asked) > asked)  # type: ignore[misc]
            assert (relay.asked[-1]["sort"], relay.asked[-1]["descending"]) == expected
        await until(lambda: "state ▼" in text(pilot))
        assert _models(pilot) == ["gpt-realtime-1"]


@on_asyncio
async def test_a_heading_that_is_clicked_sorts_and_then_reverses() -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        for _ in range(2):
            await _click(pilot, "provider")
        await until(lambda: "provider ▼" in text(pilot))
        asked = len(relay.asked)
        await _click(pilot, "model")  # by which the relay does not sort
        assert len(relay.asked) == asked


@on_asyncio
async def test_the_filter_is_the_relays() -> None:
    relay = Relay([row(1), row(2)])
    async with running(relay) as pilot:
        await pilot.press("slash", *"web e")
        await until(lambda: relay.asked[-1]["q"] == "web e")
        relay.matching = 1
        await pilot.press("enter")
        await _look(pilot, relay)
        assert pilot.app.focused is pilot.app.screen.query_one(SessionTable)
        assert "1 match, 2 shown" in head(pilot)
        await pilot.press("escape")
        await until(lambda: relay.asked[-1]["q"] == "")
        assert not pilot.app.screen.query_one(Input).has_class("wanted")
        assert not relay.ended


@on_asyncio
async def test_the_cursor_stays_on_its_session() -> None:
    relay = Relay([row(1), row(2), row(3)])
    async with running(relay) as pilot:
        await pilot.press("down", "down")
        assert _selected(pilot) == row(3)["id"]
        relay.sessions = [row(9), row(3), row(2), row(1)]
        await _look(pilot, relay)
        assert _selected(pilot) == row(3)["id"]
        await pilot.press("r")
        await until(lambda: relay.asked[-1]["descending"] == "true")
        await until(lambda: _selected(pilot) == row(3)["id"])
        relay.sessions = [row(9)]
        await _look(pilot, relay)
        assert _selected(pilot) == row(9)["id"]


@on_asyncio
async def test_more_sessions_than_are_shown() -> None:
    relay = Relay([row(1)], matching=5000)
    async with running(relay) as pilot:
        assert "5,000 match, 1 shown" in head(pilot)


@on_asyncio
async def test_a_session_ends_when_that_is_confirmed() -> None:
    relay = Relay([row(1), row(2)])
    async with running(relay) as pilot:
        await pilot.press("down", "e")
        assert isinstance(pilot.app.screen, EndDialog)
        assert "End the session of web with openai, gpt-realtime-2?" in text(pilot)
        assert f" {row(2)['id'][:18]} " in text(pilot)
        for told in ("client gets 1008 and this reason", "its client gets 403 and this reason"):
            assert told in text(pilot)
        await pilot.press(*"over budget", "enter")
        assert relay.ended == []
        assert pilot.app.focused is pilot.app.screen.query_one("#end", Button)
        await pilot.press("enter")
        await until(lambda: bool(relay.ended))
        assert relay.ended == [(row(2)["id"], {"reason": "over budget"})]
        await until(lambda: "The session ends" in text(pilot))


@pytest.mark.parametrize("keys", [["escape"], ["tab", "tab", "enter"]], ids=["escape", "button"])
@on_asyncio
async def test_a_session_goes_on_if_that_is_not_confirmed(keys: list[str]) -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        await pilot.press("e", *keys)
        await until(lambda: isinstance(pilot.app.screen, LiveScreen))
        assert relay.ended == []


@on_asyncio
async def test_without_a_reason_it_is_the_usual_one() -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        await pilot.press("e", "backspace", "space", "enter", "enter")
        await until(lambda: bool(relay.ended))
        assert relay.ended == [(row(1)["id"], {"reason": "ended by the operator"})]


@on_asyncio
async def test_a_session_that_has_gone_meanwhile() -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        await pilot.press("e")
        relay.sessions = []
        await pilot.press("enter", "enter")
        await until(lambda: "no session of that id is open" in text(pilot))


@on_asyncio
async def test_with_no_session_there_is_nothing_to_show_or_end() -> None:
    async with running(Relay()) as pilot:
        await pilot.press("enter", "e")
        assert isinstance(pilot.app.screen, LiveScreen)


@on_asyncio
async def test_what_a_live_session_has_used_is_left_open() -> None:
    relay = Relay([row(1)])
    relay.details = {"session": to_json(a_record(usage=None, usage_missing=None))}
    async with running(relay) as pilot:
        await pilot.press("enter")
        await until(lambda: "usage" in text(pilot))
        assert "not known" not in text(pilot)


@on_asyncio
async def test_all_of_one_session_until_its_end() -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        await pilot.press("enter")
        screen = pilot.app.screen
        assert isinstance(screen, SessionScreen)
        await until(lambda: "the provider has sent nothing for 8 s" in text(pilot))
        for expected in ("turn 1: first audio", "3 input_audio_tokens", "192.0.2.7, test"):
            assert expected in text(pilot)
        relay.error = httpx.ConnectError("gone")
        screen._watch.look_now()
        await until(lambda: "cannot connect to" in text(pilot))
        assert "the provider has sent nothing for 8 s" in text(pilot)
        relay.error = None
        relay.details = {"session": {"of": "another version"}}
        screen._watch.look_now()
        await until(lambda: "is of another version" in text(pilot))
        relay.details = {"live": False, "state": "ended", "explanation": "it is over \x1b"}
        screen._watch.look_now()
        await until(lambda: "it is over \\x1b" in text(pilot))
        assert "another version" not in text(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, LiveScreen)


@on_asyncio
async def test_the_end_from_there() -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        await pilot.press("enter")
        await until(lambda: "the provider has sent nothing for 8 s" in text(pilot))
        asked = len(relay.asked)
        await pilot.press("e")
        assert "End the session of web with openai, gpt-realtime?" in text(pilot)
        assert f" {row(1)['id'][:18]} " in text(pilot)
        await pilot.press("enter", "enter")
        await until(lambda: bool(relay.ended))
        assert relay.ended == [(row(1)["id"], {"reason": "ended by the operator"})]
        assert len(relay.asked) == asked  # nobody sees the table


@on_asyncio
async def test_a_session_that_names_no_model_and_no_token_is_ended() -> None:
    relay = Relay([row(1, state="opening", model=None, token=None)])
    async with running(relay) as pilot:
        await pilot.press("e")
        assert "End the session of 192.0.2.7 with openai?" in text(pilot)


@on_asyncio
async def test_what_is_not_known_yet_is_not_ended() -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        relay.details = {"session": {"of": "another version"}}
        await pilot.press("enter")
        await until(lambda: "is of another version" in text(pilot))
        await pilot.press("e")
        assert isinstance(pilot.app.screen, SessionScreen)


@on_asyncio
async def test_what_strangers_wrote_is_no_markup() -> None:
    hostile = "[red]x[/] \x1b[2J"
    record = to_json(a_record(id=row(1)["id"], user_agent=hostile, model=hostile))
    relay = Relay([row(1, model=hostile, token="[b]t")], details={"session": record})
    async with running(relay) as pilot:
        assert "[red]x[/] \\x1b[2J" in text(pilot)
        await pilot.press("enter")
        await until(lambda: text(pilot).count("[red]x[/] \\x1b[2J") == 2)
        await pilot.press("escape", "e")
        await until(lambda: "of [b]t with" in text(pilot))


@on_asyncio
async def test_paused_it_does_not_look() -> None:
    relay = Relay([row(1)])
    async with running(relay, interval=0.05) as pilot:
        await pilot.press("p")
        await until(lambda: "paused" in head(pilot))
        screen = pilot.app.screen
        assert isinstance(screen, LiveScreen)
        assert screen._watch.paused
        await pilot.press("p")
        await until(lambda: "paused" not in head(pilot))
        asked = len(relay.asked)
        await until(lambda: len(relay.asked) > asked)


@on_asyncio
async def test_a_relay_that_drains_and_goes_and_comes_again() -> None:
    relay = Relay([row(1)])
    async with running(relay, interval=0.05) as pilot:
        relay.draining = True
        await until(lambda: "draining" in head(pilot))
        relay.error = httpx.ConnectError("Connection refused")
        await until(lambda: "Connection refused; trying again" in head(pilot))
        assert pilot.app.screen.query_one(SessionTable).has_class("stale")
        assert _models(pilot) == ["gpt-realtime-1"]
        relay.error, relay.draining = None, False
        await until(lambda: "trying again" not in head(pilot))
        assert "draining" not in head(pilot)


@on_asyncio
async def test_a_token_that_is_known_no_more_ends_it() -> None:
    relay = Relay([row(1)])
    async with running(relay) as pilot:
        app: Any = pilot.app
        relay.error = httpx.Response(401, json={"error": "a wrong token"})
        await pilot.press("r")
        await until(lambda: app.failure is not None)
        assert isinstance(app, Top)
        assert isinstance(app.failure, NotAllowedError)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
@on_asyncio
async def test_it_ends(key: str) -> None:
    async with running(Relay()) as pilot:
        await pilot.press(key)
        await until(lambda: pilot.app._exit)


@on_asyncio
async def test_help_in_a_small_terminal() -> None:
    async with running(Relay([row(1)]), size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        shown = pilot.app.screen.query_one(Static)
        assert "reverse the order" in str(shown.content)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, LiveScreen)
