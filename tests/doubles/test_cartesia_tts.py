"""Cartesia's text to speech."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import to_float32, tone
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

REQUEST: Json = {
    "model_id": "sonic",
    "transcript": "Hello, double world!",
    "voice": {"mode": "id", "id": "a0e99841-438c-4a64-b679-ae501e7d6091"},
    "language": "en",
    "context_id": "happy-monkeys-fly",
    "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000},
}
LAST = {"transcript": "", "context_id": "happy-monkeys-fly", "continue": False}


def opened() -> AbstractAsyncContextManager[Peer]:
    return connect("cartesia", f"/tts/websocket?api_key={KEY}")


def heard(events: list[Json]) -> bytes:
    chunks = [event for event in events if event["type"] == "chunk"]
    assert all(chunk["done"] is False and chunk["status_code"] == 206 for chunk in chunks)
    return b"".join(base64.b64decode(chunk["data"]) for chunk in chunks)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le"])
@trio_test
async def test_a_request_is_spoken_in_the_format_it_names(encoding: str, rate: int) -> None:
    output = {"container": "raw", "encoding": encoding, "sample_rate": rate}
    async with opened() as peer:
        await peer.send(REQUEST | {"output_format": output})
        events = await peer.until("done")
        assert [event["type"] for event in events] == ["chunk"] * 3 + ["done"]
        assert {event["context_id"] for event in events} == {"happy-monkeys-fly"}
        pcm = tone(rate, 3 * 0.1)
        assert heard(events) == (pcm if encoding == "pcm_s16le" else to_float32(pcm))
        assert events[-1]["done"] is True
        assert events[-1]["status_code"] == 200


@trio_test
async def test_a_context_that_is_continued_gets_no_done_until_it_ends() -> None:
    async with opened() as peer:
        await peer.send(REQUEST | {"continue": True})
        await peer.send(REQUEST | {"continue": True, "output_format": {}})
        await peer.send(LAST)
        events = await peer.until("done")
        assert [event["type"] for event in events] == ["chunk"] * 6 + ["done"]


@trio_test
async def test_contexts_are_apart() -> None:
    async with opened() as peer:
        for context_id in ("one", "two"):
            await peer.send(REQUEST | {"context_id": context_id})
            events = await peer.until("done")
            assert {event["context_id"] for event in events} == {context_id}


@trio_test
async def test_timestamps_go_on_within_a_context() -> None:
    async with opened() as peer:
        for _ in range(2):
            await peer.send(REQUEST | {"add_timestamps": True, "continue": True})
        first, second = (await peer.until("timestamps"))[-1], (await peer.until("timestamps"))[-1]
        assert first["word_timestamps"] == {
            "words": ["Hello,", "double", "world!"],
            "start": [0.0, 0.1, 0.2],
            "end": [0.1, 0.2, 0.3],
        }
        assert second["word_timestamps"]["start"] == [0.3, 0.4, 0.5]


@trio_test
async def test_a_flush_is_confirmed() -> None:
    async with opened() as peer:
        for flush_id in (1, 2):
            await peer.send(REQUEST | {"flush": True, "continue": True})
            flushed = (await peer.until("flush_done"))[-1]
            assert flushed["flush_done"] is True
            assert flushed["flush_id"] == flush_id
            assert flushed["done"] is False


@trio_test
async def test_a_cancelled_context_is_forgotten() -> None:
    async with opened() as peer:
        await peer.send(REQUEST | {"continue": True})
        await peer.send({"context_id": "happy-monkeys-fly", "cancel": True})
        await peer.send(LAST)  # names no format, and the context that had one is gone
        assert (await peer.until("error"))[-1]["context_id"] == "happy-monkeys-fly"


@pytest.mark.parametrize(
    "message",
    [
        "not JSON",
        b"\x00",
        REQUEST | {"output_format": {"encoding": "pcm_mulaw", "sample_rate": 8000}},
        REQUEST | {"output_format": {"encoding": "pcm_s16le", "sample_rate": 1}},
        REQUEST | {"output_format": {"encoding": "pcm_s16le", "sample_rate": True}},
    ],
)
@trio_test
async def test_what_cannot_be_used_is_an_error_and_the_connection_stays(
    message: Json | str | bytes,
) -> None:
    async with opened() as peer:
        await peer.send(message)
        error = await peer.json()
        assert error["type"] == "error"
        assert error["status_code"] == 400
        assert error["done"] is True
        assert error["title"]
        await peer.send(REQUEST)
        await peer.until("done")
