"""Deepgram's text to speech."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest
import trio

from relay.doubles.audio import speech
from relay.doubles.deepgram_speak import SESSION_LIMIT
from tests.doubles.peer import KEY, Peer, connect
from tests.support import trio_test

FLUSH = {"type": "Flush"}


def opened(query: str = "") -> AbstractAsyncContextManager[Peer]:
    target = f"/v1/speak?model=aura-2-thalia-en{query}"
    return connect("deepgram", target, headers=[("Authorization", f"Token {KEY}")])


def said(text: str) -> dict[str, str]:
    return {"type": "Speak", "text": text}


async def audio(peer: Peer, count: int) -> bytes:
    """The next ``count`` messages, which must be binary."""
    pieces = [await peer.receive() for _ in range(count)]
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


@pytest.mark.parametrize(
    ("query", "rate"), [("", 24000), ("&sample_rate=8000", 8000), ("&sample_rate=1", 24000)]
)
@trio_test
async def test_a_flush_speaks_all_that_was_said(query: str, rate: int) -> None:
    async with opened(query) as peer:
        metadata = await peer.json()
        assert (metadata["type"], metadata["model_name"]) == ("Metadata", "aura-2-thalia-en")
        for sequence_id in range(2):
            await peer.send(said("Hello "))
            await peer.send(said("there."))
            await peer.send(FLUSH)
            assert await audio(peer, 2) == speech(rate, ["Hello", "there."])
            assert await peer.json() == {"type": "Flushed", "sequence_id": sequence_id}


@trio_test
async def test_a_clear_forgets_what_was_said() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(said("Never mind"))
        await peer.send({"type": "Clear"})
        assert await peer.json() == {"type": "Cleared", "sequence_id": 0}
        await peer.send(FLUSH)
        assert await peer.json() == {"type": "Flushed", "sequence_id": 1}


@trio_test
async def test_a_close_speaks_what_is_left() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(said("Goodbye"))
        await peer.send({"type": "Close"})
        assert await audio(peer, 1) == speech(24000, ["Goodbye"])
        assert await peer.close_frame() == (1000, "")


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (b"audio", 1003, "MESSAGE-0000"),
        ("not JSON", 1008, "DATA-0000"),
        ('{"type":"dance"}', 1008, "DATA-0000"),
        (said("x" * 2001), 1009, "BIG-0001"),
        ({"type": "Speak", "text": "x", "more": "x" * 70_000}, 1009, "BIG-0000"),
    ],
)
@trio_test
async def test_messages_that_end_the_connection(
    message: bytes | str | dict[str, str], code: int, reason: str
) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(message)
        assert await peer.close_frame() == (code, reason)


@trio_test
async def test_2400_characters_may_be_said_in_a_minute() -> None:
    async with opened() as peer:
        await peer.json()
        for _ in range(2):
            await peer.send(said("x" * 1200))
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(61)
        await peer.send(said("x" * 2000))
        await peer.send(said("x" * 401))
        assert await peer.close_frame() == (1008, "DATA-0001")


@trio_test
async def test_20_flushes_may_be_sent_in_a_minute() -> None:
    async with opened() as peer:
        await peer.json()
        for _ in range(20):
            await peer.send(FLUSH)
            assert (await peer.json())["type"] == "Flushed"
        await peer.send(FLUSH)
        assert (await peer.json())["type"] == "Warning"
        await trio.sleep(61)
        await peer.send(FLUSH)
        assert (await peer.json())["type"] == "Flushed"


@trio_test
async def test_a_connection_lasts_for_an_hour() -> None:
    async with opened() as peer:
        await peer.json()
        start = trio.current_time()
        assert await peer.close_frame() == (1011, "NET-0003")
        assert trio.current_time() - start == pytest.approx(SESSION_LIMIT)
