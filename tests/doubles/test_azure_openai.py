"""Who may open Azure's OpenAI endpoints, and in which names they speak."""

from __future__ import annotations

import pytest

from tests.doubles.peer import KEY, Json, Peer, connect, refusal
from tests.doubles.realtime import HELLO, kinds
from tests.support import trio_test

GA = "/openai/v1/realtime?model=my-deployment"
PREVIEW = "/openai/realtime?api-version=2025-04-01-preview&deployment=my-deployment"
VOICE_LIVE = "/voice-live/realtime?api-version=2026-07-15&model=gpt-realtime"
HEADER = ("api-key", KEY)


async def turn(peer: Peer) -> list[Json]:
    """The events of a session that was greeted and asked for a response."""
    await peer.send(HELLO)
    await peer.send({"type": "response.create"})
    return await peer.until("response.done")


@pytest.mark.parametrize("target", [GA, PREVIEW, VOICE_LIVE])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", [HEADER]),
        ("", [("Authorization", f"Bearer {KEY}")]),
        (f"&api-key={KEY}", []),
    ],
)
@trio_test
async def test_every_slot_opens(target: str, query: str, headers: list[tuple[str, str]]) -> None:
    async with connect("azure-openai", f"{target}{query}", headers=headers) as peer:
        assert (await peer.json())["type"] == "session.created"


@pytest.mark.parametrize(
    ("target", "model", "audio", "item", "provider"),
    [
        (GA, "my-deployment", "response.output_audio", "conversation.item.added", "Azure OpenAI"),
        (PREVIEW, "my-deployment", "response.audio", "conversation.item.created", "Azure OpenAI"),
        (
            VOICE_LIVE,
            "gpt-realtime",
            "response.audio",
            "conversation.item.created",
            "Azure Voice Live",
        ),
    ],
)
@trio_test
async def test_a_turn_in_the_names_of_each_generation(
    target: str, model: str, audio: str, item: str, provider: str
) -> None:
    async with connect("azure-openai", target, headers=[HEADER]) as peer:
        created = await peer.json()
        assert created["session"]["model"] == model
        events = await turn(peer)
        assert {f"{audio}.delta", f"{audio}.done", f"{audio}_transcript.delta"} <= set(
            kinds(events)
        )
        assert events[0]["type"] == item
        done = next(e for e in events if e["type"] == f"{audio}_transcript.done")
        assert done["transcript"].startswith(f"This is a double of {provider}.")
        assert done["transcript"].endswith("Hello there, double")


@trio_test
async def test_voice_live_reports_no_rate_limits() -> None:
    async with connect("azure-openai", VOICE_LIVE, headers=[HEADER]) as peer:
        await peer.json()
        await turn(peer)
        await peer.send({"type": "input_audio_buffer.clear"})
        assert (await peer.json())["type"] == "input_audio_buffer.cleared"


@trio_test
async def test_voice_live_takes_an_agent_for_a_model() -> None:
    query = "api-version=2026-07-15&agent-name=a&agent-project-name=p"
    target = f"/voice-live/realtime?{query}"
    async with connect("azure-openai", target, headers=[HEADER]) as peer:
        assert (await peer.json())["type"] == "session.created"


@trio_test
async def test_an_offered_entry_is_the_answer() -> None:
    target = f"{GA}&api-key={KEY}"
    async with connect("azure-openai", target, subprotocols=["realtime"]) as peer:
        assert peer.subprotocol == "realtime"


@pytest.mark.parametrize("path", ["/openai/v1/live", "/openai/v1/live/sessions"])
@trio_test
async def test_a_live_session_and_its_sideband(path: str) -> None:
    async with connect("azure-openai", path, headers=[HEADER]) as peer:
        await peer.send({"type": "session.start", "session": {"model": "gpt-live-1"}})
        events = await peer.until("session.usage.updated")
        words = "".join(event.get("delta", "") for event in events[-2:])
        assert words.startswith("This is a double of Azure OpenAI.")
        session_id = events[0]["session"]["id"]
        attach = f"/openai/v1/live/sessions/{session_id}/attach"
        async with connect("azure-openai", attach, headers=[HEADER]) as sideband:
            await sideband.send({"type": "session.input_audio.mute"})
            for follower in (peer, sideband):
                assert (await follower.json())["type"] == "session.input_audio.muted"


@trio_test
async def test_a_response() -> None:
    async with connect("azure-openai", "/openai/v1/responses", headers=[HEADER]) as peer:
        await peer.send({"type": "response.create", "model": "my-deployment", "input": "Hi"})
        events = await peer.until("response.completed")
        done = next(event for event in events if event["type"] == "response.output_text.done")
        assert done["text"] == "This is a double of Azure OpenAI. It heard: Hi"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (GA, []),
        (GA, [("api-key", "wrong")]),
        (GA, [("Authorization", f"Token {KEY}")]),
        (f"{GA}&api-key=wrong", [HEADER]),
        (f"{GA}&api-version=2025-04-01-preview", [HEADER]),
        (PREVIEW, []),
        (VOICE_LIVE, [("x-api-key", KEY)]),
        ("/openai/v1/responses", []),
    ],
)
@trio_test
async def test_refusals(target: str, headers: list[tuple[str, str]]) -> None:
    status, body = await refusal("azure-openai", target, headers=headers)
    assert (status, body["error"]["code"]) == (401, "401")


@pytest.mark.parametrize(
    "target",
    [
        "/v1/realtime?model=m",
        "/openai/realtime?deployment=d",
        "/openai/realtime?api-version=v",
        "/voice-live/realtime?model=m",
        "/voice-live/realtime?api-version=v",
        "/voice-live/realtime?api-version=v&agent-name=a",
        "/openai/v1/live/sessions/live_0/attach",
        "/openai/v1/live/sessions/live_0/fork",
        "/openai/deployments/d/chat/completions?api-version=v",
    ],
)
@trio_test
async def test_an_unknown_resource_is_not_found(target: str) -> None:
    status, body = await refusal("azure-openai", target, headers=[HEADER])
    assert (status, body["error"]["code"]) == (404, "404")
