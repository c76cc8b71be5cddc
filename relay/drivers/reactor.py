"""One epoll for all open sessions, itself waited on by one Trio task.

Trio arms its epoll anew at every wait, and switches tasks for every message. But an epoll is a file
too, readable when something in it is ready: so one Trio task waits for that file, and serves all
that is ready in one go. A session keeps its own Trio task, which owns its lifetime and wakes only
when the session ends or a deadline passes.

It is level-triggered, and a port is served one chunk per event: the kernel puts a connection that
always has something to say behind all the others (fairness without a queue of ours).
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Protocol

import trio

__all__ = ["NOTHING", "READ", "WRITE", "Port", "Reactor"]

NOTHING = 0
READ = select.EPOLLIN if hasattr(select, "EPOLLIN") else 1
WRITE = select.EPOLLOUT if hasattr(select, "EPOLLOUT") else 4
_BATCH = 256
_ROUNDS = 8  # of events, before the other Trio tasks have their turn


class Port(Protocol):
    """What the reactor serves: one socket."""

    def readable(self, now: float) -> None:
        """Something can be read, and ``now`` is the time; the one event of a session that flows."""

    def changed(self, events: int) -> None:
        """Anything else: WRITE, READ together with others, or a connection that is lost."""

    def fault(self, error: Exception) -> None:
        """One of the above raised; the port is never served again."""


class Reactor:
    """Serves ports while :meth:`run` runs. Linux only."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ports: dict[int, Port] = {}
        self._clock: Callable[[], float] = trio.current_time
        self.now = 0.0
        """When the batch of events began that is being served."""

    @staticmethod
    def is_available() -> bool:
        """Whether this system has what it takes."""
        return hasattr(select, "epoll")

    def add(self, descriptor: int, port: Port, events: int) -> None:
        """Serve a port."""
        self._epoll.register(descriptor, events)
        self._ports[descriptor] = port

    def watch(self, descriptor: int, events: int) -> None:
        """Say what a port waits for from now on: READ, WRITE, both or NOTHING."""
        self._epoll.modify(descriptor, events)

    def remove(self, descriptor: int) -> None:
        """Serve a port no more; before its socket is closed."""
        if self._ports.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def serve(self, timeout: float | None) -> bool:
        """Serve what is ready; wait for it, if nothing is, at most ``timeout`` seconds.

        Returns:
            Whether anything was ready.
        """
        events = self._epoll.poll(timeout, _BATCH)
        if not events:
            return False
        self.now = now = self._clock()
        port_of = self._ports.get
        for descriptor, mask in events:
            port = port_of(descriptor)
            if port is None:
                continue  # removed by an earlier event of this batch
            try:
                if mask == READ:
                    port.readable(now)
                else:
                    port.changed(mask)
            except Exception as error:  # noqa: BLE001 - the fence: one session ends
                self.remove(descriptor)
                port.fault(error)
        return True

    def adopt_clock(self) -> None:
        """Read the clock of this Trio run itself, which is three calls less for each batch."""
        self._clock = trio.lowlevel.current_clock().current_time

    async def run(self) -> None:
        """Serve until cancelled, as a task of a Trio program that does other things, too."""
        self.adopt_clock()
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            for _ in range(_ROUNDS):
                if not self.serve(0):
                    break

    def close(self) -> None:
        """Give the epoll back."""
        self._epoll.close()
