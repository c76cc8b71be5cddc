"""Who may open xAI's endpoints, and that those it shares with OpenAI answer as xAI."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, connect, refusal
from tests.doubles.realtime import HELLO, kinds
from tests.support import trio_test

BEARER = ("Authorization", f"Bearer {KEY}")
SECRET_ENTRY = f"xai-client-secret.{KEY}"
PATHS = ["/v1/realtime?model=grok-voice", "/v1/tts?language=en", "/v1/stt", "/v1/responses"]


@pytest.mark.parametrize("target", PATHS)
@trio_test
async def test_every_slot_opens(target: str) -> None:
    async with connect("xai", target, headers=[BEARER]) as peer:
        assert peer.subprotocol is None
    async with connect("xai", target, subprotocols=[SECRET_ENTRY]) as peer:
        assert peer.subprotocol == SECRET_ENTRY


@pytest.mark.parametrize(
    ("query", "model"), [("?model=grok-voice", "grok-voice"), ("", "grok-voice-latest")]
)
@trio_test
async def test_a_turn(query: str, model: str) -> None:
    async with connect("xai", f"/v1/realtime{query}", headers=[BEARER]) as peer:
        assert (await peer.json())["session"]["model"] == model
        await peer.send(HELLO)
        await peer.send({"type": "response.create"})
        events = await peer.until("response.done")
        assert "response.output_audio.delta" in kinds(events)
        done = next(e for e in events if e["type"] == "response.output_audio_transcript.done")
        assert done["transcript"] == "This is a double of xAI. It heard: Hello there, double"


@trio_test
async def test_a_response() -> None:
    async with connect("xai", "/v1/responses", headers=[BEARER]) as peer:
        await peer.send({"type": "response.create", "model": "grok", "input": "Hi"})
        events = await peer.until("response.completed")
        done = next(event for event in events if event["type"] == "response.output_text.done")
        assert done["text"] == "This is a double of xAI. It heard: Hi"


@pytest.mark.parametrize(
    ("headers", "subprotocols"),
    [
        ([], []),
        ([("Authorization", "Bearer xai-wrong-0123456789")], []),
        ([], ["xai-client-secret.xai-wrong-0123456789"]),
        ([("Authorization", f"Token {KEY}")], []),
        ([], [f"openai-insecure-api-key.{KEY}"]),
    ],
)
@trio_test
async def test_refusals(headers: list[tuple[str, str]], subprotocols: list[str]) -> None:
    status, body = await refusal("xai", PATHS[0], headers=headers, subprotocols=subprotocols)
    assert status == 401
    assert body["code"]
    assert "xai-wrong-0123456789" not in body["error"]


@pytest.mark.parametrize("path", ["/", "/v1/realtime/", "/v1/live/sessions", "/v1/chat"])
@trio_test
async def test_an_unknown_path_is_not_found(path: str) -> None:
    status, _ = await refusal("xai", path, headers=[BEARER])
    assert status == 404
