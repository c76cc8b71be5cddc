"""Hume.

Documented: dev.hume.ai, "Chat" and "Control Plane" (EVI), "Stream Input" (TTS), "Expression
Measurement" (on a host of its own; it replaced `/v0/stream/models` in 2026). Hume's documentation
ends access to EVI and TTS on 2026-11-13; what its server has answered since is unconfirmed.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, Origin, Provider, Slot

__all__ = ["HUME"]

_KEY = Slot(Kind.FIELD, "x-hume-api-key")

HUME = Provider(
    name="hume",
    origin=Origin("wss", "api.hume.ai", 443),
    version="/v0",
    endpoints=(
        Endpoint("/v0/evi/chat", meter="hume-chat"),
        Endpoint("/v0/evi/chat/{chat}/connect", meter="hume-chat"),
        Endpoint("/v0/tts/stream/input", meter="hume-speech"),
        Endpoint(
            "/v1/expression/audio/realtime", host="api.cloud.hume.ai", meter="hume-expression"
        ),
    ),
    slots=(
        _KEY,
        BEARER,
        Slot(Kind.QUERY, "api_key"),
        Slot(Kind.QUERY, "access_token"),
    ),
    stored=_KEY,
    fields=(b"x-hume-client-name", b"x-hume-client-version"),
)
