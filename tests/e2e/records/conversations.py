"""A conversation with each endpoint that a double plays, and what a record has to say of it.

What was used is what the double states it did, by its own rules (a token for four characters, ten
or twenty for a second of audio), or what the client said. No meter is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from tests.e2e.records import talks
from tests.e2e.records.talks import HALF, TEXT, Talk, b64, say

__all__ = ["CLOCK", "CONVERSATIONS", "Conversation", "Said", "Used"]

Used = Mapping[str, int | Decimal]
"""By unit."""

CLOCK = Decimal(-1)
"""In place of a count: as many seconds as the session took."""


@dataclass(frozen=True)
class Said:
    """A turn, as the double told it."""

    audio: bool = True
    interrupted: bool = False
    used: Used | None = None
    ended: bool = True
    model: str | None = None
    """If it is not the session's."""


@dataclass(frozen=True)
class Conversation:
    """One conversation."""

    provider: str
    endpoint: str
    """The path of the catalogue."""
    target: str
    """What follows the provider in the client's target."""
    talk: Talk
    model: str | None
    used: Mapping[str | None, Used] | None
    """By model; None where it is not known."""
    turns: tuple[Said, ...] = ()
    audio: bool = True
    """Whether the double sent audio."""
    missing: str | None = None
    """Why it is not known what was used."""
    lane: str = "verbatim"
    closes: str = "client"
    """Which side closes."""
    close: tuple[int, str] = (1000, "")
    """With what, if it is the provider."""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.provider} {self.endpoint} {self.name}".rstrip()


def _tokens(words: str) -> int:
    return (len(words) + 3) // 4


_HELLO = _tokens(TEXT)
_OUT = 12  # tokens of 0.6 seconds of audio, at twenty a second
_GEMINI_OUT = 15  # the same at 25
_SECOND_IN = 10


def _realtime(
    provider: str, path: str, target: str, model: str | None, speaker: str
) -> Conversation:
    """OpenAI's Realtime API: a response, and one that is cancelled before it says anything."""
    said = _tokens(f"This is a double of {speaker}. It heard: {TEXT}")
    first = {
        "input_text_tokens": _HELLO,
        "output_text_tokens": said,
        "output_audio_tokens": _OUT,
    }
    # The second one reads the first one's question again, and its answer.
    second = {"cached_text_tokens": _HELLO, "input_text_tokens": said, "input_audio_tokens": _OUT}
    whole = {name: first.get(name, 0) + second.get(name, 0) for name in first | second}
    turns = (Said(used=first), Said(audio=False, interrupted=True, used=second))
    return Conversation(provider, path, target, talks.realtime, model, {model: whole}, turns)


def _responses(provider: str, path: str, speaker: str) -> Conversation:
    said = _tokens(f"This is a double of {speaker}. It heard: {TEXT}")
    used = {"input_text_tokens": _HELLO, "output_text_tokens": said}
    create = {"type": "response.create", "model": "gpt-5", "input": TEXT}
    talk = say(create, ("response.completed",))
    turns = (Said(audio=False, used=used),)
    return Conversation(provider, path, path, talk, "gpt-5", {"gpt-5": used}, turns, audio=False)


def _live(provider: str, path: str) -> Conversation:
    talk = say(
        {"type": "session.start", "session": {"model": "gpt-live-1", "instructions": TEXT}},
        ("session.usage.updated",),
        {"type": "session.input_audio.append", "audio": b64(24000)},
        ("session.usage.updated",),
        {"type": "session.close"},
        ("session.closed",),
    )
    used = {"session_seconds": Decimal("1.1")}
    return Conversation(
        provider, path, path, talk, "gpt-live-1", {"gpt-live-1": used}, closes="provider"
    )


