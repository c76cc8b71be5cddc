"""A listener that accepts no faster than there is room for connections."""

from __future__ import annotations

import errno

import trio

from relay.openings import Openings

__all__ = ["PacedListener"]


class PacedListener(trio.abc.Listener[trio.SocketStream]):
    """Accepts connections as there is room for them.

    Args:
        bound: The listener.
        openings: Says when there is room.
    """

    def __init__(self, bound: trio.SocketListener, openings: Openings) -> None:
        self._bound = bound
        self._openings = openings

    async def accept(self) -> trio.SocketStream:
        """The next connection."""
        await self._openings.room()
        try:
            return await self._bound.accept()
        except OSError as error:  # Trio logs it, and tries again in a tenth of a second
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                self._openings.end_one()
            raise

    async def aclose(self) -> None:
        """Stop listening."""
        await self._bound.aclose()
