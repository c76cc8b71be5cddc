"""No message of any shape is more than a double can take, on any endpoint."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from relay.doubles.server import CLOSE_TIMEOUT
from tests.doubles.peer import KEY, Ended, Json, connect
from tests.support import trio_test

ENDPOINTS = {
    "realtime": ("openai", "/v1/realtime?model=m"),
    "transcription": ("openai", "/v1/realtime?intent=transcription"),
    "translations": ("openai", "/v1/realtime/translations?model=m"),
    "live": ("openai", "/v1/live/sessions"),
    "responses": ("openai", "/v1/responses"),
    "gemini": (
        "google",
        "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent",
    ),
    "music": (
        "google",
        "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic",
    ),
    "tts": ("cartesia", "/tts/websocket"),
    "stt": ("cartesia", "/stt/websocket"),
    "turns": ("cartesia", "/stt/turns/websocket"),
    "agent": ("elevenlabs", "/v1/convai/conversation?agent_id=public"),
    "stream-input": ("elevenlabs", "/v1/text-to-speech/v/stream-input"),
    "multi-stream-input": ("elevenlabs", "/v1/text-to-speech/v/multi-stream-input"),
    "scribe": ("elevenlabs", "/v1/speech-to-text/realtime"),
    "dialogue": ("elevenlabs", "/v1/text-to-dialogue/stream-input?sync_alignment=true"),
    "multi-dialogue": ("elevenlabs", "/v1/text-to-dialogue/multi-stream-input"),
    "azure": ("azure-openai", "/openai/v1/realtime?model=m"),
    "azure-preview": ("azure-openai", "/openai/realtime?api-version=v&deployment=d"),
    "voice-live": ("azure-openai", "/voice-live/realtime?api-version=v&model=m"),
    "vertex": (
        "google-vertex-ai",
        "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
    ),
    "deepgram-listen": ("deepgram", "/v1/listen?encoding=linear16&interim_results=true"),
    "deepgram-flux": ("deepgram", "/v2/listen?model=flux-general-en&encoding=linear16"),
    "deepgram-speak": ("deepgram", "/v1/speak"),
    "deepgram-flux-speak": ("deepgram", "/v2/speak?model=flux-haley-en"),
    "deepgram-agent": ("deepgram", "/v1/agent/converse"),
    "fal": ("fal", f"/fal-ai/flux?fal_jwt_token={KEY}"),
    "fal-realtime": ("fal", f"/fal-ai/flux/realtime?fal_jwt_token={KEY}"),
    "xai": ("xai", "/v1/realtime"),
    "xai-tts": ("xai", "/v1/tts?language=en"),
    "xai-stt": ("xai", "/v1/stt?interim_results=true"),
    "assemblyai": ("assemblyai", f"/v3/ws?sample_rate=16000&token={KEY}"),
    "assemblyai-agent": ("assemblyai", f"/v1/ws?token={KEY}"),
    "evi": ("hume", "/v0/evi/chat"),
    "hume-tts": ("hume", "/v0/tts/stream/input?include_timestamp_types=word"),
    "expression": ("hume", "/v1/expression/audio/realtime"),
    "mistral": ("mistral", "/v1/audio/transcriptions/realtime?model=m"),
    "mistral-speech": ("mistral", "/v1/audio/speech/realtime?model=m"),
    "speechmatics": ("speechmatics", "/v2"),
    "inworld": ("inworld", "/api/v1/realtime/session?key=k&protocol=realtime"),
}
CREDENTIALS = [
    ("Authorization", f"Bearer {KEY}"),
    ("x-goog-api-key", KEY),
    ("X-API-Key", KEY),
    ("xi-api-key", KEY),
    ("api-key", KEY),
    ("X-Hume-Api-Key", KEY),
]
# Enough of each to get a session under way.
FIRST: dict[str, Json] = {
    "live": {"type": "session.start", "session": {"model": "m"}},
    "gemini": {"setup": {"model": "m"}},
    "music": {"setup": {"model": "m"}},
    "vertex": {"setup": {"model": "publishers/google/models/m"}},
    "dialogue": {"voices": ["AAAA"]},
    "multi-dialogue": {"voices": ["AAAA"], "context_id": "AAAA"},
    "deepgram-agent": {"type": "Settings", "agent": {}},
    "assemblyai-agent": {"type": "session.update"},
    "speechmatics": {
        "message": "StartRecognition",
        "audio_format": {"type": "file"},
        "transcription_config": {"language": "en"},
    },
}

NAMES = st.sampled_from(
    (
        *("type", "session", "item", "audio", "content", "text", "response", "model", "input"),
        *("turns", "parts", "clientContent", "realtimeInput", "realtime_input", "mediaChunks"),
        *("inlineData", "mimeType", "data", "toolResponse", "activityEnd", "playbackControl"),
        *("context_id", "transcript", "output_format", "encoding", "sample_rate", "continue"),
        *("close_context", "close_socket", "xi_api_key", "user_audio_chunk", "message_type"),
        *("audio_base_64", "commit", "item_id", "id", "metadata", "output_modalities", "format"),
        *("add_timestamps", "flush", "cancel", "stream_id", "event_id", "weightedPrompts"),
        *("voices", "inputs", "voice_id", "new_turn", "keep_alive", "prompt", "delta", "seed"),
        *("agent", "settings", "speak", "listen", "think", "provider", "utterances", "description"),
        *("transcription_config", "audio_format", "last_seq_no", "voice", "speed", "arguments"),
    )
)
VALUES = st.sampled_from(
    (
        *("session.update", "conversation.item.create", "conversation.item.delete", "AAAA"),
        *("input_audio_buffer.append", "input_audio_buffer.commit", "response.create"),
        *("response.cancel", "session.start", "session.input_audio.append", "session.close"),
        *("text.delta", "text.done", "audio.done", "Speak", "Flush", "Clear", "Close", "Settings"),
        *("KeepAlive", "Finalize", "CloseStream", "Configure", "InjectUserMessage", "Terminate"),
        *("ForceEndpoint", "UpdateConfiguration", "input.audio", "tool.result", "reply.create"),
        *("audio_input", "user_input", "assistant_input", "session_settings", "pause", "resume"),
        *("input_audio.append", "input_audio.flush", "input_audio.end", "AddAudio", "EndOfStream"),
        *("user_message", "input_audio_chunk", "PLAY", "message", "audio/pcm", "pcm_s16le"),
        *("", " ", "finalize", "close", "config", True, False, None, 0, 8000, -1, 1.5, "\ud83d"),
    )
)
DOCUMENTS = st.dictionaries(
    NAMES,
    st.recursive(
        VALUES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    ),
    max_size=6,
)
MESSAGES = DOCUMENTS | st.sampled_from(("finalize", "not JSON", "[]", b"", b"\xff\x00"))


@pytest.mark.parametrize("name", ENDPOINTS)
@given(messages=st.lists(MESSAGES, min_size=1, max_size=4))
@trio_test
async def test_a_double_takes_any_message(name: str, messages: list[Json | str | bytes]) -> None:
    provider, target = ENDPOINTS[name]
    headers = [] if KEY in target else CREDENTIALS
    async with connect(provider, target, headers=headers) as peer:
        with trio.move_on_after(CLOSE_TIMEOUT):
            if name in FIRST:
                await peer.send(FIRST[name])
            for message in messages:
                await peer.send(message)
            while True:
                try:
                    await peer.next()
                except Ended:
                    break
