"""Responses of an OpenAI realtime session."""

from __future__ import annotations

import base64

from trio.testing import lockstep_stream_pair

from relay.doubles.audio import tone
from tests.doubles.peer import Json
from tests.doubles.realtime import HELLO, kinds, session
from tests.support import trio_test


def check_usage(usage: Json) -> None:
    read, written = usage["input_token_details"], usage["output_token_details"]
    assert usage["input_tokens"] == read["text_tokens"] + read["audio_tokens"]
    assert usage["output_tokens"] == written["text_tokens"] + written["audio_tokens"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    cached = read["cached_tokens_details"]
    assert read["cached_tokens"] == cached["text_tokens"] + cached["audio_tokens"]
    assert cached["text_tokens"] <= read["text_tokens"]
    assert cached["audio_tokens"] <= read["audio_tokens"]


@trio_test
async def test_a_response_in_audio() -> None:
    async with session() as peer:
        await peer.json()
        await peer.send(HELLO)
        added, done = await peer.json(), await peer.json()
        assert [added["type"], done["type"]] == [
            "conversation.item.added",
            "conversation.item.done",
        ]
        assert added["item"]["content"] == HELLO["item"]["content"]
        await peer.send({"type": "response.create"})
        events = await peer.until("rate_limits.updated")
        assert [kind for kind in kinds(events) if not kind.endswith(".delta")] == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
        assert len({event["event_id"] for event in events}) == len(events)
        audio = [event for event in events if event["type"] == "response.output_audio.delta"]
        assert len(audio) > 1
        assert b"".join(base64.b64decode(event["delta"]) for event in audio) == tone(24000)
        name = "response.output_audio_transcript.delta"
        said = "".join(event["delta"] for event in events if event["type"] == name)
        assert said.endswith("It heard: Hello there, double")
        response = events[-2]["response"]
        assert response["status"] == "completed"
        assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": said}]
        assert {event.get("response_id") for event in audio} == {response["id"]}
        check_usage(response["usage"])
        assert response["usage"]["output_token_details"]["audio_tokens"] == 12


@trio_test
async def test_usage_grows_with_the_conversation_and_what_was_read_before_is_cached() -> None:
    usages = []
    async with session() as peer:
        await peer.json()
        for _ in range(2):
            await peer.send(HELLO)
            await peer.send({"type": "response.create"})
            usages.append((await peer.until("response.done"))[-1]["response"]["usage"])
    first, second = usages
    check_usage(first)
    check_usage(second)
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["cached_tokens"] == first["input_tokens"]
    assert second["input_tokens"] == 2 * first["input_tokens"] + first["output_tokens"]


@trio_test
async def test_a_response_in_text_alone() -> None:
    async with session() as peer:
        await peer.json()
        options = {"output_modalities": ["text"], "metadata": {"topic": "jokes"}}
        await peer.send({"type": "response.create", "response": options})
        events = await peer.until("response.done")
        assert not any("audio" in kind for kind in kinds(events))
        assert sum(event["type"] == "response.output_text.delta" for event in events) > 1
        response = events[-1]["response"]
        assert response["output_modalities"] == ["text"]
        assert response["metadata"] == {"topic": "jokes"}
        assert response["output"][0]["content"][0]["type"] == "output_text"
        assert response["usage"]["output_token_details"]["audio_tokens"] == 0
        check_usage(response["usage"])


@trio_test
async def test_the_modalities_of_the_session_hold_for_its_responses() -> None:
    async with session() as peer:
        await peer.send({"type": "session.update", "session": {"output_modalities": ["text"]}})
        await peer.send({"type": "response.create"})
        events = await peer.until("response.done")
        assert "response.output_text.done" in kinds(events)
        assert "response.output_audio.delta" not in kinds(events)


@trio_test
async def test_instructions_are_heard_when_the_user_has_said_nothing() -> None:
    async with session() as peer:
        options = {"output_modalities": ["text"], "instructions": "Tell me a joke"}
        await peer.send({"type": "response.create", "response": options})
        done = (await peer.until("response.output_text.done"))[-1]
        assert done["text"].endswith("It heard: Tell me a joke")


@trio_test
async def test_a_response_can_be_cancelled_while_it_speaks() -> None:
    async with session(pair=lockstep_stream_pair) as peer:
        await peer.json()
        await peer.send({"type": "response.create"})
        before = await peer.until("response.output_audio.delta")
        await peer.send({"type": "response.create"})
        refused = await peer.until("error")
        assert refused[-1]["error"]["code"] == "conversation_already_has_active_response"
        await peer.send({"type": "response.cancel"})
        after = await peer.until("response.done")
        response = after[-1]["response"]
        assert response["status"] == "cancelled"
        assert response["status_details"]["reason"] == "client_cancelled"
        assert response["output"][0]["status"] == "incomplete"
        check_usage(response["usage"])
        heard = [e for e in before + refused + after if e["type"] == "response.output_audio.delta"]
        assert 1 <= len(heard) < 6
        await peer.until("rate_limits.updated")
        await peer.send({"type": "response.cancel"})
        assert (await peer.json())["error"]["code"] == "response_cancel_not_active"
