"""Inworld's realtime API: who may open it, and a turn."""

from __future__ import annotations

import base64

import pytest

from relay.doubles.audio import tone
from tests.doubles.peer import KEY, connect, refusal
from tests.doubles.realtime import HELLO, kinds
from tests.support import trio_test

TARGET = "/api/v1/realtime/session?key=voice-1&protocol=realtime"
BASIC = ("Authorization", f"Basic {KEY}")
BEARER = ("Authorization", f"Bearer {KEY}")


@pytest.mark.parametrize("header", [BASIC, BEARER])
@trio_test
async def test_a_turn_is_answered_in_words_and_audio(header: tuple[str, str]) -> None:
    async with connect("inworld", TARGET, headers=[header]) as peer:
        assert (await peer.json())["type"] == "session.created"
        await peer.send({"type": "session.update", "session": {"instructions": "Be brief."}})
        updated = await peer.json()
        assert updated["type"] == "session.updated"
        assert updated["session"]["instructions"] == "Be brief."
        await peer.send(HELLO)
        await peer.until("conversation.item.done")
        await peer.send({"type": "response.create"})
        events = await peer.until("response.done")
        assert kinds(events)[0] == "response.created"
        said = [e["delta"] for e in events if e["type"].endswith("audio_transcript.delta")]
        assert "".join(said) == "This is a double of Inworld. It heard: Hello there, double"
        heard = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
        assert b"".join(base64.b64decode(delta) for delta in heard) == tone(24000)
        assert events[-1]["response"]["usage"]["total_tokens"] > 0


@pytest.mark.parametrize(
    ("target", "headers", "status", "code"),
    [
        (TARGET, [], 401, 16),
        (TARGET, [("Authorization", "Basic wrong")], 401, 16),
        (TARGET, [("Authorization", "Bearer wrong")], 401, 16),
        (TARGET, [BASIC, ("Authorization", "Bearer wrong")], 401, 16),
        # The parameter key is the session's id: a credential there opens nothing.
        (f"/api/v1/realtime/session?key={KEY}&protocol=realtime", [], 401, 16),
        (f"{TARGET}&token={KEY}", [], 401, 16),
        ("/api/v1/realtime/session?protocol=realtime", [BASIC], 400, 3),
        ("/api/v1/realtime/session?key=voice-1", [BASIC], 400, 3),
        ("/api/v1/realtime/session?key=voice-1&protocol=other", [BASIC], 400, 3),
        ("/v1/realtime", [BASIC], 404, 5),
        ("/", [BASIC], 404, 5),
    ],
)
@trio_test
async def test_refusals(
    target: str, headers: list[tuple[str, str]], status: int, code: int
) -> None:
    answer = await refusal("inworld", target, headers=headers)
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert answer[1]["message"]
