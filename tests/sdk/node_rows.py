"""The rows of the SDKs for Node."""

from __future__ import annotations

from tests.sdk.rows import EVERY_MODE, Exclusion, Language, Mode, Row

__all__ = ["EXCLUSIONS", "ROWS"]

_NO_SLOT = "It sends no field line and no subprotocol entry but its own."
_NO_SLOT_IN_BROWSERS = "In browsers it sends no subprotocol entry but its own."
_WITHOUT_OWN = (Mode.TOKEN, Mode.REFUSED)


def _rows(
    sdk: str, provider: str, *apis: str, program: str | None = None, no_own: str = ""
) -> tuple[Row, ...]:
    name = program or provider
    modes = _WITHOUT_OWN if no_own else EVERY_MODE
    return tuple(Row(sdk, Language.NODE, api, provider, name, modes, no_own) for api in apis)


def _exclusion(sdk: str, api: str, *, why: str, instead: str) -> Exclusion:
    return Exclusion(sdk, Language.NODE, api, why, instead)


ROWS: tuple[Row, ...] = (
    *_rows(
        "openai",
        "openai",
        "realtime",
        "beta realtime",
        "transcription",
        "translations",
        "live",
        "live sideband",
        "live fork",
        "responses",
        "beta responses",
    ),
    *_rows(
        "openai",
        "openai",
        "realtime in browsers",
        "beta realtime in browsers",
        no_own=_NO_SLOT_IN_BROWSERS,
    ),
    *_rows("openai", "azure-openai", "realtime of Azure", "responses of Azure", program="azure"),
    *_rows("openai", "xai", "realtime of xAI", program="xai"),
    *_rows("@openai/agents-realtime", "openai", "agent", program="agents"),
    *_rows(
        "@openai/agents-realtime",
        "openai",
        "agent in browsers",
        program="agents_browser",
        no_own=_NO_SLOT_IN_BROWSERS,
    ),
    *_rows("@google/genai", "google", "live", "live v1alpha"),
    *_rows(
        "@google/genai",
        "google",
        "live in browsers",
        "music in browsers",
        no_own=_NO_SLOT_IN_BROWSERS,
    ),
    *_rows("@google/genai", "google", "music", no_own="Music sends no field lines."),
    Row(
        "@google/genai",
        Language.NODE,
        "live with an ephemeral token",
        "google-ephemeral",
        "google",
        modes=(Mode.OWN,),  # with a gateway token in its place, it is the row `live v1alpha`
    ),
    *_rows(
        "@google/genai",
        "google-vertex-ai",
        "live of Vertex AI",
        "live of Vertex AI, express",
        program="vertex",
    ),
    *_rows("@cartesia/cartesia-js", "cartesia", "tts", "stt", "stt turns"),
    *_rows(
        "@cartesia/cartesia-js",
        "cartesia",
        "tts in browsers",
        "stt in browsers",
        "stt turns in browsers",
        no_own=_NO_SLOT_IN_BROWSERS,
    ),
    *_rows("@elevenlabs/elevenlabs-js", "elevenlabs", "scribe", no_own=_NO_SLOT),
    *_rows("@elevenlabs/elevenlabs-js", "elevenlabs", "conversation"),
    *_rows(
        "@elevenlabs/client",
        "elevenlabs",
        "conversation in text",
        "scribe",
        program="elevenlabs_client",
        no_own=_NO_SLOT,
    ),
    *_rows(
        "@deepgram/sdk",
        "deepgram",
        "listen v1",
        "listen v2",
        "speak v1",
        "speak v2",
        "agent",
        "listen v1 in browsers",
        "listen v2 in browsers",
        "speak v1 in browsers",
        "speak v2 in browsers",
        "agent in browsers",
    ),
    *_rows("@fal-ai/client", "fal", "realtime with a WebSocket in between"),
    *_rows("assemblyai", "assemblyai", "streaming", no_own=_NO_SLOT),
    *_rows("hume", "hume", "evi", "tts"),
    *_rows("hume", "hume", "evi in browsers", "tts in browsers", no_own=_NO_SLOT_IN_BROWSERS),
    *_rows("@mistralai/mistralai", "mistral", "transcription"),
    *_rows("@speechmatics/real-time-client", "speechmatics", "transcription", no_own=_NO_SLOT),
    *_rows("WebSocket of browsers", "xai", "realtime of xAI", program="plain"),
    *_rows("ws", "inworld", "realtime of Inworld", program="plain"),
    *_rows("ws", "azure-openai", "Voice Live of Azure", program="plain"),
    *_rows("ws", "workers-ai", "speech to text of Workers AI", program="plain"),
)

EXCLUSIONS: tuple[Exclusion, ...] = (
    _exclusion(
        "@fal-ai/client",
        "realtime",
        why="The host, wss://fal.run, is fixed in its source.",
        instead="Put a class of your own in the place of the global WebSocket, as the row "
        "`realtime with a WebSocket in between` does.",
    ),
    _exclusion(
        "@azure/ai-voicelive",
        "Voice Live",
        why="It replaces the path of its endpoint, so that the gateway's is lost.",
        instead="Open the WebSocket with ws, as the row `Voice Live of Azure` does.",
    ),
    _exclusion(
        "@elevenlabs/elevenlabs-js",
        "conversation with requiresAuth",
        why="It asks for a signed URL over HTTP, and opens the one that ElevenLabs answers.",
        instead="Say `requiresAuth: false`, and let `webSocketFactory` send the credential, as the "
        "row `conversation` does.",
    ),
    _exclusion(
        "@elevenlabs/client",
        "conversation over WebRTC",
        why="With voice it takes WebRTC unless `connectionType` says otherwise.",
        instead='Say `connectionType: "websocket"`, as the row `conversation in text` does.',
    ),
    _exclusion(
        "@openai/agents-realtime",
        "agent over WebRTC",
        why="In browsers it takes WebRTC unless `transport` says otherwise.",
        instead="Say `transport: new OpenAIRealtimeWebSocket(...)`, as the row `agent in browsers` "
        "does.",
    ),
)
