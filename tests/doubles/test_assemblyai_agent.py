"""AssemblyAI's voice agent."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

HALF_A_SECOND = base64.b64encode(bytes(24000)).decode()


def opened() -> AbstractAsyncContextManager[Peer]:
    return connect("assemblyai", "/v1/ws", headers=[("Authorization", f"Bearer {KEY}")])


async def ready(peer: Peer, **session: object) -> None:
    """Go through the opening of a conversation."""
    await peer.send({"type": "session.update", "session": session})
    event = await peer.json()
    assert event["type"] == "session.ready"
    assert event["session_id"].startswith("sess_")


async def check_said(peer: Peer, words: str) -> None:
    """The agent says ``words``."""
    events = await peer.until("reply.done")
    kinds = ["reply.started", *["reply.audio"] * 6, "transcript.agent", "reply.done"]
    assert [event["type"] for event in events] == kinds
    assert b"".join(base64.b64decode(event["data"]) for event in events[1:7]) == tone(24000)
    transcript = events[7]
    assert transcript["text"] == words
    assert transcript["reply_id"] == events[0]["reply_id"]
    assert transcript["interrupted"] is False
    assert events[8]["status"] == "completed"


async def check_error(peer: Peer, code: str) -> None:
    """What was sent last is an error."""
    error = await peer.json()
    assert (error["type"], error["code"]) == ("session.error", code)
    assert error["message"]


@trio_test
async def test_a_second_of_audio_is_transcribed_and_answered() -> None:
    async with opened() as peer:
        await ready(peer)
        for _ in range(2):
            await peer.send({"type": "input.audio", "audio": HALF_A_SECOND})
            await peer.send({"type": "input.audio", "audio": HALF_A_SECOND})
            events = await peer.until("transcript.user")
            assert [event["type"] for event in events] == [
                "input.speech.started",
                "transcript.user.delta",
                "transcript.user.delta",
                "input.speech.stopped",
                "transcript.user",
            ]
            assert events[1]["text"] == "0.5 seconds of audio"
            heard = events[-1]["text"]
            assert heard == "1.0 seconds of audio"
            await check_said(peer, f"This is a double of AssemblyAI. It heard: {heard}")
        await peer.send({"type": "session.end"})
        assert await peer.json() == {"type": "session.ended"}
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_the_greeting_is_said_and_updates_are_acknowledged() -> None:
    async with opened() as peer:
        await ready(peer, greeting="Hi")
        await check_said(peer, "Hi")
        await peer.send({"type": "session.update", "session": {"greeting": "Hi again"}})
        assert await peer.json() == {"type": "session.updated"}
        await peer.send({"type": "tool.result", "call_id": "call_1", "result": "{}"})
        await peer.send({"type": "reply.create", "instructions": "Say more"})
        await check_said(peer, "This is a double of AssemblyAI. It heard: Say more")


@pytest.mark.parametrize(
    "message",
    [
        b"audio",
        "[]",
        {"type": "dance"},
        {"type": "input.audio"},
        {"type": "input.audio", "audio": "not base64"},
    ],
)
@trio_test
async def test_what_is_no_event_is_an_error_and_the_session_goes_on(
    message: bytes | str | Json,
) -> None:
    async with opened() as peer:
        await ready(peer)
        await peer.send(message)
        await check_error(peer, "invalid_format")
        await peer.send({"type": "session.update"})
        assert await peer.json() == {"type": "session.updated"}


@trio_test
async def test_audio_must_wait_until_the_session_is_ready() -> None:
    async with opened() as peer:
        await peer.send({"type": "input.audio", "audio": HALF_A_SECOND})
        await check_error(peer, "invalid_format")
        await ready(peer)


@trio_test
async def test_no_session_is_kept() -> None:
    async with opened() as peer:
        await peer.send({"type": "session.resume", "session_id": "sess_1"})
        await check_error(peer, "session_not_found")
