"""OpenAI's Realtime API, in both dialects; its responses are tested apart."""

from __future__ import annotations

import base64

import pytest

from tests.doubles.peer import Json
from tests.doubles.realtime import BETA, HELLO, kinds, session
from tests.support import trio_test

SECOND_OF_AUDIO = base64.b64encode(bytes(48000)).decode()


@trio_test
async def test_a_session_begins_with_its_configuration_and_the_model_of_the_url() -> None:
    async with session("model=gpt-realtime-mini") as peer:
        created = await peer.json()
        assert created["type"] == "session.created"
        assert created["session"]["model"] == "gpt-realtime-mini"
        assert created["session"]["type"] == "realtime"
        assert created["session"]["output_modalities"] == ["audio"]
        await peer.send(
            {
                "type": "session.update",
                "session": {
                    "type": "realtime",
                    "model": "another",
                    "instructions": "Be brief",
                    "audio": {"output": {"voice": "cedar"}},
                },
            }
        )
        updated = await peer.json()
        assert updated["type"] == "session.updated"
        assert updated["session"]["model"] == "gpt-realtime-mini"
        assert updated["session"]["instructions"] == "Be brief"
        assert updated["session"]["audio"]["output"]["voice"] == "cedar"
        assert updated["session"]["audio"]["output"]["format"]["rate"] == 24000


@trio_test
async def test_beta_has_its_own_names() -> None:
    async with session("model=gpt-4o-realtime-preview", [BETA]) as peer:
        created = await peer.json()
        assert created["session"]["modalities"] == ["audio", "text"]
        await peer.send(HELLO)
        assert (await peer.json())["type"] == "conversation.item.created"
        await peer.send({"type": "response.create"})
        found = kinds(await peer.until("rate_limits.updated"))
        assert "response.audio.delta" in found
        assert "response.audio_transcript.done" in found
        assert not any("output_audio" in kind for kind in found)
        assert "conversation.item.done" not in found
        # Cloudflare's documented example.
        options = {"modalities": ["text"], "instructions": "Tell me a joke"}
        await peer.send({"type": "response.create", "response": options})
        events = await peer.until("response.done")
        assert "response.text.delta" in kinds(events)
        assert events[-1]["response"]["output"][0]["content"][0]["type"] == "text"


@pytest.mark.parametrize(("headers", "member"), [([], "modalities"), ([BETA], "output_modalities")])
@trio_test
async def test_the_other_dialects_member_is_unknown(
    headers: list[tuple[str, str]], member: str
) -> None:
    async with session(headers=headers) as peer:
        await peer.json()
        await peer.send({"type": "response.create", "response": {member: ["text"]}})
        error = (await peer.json())["error"]
        assert error["code"] == "unknown_parameter"
        assert error["param"] == f"response.{member}"


@trio_test
async def test_audio_is_appended_and_committed() -> None:
    async with session() as peer:
        await peer.json()
        for _ in range(2):
            await peer.send({"type": "input_audio_buffer.append", "audio": SECOND_OF_AUDIO})
        await peer.send({"type": "input_audio_buffer.commit"})
        committed, added, _ = [await peer.json() for _ in range(3)]
        assert committed["type"] == "input_audio_buffer.committed"
        assert committed["previous_item_id"] is None
        assert added["item"]["id"] == committed["item_id"]
        await peer.send({"type": "response.create"})
        usage = (await peer.until("response.done"))[-1]["response"]["usage"]
        assert usage["input_token_details"]["audio_tokens"] == 20


@trio_test
async def test_an_empty_buffer_cannot_be_committed() -> None:
    async with session() as peer:
        await peer.json()
        await peer.send({"type": "input_audio_buffer.append", "audio": SECOND_OF_AUDIO})
        await peer.send({"type": "input_audio_buffer.clear"})
        assert (await peer.json())["type"] == "input_audio_buffer.cleared"
        await peer.send({"type": "input_audio_buffer.commit", "event_id": "mine"})
        error = (await peer.json())["error"]
        assert error["code"] == "input_audio_buffer_commit_empty"
        assert error["event_id"] == "mine"


