"""OpenAI's Responses API over WebSocket."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from tests.doubles.peer import KEY, Json, Peer, connect
from tests.support import trio_test


def opened() -> AbstractAsyncContextManager[Peer]:
    headers = [("Authorization", f"Bearer {KEY}")]
    return connect("openai", "/v1/responses", headers=headers)


@trio_test
async def test_a_response_from_created_to_completed() -> None:
    async with opened() as peer:
        await peer.send({"type": "response.create", "model": "gpt-5", "input": "Hello"})
        events = await peer.until("response.completed")
        assert list(dict.fromkeys(event["type"] for event in events)) == [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert not any("stream_id" in event for event in events)
        deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
        response = events[-1]["response"]
        assert response["model"] == "gpt-5"
        assert response["status"] == "completed"
        assert response["output"][0]["content"][0]["text"] == "".join(deltas)
        assert "".join(deltas).endswith("It heard: Hello")
        usage = response["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 2


@trio_test
async def test_lanes_and_ids_tell_responses_apart() -> None:
    parts = [{"type": "input_text", "text": "two"}]
    messages = [{"role": "user", "content": "one"}, {"role": "user", "content": parts}]
    async with opened() as peer:
        await peer.send({"type": "response.create", "model": "m", "input": "x", "stream_id": "a"})
        first = await peer.until("response.completed")
        assert {event["stream_id"] for event in first} == {"a"}
        second_request = {"type": "response.create", "model": "m", "input": messages}
        previous = {"previous_response_id": first[-1]["response"]["id"]}
        await peer.send(second_request | previous)
        second = (await peer.until("response.completed"))[-1]["response"]
        assert second["output"][0]["content"][0]["text"].endswith("It heard: one two")
        assert second["previous_response_id"] == first[-1]["response"]["id"] != second["id"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not JSON", "invalid_json"),
        ({"type": "response.dance", "stream_id": "a"}, "invalid_value"),
        ({"type": "response.create", "input": "x"}, "missing_required_parameter"),
    ],
)
@trio_test
async def test_what_cannot_be_used_is_an_error_and_the_connection_stays(
    message: Json | str, code: str
) -> None:
    async with opened() as peer:
        await peer.send(message)
        error = await peer.json()
        assert error["type"] == "error"
        assert error["status"] == 400
        assert error["error"]["code"] == code
        if isinstance(message, dict):
            assert error.get("stream_id") == message.get("stream_id")
        await peer.send({"type": "response.create", "model": "m", "input": "x"})
        await peer.until("response.completed")
