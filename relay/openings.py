"""Connections that are no sessions: a bound on them, and which of them goes when it is reached.

A connection costs its peer next to nothing until it has sent a request, and some never do. Were new
ones turned away at the bound, a few hundred a second that say nothing would keep everybody out. So
it is the oldest that goes, as in nginx: first of those that have said nothing, then of the others.

But when a thousand clients come back at once, the oldest is the one that is served next. So nobody
goes within the first second, in which a client that means it has sent its head; as long as all are
as young as that, new ones are not accepted and wait with the system, as before HAProxy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
import trio

__all__ = ["Openings", "Place"]

_YOUNG = 1.0  # seconds: TCP, TLS and a head over a path with a round trip of 300 ms
_SECONDS_BETWEEN_WARNINGS = 10
_log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class Place:
    """What a connection holds."""

    scope: trio.CancelScope
    since: float
    lost: bool = False
    """Whether it was taken away: then the connection is closed, and nobody is answered."""


class Openings:
    """Connections whose request is still to come, or that are being refused.

    Args:
        most: How many there may be, at least one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._silent: dict[Place, None] = {}  # the oldest first
        self._begun: dict[Place, None] = {}  # in the order in which they began
        self._left = trio.lowlevel.ParkingLot()
        self._next_warning = -math.inf

    @property
    def most(self) -> int:
        """How many there may be."""
        return self._most

    @most.setter
    def most(self, most: int) -> None:
        self._most = most
        self._left.unpark_all()

    @property
    def silent(self) -> int:
        """How many of them have said nothing."""
        return len(self._silent)

    async def room(self) -> None:
        """Wait until a new connection costs no young one its place."""
        while (oldest := self._oldest_if_full()) is not None:
            with trio.move_on_at(oldest.since + _YOUNG) as waiting:
                await self._left.park()
            if waiting.cancelled_caught:
                return

    @contextmanager
    def place(self, scope: trio.CancelScope) -> Iterator[Place]:
        """Hold a place, which another connection may take when it is no longer young.

        Args:
            scope: Around all that is done in it; cancelled when it is lost.
        """
        now = trio.current_time()
        # Several, if there are more than there is room for: the bound was lowered, or they came
        # while the oldest were young, or while one was between its acceptance and here.
        while (oldest := self._oldest_if_full()) is not None and now >= oldest.since + _YOUNG:
            self._warn()
            self._take_away(oldest)
        place = Place(scope, now)
        self._silent[place] = None
        try:
            yield place
        finally:
            self._forget(place)

    def begin(self, place: Place) -> None:
        """Say that its connection has said something, or is being answered."""
        if place in self._silent:
            del self._silent[place]
            self._begun[place] = None

    def end_silent(self) -> None:
        """Take away the places of all that have said nothing."""
        for place in tuple(self._silent):
            self._take_away(place)

    def end_one(self) -> None:
        """Take away a place however young it is: no descriptor is left for anybody else."""
        if self._silent or self._begun:
            self._warn()
            self._take_away(self._oldest())

    def _oldest_if_full(self) -> Place | None:
        if len(self._silent) + len(self._begun) < self._most:
            return None
        return self._oldest()

    def _oldest(self) -> Place:
        """A silent one if it is no longer young, else one that has begun, else the older of both:
        young silent ones must not protect those that began long ago."""
        now = trio.current_time()
        first = [next(iter(each)) for each in (self._silent, self._begun) if each]
        old = (each for each in first if now >= each.since + _YOUNG)
        return next(old, min(first, key=lambda each: each.since))

    def _take_away(self, place: Place) -> None:
        self._forget(place)
        place.lost = True
        place.scope.cancel()

    def _forget(self, place: Place) -> None:
        self._silent.pop(place, None)
        self._begun.pop(place, None)
        self._left.unpark_all()

    def _warn(self) -> None:
        """Once in a while: in a flood it happens with every connection."""
        now = trio.current_time()
        if now >= self._next_warning:
            self._next_warning = now + _SECONDS_BETWEEN_WARNINGS
            _log.warning(
                "too many connections are no sessions: the oldest are ended", most=self._most
            )
