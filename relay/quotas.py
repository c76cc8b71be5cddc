"""How many sessions may be open, and how fast they may be opened."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager

import trio

from relay.protocol import Address, Admission, Refused

__all__ = ["FloodError", "Quotas"]

_IPV6_HOST_BITS = 64
"""Of a network at its smallest (RFC 4291 2.5.4): a client has all addresses in it."""


class _Count:
    """Open sessions of a gateway or a token, and when the next may open (a token bucket)."""

    def __init__(self) -> None:
        self.open = 0
        self._allowance = math.inf
        self._filled_at = trio.current_time()

    def wait(self, per_minute: int) -> float:
        """The seconds until the next opening is allowed; 0 if it is now."""
        now = trio.current_time()
        gained = (now - self._filled_at) * per_minute / 60
        self._allowance = min(per_minute, self._allowance + gained)
        self._filled_at = now
        return max(0, (1 - self._allowance) * 60 / per_minute)

    def take(self) -> None:
        """Count a session that opens."""
        self.open += 1
        # Not below nothing: while there is no limit, nobody owes what a later one would allow.
        self._allowance = max(0, self._allowance - 1)


class FloodError(Exception):
    """An address has so many connections that a further one is not even answered."""


class Quotas:
    """The counters of all gateways, tokens and addresses.

    They outlive the settings: the bounds can change at any time, and what is open counts on.

    Args:
        max_sessions: Over all gateways.
        max_sessions_per_address: None for no bound.
    """

    def __init__(self, max_sessions: int, max_sessions_per_address: int | None = None) -> None:
        self.max_sessions = max_sessions
        self.max_sessions_per_address = max_sessions_per_address
        self._connections: dict[Address | int, int] = {}
        self._counts: dict[tuple[str, str], _Count] = {}
        self.open = 0
        """Sessions that hold a place, openings under way included."""

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the server's places.

        Raises:
            Refused: 503 if there is none.
        """
        if self.open >= self.max_sessions:
            raise Refused(
                503,
                2102,
                "the relay is full",
                fields=(("Retry-After", "5"),),
                proxy_error="connection_limit_reached",
            )
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    @contextmanager
    def connection(self, address: Address) -> Iterator[bool]:
        """Count a connection for its address, an IPv6 address by its /64, whatever becomes of it.

        Gives whether it is within the limit; of those that are not, as many again are let in to be
        told so.

        Raises:
            FloodError: There are these already.
        """
        most = self.max_sessions_per_address
        key = address if address.version == 4 else int(address) >> _IPV6_HOST_BITS
        before = self._connections.get(key, 0)
        if most is not None and before >= 2 * most:
            raise FloodError
        self._connections[key] = before + 1
        try:
            yield most is None or before < most
        finally:
            self._connections[key] -= 1
            if not self._connections[key]:
                del self._connections[key]

    def session(self, admission: Admission) -> AbstractContextManager[None]:
        """Count a session for its gateway and its token, until what this returns is left.

        Raises:
            Refused: 429 if one of them has reached a limit.
        """
        gateway, token = admission.gateway, admission.token
        limits = [(("", gateway.name), gateway.max_sessions, gateway.openings_per_minute)]
        if token is not None:
            key = (gateway.name, token.name)
            limits.append((key, token.max_sessions, token.openings_per_minute))
        counts = [self._counts.setdefault(key, _Count()) for key, _, _ in limits]
        waits = [0.0]
        for count, (_, max_sessions, per_minute) in zip(counts, limits, strict=True):
            if max_sessions is not None and count.open >= max_sessions:
                raise Refused(429, 2003, "too many open sessions")
            if per_minute is not None:
                waits.append(count.wait(per_minute))
        if wait := max(waits):
            retry = (("Retry-After", str(math.ceil(wait))),)
            raise Refused(429, 2003, "too many openings a minute", fields=retry)
        return self._counted(counts)

    def forget(self, known: Container[tuple[str, str]]) -> None:
        """Drop the counters of gateways and tokens that are no more, and have no session open.

        Args:
            known: Those that there are, each by the names of its gateway and of itself; of the
                former, a gateway has an empty one.
        """
        for key, count in tuple(self._counts.items()):
            if key not in known and not count.open:
                del self._counts[key]

    @staticmethod
    @contextmanager
    def _counted(counts: list[_Count]) -> Iterator[None]:
        """Count a session, and hold nothing of its gateway, which may be long gone at its end."""
        for count in counts:  # what is refused comes not so far, and uses nothing up
            count.take()
        try:
            yield
        finally:
            for count in counts:
                count.open -= 1
