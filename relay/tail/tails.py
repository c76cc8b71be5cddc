"""The tails that run: how many there may be, and what they are told at the end of a session."""

from __future__ import annotations

from relay.tail.tail import Tail

__all__ = ["MOST", "ContentRefusedError", "TailRefusedError", "Tails", "TooManyTailsError"]

MOST = 8
"""Tails at once."""


class TailRefusedError(Exception):
    """There is no tail; the message is a sentence."""


class ContentRefusedError(TailRefusedError):
    """The gateway does not allow content."""


class TooManyTailsError(TailRefusedError):
    """There are as many as there may be."""


class Tails:
    """Those of one relay."""

    def __init__(self) -> None:
        self._open: list[Tail] = []

    def check_room(self) -> None:
        """Raise if there is no room for another one.

        Raises:
            TooManyTailsError: There is none.
        """
        if len(self._open) >= MOST:
            raise TooManyTailsError(f"there are {MOST} tails already")

    def add(self, tail: Tail) -> None:
        """Know one until its reader has gone."""
        self._open.append(tail)
        tail.on_close = self._open.remove

    def end(self, session_id: str, sentence: str) -> None:
        """End those of a session.

        Args:
            session_id: The session's.
            sentence: How it ended. Of several, the first is told.
        """
        for tail in self._open:
            if tail.session_id == session_id:
                tail.end(sentence)
