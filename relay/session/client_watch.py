"""Watching a client that waits for its 101: it may speak already, or go away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from relay.link import receive
from relay.protocol import Refused

__all__ = ["ClientWatch"]

_MOST = 64 * 1024
_T = TypeVar("_T")


class ClientWatch:
    """Reads what a client sends before its 101, and no more than 64 KiB of it.

    Args:
        client: Its connection.
    """

    def __init__(self, client: trio.abc.Stream) -> None:
        self._client = client
        self.early_data = bytearray()
        """What has come until now."""
        self._running: trio.CancelScope | None = None
        self._refused: Refused | None = None

    async def during(
        self,
        run: Callable[[], Awaitable[_T]],
        give_back: Callable[[_T], Awaitable[None]] | None = None,
    ) -> _T | None:
        """Run something while the client is there; None if it goes away before that is done.

        Args:
            run: What.
            give_back: Takes what came of it, if this is cancelled after that.

        Raises:
            Refused: As ``run`` does.
        """
        outcome: _T | None = None
        try:
            async with trio.open_nursery() as nursery:
                self._running = nursery.cancel_scope
                nursery.start_soon(self._watch, nursery.cancel_scope)
                try:
                    outcome = await run()
                except Refused as error:  # as it is, and in no group
                    self._refused = error
                nursery.cancel_scope.cancel()
        except BaseException:
            if outcome is not None and give_back is not None:
                await give_back(outcome)
            raise
        finally:
            self._running = None
        if self._refused is None:
            return outcome
        if outcome is not None and give_back is not None:
            await give_back(outcome)
        raise self._refused

    def refuse(self, refused: Refused) -> bool:
        """End what runs with a refusal; return whether anything does."""
        if self._running is None:
            return False
        self._refused = refused
        self._running.cancel()
        return True

    async def _watch(self, running: trio.CancelScope) -> None:
        while (room := _MOST - len(self.early_data)) > 0:
            data = await receive(self._client, room)
            if not data:
                running.cancel()
                return
            self.early_data += data
