"""Hume's speech to speech."""

from __future__ import annotations

import base64
import io
import wave
from contextlib import AbstractAsyncContextManager

import pytest
import trio

from relay.doubles.audio import tone
from relay.doubles.hume_evi import INACTIVITY_TIMEOUT, MAX_DURATION
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

HALF_A_SECOND = bytes(16000)


def opened(query: str = "") -> AbstractAsyncContextManager[Peer]:
    return connect("hume", f"/v0/evi/chat{query}", headers=[("X-Hume-Api-Key", KEY)])


def check_answer(events: list[Json], words: str) -> None:
    """The events from ``assistant_message`` to ``assistant_end``, whose audio is a real tone."""
    kinds = [event["type"] for event in events]
    assert kinds == ["assistant_message", *["audio_output"] * 6, "assistant_end"]
    assert events[0]["message"] == {"role": "assistant", "content": words}
    audio = events[1:-1]
    assert [event["index"] for event in audio] == list(range(6))
    assert {event["id"] for event in audio} == {events[0]["id"]}
    pcm = b""
    for event in audio:
        with wave.open(io.BytesIO(base64.b64decode(event["data"]))) as file:
            assert file.getframerate() == 48000
            pcm += file.readframes(file.getnframes())
    assert pcm == tone(48000)


def heard(words: str) -> str:
    return f"This is a double of Hume. It heard: {words}"


@trio_test
async def test_a_chat_begins_with_its_metadata() -> None:
    async with opened() as first, opened() as second:
        metadata, other = await first.json(), await second.json()
        assert metadata["type"] == "chat_metadata"
        assert metadata["chat_id"] != other["chat_id"]
        assert metadata["chat_group_id"] != other["chat_group_id"]


@trio_test
async def test_a_chat_group_is_resumed() -> None:
    async with opened("?resumed_chat_group_id=group-7") as peer:
        assert (await peer.json())["chat_group_id"] == "group-7"


@trio_test
async def test_a_text_is_answered_in_words_and_audio() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send({"type": "user_input", "text": "Hello there"})
        user, *answer = await peer.until("assistant_end")
        assert user["type"] == "user_message"
        assert user["message"] == {"role": "user", "content": "Hello there"}
        assert (user["from_text"], user["interim"]) == (True, False)
        check_answer(answer, heard("Hello there"))


@trio_test
async def test_the_assistant_says_what_it_is_told_to() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send({"type": "assistant_input", "text": "Welcome."})
        answer = await peer.until("assistant_end")
        check_answer(answer, "Welcome.")
        assert answer[0]["from_text"] is True


@trio_test
async def test_a_second_of_audio_is_transcribed_and_answered() -> None:
    data = base64.b64encode(HALF_A_SECOND).decode()
    async with opened() as peer:
        await peer.json()
        for turn in range(2):
            await peer.send({"type": "audio_input", "data": data})
            await peer.send(HALF_A_SECOND)  # as Hume's browser client sends it
            user, *answer = await peer.until("assistant_end")
            assert user["message"]["content"] == "1.0 seconds of audio"
            assert user["from_text"] is False
            assert user["time"] == {"begin": turn * 1000, "end": (turn + 1) * 1000}
            check_answer(answer, heard("1.0 seconds of audio"))


@trio_test
async def test_verbose_transcription_has_interim_messages() -> None:
    async with opened("?verbose_transcription=true") as peer:
        await peer.json()
        await peer.send(HALF_A_SECOND)
        interim = await peer.json()
        assert (interim["interim"], interim["message"]["content"]) == (True, "0.5 seconds of audio")
        await peer.send(HALF_A_SECOND)
        final = await peer.json()
        assert (final["interim"], final["message"]["content"]) == (False, "1.0 seconds of audio")
        assert final["time"] == {"begin": 0, "end": 1000}


@trio_test
async def test_settings_give_the_rate_of_the_audio_and_the_id_of_the_session() -> None:
    audio = {"encoding": "linear16", "channels": 1, "sample_rate": 8000}
    async with opened() as peer:
        assert (await peer.json())["custom_session_id"] is None
        await peer.send(
            {"type": "session_settings", "audio": audio, "custom_session_id": "mine"},
        )
        await peer.send(bytes(16000))
        events = await peer.until("assistant_end")
        assert events[0]["message"]["content"] == "1.0 seconds of audio"
        assert {event["custom_session_id"] for event in events} == {"mine"}


@trio_test
async def test_a_paused_assistant_answers_when_it_is_resumed() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send({"type": "pause_assistant_message"})
        for words in ("One", "Two"):
            await peer.send({"type": "user_input", "text": words})
            assert (await peer.json())["type"] == "user_message"
        await peer.send({"type": "resume_assistant_message"})
        check_answer(await peer.until("assistant_end"), heard("One"))
        check_answer(await peer.until("assistant_end"), heard("Two"))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not JSON", "E0100"),
        ("[]", "E0100"),
        ({"type": "user_input"}, "E0101"),
        ({"type": "audio_input", "data": "?"}, "E0101"),
        ({"type": "other"}, "E0101"),
    ],
)
@trio_test
async def test_a_malformed_message_is_an_error_and_the_chat_goes_on(
    message: Json | str, code: str
) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(message)
        error = await peer.json()
        assert (error["type"], error["code"]) == ("error", code)
        assert error["slug"]
        await peer.send({"type": "tool_response", "tool_call_id": "t", "content": ""})
        await peer.send({"type": "user_input", "text": "Still there?"})
        assert (await peer.json())["type"] == "user_message"


@trio_test
async def test_a_silent_user_ends_the_chat() -> None:
    async with opened() as peer:
        await peer.json()
        started = trio.current_time()
        await trio.sleep(INACTIVITY_TIMEOUT - 1)
        await peer.send({"type": "user_input", "text": "Hi"})
        await peer.until("assistant_end")
        error = await peer.json()
        assert trio.current_time() - started == 2 * INACTIVITY_TIMEOUT - 1
        assert (error["type"], error["slug"]) == ("error", "inactivity_timeout")
        assert await peer.close_frame() == (1000, "inactivity_timeout")


@trio_test
async def test_a_chat_lasts_half_an_hour() -> None:
    async with opened() as peer:
        started = trio.current_time()
        await peer.json()
        slug = None
        while slug is None:
            await trio.sleep(INACTIVITY_TIMEOUT / 2)
            if trio.current_time() - started < MAX_DURATION:
                await peer.send({"type": "user_input", "text": "Hi"})
                await peer.until("assistant_end")
            else:
                slug = (await peer.json())["slug"]
        assert slug == "max_duration"
        assert trio.current_time() - started == MAX_DURATION
        assert await peer.close_frame() == (1000, "max_duration")
