"""fal.

Documented: docs.fal.ai, "WebSocket endpoints", "Real-time"; the two hosts and `fal_jwt_token` are
those of the official client. A target that ends in `/realtime` is a session on `fal.run`, any other
one a request over a WebSocket on `ws.fal.run`. The entry `fal-api-key.` is the gateway's own, and
becomes the field line. There is no default endpoint: the path names the model.
"""

from __future__ import annotations

from relay.protocol.endpoints import Endpoint, Kind, Origin, Provider, Slot

__all__ = ["FAL"]

_KEY = Slot(Kind.FIELD, "authorization", scheme="Key")

FAL = Provider(
    name="fal",
    origin=Origin("wss", "ws.fal.run", 443),
    endpoints=(
        Endpoint("/{model*}/realtime", host="fal.run"),
        Endpoint("/{model*}"),
    ),
    slots=(
        _KEY,
        Slot(Kind.QUERY, "fal_jwt_token"),
        Slot(Kind.SUBPROTOCOL, "fal-api-key.", becomes=_KEY),
    ),
    stored=_KEY,
)
