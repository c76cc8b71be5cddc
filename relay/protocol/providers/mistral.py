"""Mistral.

Documented: docs.mistral.ai, "Realtime transcription"; the speech endpoint rests on the same pages
and was not seen in an SDK. In a browser the token is the entry `rt_...` beside `realtime`.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, Origin, Provider, Slot

__all__ = ["MISTRAL"]


MISTRAL = Provider(
    name="mistral",
    origin=Origin("wss", "api.mistral.ai", 443),
    version="/v1",
    endpoints=(
        Endpoint("/v1/audio/transcriptions/realtime", model="model", meter="mistral-transcription"),
        Endpoint("/v1/audio/speech/realtime", model="model", meter="mistral-speech"),
    ),
    slots=(BEARER, Slot(Kind.SUBPROTOCOL, "rt_")),
    stored=BEARER,
)