@pytest.mark.parametrize(
    ("model", "usage_type"), [("whisper-1", "duration"), ("gpt-4o-transcribe", "tokens")]
)
@trio_test
async def test_a_transcription_session(model: str, usage_type: str) -> None:
    async with session("intent=transcription") as peer:
        created = await peer.json()
        assert created["session"]["type"] == "transcription"
        audio = {"input": {"transcription": {"model": model}}}
        await peer.send({"type": "session.update", "session": {"audio": audio}})
        await peer.send({"type": "input_audio_buffer.append", "audio": SECOND_OF_AUDIO})
        await peer.send({"type": "input_audio_buffer.commit"})
        name = "conversation.item.input_audio_transcription.completed"
        completed = (await peer.until(name))[-1]
        usage = completed["usage"]
        assert usage["type"] == usage_type
        if usage_type == "duration":
            assert usage["seconds"] == 1.0
        else:
            assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
            assert usage["input_token_details"] == {"text_tokens": 0, "audio_tokens": 10}
        await peer.send({"type": "response.create"})
        assert (await peer.json())["error"]["code"] == "invalid_value"


@trio_test
async def test_a_conversation_transcribes_where_it_is_told_to() -> None:
    update = {"input_audio_transcription": {"model": "whisper-1"}}
    async with session(headers=[BETA]) as peer:
        await peer.send({"type": "session.update", "session": update})
        await peer.send({"type": "input_audio_buffer.append", "audio": SECOND_OF_AUDIO})
        await peer.send({"type": "input_audio_buffer.commit"})
        await peer.until("conversation.item.input_audio_transcription.completed")


@trio_test
async def test_a_session_without_a_model_ends_with_4000() -> None:
    async with session("model=") as peer:
        assert (await peer.json())["error"]["code"] == "missing_model"
        assert await peer.close_frame() == (4000, "invalid_request_error.missing_model")


@trio_test
async def test_items_are_retrieved_truncated_and_deleted() -> None:
    async with session() as peer:
        await peer.json()
        item = {"id": "mine", "type": "message", "role": "assistant", "content": []}
        await peer.send({"type": "conversation.item.create", "item": item})
        await peer.until("conversation.item.done")
        await peer.send({"type": "conversation.item.retrieve", "item_id": "mine"})
        retrieved = (await peer.json())["item"]
        assert retrieved == item | {"object": "realtime.item", "status": "completed"}
        truncate = {"item_id": "mine", "content_index": 0, "audio_end_ms": 120}
        await peer.send({"type": "conversation.item.truncate", **truncate})
        assert (await peer.json())["audio_end_ms"] == 120
        await peer.send({"type": "conversation.item.delete", "item_id": "mine"})
        assert (await peer.json())["type"] == "conversation.item.deleted"
        await peer.send({"type": "conversation.item.retrieve", "item_id": "mine"})
        assert (await peer.json())["error"]["code"] == "item_not_found"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "response.dance", "event_id": "mine"}, "invalid_value"),
        ({"no": "type"}, "invalid_value"),
        ("not JSON", "invalid_json"),
        (b"\x00\x01", "invalid_json"),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_value"),
        ({"type": "conversation.item.create", "item": {}}, "missing_required_parameter"),
    ],
)
@trio_test
async def test_what_cannot_be_used_is_an_error_and_the_session_goes_on(
    message: Json | str | bytes, code: str
) -> None:
    async with session() as peer:
        await peer.json()
        await peer.send(message)
        event = await peer.json()
        assert event["type"] == "error"
        assert event["error"]["code"] == code
        if isinstance(message, dict):
            assert event["error"]["event_id"] == message.get("event_id")
        await peer.send({"type": "input_audio_buffer.clear"})
        assert (await peer.json())["type"] == "input_audio_buffer.cleared"


@trio_test
async def test_a_call_is_joined_without_a_model() -> None:
    async with session("call_id=rtc_1") as peer:
        created = await peer.json()
        assert created["type"] == "session.created"
        assert created["session"]["type"] == "realtime"
        assert created["session"]["model"] == "gpt-realtime"
        await peer.send(HELLO)
        await peer.send({"type": "response.create"})
        assert (await peer.until("response.done"))[-1]["response"]["status"] == "completed"
