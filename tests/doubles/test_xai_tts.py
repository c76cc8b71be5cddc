"""xAI's text to speech."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import speech
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test


def session(query: str = "language=en&codec=pcm") -> AbstractAsyncContextManager[Peer]:
    return connect("xai", f"/v1/tts?{query}", headers=[("Authorization", f"Bearer {KEY}")])


@pytest.mark.parametrize(
    ("query", "rate"),
    [
        ("language=en&codec=pcm&sample_rate=16000", 16000),
        ("language=en", 24000),
        ("language=en&sample_rate=loud", 24000),
    ],
)
@trio_test
async def test_two_utterances_on_one_connection(query: str, rate: int) -> None:
    traces = set()
    async with session(query) as peer:
        for words in (["Hello", "there"], ["Bye"]):
            await peer.send({"type": "text.delta", "delta": " ".join(words)})
            await peer.send({"type": "text.done"})
            *deltas, done = await peer.until("audio.done")
            assert {event["type"] for event in deltas} == {"audio.delta"}
            heard = b"".join(base64.b64decode(event["delta"]) for event in deltas)
            assert heard == speech(rate, words)
            traces.add(done["trace_id"])
    assert len(traces) == 2


@trio_test
async def test_an_utterance_can_be_dropped() -> None:
    async with session() as peer:
        await peer.send({"type": "text.clear"})
        assert await peer.json() == {"type": "audio.clear"}


@pytest.mark.parametrize(
    "message",
    ["not JSON", {"type": "text.dance"}, {"type": "text.delta", "delta": "a" * 15_001}],
)
@trio_test
async def test_what_cannot_be_used_is_an_error_and_the_connection_stays(
    message: Json | str,
) -> None:
    async with session() as peer:
        await peer.send(message)
        error = await peer.json()
        assert error["type"] == "error"
        assert "text.delta" in error["message"]
        await peer.send({"type": "text.done"})
        assert (await peer.json())["type"] == "audio.done"
