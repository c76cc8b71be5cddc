"""A relay that goes away, or has drained: every view says so, and offers nothing in vain."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.e2e.page.scenes import busy, ended, session_id
from tests.e2e.page.support import listening, operator
from tests.e2e.page.test_live import looking
from tests.support import real_clock

_SAID = "[...document.querySelectorAll('.notice')].map((it) => it.innerText)"
_DRAIN = "document.querySelector('.drain button')"


@pytest.mark.parametrize(
    ("view", "shows", "button"),
    [
        ("#/live", "tbody tr", None),
        ("#/ended", "tbody tr", None),
        ("#/hour", ".plot", None),
        ("#/totals", ".figures", None),
        ("#/relay", ".drain", ".drain button"),
        (f"#/sessions/{session_id(0)}", ".facts", ".session header .danger"),
        (f"#/sessions/{ended().id}", ".facts", None),
    ],
)
@real_clock
async def test_each_view_says_once_that_the_relay_is_away(
    view: str, shows: str, button: str | None, tmp_path: Path
) -> None:
    async with trio.open_nursery() as nursery:

        async def serve(
            stop: trio.CancelScope, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
        ) -> None:
            with stop:
                async with listening(busy()) as url:
                    task_status.started(url)
                    await trio.sleep_forever()

        stop = trio.CancelScope()
        async with operator(await nursery.start(serve, stop), tmp_path) as it:
            await it.enter(view)
            await it.see(f"document.querySelector('{shows}')")
            if button is not None:
                await it.see(f"document.querySelector('{button}').disabled === false")
            stop.cancel()
            await it.see(f"{_SAID}.length === 1 && {_SAID}[0].startsWith('The relay does not')")
            await it.read("The next try is in", ".top + .notice")
            assert await it.ask(f"document.querySelector('{shows}')") is not None
            if button is not None:
                await it.see(f"document.querySelector('{button}').disabled")
                await it.press("e")
                assert await it.ask("document.querySelector('dialog')") is None


@real_clock
async def test_after_a_drain_the_page_says_that_the_relay_may_have_ended(tmp_path: Path) -> None:
    """Though no session was open, so that nothing else asks."""
    async with looking(tmp_path, "#/relay") as (relay, it):
        await it.click("Drain the relay")
        await it.click("Drain", "dialog button[type=submit]")
        await relay.ended.wait()
        await it.read("The relay does not answer. It was draining, and may have ended.")
        await it.see(f"{_DRAIN}.disabled && {_SAID}.length === 1")
        await it.press("4")
        await it.see("document.title === 'Usage \u2013 relay'")
        await it.see(f"{_SAID}.length === 1")
