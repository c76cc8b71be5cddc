"""One socket of an open session, as the reactor serves it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Protocol

from relay.drivers.reactor import NOTHING, READ, WRITE, Reactor
from relay.drivers.tls_records import Records
from relay.socket_stream import SocketStream

__all__ = ["SplicedSocket"]


class Direction(Protocol):
    """What a socket needs of what reads it, and of what writes to it."""

    def readable(self, now: float) -> None:
        """The source has something, or its end; ``now`` is the time."""

    def writable(self) -> None:
        """The sink may take more."""

    def sink_lost(self) -> None:
        """The sink is gone, and was not being read."""

    def fail(self, error: Exception) -> None:
        """End now for a fault of ours."""


class SplicedSocket:
    """One side of a session: what is read from it is one direction's, what is written the other's.

    Args:
        stream: Its connection, whose TLS handshake is done.
        reactor: Serves it once it was joined.
    """

    __slots__ = (
        "_descriptor",
        "_events",
        "_incoming",
        "_outgoing",
        "_silenced",
        "reactor",
        "readable",
        "records",
        "stream",
    )

    def __init__(self, stream: SocketStream, reactor: Reactor) -> None:
        sock = stream.socket
        self._descriptor = sock.fileno()  # -1 once the reactor serves it no more
        self._events = NOTHING
        self._silenced = False  # the reactor does not serve it until it waits for something
        self._incoming: Direction
        self._outgoing: Direction
        self.stream = stream
        self.records = Records(sock) if isinstance(sock, ssl.SSLSocket) else None
        """What TLS gives and takes; None without TLS."""
        self.reactor = reactor
        self.readable: Callable[[float], None]
        """What a mere READ leads to, without a call in between."""

    def join(self, incoming: Direction, outgoing: Direction) -> None:
        """Be served, as the source of one direction and the sink of the other."""
        self._incoming, self._outgoing, self.readable = incoming, outgoing, incoming.readable
        self.reactor.add(self._descriptor, self, NOTHING)

    def wait_for(self, events: int, wanted: bool) -> None:
        """Begin or cease to wait for READ or WRITE."""
        now = self._events | events if wanted else self._events & ~events
        if now == self._events or self._descriptor < 0:
            return
        self._events = now
        if self._silenced:
            self._silenced = False
            self.reactor.add(self._descriptor, self, now)
        else:
            self.reactor.watch(self._descriptor, now)

    def changed(self, events: int) -> None:
        """Serve what is not a mere READ."""
        if events & WRITE:
            self._outgoing.writable()
        lost = events & ~(READ | WRITE)
        if self._events & READ and events & ~WRITE:
            self.readable(self.reactor.now)
        elif lost:
            # Nobody reads it now, and it would say so for ever. What came before the end can still
            # be read, when the other side takes it.
            self.reactor.remove(self._descriptor)
            self._silenced = True
            self._events = NOTHING
            self._outgoing.sink_lost()

    def write_after_read(self) -> None:
        """OpenSSL cannot write before it has read the rest of a message of its own."""
        self.wait_for(WRITE, wanted=False)
        self.readable = self._read_then_write

    def _read_then_write(self, now: float) -> None:
        self.readable = self._incoming.readable
        self.readable(now)
        self._outgoing.writable()

    def fault(self, error: Exception) -> None:
        """End both directions."""
        self._descriptor = -1
        for flow in (self._incoming, self._outgoing):
            flow.fail(error)

    def leave(self) -> None:
        """Be served no more."""
        if self._descriptor >= 0:
            self.reactor.remove(self._descriptor)
            self._descriptor = -1
