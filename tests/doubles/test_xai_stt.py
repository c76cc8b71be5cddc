"""xAI's speech to text."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from tests.doubles.peer import KEY, Peer, connect
from tests.support import trio_test

DONE = {"type": "audio.done"}


def session(query: str = "") -> AbstractAsyncContextManager[Peer]:
    return connect("xai", f"/v1/stt?{query}", headers=[("Authorization", f"Bearer {KEY}")])


@trio_test
async def test_a_session_with_interim_results() -> None:
    async with session("interim_results=true&sample_rate=8000") as peer:
        assert await peer.json() == {"type": "transcript.created"}
        await peer.send(bytes(8000))
        partial = await peer.json()
        assert (partial["type"], partial["text"]) == ("transcript.partial", "0.5 seconds of audio")
        assert (partial["is_final"], partial["speech_final"]) == (False, False)
        await peer.send(bytes(8000))
        final = await peer.json()
        assert (final["type"], final["text"]) == ("transcript.partial", "1.0 seconds of audio")
        assert (final["is_final"], final["speech_final"]) == (True, True)
        assert (final["start"], final["duration"]) == (0.0, 1.0)
        assert [word["text"] for word in final["words"]] == ["1.0", "seconds", "of", "audio"]
        assert (final["words"][0]["start"], final["words"][-1]["end"]) == (0.0, 1.0)
        await peer.send(bytes(4800))
        third = await peer.json()
        assert (third["start"], third["duration"]) == (1.0, 0.3)
        await peer.send(DONE)
        assert await peer.json() == {
            "type": "transcript.done",
            "text": "1.0 seconds of audio 0.3 seconds of audio",
            "duration": 1.3,
        }
        assert await peer.close_frame() == (1000, "")


@pytest.mark.parametrize(
    ("query", "size"),
    [("", 32000), ("sample_rate=24000", 48000), ("encoding=mulaw&sample_rate=8000", 8000)],
)
@trio_test
async def test_a_second_ends_an_utterance_in_every_encoding(query: str, size: int) -> None:
    async with session(query) as peer:
        await peer.json()
        await peer.send(bytes(size - 2))  # no interim results are wanted
        await peer.send(bytes(2))
        final = await peer.json()
        assert (final["speech_final"], final["duration"]) == (True, 1.0)


@pytest.mark.parametrize("message", ["audio.done", "[]", '{"type": "finalize"}'])
@trio_test
async def test_what_cannot_be_used_is_an_error_and_the_connection_stays(message: str) -> None:
    async with session() as peer:
        await peer.json()
        await peer.send(message)
        assert (await peer.json())["type"] == "error"
        await peer.send(DONE)
        assert await peer.json() == {"type": "transcript.done", "text": "", "duration": 0.0}
        assert await peer.close_frame() == (1000, "")
