"""xAI.

Documented: docs.x.ai, "Voice Agent", "Text to Speech", "Speech to Text", "Responses". The entry
`xai-client-secret.` is what community code sends and is unconfirmed; `openai-insecure-api-key.` is
what OpenAI's browser client sends, and becomes the field line.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, Origin, Provider, Slot
from relay.protocol.providers.openai import RESPONSES_MODEL

__all__ = ["XAI"]


XAI = Provider(
    name="xai",
    aliases=("grok",),
    origin=Origin("wss", "api.x.ai", 443),
    version="/v1",
    endpoints=(
        Endpoint("/v1/realtime", model="model", meter="openai-realtime"),
        Endpoint("/v1/tts", model="model", meter="xai-speech"),
        Endpoint("/v1/stt", model="model", meter="xai-transcription"),
        Endpoint("/v1/responses", message_models=RESPONSES_MODEL, meter="openai-responses"),
    ),
    slots=(
        BEARER,
        Slot(Kind.SUBPROTOCOL, "xai-client-secret."),
        Slot(Kind.SUBPROTOCOL, "openai-insecure-api-key.", becomes=BEARER),
    ),
    stored=BEARER,
)
