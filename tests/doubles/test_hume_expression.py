"""Hume's expression measurement."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

SECOND = bytes(32000)


def opened() -> AbstractAsyncContextManager[Peer]:
    target = "/v1/expression/audio/realtime"
    return connect("hume", target, headers=[("X-Hume-Api-Key", KEY)])


async def closed(peer: Peer) -> list[Json]:
    """End the session; its last events."""
    await peer.send({"type": "session.close"})
    return await peer.until("session.closed")


@trio_test
async def test_audio_is_measured_in_windows_and_at_its_end() -> None:
    async with opened() as peer:
        created = await peer.json()
        assert created["type"] == "session.created"
        assert created["measurement_timer_ms"] == 3000
        for _ in range(4):
            await peer.send(SECOND)
        start, interval = await peer.json(), await peer.json()
        assert (start["type"], start["audio_start_ms"]) == ("utterance.start", 0)
        assert (interval["type"], interval["trigger"]) == ("measurement.result", "interval")
        assert (interval["audio_start_ms"], interval["audio_end_ms"]) == (0, 3000)
        assert interval["expressions"][0]["probability"] <= 1
        last, end, total = await closed(peer)
        assert (last["trigger"], last["audio_end_ms"]) == ("speech_ended", 4000)
        assert (last["measurement_id"], last["utterance_id"]) == (1, 0)
        assert (end["type"], end["audio_end_ms"]) == ("utterance.end", 4000)
        assert total["session_id"] == created["session_id"]
        assert total["reason"] == "client_request"
        assert total["received"] == {"audio_duration_ms": 4000, "frames": 4}
        assert total["produced"] == {"utterances": 1, "measurements": 2}
        assert (await peer.close_frame())[0] == 1000


@trio_test
async def test_there_is_no_last_measurement_soon_after_another() -> None:
    async with opened() as peer:
        for _ in range(3):
            await peer.send(SECOND)
        await peer.send(SECOND[:16000])
        await peer.until("measurement.result")
        assert [event["type"] for event in await closed(peer)] == [
            "utterance.end",
            "session.closed",
        ]


@trio_test
async def test_a_window_is_at_most_ten_seconds_long() -> None:
    async with opened() as peer:
        await peer.send(SECOND * 10)
        await peer.send(SECOND * 2)
        ends = [event for event in await closed(peer) if event["type"] == "measurement.result"]
        spans = [(event["audio_start_ms"], event["audio_end_ms"]) for event in ends]
        assert spans == [(0, 3000), (0, 6000), (0, 9000), (2000, 12000)]


@trio_test
async def test_the_timer_is_configured_before_the_audio() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send({"type": "session.update", "measurement_timer_ms": 500})
        updated = await peer.json()
        assert (updated["type"], updated["measurement_timer_ms"]) == ("session.updated", 500)
        assert updated["audio"]["sample_rate"] == 16000
        await peer.send(SECOND)
        ends = [(await peer.until("measurement.result"))[-1]["audio_end_ms"] for _ in range(2)]
        assert ends == [500, 1000]


@trio_test
async def test_a_session_without_audio_has_no_utterance() -> None:
    async with opened() as peer:
        await peer.json()
        (total,) = await closed(peer)
        assert total["produced"] == {"utterances": 0, "measurements": 0}


@pytest.mark.parametrize("frame", [b"", b"\x00", SECOND * 10 + bytes(2)])
@trio_test
async def test_a_wrong_frame_is_rejected_and_the_session_goes_on(frame: bytes) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(frame)
        error = await peer.json()
        assert (error["code"], error["retryable"]) == ("invalid_audio_frame", True)
        (total,) = await closed(peer)
        assert total["received"]["frames"] == 0


@pytest.mark.parametrize("message", ["not JSON", {"type": "other"}])
@trio_test
async def test_a_malformed_message_is_an_error_and_the_session_goes_on(message: Json | str) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(message)
        assert (await peer.json())["code"] == "message_invalid"
        assert len(await closed(peer)) == 1


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"type": "session.update", "audio": {"sample_rate": 8000}}], "config_invalid"),
        ([{"type": "session.update", "measurement_timer_ms": 10_001}], "config_invalid"),
        ([{"type": "session.update", "measurement_timer_ms": "500"}], "config_invalid"),
        ([SECOND, {"type": "session.update"}], "config_invalid"),
        ([bytes(1024 * 1024 + 2)], "message_too_large"),
    ],
)
@trio_test
async def test_other_errors_end_the_session(messages: list[Json | bytes], code: str) -> None:
    async with opened() as peer:
        for message in messages:
            await peer.send(message)
        error = (await peer.until("error"))[-1]
        assert (error["code"], error["retryable"]) == (code, False)
        assert (await peer.json())["reason"] == "error"
        assert (await peer.close_frame())[0] == 1008
