"""Looking again and again, one look at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from textual.screen import Screen

__all__ = ["Watch", "is_there"]


class Watch:
    """Looks at something at intervals, and at once when asked to.

    Args:
        look: Looks.
        interval: Seconds from the end of a look to the next.
    """

    def __init__(self, look: Callable[[], Awaitable[None]], interval: float) -> None:
        self._look = look
        self._interval = interval
        self._wanted = asyncio.Event()
        self.paused = False
        """Whether to look only when asked to."""

    def look_now(self) -> None:
        """Look as soon as no other look is under way."""
        self._wanted.set()

    async def run(self) -> None:
        """Look until cancelled, the first time after an interval."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), self._interval)
            if self._wanted.is_set() or not self.paused:
                self._wanted.clear()
                await self._look()


def is_there(screen: Screen[Any]) -> bool:
    """Whether a screen is still to be written on: its widgets go before its looks end."""
    return screen.app.is_running and screen in screen.app.screen_stack
