"""Gemini Live on Vertex AI.

Documented: cloud.google.com, "Live API reference"; the paths are those of the official SDKs
(google-genai 3.4). A region stands before the host's name; without one it is the global endpoint.
Credentials are access tokens that live an hour: a stored one comes from a file that another program
rotates. `x-goog-api-key` (express mode) rests on the SDKs.
"""

from __future__ import annotations

from relay.protocol.endpoints import BEARER, Endpoint, Kind, Origin, Provider, Slot
from relay.protocol.providers.google import SETUP_MODEL

__all__ = ["GOOGLE_VERTEX"]


GOOGLE_VERTEX = Provider(
    name="google-vertex-ai",
    aliases=("vertex",),
    origin=Origin("wss", "aiplatform.googleapis.com", 443),
    named_host="{}-aiplatform.googleapis.com",
    endpoints=tuple(
        Endpoint(
            f"/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent",
            message_models=SETUP_MODEL,
            meter="google-live",
        )
        for version in ("v1beta1", "v1")
    ),
    slots=(BEARER, Slot(Kind.FIELD, "x-goog-api-key")),
    stored=BEARER,
    fields=(b"x-goog-api-client", b"x-goog-user-project", b"x-server-timeout"),
)
