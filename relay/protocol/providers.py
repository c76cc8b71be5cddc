"""The catalogue of providers: data, not code.

To add a provider, write one entry: its origin, its endpoints (the first is the default), where its
clients put their credentials, where a stored key goes, and which field lines of its SDKs it wants.
What each entry rests on is said beside it; *unconfirmed* means that no documentation says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from relay.protocol.endpoints import Endpoint, Kind, Origin, Provider, Slot

__all__ = ["CATALOGUE", "by_name"]

_BEARER = Slot(Kind.FIELD, "authorization", scheme="Bearer")

# Documented: platform.openai.com, API reference, "Realtime", "Responses"; the paths of live
# sessions and translations are those of the official SDKs (openai-python 3.54). That the server
# answers the subprotocol `realtime` is unconfirmed; that it refuses the beta entry was observed.
OPENAI = Provider(
    name="openai",
    origin=Origin("wss", "api.openai.com", 443),
    version="/v1",
    endpoints=(
        Endpoint("/v1/realtime", model="model"),
        Endpoint("/v1/realtime/translations", model="model"),
        Endpoint("/v1/live/sessions"),
        Endpoint("/v1/live/sessions/{session}/attach"),
        Endpoint("/v1/live/sessions/{session}/fork"),
        Endpoint("/v1/responses"),
    ),
    slots=(_BEARER, Slot(Kind.SUBPROTOCOL, "openai-insecure-api-key.")),
    stored=_BEARER,
    fields=(b"openai-*",),
    dropped_subprotocols=frozenset({"openai-beta.realtime-v1"}),
)

# Documented: ai.google.dev, "Live API"; the names of the methods and their versions are those of
# the official SDKs (google-genai 3.4). `?key=` is documented; that the service takes
# `x-goog-api-key` on a WebSocket rests on the Python SDK, which sends it. `api_key` is the
# gateway's own name for it, and becomes `key`.
_GOOGLE_SERVICE = "/ws/google.ai.generativelanguage.{}.GenerativeService.{}"
_GOOGLE_KEY = Slot(Kind.QUERY, "key")
GOOGLE = Provider(
    name="google",
    aliases=("google-ai-studio",),
    origin=Origin("wss", "generativelanguage.googleapis.com", 443),
    endpoints=tuple(
        Endpoint(_GOOGLE_SERVICE.format(version, method))
        for method in (
            "BidiGenerateContent",
            "BidiGenerateContentConstrained",
            "BidiGenerateMusic",
        )
        for version in ("v1beta", "v1", "v1alpha")
    ),
    slots=(
        _GOOGLE_KEY,
        Slot(Kind.QUERY, "api_key", becomes=_GOOGLE_KEY),
        Slot(Kind.QUERY, "access_token"),
        Slot(Kind.FIELD, "x-goog-api-key"),
        Slot(Kind.FIELD, "authorization", scheme="Token"),
    ),
    stored=_GOOGLE_KEY,
    fields=(b"x-goog-api-client", b"x-goog-user-project", b"x-server-timeout"),
)

# Documented: docs.cartesia.ai, "Text-to-Speech (WebSocket)", "Speech-to-Text (WebSocket)"; the
# turns endpoint is the least certain. `cartesia_version` stays in the query, where it takes
# precedence over the field line.
CARTESIA = Provider(
    name="cartesia",
    origin=Origin("wss", "api.cartesia.ai", 443),
    endpoints=(
        Endpoint("/tts/websocket"),
        Endpoint("/stt/websocket", model="model"),
        Endpoint("/stt/turns/websocket", model="model"),
    ),
    slots=(
        Slot(Kind.FIELD, "x-api-key"),
        _BEARER,
        Slot(Kind.QUERY, "api_key"),
        Slot(Kind.QUERY, "access_token"),
    ),
    stored=Slot(Kind.FIELD, "x-api-key"),
    fields=(b"cartesia-version",),
)

# Documented: elevenlabs.io/docs, "Agents", "Text to Speech WebSocket", "Speech to Text realtime".
# An agent may be public, and the text-to-speech endpoints take a credential in a message: they can
# be opened without one. The entry `xi-api-key.` is the gateway's own, and becomes the field line.
_XI_API_KEY = Slot(Kind.FIELD, "xi-api-key")
_IN_MESSAGES = ("xi_api_key", "xi-api-key", "authorization", "single_use_token")
ELEVENLABS = Provider(
    name="elevenlabs",
    origin=Origin("wss", "api.elevenlabs.io", 443),
    version="/v1",
    endpoints=(
        Endpoint("/v1/convai/conversation", public=True),
        *(
            Endpoint(path, model="model_id", public=True, message_credentials=_IN_MESSAGES)
            for path in (
                "/v1/text-to-speech/{voice}/stream-input",
                "/v1/text-to-speech/{voice}/multi-stream-input",
                "/v1/text-to-dialogue/stream-input",
                "/v1/text-to-dialogue/multi-stream-input",
            )
        ),
        Endpoint("/v1/speech-to-text/realtime", model="model_id"),
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

CATALOGUE = (OPENAI, GOOGLE, CARTESIA, ELEVENLABS)
"""Every provider that is known without a configuration."""


def by_name(providers: tuple[Provider, ...] = CATALOGUE) -> Mapping[str, Provider]:
    """The providers by name and by alias."""
    return {name: provider for provider in providers for name in (provider.name, *provider.aliases)}
