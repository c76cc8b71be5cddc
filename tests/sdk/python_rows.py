"""The rows of the SDKs for Python."""

from __future__ import annotations

from tests.sdk.rows import EVERY_MODE, Exclusion, Language, Mode, Row

__all__ = ["EXCLUSIONS", "ROWS"]


def _rows(
    sdk: str,
    provider: str,
    *apis: str,
    program: str | None = None,
    modes: tuple[Mode, ...] = EVERY_MODE,
    no_own: str = "",
) -> tuple[Row, ...]:
    name = program or provider
    return tuple(Row(sdk, Language.PYTHON, api, provider, name, modes, no_own) for api in apis)


def _exclusion(sdk: str, api: str, *, why: str, instead: str) -> Exclusion:
    return Exclusion(sdk, Language.PYTHON, api, why, instead)


_NO_HEADERS = "it sends its API key, and no header of one's own"
_GATEWAY_ALONE = (Mode.TOKEN, Mode.REFUSED)

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
        "azure-openai",
        "Azure realtime, preview",
        "Azure realtime, GA",
        "Azure live, GA",
        "Azure responses, GA",
        program="openai_azure",
    ),
    *_rows("openai", "xai", "realtime of xAI", program="openai"),
    *_rows(
        "google-genai",
        "google",
        "live, text",
        "live, audio",
        "live, v1beta",
        "live, v1alpha",
        "music",
    ),
    *_rows(
        "google-genai",
        "google-ephemeral",
        "live, ephemeral token",
        program="google",
        modes=(Mode.OWN,),
    ),
    *_rows(
        "google-genai",
        "google-vertex-ai",
        "live, Vertex AI",
        "live, Vertex AI express",
        program="google",
    ),
    *_rows("cartesia", "cartesia", "tts", "stt", "stt, turns"),
    *_rows("elevenlabs", "elevenlabs", "text to speech"),
    *_rows(
        "elevenlabs",
        "elevenlabs",
        "Scribe",
        "conversation, private agent",
        modes=_GATEWAY_ALONE,
        no_own=_NO_HEADERS,
    ),
    *_rows(
        "elevenlabs",
        "elevenlabs",
        "conversation, public agent",
        modes=(Mode.NONE, Mode.REFUSED),
        no_own="it sends no credential at all",
    ),
    *_rows(
        "deepgram-sdk",
        "deepgram",
        "listen, v1",
        "listen, v2",
        "speak, v1",
        "speak, v2",
        "agent",
    ),
    *_rows("assemblyai", "assemblyai", "streaming", modes=_GATEWAY_ALONE, no_own=_NO_HEADERS),
    *_rows("hume", "hume", "EVI", "tts"),
    *_rows("mistralai", "mistral", "transcription", "speech"),
    *_rows("fal-client", "fal", "realtime", modes=_GATEWAY_ALONE, no_own=_NO_HEADERS),
    *_rows("azure-ai-voicelive", "azure-openai", "Voice Live", program="azure_voicelive"),
    *_rows("speechmatics-rt", "speechmatics", "transcription"),
)

EXCLUSIONS: tuple[Exclusion, ...] = (
    _exclusion(
        "elevenlabs",
        "conversation, private agent, with a base URL alone",
        why="It asks for a signed URL over HTTP, and opens the one that ElevenLabs answers.",
        instead="Answer that request in the HTTP client that the SDK is given, as the row "
        "`conversation, private agent` does.",
    ),
    _exclusion(
        "elevenlabs",
        "conversation, public agent, with a token",
        why="It sends no credential at all.",
        instead='Open it by a gateway with `authentication = "none"`, without stored keys, as the '
        "row `conversation, public agent` does, or as if the agent were private.",
    ),
    _exclusion(
        "fal-client",
        "realtime with `use_jwt`, the default",
        why="It fetches a token from rest.fal.ai, a host that is fixed in its source.",
        instead="Say `use_jwt=False`: the key is then sent as a field line.",
    ),
    _exclusion(
        "fal-client",
        "ws_connect",
        why="It opens an application's own paths on fal.run; the catalogue has those of models.",
        instead='Configure a provider with `like = "fal"` and `url = "wss://fal.run"`, and let '
        "`FAL_RUN_HOST` end in its name.",
    ),
    _exclusion(
        "assemblyai",
        "TTSSession",
        why="Text to speech has the path of the voice agent, on another host; the catalogue has "
        "the agent.",
        instead='Configure a provider with `like = "assemblyai"` and the host of text to speech '
        "as its `url`, and let `settings.tts_base_url` end in its name.",
    ),
    _exclusion(
        "speechmatics-rt",
        "JWTAuth",
        why="It fetches a token from Speechmatics' own host.",
        instead="Give the client an `api_key`.",
    ),
    _exclusion(
        "hume",
        "EVI control plane",
        why="Version 0.14.1 leaves the chat's id out of the URL.",
        instead="Open `/hume/v0/evi/chat/CHAT_ID/connect` with a WebSocket client of your own.",
    ),
)
