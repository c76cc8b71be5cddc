"""ElevenLabs.

Documented: elevenlabs.io/docs, "Agents", "Text to Speech WebSocket", "Speech to Text realtime"; the
dialogue endpoints rest on the types of the official SDKs. An agent may be public, and the
text-to-speech endpoints take a credential in a message: they can be opened without one. The entry
`xi-api-key.` is the gateway's own, and becomes the field line. Its residency hosts
(`api.eu.residency.elevenlabs.io` and others) are configured as a `url`.
"""

from __future__ import annotations

from relay.protocol.endpoints import Endpoint, Kind, Origin, Provider, Slot

__all__ = ["ELEVENLABS"]

_XI_API_KEY = Slot(Kind.FIELD, "xi-api-key")
_IN_MESSAGES = ("xi_api_key", "xi-api-key", "authorization", "single_use_token")

ELEVENLABS = Provider(
    name="elevenlabs",
    origin=Origin("wss", "api.elevenlabs.io", 443),
    version="/v1",
    endpoints=(
        Endpoint("/v1/convai/conversation", public=True, meter="elevenlabs-agent"),
        *(
            Endpoint(
                path,
                model="model_id",
                public=True,
                message_credentials=_IN_MESSAGES,
                meter="elevenlabs-speech",
            )
            for path in (
                "/v1/text-to-speech/{voice}/stream-input",
                "/v1/text-to-speech/{voice}/multi-stream-input",
                "/v1/text-to-dialogue/stream-input",
                "/v1/text-to-dialogue/multi-stream-input",
            )
        ),
        Endpoint("/v1/speech-to-text/realtime", model="model_id", meter="elevenlabs-scribe"),
    ),
    slots=(
        _XI_API_KEY,
        Slot(Kind.SUBPROTOCOL, "xi-api-key.", becomes=_XI_API_KEY),
        Slot(Kind.SUBPROTOCOL, "bearer."),
        Slot(Kind.QUERY, "authorization"),
        Slot(Kind.QUERY, "conversation_signature"),
        Slot(Kind.QUERY, "single_use_token"),
        Slot(Kind.QUERY, "token"),
    ),
    stored=_XI_API_KEY,
)
