"""Addresses that somebody wrote by hand, or kept for too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.page.scenes import busy, ended
from tests.e2e.page.support import Operator, listening, operator
from tests.support import real_clock

_WATCH = """
(() => {
  window.asked = [];
  window.waits = [];
  const { fetch, setTimeout } = window;
  window.fetch = (path, ...rest) => { asked.push(path); return fetch(path, ...rest); };
  window.setTimeout = (what, wait) => { waits.push(wait); return setTimeout(what, wait); };
})()
"""
_ERROR = "The relay does not know what this address asks for."
_NO_SESSION = "There is no session, or more than one, of such an id."


async def _is_over(it: Operator, path: str) -> None:
    """See that a path was asked for once, and will not be again, even if somebody comes back."""
    await it.ask("document.dispatchEvent(new Event('visibilitychange'))")
    asked = await it.ask("asked")
    assert len([each for each in asked if each.startswith(path)]) == 1, asked
    # From a try to the next, at first; others take longer.
    assert 2000 not in await it.ask("waits")


@pytest.mark.parametrize(
    ("fragment", "path"),
    [
        ("#/live?state=bogus", "/api/sessions/live?state=bogus"),
        ("#/live?sort=bogus", "/api/sessions/live?sort=bogus"),
        ("#/ended?outcome=bogus", "/api/sessions?outcome=bogus"),
    ],
)
@real_clock
async def test_a_filter_that_the_relay_does_not_know(
    fragment: str, path: str, tmp_path: Path
) -> None:
    async with listening(busy()) as url, operator(url, tmp_path) as it:
        await it.enter()
        await it.see("document.querySelectorAll('tbody tr').length === 100")
        await it.ask(_WATCH)
        await it.ask(f"location.hash = {fragment!r}")
        await it.read(_ERROR)
        assert await it.ask("document.querySelector('tbody')") is None
        assert "bogus" not in await it.ask("document.querySelector('.notice').innerText")
        await _is_over(it, path)
        await it.click("Leave out the filters", "a")
        await it.see("document.querySelector('tbody tr')")
        await it.see("!document.querySelector('.notice')")


@pytest.mark.parametrize("wanted", ["live", "zzz", ".."])
@real_clock
async def test_what_cannot_be_an_id_is_not_asked_for(wanted: str, tmp_path: Path) -> None:
    async with listening(busy()) as url, operator(url, tmp_path) as it:
        await it.enter("#/relay")
        await it.ask(_WATCH)
        await it.ask(f"location.hash = '#/sessions/{wanted}'")
        await it.read(_NO_SESSION)
        assert not [each for each in await it.ask("asked") if "/sessions/" in each]
        assert await it.do(lambda page: page.complaints) == []


@pytest.mark.parametrize("wanted", ["0192"])
@real_clock
async def test_a_session_that_there_is_not(wanted: str, tmp_path: Path) -> None:
    async with listening(busy()) as url, operator(url, tmp_path) as it:
        await it.enter("#/relay")
        await it.ask(_WATCH)
        await it.ask(f"location.hash = '#/sessions/{wanted}'")
        await it.read(_NO_SESSION)
        await _is_over(it, f"/api/sessions/{wanted}")
        await it.ask(f"location.hash = '#/sessions/{ended().id}'")
        await it.see("document.querySelector('.timeline')")


@real_clock
async def test_an_address_that_leads_nowhere_leads_to_the_live_sessions(tmp_path: Path) -> None:
    async with listening(busy()) as url, operator(url, tmp_path) as it:
        await it.enter("#/nonsense")
        for address in ("#/sessions", "#/sessions/", "#/live/019a", "#/sessions/%", "#/%"):
            await it.see("location.hash === '#/live'")
            await it.read("138 live")
            assert await it.ask("document.title") == "Live \u2013 relay"
            await it.ask("history.pushState(null, '', '#/relay')")
            await it.ask(f"location.hash = {address!r}")
        await it.see("location.hash === '#/live'")
        await it.ask("history.back()")
        await it.see("location.hash === '#/relay'")  # and not to what leads on from there
        assert await it.do(lambda page: page.complaints) == []
