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
}
CREDENTIALS = [
    ("Authorization", f"Bearer {KEY}"),
    ("x-goog-api-key", KEY),
    ("X-API-Key", KEY),
    ("xi-api-key", KEY),
]
# Enough of each to get a session under way.
FIRST: dict[str, Json] = {
    "live": {"type": "session.start", "session": {"model": "m"}},
    "gemini": {"setup": {"model": "m"}},
    "music": {"setup": {"model": "m"}},
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
    )
)
VALUES = st.sampled_from(
    (
        *("session.update", "conversation.item.create", "conversation.item.delete", "AAAA"),
        *("input_audio_buffer.append", "input_audio_buffer.commit", "response.create"),
        *("response.cancel", "session.start", "session.input_audio.append", "session.close"),
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
def test_a_double_takes_any_message(name: str, messages: list[Json | str | bytes]) -> None:
    provider, target = ENDPOINTS[name]

    @trio_test
    async def test() -> None:
        async with connect(provider, target, headers=CREDENTIALS) as peer:
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

    test()
