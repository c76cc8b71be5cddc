"""OpenAI's Live API."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test

START = {"type": "session.start", "session": {"model": "gpt-live-1", "instructions": "Say hello"}}
HALF_A_SECOND = base64.b64encode(bytes(24000)).decode()


def session() -> AbstractAsyncContextManager[Peer]:
    headers = [("Authorization", f"Bearer {KEY}")]
    return connect("openai", "/v1/live/sessions", headers=headers)


@trio_test
async def test_a_session_from_start_to_closed() -> None:
    async with session() as peer:
        await peer.send(START | {"event_id": "first"})
        events = await peer.until("session.usage.updated")
        started = events[0]
        assert started["type"] == "session.started"
        assert started["client_event_id"] == "first"
        assert started["session"]["model"] == "gpt-live-1"
        assert started["session"]["status"] == "active"
        audio = [e["delta"] for e in events if e["type"] == "session.output_audio.delta"]
        assert b"".join(map(base64.b64decode, audio)) == tone(24000)
        (said,) = [e for e in events if e["type"] == "session.output_transcript.delta"]
        assert said["delta"].endswith("It heard: Say hello")
        assert (said["start_ms"], said["end_ms"]) == (0, 600)
        await peer.send({"type": "session.close", "event_id": "last"})
        closed = await peer.json()
        assert closed["type"] == "session.closed"
        assert closed["reason"] == "close_requested"
        assert closed["usage"] == events[-1]["usage"]
        assert closed["client_event_id"] == "last"
        assert await peer.close_frame() == (1000, "")


@trio_test
async def test_usage_is_cumulative() -> None:
    seconds = []
    async with session() as peer:
        await peer.send(START)
        for _ in range(3):
            seconds.append((await peer.until("session.usage.updated"))[-1]["usage"]["seconds"])
            await peer.send({"type": "session.input_audio.append", "audio": HALF_A_SECOND})
    assert seconds == [0.6, 1.1, 1.6]


@trio_test
async def test_commands_are_acknowledged() -> None:
    async with session() as peer:
        await peer.send(START)
        await peer.until("session.usage.updated")
        for command, answer in (
            ("session.input_audio.mute", "session.input_audio.muted"),
            ("session.input_audio.unmute", "session.input_audio.unmuted"),
            ("session.instructions.append", "session.instructions.appended"),
            ("session.thinking.append", "session.thinking.appended"),
            ("session.commentary.append", "session.commentary.appended"),
        ):
            await peer.send({"type": command})
            event = await peer.json()
            assert event["type"] == answer
            if command.endswith(".append"):
                assert (event["start_ms"], event["end_ms"]) == (600, 600)
        changes = {"delegation": {"type": "client"}, "model": "another"}
        await peer.send({"type": "session.update", "session": changes})
        updated = await peer.json()
        assert updated["session"]["delegation"] == {"type": "client"}
        assert updated["session"]["model"] == "gpt-live-1"


@pytest.mark.parametrize(
    ("before", "message", "code"),
    [
        (False, {"type": "session.close"}, "session_not_started"),
        (False, {"type": "session.start", "session": {}}, "missing_required_parameter"),
        (False, "not JSON", "invalid_json"),
        (True, START, "session_already_started"),
        (True, {"type": "session.dance"}, "invalid_value"),
        (True, {"type": "session.input_audio.append", "audio": "?"}, "invalid_value"),
    ],
)
def test_what_cannot_be_used_is_an_error_and_the_session_goes_on(
    before: bool, message: Json | str, code: str
) -> None:
    @trio_test
    async def test() -> None:
        async with session() as peer:
            if before:
                await peer.send(START)
                await peer.until("session.usage.updated")
            await peer.send(message)
            assert (await peer.json())["error"]["code"] == code
            await peer.send({"type": "session.input_audio.mute"} if before else START)
            assert (await peer.json())["type"] in {"session.input_audio.muted", "session.started"}

    test()
