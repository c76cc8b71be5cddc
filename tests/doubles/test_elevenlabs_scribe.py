"""ElevenLabs' realtime speech to text."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest

from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

HALF_A_SECOND = base64.b64encode(bytes(16000)).decode()
CHUNK = {"message_type": "input_audio_chunk", "audio_base_64": HALF_A_SECOND}
COMMIT = {"message_type": "input_audio_chunk", "audio_base_64": "", "commit": True}


def opened(query: str = "") -> AbstractAsyncContextManager[Peer]:
    target = f"/v1/speech-to-text/realtime?model_id=scribe_v2_realtime&token={KEY}{query}"
    return connect("elevenlabs", target)


@trio_test
async def test_audio_is_transcribed_partly_until_it_is_committed() -> None:
    async with opened() as peer:
        started = await peer.json()
        assert started["message_type"] == "session_started"
        assert started["config"]["model_id"] == "scribe_v2_realtime"
        assert started["config"]["sample_rate"] == 16000
        for _ in range(2):
            texts = []
            for _ in range(2):
                await peer.send(CHUNK)
                partial = await peer.json()
                assert partial["message_type"] == "partial_transcript"
                texts.append(partial["text"])
            await peer.send(COMMIT)
            committed = await peer.json()
            assert committed["message_type"] == "committed_transcript"
            assert texts == ["0.5 seconds of audio", "1.0 seconds of audio"]
            assert committed["text"] == texts[-1]


@trio_test
async def test_timestamps_come_where_the_url_asks_for_them() -> None:
    async with opened("&include_timestamps=true&audio_format=pcm_8000") as peer:
        assert (await peer.json())["config"]["sample_rate"] == 8000
        await peer.send(CHUNK | {"commit": True})
        name = "committed_transcript_with_timestamps"
        events = await peer.until(name, "message_type")
        assert [event["message_type"] for event in events] == [
            "partial_transcript",
            "committed_transcript",
            name,
        ]
        words = events[-1]["words"]
        assert " ".join(word["text"] for word in words) == events[-1]["text"]
        assert words[-1]["end"] == 1.0


@pytest.mark.parametrize(
    "message",
    ["not JSON", {"type": "input_audio_chunk"}, CHUNK | {"audio_base_64": "?"}, {"commit": True}],
)
@trio_test
async def test_what_cannot_be_used_is_an_error_and_the_session_goes_on(message: Json | str) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(message)
        assert (await peer.json())["message_type"] == "input_error"
        await peer.send(CHUNK)
        assert (await peer.json())["message_type"] == "partial_transcript"
