"""TLS sessions with providers, kept so that the next connection can resume one (RFC 8446 2.2).

A resumed handshake carries no certificate and no signature. OpenSSL verified the certificate when
the session began; it is resumed only with the same trust, and with the host it was verified for.
"""

from __future__ import annotations

import ssl
from collections import deque

import trio

from relay.protocol import Origin
from relay.socket_stream import SocketStream

__all__ = ["Resumption"]

_MOST_PER_ORIGIN = 8
_MOST_ORIGINS = 64


class Resumption:
    """The sessions that can be resumed."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[ssl.SSLContext, Origin], deque[ssl.SSLSession]] = {}

    def take(self, trust: ssl.SSLContext, origin: Origin) -> ssl.SSLSession | None:
        """The newest session with an origin, if there is one; a ticket is used once (C.4)."""
        kept = self._sessions.get((trust, origin))
        return kept.pop() if kept else None

    def keep(self, trust: ssl.SSLContext, origin: Origin, stream: trio.abc.Stream) -> None:
        """Keep a connection's session; to be called once the provider has said something, because
        tickets come after the handshake."""
        sock = stream.socket if isinstance(stream, SocketStream) else None
        session = sock.session if isinstance(sock, ssl.SSLSocket) else None  # a copy each time
        if session is None or not session.has_ticket:
            return
        kept = self._sessions.setdefault((trust, origin), deque(maxlen=_MOST_PER_ORIGIN))
        kept.append(session)
        while len(self._sessions) > _MOST_ORIGINS:
            del self._sessions[next(iter(self._sessions))]
