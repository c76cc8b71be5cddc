"""Inworld.

Documented: docs.inworld.ai, "Realtime API, WebSocket": the query's `key` is the id of the session,
not a credential. `/v1/realtime` and `?token=` are what community code uses, and unconfirmed.
"""

from __future__ import annotations

from relay.protocol.endpoints import Endpoint, Kind, MessageModel, Origin, Provider, Slot

__all__ = ["INWORLD"]

_BASIC = Slot(Kind.FIELD, "authorization", scheme="Basic")
_MODEL = (MessageModel("session.model"), MessageModel("session.audio.output.model"))

INWORLD = Provider(
    name="inworld",
    origin=Origin("wss", "api.inworld.ai", 443),
    endpoints=(
        Endpoint("/api/v1/realtime/session", message_models=_MODEL, meter="openai-realtime"),
        Endpoint("/v1/realtime", message_models=_MODEL, meter="openai-realtime"),
    ),
    slots=(_BASIC, Slot(Kind.QUERY, "token")),
    stored=_BASIC,
)
