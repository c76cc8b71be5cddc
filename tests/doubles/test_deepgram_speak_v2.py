"""Deepgram's text to speech with turns."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import speech
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test


def opened() -> AbstractAsyncContextManager[Peer]:
    headers = [("Authorization", f"Token {KEY}")]
    return connect("deepgram", "/v2/speak?model=flux-haley-en", headers=headers)


async def say(peer: Peer, words: str, *, begins: bool = True) -> bytes:
    """Let the double say ``words``; its audio."""
    await peer.send({"type": "Speak", "text": words})
    if begins:
        started = await peer.json()
        assert started["type"] == "SpeechStarted"
        assert started["speech_id"].startswith("dg_sp_")
    pieces = [await peer.receive() for _ in words.split()]
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


async def interrupt(peer: Peer, milliseconds: int | None) -> Json:
    """Interrupt; the answer."""
    offset = {"type": "time_ms", "value": milliseconds}
    message = {"type": "Interrupt", "playback_offset": offset}
    await peer.send({"type": "Interrupt"} if milliseconds is None else message)
    return await peer.json()


@trio_test
async def test_turns_and_their_usage() -> None:
    async with opened() as peer:
        connected = await peer.json()
        assert (connected["type"], connected["model_name"]) == ("Connected", "flux-haley-en")
        for _ in range(2):
            assert await say(peer, "Hello ") == speech(24000, ["Hello"])
            assert await say(peer, "to you.", begins=False) == speech(24000, ["to", "you."])
            await peer.send({"type": "Flush"})
            flushed, metadata = await peer.json(), await peer.json()
            assert flushed["type"] == "Flushed"
            assert metadata["type"] == "SpeechMetadata"
            assert metadata["speech_id"] == flushed["speech_id"]
            assert metadata["audio_duration_ms"] == 300
            assert metadata["input_character_count"] == len("Hello to you.")
        await peer.send({"type": "Close"})
        assert await peer.json() == {
            "type": "SessionMetadata",
            "total_audio_duration_ms": 600,
            "total_input_character_count": 26,
            "total_billable_character_count": 26,
        }
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_a_turn_without_words_has_no_audio() -> None:
    async with opened() as peer:
        await peer.json()
        await say(peer, " ")
        await peer.send({"type": "Flush"})
        assert (await peer.json())["code"] == "NO_SYNTHESIZABLE_TEXT"
        assert (await peer.json())["type"] == "Flushed"
        assert (await peer.json())["audio_duration_ms"] == 0


@trio_test
async def test_an_interruption_says_what_was_heard() -> None:
    async with opened() as peer:
        await peer.json()
        await say(peer, "one")
        await peer.send({"type": "Flush"})
        await peer.until("SpeechMetadata")
        await say(peer, "two three four")
        interrupted = await interrupt(peer, 250)  # 100 ms of the first turn, 150 of this one
        assert interrupted["type"] == "SpeechInterrupted"
        assert interrupted["audio_played_ms"] == 250
        assert interrupted["text_spoken"] == "two"
        assert interrupted["text_remaining"] == "three four"
        assert interrupted["metadata"]["audio_duration_ms"] == 150
        await peer.send({"type": "Close"})
        assert (await peer.json())["total_audio_duration_ms"] == 250


@trio_test
async def test_an_interruption_without_an_offset_does_not() -> None:
    async with opened() as peer:
        await peer.json()
        await say(peer, "one two")
        interrupted = await interrupt(peer, None)
        assert interrupted["audio_played_ms"] == 200
        assert "text_spoken" not in interrupted
        await say(peer, "three")  # a new turn


@trio_test
async def test_warnings_leave_the_connection_open() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send({"type": "Flush"})
        assert (await peer.json())["code"] == "NO_ACTIVE_SPEECH"
        assert (await interrupt(peer, 100))["code"] == "NO_AUDIO_GENERATED"
        await say(peer, "one two")
        assert (await interrupt(peer, 0))["code"] == "INVALID_INTERRUPT_OFFSET"
        assert (await interrupt(peer, 201))["code"] == "INVALID_INTERRUPT_OFFSET"
        assert (await interrupt(peer, 150))["type"] == "SpeechInterrupted"
        assert (await interrupt(peer, 160))["code"] == "NO_ACTIVE_SPEECH"
        await say(peer, "three")
        assert (await interrupt(peer, 150))["code"] == "INVALID_INTERRUPT_OFFSET"


@pytest.mark.parametrize(
    ("speed", "code"),
    [
        (1.15, None),
        (1, None),
        (0.45, "SPEED_OUT_OF_RANGE"),
        (1.55, "SPEED_OUT_OF_RANGE"),
        (1.07, "SPEED_INCREMENT_INVALID"),
    ],
)
@trio_test
async def test_the_speed_is_configured(speed: float, code: str | None) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send({"type": "Configure", "speed": speed})
        answer = await peer.json()
        if code is None:
            assert answer == {"type": "ConfigureSuccess", "applied": {"speed": speed}}
        else:
            assert (answer["type"], answer["code"]) == ("ConfigureFailure", code)
            assert (answer["field"], answer["value"]) == ("speed", speed)


@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        (b"audio", "MESSAGE-0000", 1003),
        ("[]", "MESSAGE-0000", 1003),
        ({"type": "Configure", "speed": "fast"}, "MESSAGE-0000", 1003),
        ({"type": "Clear"}, "DATA-0000", 1008),
        ({"type": "Speak", "text": "x" * 70_000}, "BIG-0000", 1009),
    ],
)
@trio_test
async def test_an_error_ends_the_connection(
    message: bytes | str | Json, code: str, status: int
) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(message)
        error = await peer.json()
        assert (error["type"], error["code"]) == ("Error", code)
        assert await peer.close_frame() == (status, code)


@trio_test
async def test_a_connection_lasts_for_an_hour() -> None:
    async with opened() as peer:
        await peer.json()
        assert (await peer.json())["code"] == "NET-0003"
        assert await peer.close_frame() == (1011, "NET-0003")
