"""AssemblyAI.

Documented: assemblyai.com/docs, "Streaming Speech-to-Text", "Voice Agent API" (on a host of its
own). Streaming takes the key without a scheme, the agent as a bearer token. The EU host is
configured as a `url`.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, Origin, Provider, Slot

__all__ = ["ASSEMBLYAI"]

_KEY = Slot(Kind.FIELD, "authorization")

ASSEMBLYAI = Provider(
    name="assemblyai",
    origin=Origin("wss", "streaming.assemblyai.com", 443),
    endpoints=(
        Endpoint("/v3/ws", model="speech_model", meter="assemblyai-streaming"),
        Endpoint(
            "/v1/ws",
            host="agents.assemblyai.com",
            stored=BEARER,
            meter="assemblyai-agent",
        ),
    ),
    slots=(_KEY, Slot(Kind.QUERY, "token")),
    stored=_KEY,
    fields=(b"assemblyai-version",),
)
