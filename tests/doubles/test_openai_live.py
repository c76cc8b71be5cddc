"""OpenAI's Live API."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, Json, Peer, connect, refusal
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
@trio_test
async def test_what_cannot_be_used_is_an_error_and_the_session_goes_on(
    before: bool, message: Json | str, code: str
) -> None:
    async with session() as peer:
        if before:
            await peer.send(START)
            await peer.until("session.usage.updated")
        await peer.send(message)
        assert (await peer.json())["error"]["code"] == code
        await peer.send({"type": "session.input_audio.mute"} if before else START)
        assert (await peer.json())["type"] in {"session.input_audio.muted", "session.started"}


def follow(
    session_id: str, how: str = "attach?graceful_close=true"
) -> AbstractAsyncContextManager[Peer]:
    headers = [("Authorization", f"Bearer {KEY}")]
    return connect("openai", f"/v1/live/sessions/{session_id}/{how}", headers=headers)


async def start(peer: Peer, **members: object) -> str:
    """Start a session and take its greeting; its id."""
    await peer.send({"type": "session.start", "session": {"model": "gpt-live-1", **members}})
    started = (await peer.until("session.usage.updated"))[0]
    return str(started["session"]["id"])


@trio_test
async def test_a_sideband_follows_the_session_and_hears_its_client() -> None:
    async with session() as peer, follow(await start(peer)) as sideband:
        await peer.send({"type": "session.input_audio.append", "audio": HALF_A_SECOND})
        seen = await peer.until("session.usage.updated")
        reflected, *followed = await sideband.until("session.usage.updated")
        assert reflected == {"type": "session.input_audio.append", "audio": HALF_A_SECOND}
        assert followed == seen


@trio_test
async def test_a_command_of_a_sideband_enters_the_session() -> None:
    async with session() as peer, follow(await start(peer)) as sideband:
        await sideband.send({"type": "session.input_audio.mute", "event_id": "mine"})
        for follower in (peer, sideband):
            muted = await follower.json()
            assert muted["type"] == "session.input_audio.muted"
            assert muted["client_event_id"] == "mine"
        for command in (START, {"type": "session.input_audio.append", "audio": HALF_A_SECOND}):
            await sideband.send(command)
            assert (await sideband.json())["error"]["code"] == "invalid_value"
        await sideband.send("not JSON")
        assert (await sideband.json())["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("closes", ["owner", "sideband"])
@trio_test
async def test_either_side_closes_the_session_for_all(closes: str) -> None:
    async with session() as peer:
        session_id = await start(peer)
        async with follow(session_id) as sideband:
            closer = peer if closes == "owner" else sideband
            await closer.send({"type": "session.close"})
            for follower in (peer, sideband):
                closed = await follower.json()
                assert closed["type"] == "session.closed"
                assert closed["reason"] == "close_requested"
                assert await follower.close_frame() == (1000, "")
    status, _ = await refuse_to_follow(session_id, "attach")
    assert status == 404


@trio_test
async def test_a_sideband_that_leaves_does_not_end_the_session() -> None:
    async with session() as peer:
        async with follow(await start(peer)):
            pass
        await peer.send({"type": "session.input_audio.mute"})
        assert (await peer.json())["type"] == "session.input_audio.muted"


@trio_test
async def test_a_sideband_is_told_when_the_client_vanishes() -> None:
    async with session() as peer, follow(await start(peer)) as sideband:
        await peer.stream.aclose()
        assert (await sideband.json())["reason"] == "connection_lost"
        assert await sideband.close_frame() == (1000, "")


@trio_test
async def test_a_fork_has_the_configuration_of_the_stored_session() -> None:
    async with session() as peer:
        session_id = await start(peer, instructions="Say hello", store=True)
    async with follow(session_id, "fork") as fork:
        await fork.send({"type": "session.start", "session": {"model": "another"}})
        assert (await fork.json())["error"]["code"] == "unknown_parameter"
        await fork.send({"type": "session.start", "session": {"store": False}})
        started, *_, said, _ = await fork.until("session.usage.updated")
        assert started["session"]["model"] == "gpt-live-1"
        assert started["session"]["id"] != session_id
        assert said["delta"].endswith("It heard: Say hello")
    status, _ = await refuse_to_follow(started["session"]["id"], "fork")
    assert status == 404


async def refuse_to_follow(session_id: str, how: str) -> tuple[int, Json]:
    headers = [("Authorization", f"Bearer {KEY}")]
    return await refusal("openai", f"/v1/live/sessions/{session_id}/{how}", headers=headers)


@pytest.mark.parametrize("how", ["attach", "fork"])
@trio_test
async def test_an_unknown_session_is_not_found(how: str) -> None:
    status, body = await refuse_to_follow("live_0", how)
    assert (status, body["error"]["type"]) == (404, "invalid_request_error")


@trio_test
async def test_a_session_that_was_not_stored_cannot_be_forked() -> None:
    async with session() as peer:
        status, _ = await refuse_to_follow(await start(peer), "fork")
        assert status == 404


@trio_test
async def test_the_oldest_stored_session_is_forgotten() -> None:
    ids = []
    for _ in range(101):
        async with session() as peer:
            ids.append(await start(peer, store=True))
    assert (await refuse_to_follow(ids[0], "fork"))[0] == 404
    async with follow(ids[1], "fork") as fork:
        await start_fork(fork)


async def start_fork(peer: Peer) -> None:
    await peer.send({"type": "session.start", "session": {}})
    assert (await peer.json())["type"] == "session.started"
