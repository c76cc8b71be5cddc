"""The loop of a process that is nothing but a relay: Trio runs as the reactor's guest.

The other way round, with the reactor as a task of Trio's, every batch of messages costs a turn of
Trio's own loop. Here the thread waits in the reactor's epoll, and messages are carried without Trio
taking part; Trio has its turns when something happens to its tasks: a connection is accepted, a
session ends, a deadline passes. That is what Trio's guest mode is for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import trio

from relay.drivers.reactor import READ, Reactor

__all__ = ["run_as_guest"]

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class _Outcome(Protocol[_T_co]):
    """What Trio says of a run that has ended."""

    def unwrap(self) -> _T_co:
        """Return what it returned, or raise what it raised."""


class _Turns:
    """Calls that Trio wants made on this thread; the port that says so from another."""

    def __init__(self) -> None:
        self.calls: deque[Callable[[], object]] = deque()
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def soon_threadsafe(self, call: Callable[[], object]) -> None:
        self.calls.append(call)
        os.eventfd_write(self.descriptor, 1)

    def readable(self, now: float) -> None:  # noqa: ARG002 - it is no matter when
        os.eventfd_read(self.descriptor)

    def changed(self, events: int) -> None:
        raise AssertionError(f"an eventfd is only ever read: {events}")

    def fault(self, error: Exception) -> None:
        raise error


def run_as_guest(main: Callable[[Reactor | None], Awaitable[_T]]) -> _T:
    """Run a Trio program whose sessions a reactor drives.

    Args:
        main: The program; it gets the reactor, or None where there is no epoll.

    Returns:
        What it returns; what it raises is raised.
    """
    if not Reactor.is_available():
        return trio.run(main, None)
    reactor, turns = Reactor(), _Turns()
    ended: list[_Outcome[_T]] = []

    async def guest() -> _T:
        reactor.adopt_clock()
        return await main(reactor)

    reactor.add(turns.descriptor, turns, READ)
    try:
        trio.lowlevel.start_guest_run(
            guest,
            run_sync_soon_threadsafe=turns.soon_threadsafe,
            run_sync_soon_not_threadsafe=turns.calls.append,
            done_callback=ended.append,
        )
        while not ended:
            for _ in range(len(turns.calls)):  # not those that come with them: sessions wait, too
                turns.calls.popleft()()
            if not ended:
                reactor.serve(0 if turns.calls else None)
    finally:
        reactor.close()
        os.close(turns.descriptor)
    return ended[0].unwrap()
