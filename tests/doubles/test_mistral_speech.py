"""Mistral's realtime text to speech."""

from __future__ import annotations

import base64
import io
import wave
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import speech, to_float32
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test


def opened() -> AbstractAsyncContextManager[Peer]:
    target = "/v1/audio/speech/realtime?model=voxtral-tts"
    return connect("mistral", target, headers=[("Authorization", f"Bearer {KEY}")])


def update(**session: object) -> Json:
    return {"type": "session.update", "session": session}


def append(text: str) -> Json:
    return {"type": "input_text.append", "text": text}


def audio(events: list[Json]) -> bytes:
    """What the deltas before the last of ``events`` say together."""
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    return b"".join(base64.b64decode(event["audio_data"]) for event in events[:-1])


@trio_test
async def test_texts_are_spoken_and_counted_generation_by_generation() -> None:
    async with opened() as peer:
        created = await peer.json()
        assert created["type"] == "session.created"
        assert created["session"]["model"] == "voxtral-tts"
        assert created["session"]["request_id"]
        await peer.send(update(voice="paul", response_format="pcm"))
        updated = (await peer.json())["session"]
        assert (updated["voice"], updated["response_format"]) == ("paul", "pcm")
        await peer.send(append("Hello "))
        await peer.send(append("there"))
        await peer.send({"type": "input_text.flush", "text": "now"})
        first = await peer.until("speech.audio.done")
        assert audio(first) == 3 * to_float32(speech(24000, ["word"]))
        assert first[-1]["usage"] == {
            "prompt_tokens": 3,
            "completion_tokens": 3,
            "total_tokens": 6,
        }
        await peer.send(append("Good bye"))
        await peer.send({"type": "input_text.end"})
        second = await peer.until("speech.audio.done")
        assert audio(second) == to_float32(speech(24000, ["Good", "bye"]))
        assert second[-1]["usage"]["prompt_tokens"] == 2
        assert (await peer.close_frame())[0] == 1000


@trio_test
async def test_a_delta_is_a_wav_file_unless_another_format_is_wanted() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(append("Hello"))
        delta = await peer.json()
        with wave.open(io.BytesIO(base64.b64decode(delta["audio_data"]))) as file:
            assert file.getframerate() == 24000
            assert file.readframes(file.getnframes()) == speech(24000, ["Hello"])
        await peer.send(update(response_format="mp3"))
        assert (await peer.json())["type"] == "session.updated"
        await peer.send(append("Hello"))
        assert base64.b64decode((await peer.json())["audio_data"]) == speech(24000, ["Hello"])


@trio_test
async def test_a_reference_takes_the_place_of_a_voice() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(update(voice="paul"))
        await peer.json()
        await peer.send(update(ref_audio="AAAA"))
        session = (await peer.json())["session"]
        assert (session["voice"], session["is_ref_audio"]) == (None, True)


@trio_test
async def test_an_unknown_voice_ends_with_1008() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(update(voice="unknown"))
        assert await peer.close_frame() == (1008, "Voice 'unknown' not found.")


@pytest.mark.parametrize(
    "message",
    [
        "not JSON",
        {"type": "other"},
        {"type": "input_text.append"},
        update(response_format="midi"),
        update(streaming_mode=1),
        update(expressiveness=0.5),
        update(expressiveness="much"),
        update(voice="paul", ref_audio="AAAA"),
    ],
)
@trio_test
async def test_a_message_that_is_rejected_is_an_error_and_the_session_goes_on(
    message: Json | str,
) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(message)
        error = await peer.json()
        assert error["type"] == "error"
        assert isinstance(error["error"]["code"], int)
        await peer.send(append("Hello"))
        assert (await peer.json())["type"] == "speech.audio.delta"
