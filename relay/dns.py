"""Addresses of providers: looked up in threads of their own, and remembered for a moment.

The system looks a name up in a call that blocks for as long as it likes, which is half a minute
where nobody answers, and that cannot be broken off. So a lookup outlives those who wait for it: who
asks the same meanwhile waits for it, too, and one thread per name is all that a dead resolver
holds. The threads are counted apart from Trio's others, which go on when these are all stuck.

The system does not say how long an answer holds, so it is trusted for a few seconds only, and only
if there was one.
"""

from __future__ import annotations

import copy
import socket
from typing import Any

import trio

__all__ = ["RememberingResolver"]

_SECONDS = 10
_MOST = 256  # names: far more than there are providers
_THREADS = 32
"""Lookups at a time: twice the hosts of the catalogue. Each can hold a descriptor, and the limit on
sessions leaves a hundred of them free (docs/security.md)."""

_Question = tuple[bytes | None, bytes | str | int | None, int, int, int, int]


class _Lookup:
    """A question that is on its way to the system, and those who wait for the answer."""

    def __init__(self) -> None:
        self.waiting = 0
        self.begun = False
        """Whether it has a thread, and so goes on until the system answers."""
        self.scope = trio.CancelScope()
        self.done = trio.Event()
        self.outcome: list[Any] | Exception = []


class RememberingResolver(trio.abc.HostnameResolver):
    """Asks the system, and again only when an answer is older than ten seconds.

    What failed is told to those who waited for it, and forgotten.
    """

    def __init__(self) -> None:
        self._answers: dict[_Question, tuple[float, list[Any]]] = {}
        self._lookups: dict[_Question, _Lookup] = {}
        self._queue = trio.Semaphore(_THREADS)  # can be left, unlike a thread
        self._threads = trio.CapacityLimiter(_THREADS)  # not Trio's own, which others need

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the interface's name
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """:func:`socket.getaddrinfo`."""
        question = (host, port, family, type, proto, flags)
        asked_at, answer = self._answers.get(question, (-_SECONDS, []))
        if answer and trio.current_time() - asked_at < _SECONDS:
            return answer
        lookup = self._lookups.get(question)
        if lookup is None:
            lookup = self._lookups[question] = _Lookup()
            trio.lowlevel.spawn_system_task(self._look_up, question, lookup)
        await self._wait(question, lookup)
        if isinstance(lookup.outcome, Exception):
            raise copy.copy(lookup.outcome)  # each task adds a traceback to its own
        return lookup.outcome

    async def getnameinfo(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int
    ) -> tuple[str, str]:
        """:func:`socket.getnameinfo`."""
        return await trio.to_thread.run_sync(
            socket.getnameinfo, sockaddr, flags, abandon_on_cancel=True, limiter=self._threads
        )

    async def _wait(self, question: _Question, lookup: _Lookup) -> None:
        """Wait for a lookup; the last who goes takes it out of the queue for a thread."""
        lookup.waiting += 1
        try:
            await lookup.done.wait()
        finally:
            lookup.waiting -= 1
            if not lookup.waiting and not lookup.begun:
                del self._lookups[question]
                lookup.scope.cancel()

    async def _look_up(self, question: _Question, lookup: _Lookup) -> None:
        """Have a thread ask the system; a task of Trio's own, which the relay's end cancels."""
        with lookup.scope:
            async with self._queue:
                lookup.begun = True
                try:
                    answer = await trio.to_thread.run_sync(
                        socket.getaddrinfo,
                        *question,
                        abandon_on_cancel=True,
                        limiter=self._threads,
                    )
                except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who wait
                    lookup.outcome = error
                else:
                    lookup.outcome = answer
                    self._remember(question, answer)
                del self._lookups[question]
                lookup.done.set()

    def _remember(self, question: _Question, answer: list[Any]) -> None:
        self._answers.pop(question, None)
        while len(self._answers) >= _MOST:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = trio.current_time(), answer
