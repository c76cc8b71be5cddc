"""Mistral's realtime transcription."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest

from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test


def opened() -> AbstractAsyncContextManager[Peer]:
    target = "/v1/audio/transcriptions/realtime?model=voxtral"
    return connect("mistral", target, headers=[("Authorization", f"Bearer {KEY}")])


def append(size: int) -> Json:
    return {"type": "input_audio.append", "audio": base64.b64encode(bytes(size)).decode()}


def update(**session: object) -> Json:
    return {"type": "session.update", "session": session}


FLUSH = {"type": "input_audio.flush"}
END = {"type": "input_audio.end"}


@trio_test
async def test_audio_is_transcribed_and_its_seconds_are_the_usage() -> None:
    async with opened() as peer:
        created = await peer.json()
        assert created["type"] == "session.created"
        assert created["session"]["model"] == "voxtral"
        assert created["session"]["request_id"]
        assert created["session"]["audio_format"]["encoding"] == "pcm_s16le"
        await peer.send(append(20000))
        await peer.send(append(20000))
        language, delta = await peer.until("transcription.text.delta")
        assert language == {"type": "transcription.language", "audio_language": "en"}
        assert delta["text"] == "1.0 seconds of audio."
        await peer.send(append(24000))
        await peer.send(END)
        *deltas, done = await peer.until("transcription.done")
        assert [event["text"] for event in deltas] == [" 1.0 seconds of audio."]
        assert done["text"] == "1.0 seconds of audio. 1.0 seconds of audio."
        assert (done["model"], done["language"]) == ("voxtral", "en")
        usage = done["usage"]
        assert usage["prompt_audio_seconds"] == 2
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert (await peer.close_frame())[0] == 1000


@trio_test
async def test_flush_transcribes_what_is_left_and_the_session_goes_on() -> None:
    async with opened() as peer:
        await peer.send(append(16000))
        await peer.send(FLUSH)
        assert (await peer.until("transcription.text.delta"))[-1]["text"] == "0.5 seconds of audio."
        await peer.send(FLUSH)
        await peer.send(append(8000))
        await peer.send(END)
        *deltas, done = await peer.until("transcription.done")
        assert [event["text"] for event in deltas] == [" 0.2 seconds of audio."]
        assert done["usage"]["prompt_audio_seconds"] == 1


@trio_test
async def test_no_audio_has_no_text() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(END)
        done = await peer.json()
        assert (done["type"], done["text"], done["language"]) == ("transcription.done", "", None)
        assert done["usage"]["prompt_audio_seconds"] == 0


@trio_test
async def test_the_format_of_the_audio_and_other_options_are_set() -> None:
    async with opened() as peer:
        await peer.json()
        audio_format = {"encoding": "pcm_f32le", "sample_rate": 8000}
        await peer.send(update(audio_format=audio_format, language="fr"))
        updated = await peer.json()
        assert updated["type"] == "session.updated"
        assert updated["session"]["audio_format"] == audio_format
        assert updated["session"]["language"] == "fr"
        await peer.send(append(32000))
        assert (await peer.until("transcription.text.delta"))[-1]["text"] == "1.0 seconds of audio."


@pytest.mark.parametrize(
    "message",
    [
        "not JSON",
        {"type": "other"},
        {"type": "input_audio.append"},
        {"type": "input_audio.append", "audio": "?"},
        append(262_145),
        update(audio_format={"encoding": "mp3", "sample_rate": 16000}),
        update(audio_format={"encoding": "pcm_s16le", "sample_rate": 1}),
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
        assert error["error"]["message"]
        assert isinstance(error["error"]["code"], int)
        await peer.send(append(262_144))
        assert (await peer.json())["type"] == "transcription.language"


@trio_test
async def test_the_session_is_not_updated_once_audio_was_sent() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(append(2))
        await peer.send(update(language="fr"))
        assert (await peer.json())["type"] == "error"
