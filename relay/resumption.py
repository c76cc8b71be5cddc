"""TLS sessions with providers, kept so that later connections can resume them (RFC 8446 2.2).

A resumed handshake carries no certificate and no signature. OpenSSL verified the certificate when
the session began; it is resumed only with the same trust, and with the host it was verified for.
By which way that is reached makes no difference: inside a proxy's tunnel TLS is with the provider,
too.

A session is read from a connection only when the one that is kept no longer serves, and at most
once a minute: each reading costs a copy, and CPython loses about 6.5 KiB of memory with it (3.11
and 3.13). So a ticket is used many times, which RFC 8446 C.4 advises against because it shows an
observer that connections belong together; those of a relay to a provider do so anyway.
"""

from __future__ import annotations

import ssl
from collections.abc import Container
from typing import NamedTuple

import trio

from relay.protocol import Origin
from relay.socket_stream import SocketStream

__all__ = ["Resumption"]

_SECONDS_BETWEEN_READINGS = 60
_MOST_ORIGINS = 64


class _Kept(NamedTuple):
    session: ssl.SSLSession
    read_at: float


class Resumption:
    """The newest session with each origin."""

    def __init__(self) -> None:
        self._kept: dict[tuple[ssl.SSLContext, Origin], _Kept] = {}

    def forget(self, known: Container[ssl.SSLContext]) -> None:
        """Drop the sessions of all trust but this."""
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] in known}

    def session(self, trust: ssl.SSLContext, origin: Origin) -> ssl.SSLSession | None:
        """A session that a connection to an origin can try to resume."""
        kept = self._kept.get((trust, origin))
        return kept.session if kept else None

    def keep(self, trust: ssl.SSLContext, origin: Origin, stream: trio.abc.Stream) -> None:
        """Keep a connection's session, if none is kept that it resumed; to be called once the
        provider has said something, because tickets come after the handshake."""
        sock = stream.socket if isinstance(stream, SocketStream) else None
        if not isinstance(sock, ssl.SSLSocket) or sock.session_reused:
            return
        now = trio.current_time()
        kept = self._kept.get((trust, origin))
        if kept is not None and now - kept.read_at < _SECONDS_BETWEEN_READINGS:
            return
        session = sock.session
        if session is not None:
            self._kept[trust, origin] = _Kept(session, now)
            while len(self._kept) > _MOST_ORIGINS:
                del self._kept[next(iter(self._kept))]
