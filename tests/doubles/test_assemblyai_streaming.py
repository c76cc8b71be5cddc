"""AssemblyAI's streaming speech to text."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest
import trio

from relay.doubles.assemblyai_streaming import SESSION_LIMIT
from tests.doubles.peer import KEY, Peer, connect
from tests.support import trio_test

HALF_A_SECOND = bytes(16000)


def opened(query: str = "sample_rate=16000") -> AbstractAsyncContextManager[Peer]:
    return connect("assemblyai", f"/v3/ws?{query}", headers=[("Authorization", KEY)])


async def begin(peer: Peer) -> None:
    """Read what comes first."""
    begun = await peer.json()
    assert begun["type"] == "Begin"
    assert len(begun["id"]) == 36
    assert isinstance(begun["expires_at"], int)


async def check_failure(peer: Peer, code: int, message: str, reason: str | None = None) -> None:
    """The session ends with an ``Error``."""
    assert await peer.json() == {"type": "Error", "error_code": code, "error": message}
    assert await peer.close_frame() == (code, message if reason is None else reason)


@trio_test
async def test_every_second_is_a_turn_and_the_end_has_the_usage() -> None:
    async with opened() as peer:
        await begin(peer)
        for order in range(2):
            await peer.send(HALF_A_SECOND)
            await peer.send(HALF_A_SECOND)
            turns = [await peer.json() for _ in range(3)]
            assert {turn["turn_order"] for turn in turns} == {order}
            assert [turn["end_of_turn"] for turn in turns] == [False, False, True]
            assert not any(turn["turn_is_formatted"] for turn in turns)
            assert turns[0]["transcript"] == "0.5 seconds of audio"
            assert turns[2]["transcript"] == "1.0 seconds of audio"
            words = turns[2]["words"]
            assert (words[0]["start"], words[-1]["end"]) == (1000 * order, 1000 * (order + 1))
            assert all(word["word_is_final"] for word in words)
        await peer.send(HALF_A_SECOND)
        await trio.sleep(7)
        await peer.send({"type": "Terminate"})
        assert [(await peer.json())["end_of_turn"] for _ in range(2)] == [False, True]
        assert await peer.json() == {
            "type": "Termination",
            "audio_duration_seconds": 2,
            "session_duration_seconds": 7,
        }
        assert await peer.close_frame() == (1000, "")


@pytest.mark.parametrize("query", ["&format_turns=true", "&format_turns=True", ""])
@trio_test
async def test_turns_are_formatted_if_asked_for(query: str) -> None:
    async with opened(f"sample_rate=16000{query}") as peer:
        await begin(peer)
        if not query:
            await peer.send({"type": "UpdateConfiguration", "format_turns": True})
        await peer.send(HALF_A_SECOND * 2)
        turns = [await peer.json() for _ in range(3)]
        assert [turn["turn_is_formatted"] for turn in turns] == [False, False, True]
        assert turns[2]["transcript"] == f"{turns[1]['transcript']}."
        assert turns[1]["turn_order"] == turns[2]["turn_order"]


@trio_test
async def test_a_turn_ends_where_the_client_says() -> None:
    async with opened() as peer:
        await begin(peer)
        await peer.send({"type": "KeepAlive"})
        await peer.send({"type": "ForceEndpoint"})  # there is no turn, and nothing is answered
        for order in range(2):
            await peer.send(HALF_A_SECOND)
            await peer.send({"type": "ForceEndpoint"})
            assert (await peer.json())["end_of_turn"] is False
            turn = await peer.json()
            assert (turn["end_of_turn"], turn["turn_order"]) == (True, order)


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("sample_rate=8000&encoding=pcm_mulaw", 8000),
        ("encoding=opus", 32000),
        ("sample_rate=8000", 16000),
    ],
)
@trio_test
async def test_a_second_depends_on_the_encoding(query: str, size: int) -> None:
    async with opened(query) as peer:
        await begin(peer)
        await peer.send(bytes(size))
        assert (await peer.json())["transcript"] == "1.0 seconds of audio"


@pytest.mark.parametrize("query", ["", "sample_rate=0", "sample_rate=x", "encoding=pcm_mulaw"])
@trio_test
async def test_pcm_has_a_sample_rate(query: str) -> None:
    async with opened(query) as peer:
        await check_failure(peer, 3006, "Invalid sample_rate")


@pytest.mark.parametrize(
    ("message", "code", "error"),
    [
        ("hello", 3006, "Invalid JSON: hello"),
        ("[]", 3006, "Invalid Message: []"),
        ('{"type":"dance"}', 3006, "Invalid Message Type: dance"),
        ('{"type":"\\ud83d"}', 3006, "Invalid Message Type: ?"),
        (
            bytes(1280),
            3007,
            "Input duration violation: 40 ms. Expected between 50 and 1000 ms",
        ),
        (
            bytes(40000),
            3007,
            "Input duration violation: 1250 ms. Expected between 50 and 1000 ms",
        ),
    ],
)
@trio_test
async def test_messages_that_end_the_session(message: str | bytes, code: int, error: str) -> None:
    async with opened() as peer:
        await begin(peer)
        await peer.send(message)
        await check_failure(peer, code, error)


@trio_test
async def test_a_long_error_is_not_in_the_reason() -> None:
    async with opened() as peer:
        await begin(peer)
        await peer.send("x" * 120)
        reason = "See Error message for details"
        await check_failure(peer, 3006, f"Invalid JSON: {'x' * 120}", reason)


@trio_test
async def test_a_session_lasts_for_three_hours() -> None:
    async with opened() as peer:
        await begin(peer)
        start = trio.current_time()
        await check_failure(peer, 3008, "Session Expired: Maximum session duration exceeded")
        assert trio.current_time() - start == pytest.approx(SESSION_LIMIT)
