"""A small WebSocket client over any Trio stream, for ``relay probe`` and ``relay demo``.

The relay does not use it for what it carries: that goes through pipes.
"""

from relay.client.connection import CLOSE_TIMEOUT, ClientConnection, Closed, Traffic
from relay.client.opening import OpeningFailed, Rejected, open_websocket
from relay.client.rejection import Rejection, read_rejection
from relay.client.url import WebSocketUrl, split_url

__all__ = [
    "CLOSE_TIMEOUT",
    "ClientConnection",
    "Closed",
    "OpeningFailed",
    "Rejected",
    "Rejection",
    "Traffic",
    "WebSocketUrl",
    "open_websocket",
    "read_rejection",
    "split_url",
]
