"""Deepgram's voice agent."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test


def settings(**agent: object) -> Json:
    audio = {
        "input": {"encoding": "linear16", "sample_rate": 16000},
        "output": {"encoding": "linear16", "sample_rate": 8000},
    }
    return {"type": "Settings", "audio": audio, "agent": agent}


def opened() -> AbstractAsyncContextManager[Peer]:
    headers = [("Authorization", f"Token {KEY}")]
    return connect("deepgram", "/v1/agent/converse", headers=headers)


async def apply(peer: Peer, **agent: object) -> None:
    """Go through the opening of a conversation."""
    welcome = await peer.json()
    assert welcome["type"] == "Welcome"
    assert welcome["request_id"]
    await peer.send(settings(**agent))
    assert await peer.json() == {"type": "SettingsApplied"}


async def check_said(peer: Peer, words: str) -> None:
    """The agent says ``words``."""
    said = {"type": "ConversationText", "role": "assistant", "content": words}
    assert await peer.json() == said
    started = await peer.json()
    assert started["type"] == "AgentStartedSpeaking"
    assert started["total_latency"] == pytest.approx(
        started["tts_latency"] + started["ttt_latency"]
    )
    pieces = [await peer.receive() for _ in range(6)]
    assert b"".join(piece for piece in pieces if isinstance(piece, bytes)) == tone(8000)
    assert await peer.json() == {"type": "AgentAudioDone"}


async def check_answered(peer: Peer, heard: str) -> None:
    """The agent has heard ``heard`` and answers it."""
    asked = {"type": "ConversationText", "role": "user", "content": heard}
    assert await peer.json() == asked
    await check_said(peer, f"This is a double of Deepgram. It heard: {heard}")


@trio_test
async def test_a_message_of_the_user_is_answered() -> None:
    async with opened() as peer:
        await apply(peer)
        for words in ("Hello", "Goodbye"):
            await peer.send({"type": "KeepAlive"})
            await peer.send({"type": "InjectUserMessage", "content": words})
            await check_answered(peer, words)


@trio_test
async def test_the_greeting_is_said() -> None:
    async with opened() as peer:
        await apply(peer, greeting="Welcome")
        await check_said(peer, "Welcome")
        await peer.send({"type": "InjectAgentMessage", "message": "Still there?"})
        await check_said(peer, "Still there?")


@trio_test
async def test_a_second_of_audio_is_answered() -> None:
    async with opened() as peer:
        await apply(peer)
        for _ in range(2):
            await peer.send(bytes(16000))
            assert await peer.json() == {"type": "UserStartedSpeaking"}
            await peer.send(bytes(16000))
            await check_answered(peer, "1.0 seconds of audio")


@trio_test
async def test_a_flux_listener_can_be_told_where_a_turn_ends() -> None:
    async with opened() as peer:
        await apply(peer, listen={"provider": {"type": "deepgram", "version": "v2"}})
        await peer.send({"type": "ForceEndTurn"})  # there is no turn, and nothing is answered
        await peer.send(bytes(16000))
        assert await peer.json() == {"type": "UserStartedSpeaking"}
        await peer.send({"type": "ForceEndTurn"})
        await check_answered(peer, "0.5 seconds of audio")


@trio_test
async def test_another_listener_cannot() -> None:
    async with opened() as peer:
        await apply(peer)
        await peer.send({"type": "ForceEndTurn"})
        warning = await peer.json()
        assert warning["type"] == "Warning"
        assert warning["code"] == "FORCE_END_TURN_UNSUPPORTED"


@pytest.mark.parametrize("what", ["Listen", "Prompt", "Speak", "Think"])
@trio_test
async def test_updates_are_acknowledged(what: str) -> None:
    async with opened() as peer:
        await apply(peer)
        await peer.send({"type": f"Update{what}"})
        assert await peer.json() == {"type": f"{what}Updated"}


async def check_error(peer: Peer, code: str) -> None:
    """The session ends with an ``Error``."""
    error = await peer.json()
    assert (error["type"], error["code"]) == ("Error", code)
    assert error["description"]
    assert await peer.close_frame() == (1008, code)


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (b"audio", "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"),
        ({"type": "KeepAlive"}, "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"),
        ("[]", "UNPARSABLE_CLIENT_MESSAGE"),
        ({"type": "Settings"}, "UNPARSABLE_CLIENT_MESSAGE"),
        (
            {"type": "Settings", "agent": {}, "audio": {"output": {"encoding": "mp3"}}},
            "INVALID_SETTINGS",
        ),
    ],
)
@trio_test
async def test_what_is_no_settings_ends_the_session(first: bytes | str | Json, code: str) -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send(first)
        await check_error(peer, code)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (settings(), "SETTINGS_ALREADY_APPLIED"),
        ("[]", "UNPARSABLE_CLIENT_MESSAGE"),
        ({"type": "dance"}, "UNPARSABLE_CLIENT_MESSAGE"),
    ],
)
@trio_test
async def test_errors_end_the_session(message: str | Json, code: str) -> None:
    async with opened() as peer:
        await apply(peer)
        await peer.send(message)
        await check_error(peer, code)


@trio_test
async def test_an_agent_may_be_named_in_place_of_described() -> None:
    async with opened() as peer:
        await peer.json()
        await peer.send({"type": "Settings", "audio": {}, "agent": "0b5cd2b4"})
        assert await peer.json() == {"type": "SettingsApplied"}
