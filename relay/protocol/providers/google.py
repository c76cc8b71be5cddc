"""Gemini Live.

Documented: ai.google.dev, "Live API"; the names of the methods and their versions are those of the
official SDKs (google-genai 3.4). `?key=` is documented; that the service takes `x-goog-api-key` on
a WebSocket rests on the Python SDK, which sends it. `api_key` is the gateway's own name for it, and
becomes `key`.
"""

from __future__ import annotations

from relay.protocol.endpoints import Endpoint, Kind, MessageModel, Origin, Provider, Slot

__all__ = ["GOOGLE", "SETUP_MODEL"]

SETUP_MODEL = (MessageModel("setup.model"),)
_KEY = Slot(Kind.QUERY, "key")

GOOGLE = Provider(
    name="google",
    aliases=("google-ai-studio",),
    origin=Origin("wss", "generativelanguage.googleapis.com", 443),
    endpoints=tuple(
        Endpoint(
            f"/ws/google.ai.generativelanguage.{version}.GenerativeService.{method}",
            message_models=SETUP_MODEL,
            meter="google-music" if method == "BidiGenerateMusic" else "google-live",
        )
        for method in (
            "BidiGenerateContent",
            "BidiGenerateContentConstrained",
            "BidiGenerateMusic",
        )
        for version in ("v1beta", "v1", "v1alpha")
    ),
    slots=(
        _KEY,
        Slot(Kind.QUERY, "api_key", becomes=_KEY),
        Slot(Kind.QUERY, "access_token"),
        Slot(Kind.FIELD, "x-goog-api-key"),
        Slot(Kind.FIELD, "authorization", scheme="Token"),
    ),
    stored=_KEY,
    fields=(b"x-goog-api-client", b"x-goog-user-project", b"x-server-timeout"),
)
