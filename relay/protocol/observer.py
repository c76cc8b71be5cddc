"""What a pipe shows of a direction to those who look from the side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

__all__ = ["Observer", "Observers", "joined", "left"]


class Observer(Protocol):
    """Sees the frames of one direction, and changes nothing.

    A pipe calls it in the order in which bytes come, once they are known to be valid. Most messages
    are one frame in one chunk: for those there is one call. If an observer raises, the pipe goes on
    without it.
    """

    def message(self, data: bytes, start: int) -> None:
        """A whole message in one frame, which is all of ``data``.

        Args:
            data: The frame; its first byte tells the kind of the message.
            start: Where the payload begins. Where frames are masked, the key is before it.
        """

    def frame(self, first: int, length: int, key: bytes) -> None:
        """A data frame begins.

        Args:
            first: Its first byte: FIN, RSV1 and the opcode (RFC 6455 5.2).
            length: Of its payload, which follows in pieces.
            key: The masking key; empty where frames are not masked.
        """

    def payload(self, data: bytes, start: int, end: int) -> None:
        """A piece of the payload of the frame that began last: ``data[start:end]``."""

    def control(self, opcode: int, data: bytes, start: int, end: int) -> None:
        """A whole control frame, perhaps between the frames of a message.

        Pongs to the relay's own Pings are not shown, nor is the Close that answers its own. One
        that is kept and not forwarded is.

        Args:
            opcode: ``CLOSE``, ``PING`` or ``PONG``.
            data: Where its payload stands: ``data[start:end]``. Where frames are masked, the key
                is before it.
            start: See above.
            end: See above.
        """

    def failed(self) -> None:
        """One of the others has raised; nothing more will be shown."""


class Observers:
    """Several observers of one direction, of which each may raise and the others go on.

    Args:
        first: Who looked at it alone until now, if anybody did.
    """

    __slots__ = ("_all", "_first", "_shown")

    def __init__(self, first: Observer | None) -> None:
        self._first = first
        self._all: tuple[Observer, ...] = () if first is None else (first,)
        # Without those for whom no message has begun yet.
        self._shown: tuple[Observer, ...] = self._all

    def join(self, observer: Observer) -> None:
        """Show it messages, too, from the next one on that begins; and control frames."""
        self._all = (*self._all, observer)

    def leave(self, observer: Observer) -> Observer | Observers | None:
        """Show it nothing more; return who looks at the direction from now on."""
        self._all = tuple(each for each in self._all if each is not observer)
        self._shown = tuple(each for each in self._shown if each is not observer)
        if any(each is not self._first for each in self._all):
            return self
        return self._first if self._all else None

    def message(self, data: bytes, start: int) -> None:
        """Show a whole message in one frame."""
        self._shown = self._all
        self._show(self._shown, lambda each: each.message(data, start))

    def frame(self, first: int, length: int, key: bytes) -> None:
        """Show that a data frame begins."""
        if first & 0x0F:  # not the continuation of a message that not all have seen
            self._shown = self._all
        self._show(self._shown, lambda each: each.frame(first, length, key))

    def payload(self, data: bytes, start: int, end: int) -> None:
        """Show a piece of payload."""
        self._show(self._shown, lambda each: each.payload(data, start, end))

    def control(self, opcode: int, data: bytes, start: int, end: int) -> None:
        """Show a control frame."""
        self._show(self._all, lambda each: each.control(opcode, data, start, end))

    def failed(self) -> None:
        """Tell all of them that nothing more will be shown."""
        for each in self._all:
            _tell(each)

    def _show(self, observers: tuple[Observer, ...], show: Callable[[Observer], None]) -> None:
        for each in observers:
            try:
                show(each)
            except Exception:  # noqa: BLE001 - whatever it is, the others go on
                self._all = tuple(other for other in self._all if other is not each)
                self._shown = tuple(other for other in self._shown if other is not each)
                _tell(each)


def joined(present: Observer | None, observer: Observer) -> Observer:
    """Who looks at a direction once another observer has come."""
    several = present if isinstance(present, Observers) else Observers(present)
    several.join(observer)
    return several


def left(present: Observer | None, observer: Observer) -> Observer | None:
    """Who looks at it once that one has gone."""
    return present.leave(observer) if isinstance(present, Observers) else present


def _tell(observer: Observer) -> None:
    """Tell it that it has raised."""
    with contextlib.suppress(Exception):
        observer.failed()
