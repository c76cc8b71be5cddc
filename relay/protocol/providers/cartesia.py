"""Cartesia.

Documented: docs.cartesia.ai, "Text-to-Speech (WebSocket)", "Speech-to-Text (WebSocket)"; the turns
endpoint is the least certain. `cartesia_version` stays in the query, where it takes precedence over
the field line. Speech names its model in every message.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, MessageModel, Origin, Provider, Slot

__all__ = ["CARTESIA"]

CARTESIA = Provider(
    name="cartesia",
    origin=Origin("wss", "api.cartesia.ai", 443),
    endpoints=(
        Endpoint(
            "/tts/websocket", message_models=(MessageModel("model_id"),), meter="cartesia-speech"
        ),
        Endpoint("/stt/websocket", model="model", meter="cartesia-transcription"),
        Endpoint("/stt/turns/websocket", model="model", meter="cartesia-transcription"),
    ),
    slots=(
        Slot(Kind.FIELD, "x-api-key"),
        BEARER,
        Slot(Kind.QUERY, "api_key"),
        Slot(Kind.QUERY, "access_token"),
    ),
    stored=Slot(Kind.FIELD, "x-api-key"),
    fields=(b"cartesia-version",),
)
