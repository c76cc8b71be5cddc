"""Whoever reads it: on a phone, in the dark, by keyboard alone, with little contrast."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay.latency import quantile
from relay.protocol import closing
from relay.protocol.usage import Turn
from tests.admin.fakes import History, Relay
from tests.e2e.page.scenes import busy, ended, many, session_id
from tests.e2e.page.support import listening, operator
from tests.support import real_clock

VIEWS = {
    "#/live": "tbody tr",
    "#/ended": "tbody tr",
    "#/hour": ".plot canvas",
    "#/totals": ".figures",
    "#/relay": "details",
    f"#/sessions/{ended().id}": ".timeline",
}

_CONTRASTS = """
(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const over = ([r, g, b, a = 1], below) =>
    [r, g, b].map((one, index) => one * a + below[index] * (1 - a));
  const ground = (it) => {
    const own = rgb(getComputedStyle(it).backgroundColor);
    if (own[3] === undefined) return own;
    return over(own, it.parentElement ? ground(it.parentElement) : [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = new Set();
  for (const it of document.querySelectorAll("body *")) {
    const says = [...it.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!says || it.closest("svg, :disabled, .unseen") || !it.getClientRects().length) continue;
    const below = ground(it);
    const [one, other] = [light(over(rgb(getComputedStyle(it).color), below)), light(below)];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) low.add(`${it.tagName}.${it.className} ${contrast.toFixed(2)}`);
  }
  return [...low];
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@real_clock
async def test_every_view_has_contrast_and_fits_on_a_phone(scheme: str, tmp_path: Path) -> None:
    """WCAG 1.4.3, level AA; and no view is wider than 360 pixels."""
    async with listening(busy()) as url, operator(url, tmp_path) as it:
        await it.do(lambda page: page.prefer(color_scheme=scheme))
        await it.enter()
        for view, shows in VIEWS.items():
            await it.visit(view)
            for width in (1280, 360):
                await it.do(lambda page, width=width: page.resize(width, 780))  # type: ignore[misc]
                await it.see(f"document.querySelector({json.dumps(shows)})")
                await it.see(f"innerWidth === {width}")
                wide = "document.documentElement.scrollWidth <= innerWidth"
                await it.see(wide)
                assert await it.ask(_CONTRASTS) == [], (view, width)
        assert await it.do(lambda page: page.complaints) == []


@real_clock
async def test_in_the_dark_it_is_dark(tmp_path: Path) -> None:
    async with listening(busy()) as url, operator(url, tmp_path) as it:
        await it.enter("#/hour")
        await it.see("document.querySelectorAll('.plot canvas').length === 5")
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = await it.ask(ground)
        picture = "document.querySelector('.plot canvas').toDataURL()"
        drawn = await it.ask(picture)
        await it.do(lambda page: page.prefer(color_scheme="dark"))
        await it.see(f"{ground} !== {json.dumps(light)}")
        await it.see(f"{picture} !== {json.dumps(drawn)}")  # plots have no style sheet


@real_clock
async def test_a_session_is_found_read_and_ended_by_keyboard_alone(tmp_path: Path) -> None:
    relay = many(5)
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter()
        focused = "document.activeElement.dataset.id"
        await it.see("document.querySelectorAll('tbody tr').length === 5")
        links = "[...document.querySelectorAll('a.row')].map((one) => one.dataset.id)"
        ids = await it.ask(links)
        await it.press("j", "j", "ArrowDown", "k")
        assert await it.ask(focused) == ids[1]
        await it.press("Enter")
        await it.see(f"location.hash === '#/sessions/{ids[1]}'")
        await it.read(ids[1], ".facts")
        await it.see("document.activeElement.localName === 'h1'")
        await it.press("Escape")
        await it.see(f"{focused} === '{ids[1]}'")
        await it.press("?")
        await it.read("the next and the previous session", "dialog")
        await it.press("j", "Escape")
        await it.see("!document.querySelector('dialog')")
        await it.press("j", "e")
        await it.see("document.activeElement.id === 'reason'")
        await it.press("Enter")
        await it.see(f"!document.querySelector('dialog') && {focused} === '{ids[2]}'")
        assert relay.ended == [(ids[2], closing.operator("ended by the operator"))]
        await it.press("3")
        await it.see("document.title === 'Last hour \u2013 relay'")
        assert await it.do(lambda page: page.complaints) == []


@real_clock
async def test_the_focus_stays_with_its_session_when_rows_move_and_go(tmp_path: Path) -> None:
    relay = many(5)
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter("#/live?sort=bytes_in")
        await it.see("document.querySelectorAll('tbody tr').length === 5")
        await it.press("j", "j")
        held = await it.ask("document.activeElement.dataset.id")
        rest = {session_id(each) for each in range(5)} - {held}
        for each in sorted(rest)[:3]:
            relay.live.remove(each)
        await it.see("document.querySelectorAll('tbody tr').length === 2")
        assert await it.ask("document.activeElement.dataset.id") == held
        relay.live.remove(held)
        await it.see("document.querySelectorAll('tbody tr').length === 1")
        (left,) = sorted(rest)[3:]
        assert await it.ask("document.activeElement.dataset.id") == left


@real_clock
async def test_a_narrow_screen_sorts_and_shows_added_latency(tmp_path: Path) -> None:
    relay = many(5)
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter()
        sorting = "document.querySelector('select[aria-label=Sort]')"
        await it.see(f"{sorting}.checkVisibility() === false")
        await it.do(lambda page: page.resize(360, 780))
        await it.see(f"{sorting}.checkVisibility()")
        await it.see("document.querySelectorAll('tbody tr').length === 5")
        ids = "[...document.querySelectorAll('a.row')].map((one) => one.dataset.id).join()"
        for option, sort in (("most added latency", "added_latency"), ("the oldest", "duration")):
            label = json.dumps(f"Sort: {option}")
            value = f"[...{sorting}].find((one) => one.innerText === {label}).value"
            await it.choose("Sort", await it.ask(value))
            path = f"/api/sessions/live?sort={sort}&descending=true"
            secret = "{headers: {'X-Relay': localStorage.relay}}"
            rows = await it.ask(f"fetch('{path}', {secret}).then((it) => it.json())")
            wanted = [each["id"] for each in rows["sessions"]]
            await it.see(f"{ids} === {json.dumps(','.join(wanted))}")
            await it.see(f"{sorting}.selectedOptions[0].innerText === {label}")
            latency = "document.querySelector('td.c-latency').checkVisibility()"
            await it.see(f"{latency} === {json.dumps(sort == 'added_latency')}")
            assert await it.ask("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("live", [True, False], ids=["live", "ended"])
@real_clock
async def test_a_session_says_which_latency_the_relay_added(live: bool, tmp_path: Path) -> None:
    relay, record = busy(), ended()
    if live:
        relay.open(record)
    fact = "[...document.querySelectorAll('.facts dt')].find((it) => it.innerText === {})"
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter(f"#/sessions/{record.id}")
        await it.see("document.querySelector('.facts')")
        its = fact.format(json.dumps("Added latency"))
        said = await it.ask(f"{its}.nextElementSibling.innerText")
        assert said == _said_of(record.added_latency)


def _said_of(latency: Sequence[int]) -> str:
    p50, p99 = (quantile(latency, share) or 0 for share in (0.5, 0.99))
    return f"p50 {p50 * 1e6:.3g} µs, p99 {p99 * 1e6:.3g} µs"


@real_clock
async def test_back_leads_to_the_row_and_the_place_that_one_came_from(tmp_path: Path) -> None:
    relay = busy()
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.do(lambda page: page.resize(1280, 500))
        await it.enter("#/live?sort=began_at")
        await it.see("document.querySelectorAll('tbody tr').length === 100")
        row = "document.querySelectorAll('tbody tr')[20]"
        wanted = await it.ask(f"{row}.querySelector('a.row').dataset.id")
        await it.ask("scrollTo(0, 600)")
        await it.ask(f"{row}.querySelector('.c-age').click()")
        await it.see("document.activeElement.localName === 'h1' && scrollY === 0")
        await it.ask("history.back()")
        await it.see(f"document.activeElement.dataset.id === '{wanted}' && scrollY === 600")
        await it.press("2")
        await it.see(
            "document.title === 'Ended \u2013 relay' && document.querySelector('tbody tr')"
        )
        await it.ask("history.back()")
        await it.see("document.querySelectorAll('tbody tr').length === 100 && scrollY === 600")
        await it.press("2")
        await it.see(
            "document.title === 'Ended \u2013 relay' && document.querySelector('tbody tr')"
        )
        await it.press("1")  # that is no way back
        await it.see("document.querySelectorAll('tbody tr').length === 100 && scrollY === 0")
        assert await it.do(lambda page: page.complaints) == []


@real_clock
async def test_a_long_word_breaks_wherever_it_stands(tmp_path: Path) -> None:
    relay, word = busy(), "x" * 200
    relay.open(replace(ended(), model=word, endpoint=word, token=word))
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.do(lambda page: page.resize(360, 780))
        await it.enter(f"#/sessions/{ended().id}")
        await it.see("document.querySelector('.facts')")
        wide = "(it) => it.scrollWidth <= it.clientWidth"
        assert await it.ask(f"({wide})(document.documentElement)")
        await it.press("e")
        await it.see("document.querySelector('dialog[open]')")
        assert await it.ask(f"({wide})(document.querySelector('dialog'))")


@real_clock
async def test_the_shortest_turn_is_seen_beside_its_marks(tmp_path: Path) -> None:
    record = ended()
    record.turns = [Turn(2.0, 2.001, 2.002, interrupted=True)]
    relay = Relay(history=History([record]))
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter(f"#/sessions/{record.id}")
        await it.see("document.querySelector('.turns .stop')")
        spans = await it.ask(
            """['bar', 'heard', 'stop'].map((part) => {
              const { y, height } = document.querySelector(`.turns .${part}`).getBBox();
              return [y, y + height];
            })"""
        )
        (top, bottom), (_, above), (below, _) = spans
        assert above <= top < bottom <= below


@real_clock
async def test_it_can_be_paused(tmp_path: Path) -> None:
    """WCAG 2.2.2: what moves by itself can be stopped."""
    relay = many(3)
    async with listening(relay) as url, operator(url, tmp_path) as it:
        await it.enter()
        await it.read("3 live")
        await it.press("p")
        await it.read("Paused")
        relay.live.remove(session_id(0))
        asked = "performance.getEntriesByType('resource').length"
        before = await it.ask(asked)
        await it.read("3 live")
        await it.press("/")
        await it.type("019a")  # of every id
        await it.read("2 live")  # what is asked for anew is not that of before
        relay.live.remove(session_id(1))
        await it.press("Escape", "p")
        await it.read("1 live")
        await it.read("Pause", ".pause")
        assert await it.ask(asked) > before


@real_clock
async def test_it_has_landmarks_labels_and_names(tmp_path: Path) -> None:
    """As a screen reader gets them from the browser."""
    async with listening(busy()) as url, operator(url, tmp_path) as it:
        await it.enter()
        await it.see("document.querySelector('tbody tr')")
        tree: list[dict[str, Any]] = await it.do(lambda page: page.accessibility())
        seen = {(each["role"]["value"], each["name"]["value"]) for each in tree}
        assert {role for role, _ in seen} >= {"banner", "navigation", "main", "search", "table"}
        assert ("searchbox", "Id, token, model or address") in seen
        assert ("combobox", "Gateway") in seen
        assert ("table", "Live sessions") in seen
        controls = {"button", "link", "combobox", "searchbox"}
        assert not [each for each in seen if each[0] in controls and not each[1]]