def _google(provider: str, path: str, talk: Talk) -> Conversation:
    first = {"input_text_tokens": _HELLO, "output_audio_tokens": _GEMINI_OUT}
    second = {"input_audio_tokens": 25, "output_audio_tokens": _GEMINI_OUT}
    whole = {
        "input_text_tokens": _HELLO,
        "input_audio_tokens": 25,
        "output_audio_tokens": 2 * _GEMINI_OUT,
    }
    model = "gemini-live"
    turns = (Said(used=first), Said(used=second))
    return Conversation(provider, path, path, talk, model, {model: whole}, turns)


def _timed(
    provider: str,
    path: str,
    talk: Talk,
    turns: tuple[Said, ...] = (),
    target: str = "",
    model: str | None = None,
    closes: str = "client",
) -> Conversation:
    used = {model: {"session_seconds": CLOCK}}
    return Conversation(provider, path, target or path, talk, model, used, turns, closes=closes)


def _heard(
    provider: str,
    path: str,
    query: str,
    talk: Talk,
    seconds: str,
    model: str | None = None,
    closes: str = "client",
) -> Conversation:
    """Speech to text."""
    used = {model: {"input_audio_seconds": Decimal(seconds)}}
    target = path + query
    return Conversation(provider, path, target, talk, model, used, audio=False, closes=closes)


def _dialogue(path: str, *, multi: bool) -> Conversation:
    context = {"context_id": "one"} if multi else {}
    talk = say(
        {"voices": ["anna"], "inputs": [{"voice_id": "anna", "text": TEXT}], **context},
        {"close_socket": True},
    )
    return Conversation(
        "elevenlabs",
        path,
        f"{path}?model_id=eleven_v3&output_format=pcm_16000",
        talk,
        "eleven_v3",
        {"eleven_v3": {"input_characters": len(TEXT)}},
        (Said(),),
        lane="messages",
        closes="provider",
    )


def _speech(path: str, *, multi: bool) -> Conversation:
    context = {"context_id": "one"} if multi else {}
    talk = say(
        {"text": " ", **context},
        {"text": TEXT, **context},
        {"close_socket": True} if multi else {"text": ""},
    )
    return Conversation(
        "elevenlabs",
        path,
        path.replace("{voice}", "anna") + "?model_id=eleven_v3&output_format=pcm_16000",
        talk,
        "eleven_v3",
        {"eleven_v3": {"input_characters": len(TEXT)}},
        (Said(),),
        lane="messages",
        closes="provider",
    )


_GOOGLE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService."
_VERTEX = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
_MODEL = "?model=gpt-realtime"
_PCM = "encoding=linear16&sample_rate=16000"
_EXPRESSION = "/v1/expression/audio/realtime"
_CLOSE_STREAM = {"type": "CloseStream"}

