"""Whoever looks at the page: headless Chromium, and a relay behind a real admin listener."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import trio

from relay.admin.listener import AdminListener
from relay.settings import AdminSettings, Listener
from tests.admin.fakes import SHA256, TOKEN
from tests.admin.fakes import Relay as FakeRelay
from tests.e2e.chromium import Page, chromium_path, open_page
from tests.e2e.requirements import needs

__all__ = ["ADMIN", "Operator", "listening", "operator"]

_T = TypeVar("_T")

ADMIN = AdminSettings(Listener("http", "127.0.0.1"), SHA256)

_SEE = """
new Promise((resolve) => {
  const ends = Date.now() + 40000;
  const look = () => {
    const seen = (() => { try { return %s; } catch { return null; } })();
    if (seen || Date.now() > ends) resolve(Boolean(seen));
    else setTimeout(look, 25);
  };
  look();
})
"""


class Operator:
    """Somebody in front of the page.

    Args:
        page: The page.
        url: Where it is.
    """

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        self.url = url

    async def do(self, what: Callable[[Page], _T]) -> _T:
        """Do something with the page, which blocks."""
        return await trio.to_thread.run_sync(what, self._page)

    async def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return await self.do(lambda page: page.evaluate(expression))

    async def see(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        seen = await self.ask(_SEE % expression)
        assert seen, (expression, await self.ask("document.body.innerText"), self._page.complaints)

    async def read(self, text: str, where: str = "body") -> None:
        """Wait until a text stands in an element."""
        wanted, selector = json.dumps(text), json.dumps(where)
        await self.see(f"document.querySelector({selector}).innerText.includes({wanted})")

    async def visit(self, fragment: str = "") -> None:
        """Go to the page, or to another view of it."""
        await self.do(lambda page: page.goto(f"{self.url}/{fragment}"))

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        await self.do(lambda page: page.press(*keys))

    async def type(self, text: str) -> None:
        """Write something where the focus is."""
        await self.do(lambda page: page.type(text))

    async def click(self, text: str, kind: str = "button") -> None:
        """Click the button that says something."""
        buttons = f"[...document.querySelectorAll({json.dumps(kind)})]"
        await self.see(f"{buttons}.find((one) => one.innerText.includes({json.dumps(text)}))")
        await self.ask(
            f"{buttons}.find((one) => one.innerText.includes({json.dumps(text)})).click()"
        )

    async def choose(self, label: str, option: str) -> None:
        """Choose from a list."""
        await self.ask(
            f"""(() => {{
              const list = document.querySelector('select[aria-label={json.dumps(label)}]');
              list.value = {json.dumps(option)};
              list.dispatchEvent(new Event("change", {{ bubbles: true }}));
            }})()"""
        )

    async def log_in(self, token: str = TOKEN) -> None:
        """Write a token into the form, and send it."""
        await self.see("document.activeElement?.id === 'token'")
        await self.type(token)
        await self.press("Enter")

    async def enter(self, fragment: str = "") -> None:
        """Come to a view, with the right token."""
        await self.visit(fragment)
        await self.log_in()
        await self.see("document.querySelector('main#main')")


@asynccontextmanager
async def operator(url: object, folder: Path) -> AsyncIterator[Operator]:
    """Somebody with a browser, of which everything is noted.

    Args:
        url: The admin listener's.
        folder: For the browser's profile.
    """
    program = needs(chromium_path(), "chromium")
    browser = open_page(program, folder / "profile")
    page = await trio.to_thread.run_sync(browser.__enter__)
    try:
        it = Operator(page, str(url))
        await it.do(Page.watch)
        await it.do(lambda page: page.resize(1280, 860))
        yield it
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(browser.__exit__, None, None, None)


@asynccontextmanager
async def listening(relay: FakeRelay) -> AsyncIterator[str]:
    """A real admin listener of a relay that says what a test wants; gives its URL."""
    assert relay.settings.admin is not None
    admin = replace(relay.settings.admin, listener=ADMIN.listener)
    listener = AdminListener(relay, admin)
    await listener.bind()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listener.run)
        yield str(listener.addresses[0])
        nursery.cancel_scope.cancel()
