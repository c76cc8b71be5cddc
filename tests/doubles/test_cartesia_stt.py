"""Cartesia's speech to text."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect
from tests.support import trio_test

MANUAL = f"/stt/websocket?model=ink-2&encoding=pcm_s16le&sample_rate=16000&api_key={KEY}"
TURNS = f"/stt/turns/websocket?model=ink-2&encoding=pcm_s16le&sample_rate=16000&api_key={KEY}"
HALF_A_SECOND = bytes(16000)


@trio_test
async def test_audio_is_transcribed_on_finalize() -> None:
    async with connect("cartesia", MANUAL) as peer:
        for _ in range(2):
            await peer.send(HALF_A_SECOND)
            await peer.send(HALF_A_SECOND)
            await peer.send("finalize")
            transcript, flushed = await peer.json(), await peer.json()
            assert transcript["type"] == "transcript"
            assert transcript["is_final"] is True
            assert transcript["duration"] == 1.0
            assert [word["word"] for word in transcript["words"]] == transcript["text"].split()
            assert transcript["words"][-1]["end"] == 1.0
            assert flushed["type"] == "flush_done"


@pytest.mark.parametrize("command", ["close", "done"])
@trio_test
async def test_close_transcribes_what_is_left(command: str) -> None:
    async with connect("cartesia", MANUAL) as peer:
        await peer.send(HALF_A_SECOND)
        await peer.send(command)
        assert (await peer.json())["duration"] == 0.5
        assert (await peer.json())["type"] == "done"
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_close_with_nothing_left_is_just_done() -> None:
    async with connect("cartesia", MANUAL) as peer:
        await peer.send("close")
        assert (await peer.json())["type"] == "done"
        assert await peer.close_frame() == (1000, "")


@pytest.mark.parametrize("rate", ["", "0", "x", "8000000", "²000"])
@trio_test
async def test_a_sample_rate_that_cannot_be_is_16000(rate: str) -> None:
    target = f"/stt/websocket?sample_rate={rate.encode('unicode_escape').decode()}"
    async with connect("cartesia", f"{target}&api_key={KEY}") as peer:
        await peer.send(HALF_A_SECOND)
        await peer.send("finalize")
        assert (await peer.json())["duration"] == 0.5


@trio_test
async def test_turns() -> None:
    async with connect("cartesia", TURNS) as peer:
        assert (await peer.json())["type"] == "connected"
        await peer.send({"type": "config", "turn": {"end_timeout_ms": 500}})
        for _ in range(2):
            await peer.send(HALF_A_SECOND)
            await peer.send(HALF_A_SECOND)
            events = await peer.until("turn.end")
            assert [event["type"] for event in events] == [
                "turn.start",
                "turn.update",
                "turn.update",
                "turn.end",
            ]
            assert events[-1]["transcript"] == "1.0 seconds of audio"
        await peer.send(HALF_A_SECOND)
        await peer.send({"type": "close"})
        assert (await peer.until("turn.end"))[-1]["transcript"] == "0.5 seconds of audio"
        assert await peer.close_frame() == (1000, "")


@pytest.mark.parametrize(
    ("target", "command"), [(MANUAL, "dance"), (TURNS, "close"), (TURNS, '{"type":"dance"}')]
)
@trio_test
async def test_an_unknown_command_is_an_error_and_the_connection_stays(
    target: str, command: str
) -> None:
    async with connect("cartesia", target) as peer:
        await peer.send(command)
        error = (await peer.until("error"))[-1]
        assert error["status_code"] == 400
        await peer.send(HALF_A_SECOND)
        await peer.send("finalize" if target is MANUAL else {"type": "close"})
        await peer.until("transcript" if target is MANUAL else "turn.end")