CONVERSATIONS = (
    _realtime("openai", "/v1/realtime", _MODEL, "gpt-realtime", "OpenAI"),
    Conversation(
        "openai",
        "/v1/realtime",
        _MODEL,
        talks.realtime_transcription,
        "gpt-realtime",
        {
            "whisper-1": {"input_audio_seconds": Decimal("1.0")},
            "gpt-4o-transcribe": {
                "input_audio_tokens": _SECOND_IN,
                "output_text_tokens": _tokens("1.0 seconds of audio"),
            },
        },
        audio=False,
        name="transcription",
    ),
    Conversation(
        "openai",
        "/v1/realtime/translations",
        "/v1/realtime/translations?model=gpt-translate",
        say(
            {"type": "session.input_audio_buffer.append", "audio": b64(24000)},
            ("session.output_audio.delta",),
            {"type": "session.close"},
            ("session.closed",),
        ),
        "gpt-translate",
        {"gpt-translate": {"input_audio_seconds": Decimal("0.5")}},
        closes="provider",
    ),
    _live("openai", "/v1/live/sessions"),
    _responses("openai", "/v1/responses", "OpenAI"),
    _realtime(
        "azure-openai", "/openai/v1/realtime", "?model=deployment", "deployment", "Azure OpenAI"
    ),
    _realtime(
        "azure-openai",
        "/openai/realtime",
        "/openai/realtime?api-version=2025-04-01-preview&deployment=deployment",
        "deployment",
        "Azure OpenAI",
    ),
    _realtime(
        "azure-openai",
        "/voice-live/realtime",
        "/voice-live/realtime?api-version=2026-07-15&model=gpt-realtime",
        "gpt-realtime",
        "Azure Voice Live",
    ),
    _live("azure-openai", "/openai/v1/live"),
    _responses("azure-openai", "/openai/v1/responses", "Azure OpenAI"),
    _google("google", f"{_GOOGLE}BidiGenerateContent", talks.google),
    Conversation(
        "google",
        f"{_GOOGLE}BidiGenerateMusic",
        f"{_GOOGLE}BidiGenerateMusic",
        talks.google_music,
        "lyria",
        None,
        missing="not metered",
    ),
    _google("google-vertex-ai", _VERTEX, talks.vertex),
    Conversation(
        "cartesia",
        "/tts/websocket",
        "",
        talks.cartesia_speech,
        "sonic",
        {
            "sonic-2": {"input_characters": len(TEXT)},
            "sonic": {"input_characters": len(TEXT)},
        },
        (Said(), Said()),
    ),
    _heard(
        "cartesia",
        "/stt/websocket",
        "?model=ink-2&encoding=pcm_s16le&sample_rate=16000",
        say(HALF, HALF, "finalize", ("flush_done",), HALF, "close", ("done",)),
        "1.5",
        "ink-2",
        closes="provider",
    ),
    _heard(
        "cartesia",
        "/stt/turns/websocket",
        "?model=ink-2&encoding=pcm_s16le&sample_rate=16000",
        say(HALF, HALF, ("turn.end",), first="connected"),
        "1",
        "ink-2",
    ),
    _timed(
        "elevenlabs",
        "/v1/convai/conversation",
        talks.elevenlabs_agent,
        (Said(ended=False),),
        target="?agent_id=mine",
    ),
    _speech("/v1/text-to-speech/{voice}/stream-input", multi=False),
    _speech("/v1/text-to-speech/{voice}/multi-stream-input", multi=True),
    _dialogue("/v1/text-to-dialogue/stream-input", multi=False),
    _dialogue("/v1/text-to-dialogue/multi-stream-input", multi=True),
    _heard(
        "elevenlabs",
        "/v1/speech-to-text/realtime",
        "?model_id=scribe_v2_realtime&audio_format=pcm_16000",
        say(
            {"message_type": "input_audio_chunk", "audio_base_64": b64(16000)},
            {"message_type": "input_audio_chunk", "audio_base_64": "", "commit": True},
            ("committed_transcript", "message_type"),
        ),
        "0.5",
        "scribe_v2_realtime",
    ),
    _heard(
        "deepgram",
        "/v1/listen",
        f"?model=nova-3&{_PCM}",
        say(HALF, HALF, HALF, _CLOSE_STREAM, ("Metadata",)),
        "1.5",
        "nova-3",
        closes="provider",
    ),
    _heard(
        "deepgram",
        "/v2/listen",
        f"?model=flux-general-en&{_PCM}",
        say(HALF, HALF, ("EndOfTurn", "event"), first="Connected"),
        "1",
        "flux-general-en",
    ),
    Conversation(
        "deepgram",
        "/v1/speak",
        "/v1/speak?model=aura-2-thalia-en",
        talks.deepgram_speak,
        "aura-2-thalia-en",
        {"aura-2-thalia-en": {"input_characters": len(TEXT) + len("Never mind")}},
        (Said(), Said(audio=False, interrupted=True)),
    ),
    Conversation(
        "deepgram",
        "/v2/speak",
        "/v2/speak?model=flux-haley-en",
        talks.deepgram_speak_turns,
        "flux-haley-en",
        {"flux-haley-en": {"input_characters": len(TEXT)}},
        (Said(),),
        closes="provider",
    ),
    _timed(
        "deepgram",
        "/v1/agent/converse",
        talks.deepgram_agent,
        (Said(),),
        model="gpt-mini",
    ),
    Conversation(
        "fal",
        "/{model*}/realtime",
        "/fal-ai/flux/realtime",
        talks.fal_image,
        "fal-ai/flux",
        None,
        audio=False,
        missing="not metered",
    ),
    Conversation(
        "fal",
        "/{model*}",
        "/fal-ai/flux/dev",
        talks.fal_request,
        "fal-ai/flux/dev",
        None,
        audio=False,
        missing="not metered",
    ),
    _realtime("xai", "/v1/realtime", "?model=grok-voice", "grok-voice", "xAI"),
    Conversation(
        "xai",
        "/v1/tts",
        "/v1/tts?language=en&codec=pcm",
        say(
            {"type": "text.delta", "delta": TEXT},
            {"type": "text.done"},
            ("audio.done",),
        ),
        None,
        {None: {"input_characters": len(TEXT)}},
        (Said(),),
    ),
    _heard(
        "xai",
        "/v1/stt",
        "?sample_rate=16000",
        say(HALF, HALF, HALF, {"type": "audio.done"}, ("transcript.done",)),
        "1.5",
        closes="provider",
    ),
    _responses("xai", "/v1/responses", "xAI"),
    Conversation(
        "assemblyai",
        "/v3/ws",
        "?sample_rate=16000&speech_model=universal",
        say(HALF, HALF, {"type": "Terminate"}, ("Termination",)),
        "universal",
        {},  # the double counts whole seconds, and this takes less than one
        audio=False,
        closes="provider",
    ),
    _timed(
        "assemblyai",
        "/v1/ws",
        say(
            {"type": "session.update", "session": {}},
            ("session.ready",),
            {"type": "input.audio", "audio": b64(48000)},
            ("reply.done",),
            {"type": "session.end"},
            ("session.ended",),
        ),
        (Said(),),
        closes="provider",
    ),
    _timed(
        "hume",
        "/v0/evi/chat",
        say({"type": "user_input", "text": TEXT}, ("assistant_end",)),
        (Said(),),
    ),
    Conversation(
        "hume",
        "/v0/tts/stream/input",
        "/v0/tts/stream/input?format_type=pcm",
        talks.hume_speech,
        None,
        {None: {"input_characters": len(TEXT) + len("Bye")}},
        closes="provider",
    ),
    replace(
        _heard("hume", _EXPRESSION, "", talks.hume_expression, "4", closes="provider"),
        close=(1000, "client_request"),
    ),
    Conversation(
        "mistral",
        "/v1/audio/transcriptions/realtime",
        "?model=voxtral",
        say(
            {"type": "input_audio.append", "audio": b64(32000)},
            {"type": "input_audio.end"},
            ("transcription.done",),
        ),
        "voxtral",
        {
            "voxtral": {
                "input_audio_seconds": Decimal(1),
                "output_text_tokens": 4,  # by its double
            }
        },
        audio=False,
        closes="provider",
    ),
    Conversation(
        "mistral",
        "/v1/audio/speech/realtime",
        "/v1/audio/speech/realtime?model=voxtral-tts",
        say(
            {"type": "input_text.append", "text": TEXT},
            {"type": "input_text.end"},
            ("speech.audio.done",),
        ),
        "voxtral-tts",
        {"voxtral-tts": {"input_text_tokens": 3, "output_audio_tokens": 3}},
        (Said(used={"input_text_tokens": 3, "output_audio_tokens": 3}),),
        closes="provider",
    ),
    _heard("speechmatics", "/v2", "", talks.speechmatics, "1.5", "enhanced", closes="provider"),
    _realtime(
        "inworld",
        "/api/v1/realtime/session",
        "?key=voice-1&protocol=realtime",
        "inworld/default",
        "Inworld",
    ),
    _heard(
        "workers-ai",
        "/v1/account/gateway/workers-ai",
        f"?model=@cf/deepgram/nova-3&{_PCM}",
        say(HALF, HALF, _CLOSE_STREAM, ("Metadata",)),
        "1",
        "@cf/deepgram/nova-3",
        closes="provider",
    ),
)
"""One for each endpoint, but for those that follow a session of another connection."""
