"""ElevenLabs' agents."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

# Cloudflare's documented example: a message of text to speech, sent to an agent.
DOCUMENTED = {
    "text": "This is a sample text ",
    "voice_settings": {"stability": 0.8, "similarity_boost": 0.8},
    "generation_config": {"chunk_length_schedule": [120, 160, 250, 290]},
}


def opened() -> AbstractAsyncContextManager[Peer]:
    target = "/v1/convai/conversation?agent_id=mine"
    return connect("elevenlabs", target, headers=[("xi-api-key", KEY)])


async def answer(peer: Peer) -> list[Json]:
    """The events of one answer: the response and its six pieces of audio."""
    return [await peer.json() for _ in range(7)]


def check_answer(events: list[Json], heard: str) -> None:
    assert [event["type"] for event in events] == ["agent_response"] + ["audio"] * 6
    said = events[0]["agent_response_event"]["agent_response"]
    assert said == f"This is a double of ElevenLabs. It heard: {heard}"
    audio = [event["audio_event"] for event in events[1:]]
    assert b"".join(base64.b64decode(event["audio_base_64"]) for event in audio) == tone(16000)
    assert [event["event_id"] for event in audio] == sorted({event["event_id"] for event in audio})
    for event in audio:
        alignment = event["alignment"]
        assert len(alignment["chars"]) == len(alignment["char_start_times_ms"])
        assert sum(alignment["char_durations_ms"]) == pytest.approx(100, abs=5)


@trio_test
async def test_a_conversation_begins_with_its_metadata_and_a_ping() -> None:
    async with opened() as peer:
        metadata, ping = await peer.json(), await peer.json()
        assert metadata["type"] == "conversation_initiation_metadata"
        event = metadata["conversation_initiation_metadata_event"]
        assert event["conversation_id"].startswith("conv_")
        assert event["agent_output_audio_format"] == "pcm_16000"
        assert ping["type"] == "ping"
        await peer.send({"type": "conversation_initiation_client_data"})
        await peer.send({"type": "pong", "event_id": ping["ping_event"]["event_id"]})
        await peer.send({"type": "user_activity"})
        await peer.send({"type": "contextual_update", "text": "not said by the user"})
        await peer.send({"type": "user_message", "text": "Hi"})
        check_answer(await answer(peer), "Hi")


@trio_test
async def test_the_documented_example_has_an_answer() -> None:
    async with opened() as peer:
        await peer.send(DOCUMENTED)
        await peer.until("ping")
        check_answer(await answer(peer), "This is a sample text ")


@trio_test
async def test_a_second_of_audio_is_transcribed_and_answered() -> None:
    half = base64.b64encode(bytes(16000)).decode()
    async with opened() as peer:
        await peer.until("ping")
        for _ in range(2):
            await peer.send({"user_audio_chunk": half})
            await peer.send({"user_audio_chunk": half})
            transcript = (await peer.json())["user_transcription_event"]["user_transcript"]
            assert transcript == "1.0 seconds of audio"
            check_answer(await answer(peer), transcript)


@pytest.mark.parametrize("message", ["Hello", b"\x00", "[]"])
@trio_test
async def test_what_is_no_json_object_ends_with_1008(message: str | bytes) -> None:
    async with opened() as peer:
        await peer.until("ping")
        await peer.send(message)
        assert (await peer.close_frame())[0] == 1008
