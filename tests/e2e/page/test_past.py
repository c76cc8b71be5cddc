"""The list of sessions that have ended: when, how, and which of them is looked for."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from relay.records.filter import Filter
from relay.records.session_record import Direction, Outcome, SessionRecord, to_json
from tests.admin.fakes import History, Relay
from tests.e2e.page.scenes import ended
from tests.e2e.page.support import Operator, listening, operator
from tests.e2e.page.test_live import looking, open_with
from tests.loopback import close_session
from tests.support import real_clock

_MODELS = "[...document.querySelectorAll('.c-session small')].map((it) => it.innerText).join()"


class _Store(History):
    """One that gives no more than it is asked for."""

    def summaries(self, wanted: Filter, limit: int | None) -> list[SessionRecord]:
        return super().summaries(wanted, limit)[:limit]


def _unopened(number: int, outcome: Outcome, **changes: Any) -> SessionRecord:
    """A session that never opened."""
    facts = {"provider": "openai", "model": "m", "gateway": "a/b", "token": "web"}
    began = ended().began_at + timedelta(seconds=number)
    named = {"id": f"019a2c4e-7b10-7c00-8000-{number:012x}", "endpoint": "/v1/realtime"}
    return SessionRecord(**{**facts, **named, "began_at": began, "outcome": outcome, **changes})


async def _of_column(it: Operator, name: str) -> list[str]:
    """What stands in a column."""
    cells: list[str] = await it.ask(
        f"[...document.querySelectorAll('td.c-{name}')].map((cell) => cell.innerText)"
    )
    return cells


@real_clock
async def test_those_that_ended_last_come_first_and_are_found(tmp_path: Path) -> None:
    async with looking(tmp_path) as (relay, it):
        first, second = [await open_with(relay, name) for name in ("one", "two")]
        await close_session(second)
        await it.read("1 live")
        await close_session(first)
        await it.read("No session is open")
        await it.press("2")
        await it.see(f"{_MODELS} === 'one,two'")
        await it.press("/")
        await it.type("TW")
        await it.see(f"{_MODELS} === 'two'")
        await it.read("The last 1 that match")
        assert "q=TW" in await it.ask("location.hash")
        found = await it.ask("document.querySelector('a.row').dataset.id")
        await it.ask("location.hash = '#/ended'")
        await it.see(f"{_MODELS} === 'one,two'")
        await it.ask(f"location.hash = '#/ended?q={found.upper()}'")
        await it.see(f"{_MODELS} === 'two'")
        await it.ask("location.hash = '#/ended?q=nobody'")
        await it.read("No session matches these filters")
        assert await it.do(lambda page: page.complaints) == []


@real_clock
async def test_how_many_are_shown_stays_when_one_comes_back(tmp_path: Path) -> None:
    records = [_unopened(each, Outcome.ABANDONED, status=0) for each in range(250)]
    rows = "document.querySelectorAll('tbody tr').length"
    async with listening(Relay(history=_Store(records))) as url, operator(url, tmp_path) as it:
        await it.enter("#/ended?q=web")
        await it.see(f"{rows} === 100")
        await it.click("Show more")
        await it.see(f"{rows} === 200")
        assert await it.ask("location.hash") == "#/ended?q=web&limit=200"
        await it.press("j", "Enter")
        await it.see("document.activeElement.localName === 'h1'")
        await it.press("Escape")
        await it.see(f"{rows} === 200 && document.activeElement.matches('a.row')")


@real_clock
async def test_when_it_ended_and_how_long_it_lasted(tmp_path: Path) -> None:
    late = ended()
    left = _unopened(1, Outcome.ABANDONED, status=0)
    refused = _unopened(2, Outcome.REFUSED, status=401, code=2009, error="no token")
    relay = Relay(history=History([refused, left, late]))
    over = late.began_at + timedelta(seconds=sum(late.steps.values()) + late.duration)
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter("#/ended")
        await it.see("document.querySelectorAll('tbody tr').length === 3")
        calls = [f"it.moment({json.dumps(to_json(each))})" for each in (over, late.began_at)]
        end, begin = await it.ask(f"import('/page/format.js').then((it) => [{', '.join(calls)}])")
        assert (await _of_column(it, "ended"))[0] == f"{end}\nbegan {begin}"
        assert await _of_column(it, "lasted") == ["28.4 s", "never opened", "never opened"]


@real_clock
async def test_a_row_has_the_colour_that_its_session_has(tmp_path: Path) -> None:
    """A Close of the provider's with 3000 is no calm end, whatever the outcome is called."""
    told = ended()
    calm = ended()
    calm.id, calm.ended_by = "019a2c4e-7b10-7c00-8000-00000000000a", "client"
    calm.client = Direction(close_code=1000)
    refused = _unopened(2, Outcome.REFUSED, status=401, code=2009, error="no token")
    relay = Relay(history=History([refused, calm, told]))
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter("#/ended")
        await it.see("document.querySelectorAll('tbody tr').length === 3")
        badges = "[...document.querySelectorAll('.badge')]"
        styles = "(it) => getComputedStyle(it).backgroundColor"
        assert await it.ask(f"{badges}.map((it) => it.className)") == [
            "badge is-told",
            "badge is-completed",
            "badge is-refused",
        ]
        listed = await it.ask(f"{badges}.map({styles})")
        assert len(set(listed)) == 3
        for record, colour in zip((told, calm, refused), listed, strict=True):
            await it.ask(f"location.hash = '#/sessions/{record.id}'")
            await it.read(record.id, ".facts")
            for part in (".sentence", ".badge"):
                its = await it.ask(f"({styles})(document.querySelector('{part}'))")
                assert its == colour, (record.id, part)
