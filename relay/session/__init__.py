"""A session: one relayed WebSocket, from the accepted connection to both ends."""

from relay.session.session import Session

__all__ = ["Session"]
